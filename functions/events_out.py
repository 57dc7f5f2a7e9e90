"""What others may want to know, published to an Event Grid topic as CloudEvents 1.0 (docs/events.md has the schema).

The topic is a custom one, named by `TETHER_EVENTS_ENDPOINT`, and the app's managed identity needs `EventGrid Data
Sender` on it. Publishing comes last in a pass and never holds one up: a topic that is down costs two seconds once
every half minute, one log line an outage, and the events of that time. The ledger and the log have what they told.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from functions.arm.errors import NoTokenError
from functions.handlers.verdict import TAKEN, Finding, Outcome
from functions.ledger.state import Observed
from functions.settings import SettingsError
from functions.telemetry import telemetry

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.core.pipeline.transport import AsyncHttpTransport
    from azure.eventgrid.aio import EventGridPublisherClient

    from functions.passed import Pass
    from functions.work import Work

_SETTING = "TETHER_EVENTS_ENDPOINT"
_log = logging.getLogger("tether")

CHANGED = "Tether.Cluster.Changed"
NEEDS_ATTENTION = "Tether.Cluster.NeedsAttention"
RECOVERED = "Tether.Cluster.Recovered"

_TIMEOUT = 2.0  # seconds that a pass may wait for the topic
_PAUSE = 30.0  # seconds that a topic which did not take events is left alone


@dataclass(frozen=True, slots=True)
class Happening:
    """One event: its type, the cluster (or the zone, where no cluster is known) and what happened, as JSON values.

    `key` is the same when a killed pass is made again, so that its event has the same id.
    """

    type: str
    subject: str
    at: float  # seconds since 1970
    key: str
    data: Mapping[str, Any]


class Publisher(Protocol):
    """Where events go."""

    async def publish(self, happenings: Sequence[Happening]) -> None:
        """Publish, or give up in a bounded time. Never raises for what is wrong with the topic."""
        ...

    async def close(self) -> None: ...


def happenings(work: "Work", done: "Pass", before: Observed | None, at: float) -> tuple[Happening, ...]:
    """What a pass has to tell the world, `before` being what the ledger remembered when it began.

    event             when
    Changed           Azure took at least one change
    NeedsAttention    findings whose code the last pass did not have
    Recovered         codes that the last pass had and this one, which saw everything, has not

    Where nothing is remembered, or the pass was blind, only the first attempt tells of findings, and none recovers.
    """
    known = before.findings if before is not None else ()
    # A pass that saw only a part leaves the rest of the findings as they were.
    codes = {*(finding.code for finding in done.findings), *(done.observed.findings if done.observed else ())}
    told = before is not None and done.observed is not None
    fresh = tuple(finding for finding in done.findings if finding.code not in known) if told or not work.attempt else ()
    gone = tuple(sorted(set(known) - codes)) if told else ()
    taken = tuple(outcome for outcome in done.outcomes if outcome.result in TAKEN)
    parts: list[tuple[str, dict[str, Any]]] = []
    if taken:
        parts.append((CHANGED, {"changes": [_change(outcome) for outcome in taken]}))
    if fresh:
        parts.append((NEEDS_ATTENTION, {"findings": [_finding(finding) for finding in fresh]}))
    if gone:
        parts.append((RECOVERED, {"codes": list(gone)}))
    return tuple(_happening(kind, more, work, done, before, at) for kind, more in parts)


def _happening(
    kind: str, more: dict[str, Any], work: "Work", done: "Pass", before: Observed | None, at: float
) -> Happening:
    cluster = next((seen.cluster for seen in (done.observed, before) if seen is not None and seen.cluster), "")
    data = {"cluster": cluster or None, "target": str(work.target), "cause": work.cause, "why": work.why, **more}
    key = f"{work.cause}|{work.row}|{before.at if before else 0}|{work.attempt}|{more}"
    return Happening(kind, cluster or str(work.target), at, key, data)


def _change(outcome: Outcome) -> dict[str, str]:
    change = outcome.change
    return {
        "handler": change.handler,
        "action": change.action.value,
        "resource": str(change.target),
        "place": change.place,
        "reason": change.reason,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "handler": finding.handler,
        "code": finding.code,
        "severity": finding.severity.value,
        "resource": str(finding.target),
        "seen": finding.seen,
        "advice": finding.advice,
    }


class Nobody:
    """Publishes nothing: no topic is set."""

    async def publish(self, happenings: Sequence[Happening]) -> None:
        pass

    async def close(self) -> None:
        pass


class Topic:
    """A custom topic of Event Grid, through the real client, which is imported when the first event goes out."""

    def __init__(
        self,
        endpoint: str,
        owner: str,
        credential: "Callable[[], AsyncTokenCredential]",
        *,
        transport: "AsyncHttpTransport[Any, Any] | None" = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint
        self._source = f"/tether/{owner}"
        self._credential = credential
        self._transport = transport
        self._now = now
        self._client: EventGridPublisherClient | None = None
        self._asleep_until = 0.0
        self._lost = 0

    async def publish(self, happenings: Sequence[Happening]) -> None:
        from azure.core.exceptions import AzureError

        if not happenings:
            return
        if self._lost and self._now() < self._asleep_until:
            self._failed(happenings)
            return
        try:
            async with asyncio.timeout(_TIMEOUT):
                events = [self._cloud_event(happening) for happening in happenings]
                await self._ready().send(events)  # pyright: ignore[reportUnknownMemberType] - optional type of its own
        except (AzureError, NoTokenError, TimeoutError) as error:
            self._asleep_until = self._now() + _PAUSE
            if not self._lost:
                # By type only: the text of an error may hold what must not be logged.
                _log.error("the topic of %s takes no events (%s); they are lost", _SETTING, type(error).__name__)
            self._failed(happenings)
            return
        telemetry().published(well=True)
        if self._lost:
            _log.warning("the topic of %s takes events again; %d were lost", _SETTING, self._lost)
            self._lost = 0

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    def _failed(self, happenings: Sequence[Happening]) -> None:
        self._lost += len(happenings)
        telemetry().published(well=False)

    def _cloud_event(self, happening: Happening) -> Any:  # azure-core's CloudEvent is generic in its data
        from azure.core.messaging import CloudEvent

        return CloudEvent(
            source=self._source,
            type=happening.type,
            id=hashlib.sha256(f"{self._source}|{happening.type}|{happening.key}".encode()).hexdigest()[:32],
            time=datetime.fromtimestamp(happening.at, UTC),
            subject=happening.subject,
            data=dict(happening.data),
        )

    def _ready(self) -> "EventGridPublisherClient":
        if self._client is None:
            from azure.core.pipeline.transport import AioHttpTransport
            from azure.eventgrid.aio import EventGridPublisherClient

            # No redirects: the token goes to the topic and nowhere else.
            self._client = EventGridPublisherClient(
                self._endpoint,
                self._credential(),
                transport=self._transport or AioHttpTransport(connection_timeout=_TIMEOUT, read_timeout=_TIMEOUT),
                retry_total=0,
                permit_redirects=False,
            )
        return self._client


def publisher(environment: Mapping[str, str], owner: str) -> Publisher:
    """Where the settings want events to go. Raises SettingsError for an endpoint that no token may be sent to."""
    endpoint = environment.get(_SETTING, "").strip()
    if not endpoint:
        return Nobody()
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
        raise SettingsError(f"{_SETTING} must be https://<topic>.<region>.eventgrid.azure.net/api/events")
    client_id = environment.get("AZURE_CLIENT_ID") or None

    def credential() -> "AsyncTokenCredential":
        from functions.arm.credential import platform_credential

        return platform_credential(client_id)

    return Topic(endpoint, owner, credential)
