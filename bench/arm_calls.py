"""How many calls of ARM an event costs that changes nothing: a doubled one, and a new one on an unchanged cluster.

In virtual time, over the real SDK clients in process. The cluster's zone is linked first, and left until nothing waits.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.fleet_policy import policy_of
from bench.report import Row
from bench.storm_memory import Documents, Ledger, Queue
from bench.storm_wire import Token, Wire
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
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.fleet import many_clusters
from localazure.virtual_time import run

_START = 1_800_000_000.0  # seconds since 1970
_MOST_FOR_UNCHANGED = 4
_QUIET = 600.0  # seconds, more than a link and all looks at it take


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of ARM for a link's whole making, for the same event again, and for another that finds all as it was."""

    made: int
    doubled: int
    unchanged: int


async def measure(progress: Callable[[str], None]) -> list[Row]:
    progress("ARM calls: one cluster, in virtual time")
    # A thread for each, since their event loops have a time of their own.
    named = await asyncio.to_thread(cost, discovers=False)
    found = await asyncio.to_thread(cost, discovers=True)
    return [
        Row("ARM calls: a newborn zone, until its link is Completed", named.made, "calls"),
        Row("ARM calls: a doubled event", max(named.doubled, found.doubled), "calls", 0),
        Row("ARM calls: an unchanged cluster, its hub named", named.unchanged, "calls", _MOST_FOR_UNCHANGED),
        Row("ARM calls: an unchanged cluster, its hub discovered", found.unchanged, "calls", _MOST_FOR_UNCHANGED),
    ]


def cost(*, discovers: bool) -> Cost:
    """What one cluster costs, with a hub that the policy names, or that is discovered."""
    return run(_cost(discovers))


async def _cost(discovers: bool) -> Cost:
    azure = LocalAzure(Clock(start=_START))
    fleet = many_clusters(azure, 1, unlinked=1)
    wire, queue, ledger, reports = Wire(azure, Random(1)), Queue(), Ledger(), Reports(Documents())
    session = Session(PUBLIC, TokenSource(Token()), wire)
    around = Around(session, policy_of(fleet, discovers=discovers), Scopes(), azure.clock.now, ledger, reports)
    live = Live(queue, around, ledger, reports)
    listening = asyncio.create_task(queue.listen(lambda body: take(body, live)))

    async def calls(cause: str, subject: str, operation: str) -> int:
        before, at = wire.sent, azure.clock.now()
        await receive(
            Event(cause, "Microsoft.Resources.ResourceWriteSuccess", subject, operation, at), at, lambda: live
        )
        await asyncio.sleep(_QUIET)
        return wire.sent - before

    zone, cluster = fleet.zones[0], fleet.clusters[0]
    made = await calls("born", zone, "Microsoft.Network/privateDnsZones/write")
    doubled = await calls("born", zone, "Microsoft.Network/privateDnsZones/write")
    unchanged = await calls("written", cluster, "Microsoft.ContainerService/managedClusters/write")
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await azure.close()
    links = azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks", zone)
    if not any("/tether-" in link.id and link.properties["virtualNetworkLinkState"] == "Completed" for link in links):
        raise RuntimeError("the link was not made")
    return Cost(made, doubled, unchanged)
