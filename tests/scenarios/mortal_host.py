"""A Functions host in virtual time whose workers die between any two calls: a call that never returns.

What a worker asks of the outside (ARM, tables, queue) goes through `Worker.call`, the only place where it can die.
A dead worker does nothing more, whatever timeouts its code has set; its message comes back when its lease is over, and
its delivery counts as not answered.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Literal
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from functions import work
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.ledger.state import Counters, LedgerError
from functions.live import Live
from functions.policy import Policy
from functions.queue import QueueError
from functions.reconcile import Around
from functions.sweep import sweep
from functions.triggers.events import receive
from functions.triggers.triage import Event, triage
from functions.triggers.work import take
from functions.watch import watch
from functions.work import Work
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.store import Json
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import MemoryQueue, Token

LEASE = 600.0  # seconds that the Functions host hides a message for
MOST_TRIES = 5

type Ended = Literal["done", "failed", "died"]


@dataclass
class Chances:
    """How likely each trouble is, a call. All are 0 once faults stop."""

    death: float = 0.0
    slow_tables: float = 0.0
    refused_send: float = 0.0


@dataclass(eq=False)
class Invocation:
    """One run of a function: about which row, on behalf of which event, and what it met."""

    subject: ResourceId | None
    cause: str
    kind: str
    worker: "Worker"
    first_asked_at: float | None = None
    send_refused: bool = False
    sent: bool = False
    owes: str = ""  # a call whose end somebody has to look up, or to try again
    wrote: bool = False
    not_before: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """Calls (method and path) that were refused in this run, or in the one that asked for it, and until when."""


RUNNING: ContextVar[Invocation | None] = ContextVar("running", default=None)


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


class LeasedQueue(MemoryQueue):
    """A queue whose messages stay hidden while somebody works on them."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self.leased = 0

    def due(self) -> list[tuple[bytes, int]]:
        found: list[tuple[bytes, int]] = []
        while not self.down and self._heap and self._heap[0][0] <= self.clock():
            _, _, body, tries = self._pop()
            found.append((body, tries))
        return found

    def _pop(self) -> tuple[float, int, bytes, int]:
        import heapq

        return heapq.heappop(self._heap)

    def give_back(self, body: bytes, delay: float, tries: int) -> None:
        if tries >= MOST_TRIES:
            self.poison.append(body)
        else:
            self._push(body, delay, tries)

    def next_due(self) -> float:
        return self._heap[0][0] if self._heap else math.inf

    def left(self) -> list[Work]:
        return [work.decode(body) for _, _, body, _ in sorted(self._heap)]


class Worker:
    """One process of the host's. Dies at most once, and then stays dead."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.dead = asyncio.Event()
        transport: Any = _Wire(self)
        ledger: Any = _Tables(self)
        session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
        now = host.azure.clock.now
        self.live = Live(_Sender(self), Around(session, host.policy, Scopes(), now, ledger), ledger)

    async def call[T](self, act: Callable[[], Awaitable[T]], latency: float) -> T:
        """Let a call go out, and its answer come back, unless the worker dies before either."""
        await self._survive()
        await asyncio.sleep(latency / 2)
        await self._survive(risk=False)
        answer = await act()
        await asyncio.sleep(latency / 2)
        await self._survive()
        return answer

    async def _survive(self, *, risk: bool = True) -> None:
        if risk and not self.dead.is_set() and self.host.dice.random() < self.host.chances.death:
            self.host.bury(self)
        while self.dead.is_set():
            try:
                await self.host.end.wait()
            except asyncio.CancelledError:
                if self.host.over:
                    raise

    async def invoke(self, invocation: Invocation, run: Callable[[], Awaitable[Any]]) -> Ended:
        token = RUNNING.set(invocation)
        task = asyncio.ensure_future(run())
        RUNNING.reset(token)
        died = asyncio.ensure_future(self.dead.wait())
        try:
            await asyncio.wait({task, died}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            died.cancel()
        if not task.done():
            return "died"
        if (error := task.exception()) is not None:
            self.host.failed(invocation, error)
            return "failed"
        self.host.rules.invocation_ended(self.host, invocation)
        return "done"


class _Wire(InProcessTransport):
    """The way to ARM, where every request is judged before it goes out."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker.host.app)
        self._worker = worker

    async def send(self, request: HttpRequest, **kwargs: Any) -> Any:
        host, invocation = self._worker.host, RUNNING.get()
        if invocation is not None and invocation.first_asked_at is None:
            invocation.first_asked_at = host.azure.clock.now()

        async def act() -> Any:
            host.told(request.method, urlsplit(request.url).path)
            host.rules.asked(host, invocation, request)
            try:
                answer = await InProcessTransport.send(self, request, **kwargs)
            except AzureError as error:
                host.told(type(error).__name__, urlsplit(request.url).path)
                host.rules.unanswered(invocation, request)
                raise
            host.rules.answered(invocation, request, answer)
            host.told(str(answer.status_code), urlsplit(request.url).path)
            return answer

        return await self._worker.call(act, host.dice.uniform(0.005, 0.3))


