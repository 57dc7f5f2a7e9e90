"""What goes wrong around records: a zone's servers, ARM, a subscription that cannot be read, workers and storage."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any, override

from functions.dns.target import Trouble
from localazure import fault_effects as effects
from localazure.azure import LocalAzure
from localazure.event_grid import EventGrid
from localazure.fault import Hit
from localazure.faults import Planned
from localazure.world import SUBSCRIPTION
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import SCRIPTED
from tests.scenarios.random_troubles import ToldFaults
from tests.scenarios.record_world import RecordWorld


class DeniedFaults(ToldFaults):
    """Faults, and for a while a subscription that ARM shows nobody, or clusters that it does not know."""

    denied = False
    forgotten = False

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(azure)
        self._where = azure

    @override
    def plan(self, method: str, resource_type: str, path: str) -> Planned:
        scripted = SCRIPTED.get()
        if scripted is None or SUBSCRIPTION not in path:
            return super().plan(method, resource_type, path)
        hit = Hit(self._where, method, resource_type, path)
        if self.denied:
            scripted.append("denied")
            return Planned(hit, [effects.not_authorised()])
        if self.forgotten and "/managedClusters/" in path:
            scripted.append("forgotten")
            return Planned(hit, [effects.not_found()])
        return super().plan(method, resource_type, path)


_CLUSTERS = "Microsoft.ContainerService/managedClusters"


async def trouble(
    azure: LocalAzure,
    dice: Random,
    seconds: float,
    faults: DeniedFaults,
    grid: EventGrid,
    hosts: Sequence[Host],
    server: MemoryTarget,
) -> None:
    """Everything that can go wrong, for so long; nothing after."""
    for effect, where in dice.sample(_TROUBLES, dice.randint(0, 5)):
        faults.add(effect(dice), probability=dice.choice([0.03, 0.15, 0.5]), **where)
    if dice.random() < 0.7:
        for fate in ("lose", "double", "delay", "reorder"):
            setattr(grid.faults, fate, dice.choice([0.0, 0.1, 0.5]))
        grid.faults.lose = dice.choice([0.0, 0.2, 1.0])
    for host in hosts:
        host.chances.death = dice.choice([0.0, 0.005, 0.03])
        host.chances.slow_tables = dice.choice([0.0, 0.05, 0.3])
        host.chances.refused_send = dice.choice([0.0, 0.02, 0.05])
    outages = [_outage(dice, seconds, host, part) for host in hosts for part in ("queue", "ledger")]
    outages += [
        _denial(dice, seconds, faults),
        _oblivion(azure, dice, seconds, faults),
        _silence(dice, seconds, server),
        _deployment(dice, seconds, hosts[0]),
    ]
    await asyncio.gather(asyncio.sleep(seconds), *outages)
    faults.clear()
    grid.faults = type(grid.faults)()
    for host in hosts:
        host.chances = type(host.chances)()


async def _outage(dice: Random, seconds: float, host: Host, part: str) -> None:
    """Queue or tables are down for a while, or not at all."""
    if dice.random() < 0.6:
        return
    store: Any = getattr(host, part)
    await asyncio.sleep(dice.uniform(0, seconds * 0.8))
    store.down = True
    host.told("down", part)
    await asyncio.sleep(dice.uniform(5, seconds * 0.2))
    store.down = False
    host.told("up", part)


async def _denial(dice: Random, seconds: float, faults: DeniedFaults) -> None:
    """Tether may read nothing in the clusters' subscription for a while, or it may all along."""
    if dice.random() < 0.5:
        return
    await asyncio.sleep(dice.uniform(0, seconds * 0.5))
    faults.denied = True
    await asyncio.sleep(dice.uniform(20, seconds * 0.5))
    faults.denied = False


async def _oblivion(azure: LocalAzure, dice: Random, seconds: float, faults: DeniedFaults) -> None:
    """ARM does not know any cluster for less than the ten minutes after which they are gone; people write meanwhile."""
    if dice.random() < 0.5:
        return
    await asyncio.sleep(dice.uniform(0, seconds * 0.6))
    faults.forgotten = True
    for cluster in azure.store.of_type(_CLUSTERS):
        await asyncio.sleep(dice.uniform(1, 20))
        azure.emit("Write", "Success", cluster.id, f"{_CLUSTERS}/write")
    await asyncio.sleep(dice.uniform(5, min(300.0, seconds * 0.3)))
    faults.forgotten = False


async def _silence(dice: Random, seconds: float, server: MemoryTarget) -> None:
    """The zone's servers do not do what they are asked, or they do all along."""
    for _ in range(dice.randint(0, 2)):
        await asyncio.sleep(dice.uniform(0, seconds * 0.25))
        server.trouble = dice.choice([Trouble.UNREACHABLE, Trouble.BUSY, Trouble.DENIED])
        await asyncio.sleep(dice.uniform(5, seconds * 0.25))
        server.trouble = None


async def die_with_clusters(world: RecordWorld, dice: Random, seconds: float) -> None:
    """In half of the worlds the zone's servers are down while a cluster is deleted, until nearly all trouble ends."""
    if dice.random() < 0.5:
        return
    plan = dice.choice(world.plans)
    if plan.dies is None and not plan.shared:
        plan.dies = plan.born + dice.uniform(250, 600)
    clock, world.dies_silently = world.azure.clock, True
    until = clock.now() + seconds * dice.uniform(0.5, 1.0)
    while clock.now() < until:
        if any(plan.deleting for plan in world.plans):
            world.server.trouble = Trouble.UNREACHABLE
        await asyncio.sleep(1)
    world.dies_silently, world.server.trouble = False, None


async def _deployment(dice: Random, seconds: float, host: Host) -> None:
    """Somebody deploys another policy, or nobody does."""
    if dice.random() < 0.2:
        await asyncio.sleep(dice.uniform(0, seconds * 0.9))
        host.deploy()


_RECORDS = r"privatelink\.westeurope\.azmk8s\.io/A/"
_TROUBLES: list[tuple[Any, dict[str, Any]]] = [
    (lambda dice: effects.latency(dice.choice([0.5, 2.0, 8.0])), {}),
    (lambda dice: effects.throttled(dice.choice([None, 7, 40])), {}),
    (lambda dice: effects.too_many_requests(dice.choice([2, 17, 90])), {}),
    (lambda _: effects.another_operation(), {"method": "PUT"}),
    (lambda _: effects.precondition_failed(), {"method": "PUT"}),
    (lambda _: effects.internal_error(), {}),
    (lambda _: effects.unavailable_html(), {}),
    (lambda _: effects.not_authorised(), {}),
    (lambda _: effects.locked(), {"method": "PUT"}),
    (lambda _: effects.not_found(), {"path": r"/resourceGroups/[^/]+$", "method": "GET"}),
    (lambda _: effects.not_found(), {"path": r"/privateEndpoints/", "method": "GET"}),
    (lambda _: effects.not_found(), {"path": r"/networkInterfaces/", "method": "GET"}),
    (lambda _: effects.dropped_before(), {}),
    (lambda _: effects.dropped_after(), {}),
    (lambda _: effects.dropped_after(), {"path": _RECORDS, "method": "PUT"}),
    (lambda _: effects.silent(), {}),
]
