"""Queue, ledger and documents of the storm: in memory, in virtual time, as slow as a storage account."""

import asyncio
import heapq
import itertools
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from functions import work
from functions.arm.resource_id import ResourceId
from functions.ledger.hour import Hour
from functions.ledger.paused import Paused
from functions.ledger.state import Counters, Entry, Mark, Observed, Row, glance
from functions.work import Work
from localazure.host.host_json import read

_ANSWER = 0.005  # seconds that a call of a storage account takes
_SETTINGS = read(Path(__file__).parent.parent).queues


class Ledger:
    """Rows and entries in dicts."""

    def __init__(self) -> None:
        self.held: dict[ResourceId, Row] = {}
        self._bumped: dict[ResourceId, float] = {}
        self._entries: defaultdict[ResourceId, dict[str, Entry]] = defaultdict(dict)

    async def read(self, subject: ResourceId) -> Row:
        await asyncio.sleep(_ANSWER)
        return self.held.get(subject, Row(subject))

    async def bump(
        self,
        subject: ResourceId,
        at: float,
        cause: str = "",
        target: ResourceId | None = None,
        *,
        known: bool = False,
    ) -> Counters:
        self._bumped[subject] = at
        counters = await self._count(subject, lambda counters: counters.bumped(cause))
        self.held[subject] = msgspec.structs.replace(self.held[subject], target=str(target or subject))
        return counters

    async def look_again(
        self, subject: ResourceId, at: float, target: ResourceId, paused: tuple[Paused, ...] = (), now: float = 0.0
    ) -> Counters:
        counters = await self._count(subject, lambda counters: counters.looking(at, paused, now))
        held = self.held[subject]
        self.held[subject] = msgspec.structs.replace(held, target=held.target or str(target))
        return counters

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await self._count(subject, lambda counters: counters.finished(mark, cause, looking=looking))

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        row = await self.read(subject)
        if row.observed.at <= observed.at:
            self.held[subject] = msgspec.structs.replace(self.held.get(subject, row), observed=observed)

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        rows = self.held.values()
        return next((row.subject for row in rows if row.observed.living.casefold() == str(cluster).casefold()), None)

    async def overdue(self, before: float) -> tuple[Row, ...]:
        return tuple(
            row
            for row in self.held.values()
            if (row.counters.pending and self._bumped[row.subject] < before) or 0 < row.counters.look_at < before
        )

    async def rows(self) -> tuple[Row, ...]:
        return tuple(self.held.values())

    async def watched(self) -> tuple[Row, ...]:
        return tuple(map(glance, self.held.values()))

    async def page(self, after: ResourceId | None, most: int, subscription: str = "") -> tuple[Row, ...]:
        raise NotImplementedError("nobody lists clusters in a storm")

    async def hour(self, at: float) -> Hour:
        return Hour(len(self.held))  # a storm of births takes nothing away

    async def forget(self, before: float, unproven: float) -> int:
        return 0 * int(before + unproven)  # nor does it last until something is old

    async def intend(self, entry: Entry) -> None:
        await asyncio.sleep(_ANSWER)
        self._entries[entry.subject][entry.id] = entry

    async def conclude(self, entry: Entry) -> None:
        await self.intend(entry)

    async def left_open(self, before: float) -> tuple[Entry, ...]:
        entries = (entry for held in self._entries.values() for entry in held.values())
        return tuple(entry for entry in entries if not entry.result and entry.at < before)

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple[Entry, ...]:
        await asyncio.sleep(_ANSWER)
        return tuple(sorted(self._entries[subject].values(), key=lambda entry: (-entry.at, entry.id))[:most])

    async def _count(self, subject: ResourceId, change: Callable[[Counters], Counters]) -> Counters:
        await asyncio.sleep(_ANSWER)
        row = self.held.get(subject, Row(subject))
        self.held[subject] = msgspec.structs.replace(row, counters=change(row.counters))
        return self.held[subject].counters


class Documents:
    """Named documents in a dict."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    async def read(self, name: str) -> bytes | None:
        return self._held.get(name)

    async def write(self, name: str, body: bytes) -> None:
        self._held[name] = body

    async def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self._held if name.startswith(prefix))


class Queue:
    """Messages by the second in which they are due, and a listener as host.json has it."""

    def __init__(self) -> None:
        self.poison: list[bytes] = []
        self.failed = 0
        self._heap: list[tuple[float, int, bytes, int]] = []
        self._order = itertools.count()
        self._running: set[asyncio.Task[None]] = set()

    async def send(self, item: Work, delay: float) -> None:
        await asyncio.sleep(_ANSWER)
        self._push(work.encode(item), math.ceil(delay), 0)

    async def bury(self, body: bytes) -> None:
        self.poison.append(body)

    @property
    def idle(self) -> bool:
        return not self._heap and not self._running

    async def listen(self, take: Callable[[bytes], Awaitable[None]]) -> None:
        """Take what is due, a batch whenever few enough are under way, until cancelled."""
        while True:
            batch = [heapq.heappop(self._heap) for _ in range(_SETTINGS.batch_size) if self._is_due()]
            self._running |= {asyncio.ensure_future(self._process(take, body, tries)) for *_, body, tries in batch}
            if not batch:
                await asyncio.sleep(_SETTINGS.max_polling_interval)
            while len(self._running) > _SETTINGS.new_batch_threshold:
                _, self._running = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._running = {task for task in self._running if not task.done()}

    async def _process(self, take: Callable[[bytes], Awaitable[None]], body: bytes, tries: int) -> None:
        try:
            await take(body)
        except Exception:  # noqa: BLE001 - the host does not ask what kind; it is counted, and must not happen
            self.failed += 1
            if tries + 1 >= _SETTINGS.max_dequeue_count:
                self.poison.append(body)
            else:
                self._push(body, _SETTINGS.visibility_timeout, tries + 1)

    def _is_due(self) -> bool:
        return bool(self._heap) and self._heap[0][0] <= asyncio.get_running_loop().time()

    def _push(self, body: bytes, delay: float, tries: int) -> None:
        due = asyncio.get_running_loop().time() + delay
        heapq.heappush(self._heap, (due, next(self._order), body, tries))
