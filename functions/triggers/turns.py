"""One pass at a time on a row, as far as one worker can see to that.

Nothing depends on it but cost: a burst's messages come to a worker side by side, and each that waits finds in the row
that its pass was made. Two workers still meet in one row, which the counters see to (docs/decisions/0004).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from functions.arm.resource_id import ResourceId

# A pass takes seconds; one that takes longer than this hangs, and is not waited for.
PATIENCE = 30.0  # seconds


@dataclass(eq=False, slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    interested: int = 0


class Turns:
    """Who of a worker is at work on which row. Belongs to one worker and its event loop, and dies with it."""

    def __init__(self) -> None:
        self._rows: dict[ResourceId, _Turn] = {}
        self._newborn: set[ResourceId] = set()

    @property
    def rows(self) -> int:
        """How many rows somebody works on or waits for."""
        return len(self._rows)

    @asynccontextmanager
    async def on(self, row: ResourceId, patience: float = PATIENCE) -> AsyncGenerator[None]:
        """Wait for the row's turn, for at most `patience` seconds, and then go on all the same."""
        turn = self._rows.setdefault(row, _Turn())
        turn.interested += 1
        try:
            mine = await _acquired(turn.lock, patience)
            try:
                yield
            finally:
                if mine:
                    turn.lock.release()
        finally:
            turn.interested -= 1
            if not turn.interested:
                del self._rows[row]

    def is_linking(self, zone: ResourceId) -> bool:
        """Whether an urgent pass on this very zone is under way."""
        return zone in self._newborn

    @asynccontextmanager
    async def linking(self, zone: ResourceId, row: ResourceId) -> AsyncGenerator[None]:
        """An urgent pass: it waits for nobody, and the queue's messages on its row wait for it."""
        self._newborn.add(zone)
        try:
            async with self.on(row, patience=0.0):
                yield
        finally:
            self._newborn.discard(zone)


async def _acquired(lock: asyncio.Lock, patience: float) -> bool:
    try:
        async with asyncio.timeout(patience):
            return await lock.acquire()
    except TimeoutError:
        return False
