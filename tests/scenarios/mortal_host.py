"""A Functions host in virtual time, whose workers are mortal.

The message of a dead worker comes back when its lease is over; its delivery counts as not answered.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from random import Random
from typing import Any, Protocol

from azure.core.rest import HttpRequest

from functions import work
from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.session import Session
from functions.arm.understood import NotUnderstoodError
from functions.fleet.observe_records import NO_TARGETS, Targets
from functions.ledger.reports import Reports
from functions.ledger.state import LedgerError
from functions.policy import Policy
from functions.queue import QueueError
from functions.triggers.events import receive
from functions.triggers.timers import round_of_sweep
from functions.triggers.triage import Event, triage
from functions.triggers.work import take
from functions.watch import watch
from localazure.azure import LocalAzure
from localazure.store import Json
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.mortal_worker import Chances, Invocation, Worker
from tests.scenarios.random_world import RandomWorld
from tests.scenarios.simulated_storage import CountingLedger, LeasedQueue, Letter

LEASE = 600.0  # seconds that the Functions host hides a message for
_EARLY = "early sweep"
_POLL = 1.0  # seconds between two looks at the queue


class Printer(Protocol):
    """Prints something odd in an answer."""

    def beside(self, request: HttpRequest, answer: Any) -> Any: ...


@dataclass(eq=False)
class Host:
    """One Tether: its storage, its two workers, its listener and its timer."""

    azure: LocalAzure
    app: Any
    world: RandomWorld
    policy: Policy
    dice: Random
    rules: Any
    trace: list[str]
    chances: Chances = field(default_factory=Chances)
    targets: Callable[[Worker, Session], Targets] = lambda *_: NO_TARGETS
    """What a worker's policy keeps records in."""
    printers: list[Printer] = field(default_factory=list[Printer])
    """What makes good answers of ARM's odd, before a worker reads them."""
    over: bool = False
    deaths: int = 0
    deployed_at: float = -math.inf
    """When another policy came into force."""

    def __post_init__(self) -> None:
        self.queue = LeasedQueue(self.azure.clock.now)
        self.ledger = CountingLedger(self.azure.clock.now)
        self.ledger.judge = partial(self.rules.remembered, self)
        self.reports = Reports(MemoryDocuments())
        self.workers = [Worker(self), Worker(self)]
        self._tasks: set[asyncio.Task[Any]] = set()
        self.end = asyncio.Event()  # never comes: what the dead wait for

    def told(self, what: str, about: str) -> None:
        self.trace.append(f"{self.azure.clock.now() - self.rules.began:9.2f} {self.policy.owner:9} {what:7} {about}")

    def bury(self, worker: Worker) -> None:
        """A worker dies, and another takes its place."""
        self.deaths += 1
        self.told("death", f"of worker {self.workers.index(worker)}")
        worker.dead.set()
        self.workers[self.workers.index(worker)] = Worker(self)

    def deploy(self) -> None:
        """Another policy: the workers are stopped in the midst of what they do, and others begin with it."""
        self.policy, self.deployed_at = self.world.changed(self.policy), self.azure.clock.now()
        self.told("deploy", " ".join(str(hub.vnet) for hub in self.policy.hubs) or "discovery")
        for worker in tuple(self.workers):
            self.bury(worker)

    def failed(self, invocation: Invocation, error: BaseException) -> None:
        self.told("failed", f"{invocation.kind}: {type(error).__name__}: {error}")
        no_answer = isinstance(error, ArmError | NoAnswerError) and not isinstance(error, NotUnderstoodError)
        if invocation.kind == _EARLY and no_answer:
            return
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
        """The queue's listener. Messages are found within a second of when they are due."""
        while not self.over:
            for body, tries in self.queue.due():
                self._spawn(self._work_on(body, tries + 1))
            await self.queue.something_due()
            await asyncio.sleep(_POLL)

    async def _work_on(self, body: Letter, tries: int) -> None:
        taken, worker, item = self.azure.clock.now(), self.dice.choice(self.workers), work.decode(body)
        self.told("message", f"{item.why} look {item.look} attempt {item.attempt} on {item.target}")
        self.queue.leased += 1
        invocation = Invocation(item.row, item.cause, "message", worker, not_before=dict(body.heard))
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
            round_of = partial(watch, around, worker.live.queue, worker.live.ledger)
            await worker.invoke(Invocation(None, "", "watch", worker), round_of)

    async def sweep(self, *, early: bool = False) -> None:
        """One round of the other timer, by one worker. `early`: in the trouble, in which ARM may give no answer."""
        worker = self.workers[0]
        kind = _EARLY if early else "sweep"
        await worker.invoke(Invocation(None, "", kind, worker), lambda: round_of_sweep(worker.live))

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
