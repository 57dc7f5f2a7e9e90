"""A work queue whose messages also say which reads ARM refused to their sender and that are not to be repeated yet."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from functions.ledger.paused import Paused
from functions.queue import WorkQueue
from functions.work import Work


@dataclass(frozen=True, slots=True)
class TellingQueue:
    """Another worker may take the message, and has not heard the refusal. `paused` is asked for each message."""

    queue: WorkQueue
    paused: Callable[[], tuple[Paused, ...]]

    async def send(self, item: Work, delay: float) -> None:
        """As WorkQueue."""
        await self.queue.send(msgspec.structs.replace(item, paused=self.paused()), delay)

    async def bury(self, body: bytes) -> None:
        """As WorkQueue."""
        await self.queue.bury(body)
