"""Queue and ledger of a simulated host: in memory, and with what the rules need to know."""

import asyncio
import heapq
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import cast

from functions import work
from functions.arm.resource_id import ResourceId
from functions.ledger.state import Counters, Mark, Observed
from functions.work import Work
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.mortal_worker import RUNNING
from tests.scenarios.story import MemoryQueue

MOST_TRIES = 5  # then a message is poison


class CountingLedger(MemoryLedger):
    """Also tells when each row's last counted event came, when the tables last gave trouble, and who was Deleting.

    What was written before an event came is seen by whoever asks ARM after it, also while the event is being counted.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.now = now
        self.counted: dict[ResourceId, float] = {}
        self.trouble_at = -math.inf
        self.seen_deleting: set[ResourceId] = set()  # for good, whatever the row remembers
        self.linked: dict[ResourceId, dict[str, float]] = {}
        """The hubs that each row remembers as linked, in lower case, and since when."""
        self.known: set[ResourceId] = set()  # clusters that some row remembered at some time
        self.judge: Callable[[Observed, Observed], None] = lambda *_: None  # what a row held, and what it holds now

    async def bump(
        self,
        subject: ResourceId,
        at: float,
        cause: str = "",
        target: ResourceId | None = None,
        *,
        known: bool = False,
    ) -> Counters:
        before = (await self.read(subject)).counters.seq
        counters = await super().bump(subject, at, cause, target, known=known)
        if counters.seq > before:
            self.counted[subject] = max(at, self.counted.get(subject, at))
        return counters

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        before = (await self.read(subject)).observed
        await super().remember(subject, observed)
        since, now = self.linked.get(subject, {}), self.now()
        kept = (await self.read(subject)).observed.hubs
        self.linked[subject] = {hub.casefold(): since.get(hub.casefold(), now) for hub in kept}
        self.judge(before, self.held[subject].observed)
        if observed.deleting:
            self.seen_deleting.add(subject)
        if observed.cluster:
            self.known.add(ResourceId(observed.cluster))

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await super().finish(subject, mark, cause, looking=looking)
        if (invocation := RUNNING.get()) is not None:
            invocation.finished = True
            invocation.subject = subject  # a cluster's event did not tell it


class Letter(bytes):
    """A message that knows which calls were refused to those who sent it, and until when."""

    heard: Mapping[tuple[str, str], float] = {}


class LeasedQueue(MemoryQueue):
    """A queue whose messages stay hidden while somebody works on them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.leased = 0
        self._came = asyncio.Event()

    async def something_due(self) -> None:
        """Wait until the next message is due, as far as is known, or until another one comes."""
        self._came.clear()
        soon = self.next_due() - self.clock()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if soon == math.inf else max(0.0, soon)):
                await self._came.wait()

    def _push(self, body: bytes, delay: float, tries: int) -> None:
        if not isinstance(body, Letter):
            body = Letter(body)
            if (invocation := RUNNING.get()) is not None:
                body.heard = dict(invocation.not_before)
        super()._push(body, delay, tries)
        self._came.set()

    def due(self) -> list[tuple[Letter, int]]:
        found: list[tuple[Letter, int]] = []
        while not self.down and self._heap and self._heap[0][0] <= self.clock():
            _, _, body, tries = heapq.heappop(self._heap)
            found.append((cast("Letter", body), tries))
        return found

    def give_back(self, body: bytes, delay: float, tries: int) -> None:
        if tries >= MOST_TRIES:
            self.poison.append(body)
        else:
            self._push(body, delay, tries)

    def next_due(self) -> float:
        """When the next message is due, as far as can be known: in a second, while the queue is down."""
        return self.clock() + 1 if self.down else self._heap[0][0] if self._heap else math.inf

    def left(self) -> list[tuple[Work, float]]:
        """The messages that wait, and when each is due (seconds since 1970)."""
        return [(work.decode(body), due) for due, _, body, _ in sorted(self._heap)]
