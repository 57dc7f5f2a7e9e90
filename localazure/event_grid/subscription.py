"""A subscription of Event Grid: who wants which events, in which schema, and what became of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

from localazure.store import Json

type Schema = Literal["EventGridSchema", "CloudEventSchemaV1_0"]

type Endpoint = str | Callable[[list[Json]], Awaitable[int]]
"""A webhook's URL, or something in this process that takes a delivery (an array of events) and gives an HTTP status."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; every condition that is not empty must hold.

    Source: Learn, "Event filtering for Event Grid subscriptions": subject begins or ends with (compared without
    case), included event types, and the advanced filter `StringIn` on `data.operationName`.
    """

    subject_begins_with: str = ""
    subject_ends_with: str = ""
    event_types: frozenset[str] = frozenset()
    operation_names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if len(self.operation_names) > 25:
            raise ValueError("Event Grid takes at most 25 values in an advanced filter")

    def wants(self, event: Json) -> bool:
        subject = str(event["subject"]).casefold()
        operation = str(event["data"]["operationName"]).casefold()
        return (
            subject.startswith(self.subject_begins_with.casefold())
            and subject.endswith(self.subject_ends_with.casefold())
            and (not self.event_types or event["eventType"] in self.event_types)
            and (not self.operation_names or operation in {name.casefold() for name in self.operation_names})
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt: which event, the how-manieth try, when (Azure's clock), and the answer (0: none came)."""

    event_id: str
    attempt: int
    at: float
    status: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up: why, after how many attempts, the last answer (0: none came), when."""

    event: Json
    reason: str
    attempts: int
    last_status: int
    at: float


@dataclass(slots=True)
class Subscription:
    """What a subscriber asked for, and the record of its deliveries."""

    name: str
    endpoint: Endpoint
    filter: Filter
    schema: Schema
    attempts: list[Delivery] = field(default_factory=list[Delivery])
    tried: set[str] = field(default_factory=set[str])
    """Ids of the events that went out at least once, answered or not."""
    dead_letters: list[DeadLetter] = field(default_factory=list[DeadLetter])
    failures_in_a_row: int = 0

    def written(self, event: Json) -> Json:
        """The event in the subscription's schema.

        CloudEvents: Learn, "CloudEvents v1.0 schema with Azure Event Grid"; recorded events/cloudevents.
        """
        if self.schema == "EventGridSchema":
            return event
        return {
            "id": event["id"],
            "source": event["topic"],
            "specversion": "1.0",
            "type": event["eventType"],
            "subject": event["subject"],
            "time": event["eventTime"],
            "data": event["data"],
        }
