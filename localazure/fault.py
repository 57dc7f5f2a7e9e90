"""A fault as a value: the request that it hits, and what becomes of that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from localazure.answers import Answer
from localazure.azure import LocalAzure
from localazure.operations import Fate


@dataclass(frozen=True, slots=True)
class Hit:
    """The request that an effect hits."""

    azure: LocalAzure
    method: str
    resource_type: str
    path: str

    @property
    def action(self) -> str:
        """What ARM's permissions call it: `Microsoft.Network/privateDnsZones/write`."""
        verb = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}.get(self.method, "write")
        return f"{self.resource_type}/{verb}"


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of a request. Several may come together."""

    name: str
    latency: float = 0
    """Seconds, of ours, before anything is done."""
    answer: Callable[[Hit], Answer] | None = None
    """Given instead of doing anything."""
    drop: Literal["before", "after"] | None = None
    """Cut the connection before the work, or when it is done and nobody has been told."""
    silent: bool = False
    """Never answer."""
    fate: Fate | None = None
    """Of the operation that the request starts."""
    hide: float = 0
    """Seconds, of Azure's, that what a PUT makes is not found by a GET."""
