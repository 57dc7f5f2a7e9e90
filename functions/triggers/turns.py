"""One pass at a time on a row, and few passes for a burst, as far as one worker can see to that.

Nothing depends on it but cost: a burst's messages come to a worker side by side, and each that waits finds in the row
that its pass was made. Two workers still meet in one row, which the counters see to (docs/decisions/0004).

Under load the tables that count events are the first to be late. So a worker also remembers, without any table, which
of its passes ended, and drops a message that one of them answers (docs/decisions/0016).
"""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from functions.arm.resource_id import ResourceId
from functions.ledger.coalescing import answers

# A pass takes seconds; one that takes longer than this hangs, and is not waited for.
PATIENCE = 30.0  # seconds


# For so long after an urgent pass on a zone further events on it are left to the queue.
_LATELY = 10.0  # seconds

# What a worker remembers of each sort, the newest. What it forgot costs a pass.
_KEPT = 4096

# A call that is shared takes seconds at most; one that hangs is not waited for.
_SHARED_PATIENCE = 10.0  # seconds


@dataclass(eq=False, slots=True)
class _Shared:
    """Calls for one thing, one at a time. `ended` is the last that went well, `failed` the last that did not."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    begun: int = 0
    ended: int = 0
    failed: tuple[int, Exception | None] = (0, None)


@dataclass(eq=False, slots=True)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    interested: int = 0


class Turns:
    """Who of a worker is at work on which row. Belongs to one worker and its event loop, and dies with it."""

    def __init__(self) -> None:
        self._rows: dict[ResourceId, _Turn] = {}
        self._newborn: set[ResourceId] = set()
        self._linked: OrderedDict[Hashable, float] = OrderedDict()
        self._shared: dict[Hashable, _Shared] = {}
        self._ended: OrderedDict[Hashable, int] = OrderedDict()
        self._events: OrderedDict[Hashable, None] = OrderedDict()
        self.worker = secrets.token_hex(8)
        self.begun = 0
        """How many passes this worker has begun: what comes now is answered by one of a higher number."""

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

    def begin(self) -> int:
        """A pass begins, before it reads anything: its number."""
        self.begun += 1
        return self.begun

    def end(self, what: Hashable, number: int) -> None:
        """The pass of this number ended: what follows from it is safe in the queue. One that failed does not end."""
        _keep(self._ended, what, max(number, self._ended.get(what, 0)))

    def came(self, worker: str, number: int) -> int:
        """How many passes had begun when a message's event came, if it came to this worker, else by now."""
        return number if worker == self.worker else self.begun

    def answered(self, what: Hashable, came: int) -> bool:
        """Whether a pass on this very thing answers for what came when so many passes had begun."""
        return answers(self._ended.get(what, 0), came)

    def knows(self, event: Hashable) -> bool:
        """Whether this very event was handled before by this worker, or is safe in the queue."""
        return event in self._events

    def handled(self, event: Hashable) -> None:
        """An event was handled, or is safe in the queue: delivered again, it needs nothing."""
        _keep(self._events, event, None)

    async def shared(self, what: Hashable, call: Callable[[], Awaitable[None]]) -> None:
        """Make a call, or share one that another began after this was asked for: its end and its failure alike."""
        held = self._shared.setdefault(what, _Shared())
        held.users += 1
        asked = held.begun
        mine = False
        try:
            mine = await _acquired(held.lock, _SHARED_PATIENCE)
            if answers(held.ended, asked):
                return
            failed, error = held.failed
            if error is not None and answers(failed, asked):
                raise error
            held.begun += 1
            number = held.begun
            try:
                await call()
            except Exception as error:
                held.failed = (number, error)
                raise
            held.ended = max(held.ended, number)
        finally:
            if mine:
                held.lock.release()
            held.users -= 1
            if not held.users:
                del self._shared[what]

    def is_linking(self, zone: ResourceId) -> bool:
        """Whether an urgent pass on this very zone is under way, or ended a moment ago."""
        ago = asyncio.get_running_loop().time() - self._linked.get(zone, -_LATELY)
        return zone in self._newborn or ago < _LATELY

    def linked(self, zone: ResourceId) -> None:
        """An urgent pass ended: a burst of further events on the same is not urgent."""
        _keep(self._linked, zone, asyncio.get_running_loop().time())

    @asynccontextmanager
    async def linking(self, zone: ResourceId, row: ResourceId) -> AsyncGenerator[None]:
        """An urgent pass: it waits for nobody, and the queue's messages on its row wait for it."""
        self._newborn.add(zone)
        try:
            async with self.on(row, patience=0.0):
                yield
        finally:
            self._newborn.discard(zone)


def _keep[T](held: OrderedDict[Hashable, T], what: Hashable, value: T) -> None:
    held[what] = value
    held.move_to_end(what)
    if len(held) > _KEPT:
        held.popitem(last=False)


async def _acquired(lock: asyncio.Lock, patience: float) -> bool:
    try:
        async with asyncio.timeout(patience):
            return await lock.acquire()
    except TimeoutError:
        return False
