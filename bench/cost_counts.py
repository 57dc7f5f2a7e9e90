"""What Tether asks of Azure for one thing that happens: calls, messages, transactions, log, each counted.

In virtual time, over the real SDK clients in process, with a memory that counts what the real one would ask of storage.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from random import Random
from typing import Any

import msgspec

from bench.fleet_policy import policy_of
from bench.storm_memory import Documents, Ledger, Queue
from bench.storm_wire import Token, Wire
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.model import encode_hook
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.live import Live
from functions.sweep import sweep
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.triggers.work import take
from functions.watch import watch
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.fleet import many_clusters
from localazure.virtual_time import run

FLEETS = (10, 1_000, 10_000)
_START = 1_800_000_000.0  # seconds since 1970
_QUIET = 600.0  # seconds, more than a link and all looks at it take
_PAGE = 1000  # entities in a page of Table storage (REST reference, Query Entities)

# Requests of Table storage for each call of the ledger, as functions/ledger/tables.py makes them where nobody collides.
# Once for a subject, its first event costs one more, and the observation that makes it a row two more.
_TRANSACTIONS = {
    "read": 1,
    "bump": 2,
    "look_again": 2,
    "finish": 2,
    "remember": 3,
    "row_of": 1,
    "overdue": 1,
    "hour": 3,
    "intend": 1,
    "conclude": 1,
    "journal": 1,
    "left_open": 1,
}
_WHOLE = frozenset({"rows", "watched"})  # reads every row, page by page


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one thing that happens: calls of ARM, messages sent, table requests, blobs written and read, bytes of log.

    `seconds` is how long it took, in virtual time with a network of 10 to 80 ms each way and Resource Graph's quota,
    without the processor's; 0 of an event, which ends with a wait.
    """

    arm: int = 0
    messages: int = 0
    tables: int = 0
    blob_writes: int = 0
    blob_reads: int = 0
    log_bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """All of a fleet of this size. A birth goes from its event until nothing waits any more."""

    clusters: int
    subscriptions: int
    birth: Counts
    unchanged: Counts
    watch: Counts
    sweep: Counts
    row_bytes: int
    """What the ledger keeps of a cluster."""


def measured(clusters: int) -> Measured:
    """Count it all in a fleet of so many clusters, of which one is new."""
    return run(_measured(clusters))


def as_json(found: Measured) -> dict[str, Any]:
    return asdict(found)


def from_json(held: dict[str, Any]) -> Measured:
    """Raises TypeError or KeyError for what is none."""
    parts = {name: Counts(**held[name]) for name in ("birth", "unchanged", "watch", "sweep")}
    return Measured(held["clusters"], held["subscriptions"], row_bytes=held["row_bytes"], **parts)


@dataclass(slots=True)
class _Counted:
    """Where the counts come together."""

    wire: Wire
    calls: Counter[str] = field(default_factory=Counter[str])
    messages: int = 0
    tables: int = 0
    log_bytes: int = 0

    def now(self) -> Counts:
        return Counts(
            self.wire.sent,
            self.messages,
            self.tables,
            self.calls["write"],
            self.calls["read"],
            self.log_bytes,
            asyncio.get_running_loop().time(),
        )


def _since(before: Counts, after: Counts) -> Counts:
    return Counts(**{name: round(value - asdict(before)[name], 1) for name, value in asdict(after).items()})


async def _measured(clusters: int) -> Measured:
    azure = LocalAzure(Clock(start=_START))
    fleet = many_clusters(azure, clusters, unlinked=1, link_tags={"tether-owner": "bench"})
    counted = _Counted(Wire(azure, Random(1)))
    queue, ledger, documents = _queue(counted), _ledger(counted, clusters), _documents(counted)
    reports = Reports(documents)
    session = Session(PUBLIC, TokenSource(Token()), counted.wire)
    around = Around(session, policy_of(fleet), Scopes(), azure.clock.now, ledger, reports)
    live = Live(queue, around, ledger, reports)

    async def heard(cause: str, subject: str, operation: str) -> None:
        kind, at = "Microsoft.Resources.ResourceWriteSuccess", azure.clock.now()
        await receive(Event(cause, kind, subject, operation, at), at, lambda: live)
        await asyncio.sleep(_QUIET)

    async def counts(work: Callable[[], Awaitable[object]]) -> Counts:
        before = counted.now()
        await work()
        return _since(before, counted.now())

    async def of_event(cause: str, subject: str, operation: str) -> Counts:
        return replace(await counts(lambda: heard(cause, subject, operation)), seconds=0.0)

    zone, cluster = fleet.zones[0], fleet.clusters[0]
    with _log_bytes(counted):
        async with _listening(queue, live):
            birth = await of_event("born", zone, "Microsoft.Network/privateDnsZones/write")
            unchanged = await of_event("written", cluster, "Microsoft.ContainerService/managedClusters/write")
        watched = await counts(lambda: watch(around, queue, ledger))
        swept = await counts(lambda: sweep(around, queue, ledger, reports))
    await azure.close()
    (row,) = [row for row in ledger.held.values() if row.observed.at]
    kept = len(msgspec.json.encode(row.observed, enc_hook=encode_hook))
    return Measured(clusters, len(fleet.subscriptions), birth, unchanged, watched, swept, kept)


@asynccontextmanager
async def _listening(queue: Queue, live: Live) -> AsyncIterator[None]:
    listening = asyncio.create_task(queue.listen(lambda body: take(body, live)))
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def _ledger(counted: _Counted, clusters: int) -> Ledger:
    class Told(Ledger):
        def __getattribute__(self, name: str) -> Any:
            if name in _TRANSACTIONS:
                counted.tables += _TRANSACTIONS[name]
            elif name in _WHOLE:
                counted.tables += max(1, ceil(clusters / _PAGE))
            return super().__getattribute__(name)

    return Told()


def _queue(counted: _Counted) -> Queue:
    class Told(Queue):
        async def send(self, item: Any, delay: float) -> None:
            counted.messages += 1
            await super().send(item, delay)

    return Told()


def _documents(counted: _Counted) -> Documents:
    class Told(Documents):
        async def read(self, name: str) -> bytes | None:
            counted.calls["read"] += 1
            return await super().read(name)

        async def write(self, name: str, body: bytes) -> None:
            counted.calls["write"] += 1
            await super().write(name, body)

        async def names(self, prefix: str) -> list[str]:
            counted.calls["write"] += 1  # a list costs as much as a write
            return await super().names(prefix)

    return Told()


@contextmanager
def _log_bytes(counted: _Counted) -> Iterator[None]:
    """Count what the logger says, line by line. It goes nowhere else."""

    class Scale(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            counted.log_bytes += len(record.getMessage().encode())

    log, scale = logging.getLogger("tether"), Scale()
    before = log.level, log.propagate
    log.addHandler(scale)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(scale)
        log.setLevel(before[0])
        log.propagate = before[1]
