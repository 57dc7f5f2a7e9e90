"""Many zones born at once, with all of Azure's token buckets on: how near Tether comes to what the buckets allow.

Wholly in virtual time and from one seed: the real loop over the real SDK clients, in process, with a worker for each
trigger, the queue's settings of host.json, and `watch` every minute. Polls count as reads. AKS has made each cluster up
to its zone, and finishes it half a minute after the hub sees the zone.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from random import Random

from bench.fleet_policy import policy_of
from bench.report import Row
from bench.storm_memory import Documents, Ledger, Queue
from bench.storm_wire import TOKEN, Token, Wire
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.live import Live
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.triggers.work import take
from functions.watch import watch
from localazure import limits
from localazure.aks import body as cluster_body
from localazure.arm_path import Target
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import EventGrid
from localazure.fleet import Fleet, many_clusters
from localazure.identity import principal_of
from localazure.limits import Limits, Rate
from localazure.store import Json
from localazure.virtual_time import run

ZONES, SUBSCRIPTIONS = 900, 3
READS_OF_A_LINK = 2  # the proof: the zone's group and the cluster that it names
_LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_START = 1_800_000_000.0  # seconds since 1970
_LONGEST = 3600.0  # seconds that a storm may last


@dataclass
class Storm:
    """What became of it; times are seconds of Azure's clock since the births."""

    zones: int
    allowed: float
    """When the last link can be accepted at the soonest."""
    accepted: dict[str, float] = field(default_factory=dict[str, float])
    calls: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    failed_deliveries: int = 0
    failed_messages: int = 0
    poisoned: int = 0
    linked: int = 0
    over: float = 0.0
    """When nothing was left to do."""

    @property
    def last_accepted(self) -> float:
        return max(self.accepted.values(), default=_LONGEST)


async def measure(progress: Callable[[str], None]) -> list[Row]:
    progress(f"birth storm: {ZONES} zones in {SUBSCRIPTIONS} subscriptions, in virtual time")
    began = time.perf_counter()
    # A thread of its own, since the storm's event loop has a time of its own.
    storm = await asyncio.to_thread(ride, ZONES, SUBSCRIPTIONS)
    if len(storm.accepted) != ZONES or storm.linked != ZONES:
        raise RuntimeError(f"of {ZONES} links {len(storm.accepted)} were accepted and {storm.linked} made")
    name = f"birth storm of {ZONES} zones"
    return [
        Row(f"{name}: last link accepted", storm.last_accepted, "s"),
        Row("birth storm: the same as the buckets allow it", storm.allowed, "s"),
        Row("birth storm: the one over the other", storm.last_accepted / storm.allowed, "times", 1.2),
        Row("birth storm: refused calls for each link", storm.refused.total() / ZONES, "calls", 2),
        Row("birth storm: all calls for each link", storm.calls / ZONES, "calls"),
        Row("birth storm: failed deliveries", storm.failed_deliveries + storm.failed_messages, "", 0),
        Row("birth storm: poisoned messages", storm.poisoned, "", 0),
        Row("birth storm: time that it took here", time.perf_counter() - began, "s"),
    ]


def soonest(links: int, *, latency: float, reads: Rate, writes: Rate, spent: int = 0) -> float:
    """When the last of so many links of one subscription can be accepted, in seconds after the births.

    Nobody hears of a birth before `latency`. A link costs its two reads and one write; its polls come after it was
    accepted (Azure asks for 30 s) and so take nothing from what it needs. A bucket gives what is in it, and then so
    many a second; of the reads others have `spent` some just before the births.
    """
    at_hand = min(reads.size, reads.size - spent + latency * reads.refill)
    late_reads = (links * READS_OF_A_LINK - at_hand) / reads.refill
    late_writes = (links - writes.size) / writes.refill
    return latency + max(0.0, late_reads, late_writes)


def ride(zones: int, subscriptions: int, seed: int = 7, spent: int = 0) -> Storm:
    """One storm, from its seed alone. Others have `spent` so many of each subscription's reads just before."""
    with _quiet_logs():
        return run(_storm(zones, subscriptions, seed, spent))


