"""Queue and ledger of a simulated host: in memory, and with what the rules need to know."""

import heapq
import math
from collections.abc import Callable

from functions import work
from functions.arm.resource_id import ResourceId
from functions.ledger.state import Counters, Mark
from functions.work import Work
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.mortal_worker import RUNNING
from tests.scenarios.story import MemoryQueue

MOST_TRIES = 5  # then a message is poison


class CountingLedger(MemoryLedger):
    """Also tells when the last event of each row was counted, and when the tables last gave trouble."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.now = now
        self.counted: dict[ResourceId, float] = {}
        self.trouble_at = -math.inf

    async def bump(self, subject: ResourceId, at: float, cause: str = "", target: ResourceId | None = None) -> Counters:
        before = (await self.read(subject)).counters.seq
        counters = await super().bump(subject, at, cause, target)
        if counters.seq > before:
            self.counted[subject] = self.now()
        return counters

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await super().finish(subject, mark, cause, looking=looking)
        if (invocation := RUNNING.get()) is not None:
            invocation.finished = True


class LeasedQueue(MemoryQueue):
    """A queue whose messages stay hidden while somebody works on them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.leased = 0

    def due(self) -> list[tuple[bytes, int]]:
        found: list[tuple[bytes, int]] = []
        while not self.down and self._heap and self._heap[0][0] <= self.clock():
            _, _, body, tries = heapq.heappop(self._heap)
            found.append((body, tries))
        return found

    def give_back(self, body: bytes, delay: float, tries: int) -> None:
        if tries >= MOST_TRIES:
            self.poison.append(body)
        else:
            self._push(body, delay, tries)

    def next_due(self) -> float:
        return self._heap[0][0] if self._heap else math.inf

    def left(self) -> list[Work]:
        return [work.decode(body) for _, _, body, _ in sorted(self._heap)]
