"""What Tether needs of a place that keeps records: read one, and change it only from what was read."""

from enum import Enum
from typing import Protocol

from functions.dns.record import Address, Owner, Record


class Trouble(Enum):
    """Why a target did not do what it was asked."""

    UNREACHABLE = "unreachable"  # nobody answered in time, on any server
    BUSY = "busy"  # it answered that it cannot now (SERVFAIL, 429, 5xx): again later
    RACE_LOST = "race-lost"  # the record is not what was read any more: read again
    DENIED = "denied"  # it refuses us: key, policy, role
    WRONG_ZONE = "wrong-zone"  # it does not keep this zone, or the name is not in it
    UNTRUSTED = "untrusted"  # its answer cannot be believed: a bad signature, an answer to another question


class TargetError(Exception):
    """A target did not do what it was asked. The message is for people, and holds no key material.

    `pause` is in seconds, where the target named one. `unsure`: the change was perhaps made, since no answer came.
    """

    def __init__(self, trouble: Trouble, message: str, *, pause: float | None = None, unsure: bool = False) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.pause = pause
        self.unsure = unsure


class Target(Protocol):
    """One place that keeps records. Every call may raise TargetError; a name is one that `covers` allows."""

    @property
    def name(self) -> str:
        """What people call it: the zone and where it is kept. The same for the same target, and no secret in it."""
        ...

    def covers(self, name: str) -> bool:
        """Whether a name is in the target's zone: its own name, or one below it."""
        ...

    async def read(self, name: str) -> Record:
        """What it holds under a name, from the store itself and not from a cache."""
        ...

    async def swap(self, name: str, before: Record, addresses: frozenset[Address], ttl: int, owner: Owner) -> None:
        """Put addresses and their owner there, if what is there is still `before`. Raises RACE_LOST if it is not."""
        ...

    async def remove(self, name: str, before: Record) -> None:
        """Take the addresses and the owner away, if what is there is still `before`; other types at the name stay."""
        ...