async def _storm(zones: int, subscriptions: int, seed: int, spent: int) -> Storm:
    azure = LocalAzure(Clock(start=_START), seed=seed)
    azure.limits = Limits(azure.clock)
    fleet = many_clusters(azure, zones, unlinked=zones, subscriptions=subscriptions)
    for cluster in fleet.clusters:
        _set_state(azure, cluster, "Creating")
    async with EventGrid(azure, seed=seed) as grid:
        reads, writes = limits.ARM["reads"], limits.ARM["writes"]
        storm = Storm(zones, soonest(ceil(zones / subscriptions), latency=1.0, reads=reads, writes=writes, spent=spent))
        transport = Wire(azure, Random(seed))
        queue, ledger, reports = Queue(), Ledger(), Reports(Documents())

        def worker() -> tuple[Live, Around]:
            session = Session(PUBLIC, TokenSource(Token()), transport)
            around = Around(session, policy_of(fleet), Scopes(), azure.clock.now, ledger, reports)
            return Live(queue, around, ledger, reports), around

        # Flex Consumption scales each trigger by itself: they share nothing but storage and the buckets.
        (hearing, _), (working, _), (_, watching) = worker(), worker(), worker()
        await grid.subscribe("tether", _listener(azure, hearing, storm))
        azure.listen(_finisher(azure, fleet))
        running = [
            asyncio.ensure_future(queue.listen(lambda body: take(body, working))),
            asyncio.ensure_future(_watching(watching, queue, ledger)),
        ]
        for subscription in fleet.subscriptions * spent:
            azure.limits.take("GET", Target("", subscription), principal_of(TOKEN))
        for zone in fleet.zones:
            azure.emit("Write", "Success", zone, "Microsoft.Network/privateDnsZones/write")
        await _until_over(azure, storm, queue, transport)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    storm.linked = sum(
        link.properties["virtualNetworkLinkState"] == "Completed" and "/tether-" in link.id
        for link in azure.store.of_type(_LINKS)
    )
    storm.accepted = {link: at - _START for link, at in transport.accepted.items()}
    storm.refused, storm.calls = transport.refused, transport.sent
    storm.failed_messages, storm.poisoned = queue.failed, len(queue.poison)
    await azure.close()
    if azure.failures:
        raise azure.failures[0]
    return storm


async def _until_over(azure: LocalAzure, storm: Storm, queue: Queue, wire: Wire) -> None:
    """Until every link was asked for and no message has been left for a round of `watch` and some."""
    quiet = 0
    while quiet < 90 and azure.clock.now() < _START + _LONGEST:
        await asyncio.sleep(1)
        quiet = quiet + 1 if queue.idle and len(wire.accepted) == storm.zones else 0
        if not quiet:
            storm.over = azure.clock.now() - _START


def _listener(azure: LocalAzure, live: Live, storm: Storm) -> Callable[[list[Json]], Awaitable[int]]:
    """The Event Grid trigger's endpoint: 200 when it returned, 500 when it raised."""

    async def hear(delivered: list[Json]) -> int:
        (raw,) = delivered
        at = datetime.fromisoformat(raw["eventTime"]).timestamp()
        event = Event(raw["id"], raw["eventType"], raw["subject"], raw["data"]["operationName"], at)
        try:
            await receive(event, azure.clock.now(), lambda: live)
        except Exception:  # noqa: BLE001 - the host does not ask what kind; it is counted, and must not happen
            storm.failed_deliveries += 1
            return 500
        return 200

    return hear


def _finisher(azure: LocalAzure, fleet: Fleet) -> Callable[[Json], None]:
    """What AKS does once the nodes can resolve their API server's name."""
    clusters = {zone.casefold(): cluster for zone, cluster in zip(fleet.zones, fleet.clusters, strict=True)}

    async def finish(cluster: str) -> None:
        await azure.clock.sleep(azure.durations.cluster_finish)
        _set_state(azure, cluster, "Succeeded")

    def heard(event: Json) -> None:
        if event["data"]["operationName"].casefold() == f"{_LINKS}/write".casefold():
            azure.spawn(finish(clusters[event["subject"].casefold().rsplit("/", 2)[0]]))

    return heard


async def _watching(around: Around, queue: Queue, ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(60)
        await watch(around, queue, ledger)


def _set_state(azure: LocalAzure, cluster: str, state: str) -> None:
    held = azure.store.get(cluster)
    assert held is not None
    cluster_body.set_state(held.body, state)
    azure.store.touch(cluster)


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Thousands of lines are nobody's concern here."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