class _Tables:
    """The ledger as a worker reaches it: slowly at times, and not at all while it is down."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> Any:
        host = self._worker.host

        async def asked(*args: Any, **named: Any) -> Any:
            slow = host.dice.random() < host.chances.slow_tables
            latency = host.dice.uniform(1.0, 4.0) if slow else host.dice.uniform(0.002, 0.08)
            if slow:
                host.ledger.trouble_at = host.azure.clock.now()
            try:
                return await self._worker.call(lambda: getattr(host.ledger, name)(*args, **named), latency)
            except LedgerError:
                host.ledger.trouble_at = host.azure.clock.now()
                raise

        return asked


class _Sender:
    """The queue as a worker reaches it."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def send(self, item: Work, delay: float) -> None:
        host, invocation = self._worker.host, RUNNING.get()

        async def act() -> None:
            if host.dice.random() < host.chances.refused_send:
                raise QueueError("the queue tether-work cannot be reached (simulation)")
            await host.queue.send(item, delay)
            if invocation is not None:
                invocation.sent = True
                host.heirs[(item.row, item.cause, item.look)] = dict(invocation.not_before)

        try:
            await self._worker.call(act, host.dice.uniform(0.002, 0.05))
        except QueueError:
            if invocation is not None:
                invocation.send_refused = True
            raise
        host.told("sent", f"{item.why} look {item.look} in {delay:.0f} s on {item.row}")

    async def bury(self, body: bytes) -> None:
        await self._worker.call(lambda: self._worker.host.queue.bury(body), 0.01)


@dataclass(eq=False)
class Host:
    """One Tether: its storage, its two workers, its listener and its timer."""

    azure: LocalAzure
    app: Any
    policy: Policy
    dice: Random
    rules: Any
    trace: list[str]
    chances: Chances = field(default_factory=Chances)
    over: bool = False
    deaths: int = 0

    def __post_init__(self) -> None:
        self.queue = LeasedQueue(self.azure.clock.now)
        self.ledger = CountingLedger(self.azure.clock.now)
        self.workers = [Worker(self), Worker(self)]
        self._tasks: set[asyncio.Task[Any]] = set()
        self.heirs: dict[tuple[ResourceId, str, int], dict[tuple[str, str], float]] = {}
        self.end = asyncio.Event()  # never comes: what the dead wait for

    def told(self, what: str, about: str) -> None:
        self.trace.append(f"{self.azure.clock.now() - self.rules.began:9.2f} {self.policy.owner:9} {what:7} {about}")

    def bury(self, worker: Worker) -> None:
        """A worker dies, and another takes its place."""
        self.deaths += 1
        self.told("death", f"of worker {self.workers.index(worker)}")
        worker.dead.set()
        self.workers[self.workers.index(worker)] = Worker(self)

    def failed(self, invocation: Invocation, error: BaseException) -> None:
        self.told("failed", f"{invocation.kind}: {type(error).__name__}: {error}")
        if not isinstance(error, QueueError | LedgerError):
            self.rules.broken(f"{invocation.kind} raised {type(error).__name__}: {error}")

    async def hear(self, delivered: list[Json]) -> int:
        """Event Grid's webhook."""
        (raw,) = delivered
        at = datetime.fromisoformat(raw["eventTime"]).timestamp()
        event = Event(raw["id"], raw["eventType"], raw["subject"], raw["data"]["operationName"], at)
        item = triage(event, at)
        if item is None:
            return 200
        worker = self.dice.choice(self.workers)
        self.told("event", f"{event.id[:8]} on {event.subject}")
        invocation = Invocation(item.row, item.cause, "event", worker)
        now = self.azure.clock.now()
        match await worker.invoke(invocation, lambda: receive(event, now, lambda: worker.live)):
            case "done":
                return 200
            case "failed":
                return 500
            case "died":
                await asyncio.Event().wait()  # until Event Grid has waited long enough
                raise AssertionError

    async def listen(self) -> None:
        """The queue's listener: up to 16 messages at once, looked for every second."""
        while not self.over:
            for body, tries in self.queue.due():
                self._spawn(self._work_on(body, tries + 1))
            soon = self.queue.next_due() - self.azure.clock.now()
            await asyncio.sleep(1 if self.queue.down else min(4.0, max(1.0, soon)))

    async def _work_on(self, body: bytes, tries: int) -> None:
        taken, worker, item = self.azure.clock.now(), self.dice.choice(self.workers), work.decode(body)
        self.told("message", f"{item.why} look {item.look} attempt {item.attempt} on {item.target}")
        self.queue.leased += 1
        heard = dict(self.heirs.get((item.row, item.cause, item.look), {}))
        invocation = Invocation(item.row, item.cause, "message", worker, not_before=heard)
        ended = await worker.invoke(invocation, lambda: take(body, worker.live))
        if ended == "died":
            await asyncio.sleep(max(0.0, taken + LEASE - self.azure.clock.now()))
        self.queue.leased -= 1
        if ended != "done":
            self.queue.give_back(body, 30 if ended == "failed" else 0, tries)

    async def watch(self) -> None:
        """The timer of `watch`, at every full minute."""
        while not self.over:
            await asyncio.sleep(60)
            worker = self.dice.choice(self.workers)
            around: Any = worker.live.around
            invocation = Invocation(None, "", "watch", worker)
            await worker.invoke(invocation, lambda: watch(around, worker.live.queue, worker.live.ledger))

    async def sweep(self) -> None:
        """One round of the other timer, by a worker that nothing happens to."""
        worker = self.workers[0]
        around: Any = worker.live.around
        reports = Reports(MemoryDocuments())
        invocation = Invocation(None, "", "sweep", worker)
        await worker.invoke(invocation, lambda: sweep(around, worker.live.queue, worker.live.ledger, reports))

    def start(self) -> None:
        self._spawn(self.listen())
        self._spawn(self.watch())

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logging.getLogger("host").error("the host broke", exc_info=task.exception())
            self.rules.broken(f"the simulated host broke: {task.exception()!r}")

    def stop(self) -> None:
        self.over = True
        for task in list(self._tasks):
            task.cancel()
