"""A worker that dies between any two calls: a call that never returns, not an exception.

What a worker asks of the outside (ARM, tables, queue) goes through `Worker.call`, the only place where it can die.
A dead worker does nothing more, whatever timeouts its code has set.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.ledger.state import LedgerError
from functions.live import Live
from functions.queue import QueueError
from functions.work import Work
from localazure.in_process import InProcessTransport
from tests.scenarios.story import Token

if TYPE_CHECKING:
    from tests.scenarios.mortal_host import Host

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
    read_at: float | None = None  # when ARM's last answer before its first write reached it: then it decided
    send_refused: bool = False
    sent: bool = False
    finished: bool = False  # the row says so, whatever happens to the worker then
    owes: str = ""  # a call whose end somebody has to look up, or to try again
    wrote: bool = False
    ended: bool = False  # it returned: nothing will bring it back
    not_before: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    """Calls (method and path) that were refused in this run, or in the one that asked for it, and until when."""


RUNNING: ContextVar[Invocation | None] = ContextVar("running", default=None)

SCRIPTED: ContextVar[list[str] | None] = ContextVar("scripted", default=None)
"""The faults that made up the answer to the request that is under way."""


class Worker:
    """One process of the host's. Dies at most once, and then stays dead."""

    def __init__(self, host: "Host") -> None:
        self.host = host
        self.dead = asyncio.Event()
        transport: Any = _Wire(self)
        ledger: Any = _Tables(self)
        session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
        now = host.azure.clock.now
        around = Around(session, host.policy, Scopes(), now, ledger, host.reports, host.targets(self, session))
        self.live = Live(_Sender(self), around, ledger, host.reports)

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
            task.add_done_callback(_unheard)
            if invocation.finished:
                self.host.rules.passed(self.host, invocation)
            return "died"
        if (error := task.exception()) is not None:
            self.host.failed(invocation, error)
            return "failed"
        self.host.rules.invocation_ended(self.host, invocation)
        return "done"


def _unheard(task: asyncio.Task[Any]) -> None:
    """What a dead worker's run still comes to reaches nobody."""
    if not task.cancelled():
        task.exception()


class _Wire(InProcessTransport):
    """The way to ARM, where every request is judged before it goes out."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(worker.host.app)
        self._worker = worker

    async def send(self, request: HttpRequest, **kwargs: Any) -> Any:
        host, invocation = self._worker.host, RUNNING.get()
        asks_scope = "/microsoft.resourcegraph/" in urlsplit(request.url).path.casefold()  # it shows no cluster
        if invocation is not None and invocation.first_asked_at is None and not asks_scope:
            invocation.first_asked_at = host.azure.clock.now()

        async def act() -> Any:
            host.told(request.method, urlsplit(request.url).path)
            host.rules.asked(host, invocation, request)
            SCRIPTED.set([])
            try:
                answer = await InProcessTransport.send(self, request, **kwargs)
            except AzureError as error:
                host.told(type(error).__name__, urlsplit(request.url).path)
                host.rules.unanswered(invocation, request)
                raise
            host.rules.answered(invocation, request, answer)
            host.told(str(answer.status_code), urlsplit(request.url).path)
            for printer in host.printers:
                answer = printer.beside(request, answer)
            return answer

        answer = await self._worker.call(act, host.dice.uniform(0.005, 0.3))
        if invocation is not None and not invocation.wrote:
            invocation.read_at = host.azure.clock.now()
        return answer


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

        try:
            await self._worker.call(act, host.dice.uniform(0.002, 0.05))
        except QueueError:
            if invocation is not None:
                invocation.send_refused = True
            raise
        host.told("sent", f"{item.why} look {item.look} in {delay:.0f} s on {item.row}")

    async def bury(self, body: bytes) -> None:
        await self._worker.call(lambda: self._worker.host.queue.bury(body), 0.01)
