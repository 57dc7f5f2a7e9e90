"""A fleet in a local Azure, in virtual time, and Tether's way to it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.graph import Graph
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.ledger.reports import DriftReport, Reports
from functions.policy import Mode, Policy, Scope
from functions.sweep import sweep
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.faults import Faults
from localazure.fleet import Fleet, many_clusters
from localazure.resources.private_zones import PrivateZones
from localazure.store import Resource
from localazure.virtual_time import run
from localazure.world import HUB_SUBSCRIPTION
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.story import OWNER, ListeningTransport, MemoryQueue, Token, kept


@dataclass
class Ground:
    """A fleet, and the way to it. `slept` has the pauses that were made, in seconds."""

    azure: LocalAzure
    fleet: Fleet
    session: Session
    transport: ListeningTransport
    faults: Faults
    slept: list[float] = field(default_factory=list[float])

    def graph(self, budget: float = 240) -> Graph:
        return Graph(self.session, now=self.azure.clock.now, sleep=self.sleep, budget=budget)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(seconds)

    def policy(self, **more: Any) -> Policy:
        """Enforces in the fleet's subscriptions, the hubs being found by discovery."""
        scope = Scope(subscriptions=self.fleet.subscriptions, hub_subscriptions=(HUB_SUBSCRIPTION,))
        return Policy(**{"owner": OWNER, "mode": Mode.ENFORCE, "scope": scope, **more})

    def zone_of_somebody(self, group: str, name: str) -> ResourceId:
        """A private zone that somebody made, in a group that nothing manages."""
        group_id = f"/subscriptions/{self.fleet.subscriptions[0]}/resourceGroups/{group}"
        if self.azure.store.get(group_id) is None:
            body = {"location": "westeurope"}
            self.azure.store.put(Resource(group_id, "Microsoft.Resources/resourceGroups", group, body))
        zone = PrivateZones(self.azure).place(f"{group_id}/providers/Microsoft.Network/privateDnsZones/{name}")
        return ResourceId(zone.id)


def on_ground(tell: Callable[[Ground], Awaitable[None]], number: int = 3, **placed: Any) -> None:
    """Tell something of a fleet of so many clusters, in virtual time."""

    async def told() -> None:
        azure = LocalAzure(seed=5)
        faults = Faults(azure)
        transport = ListeningTransport(arm_app(azure, faults))
        session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
        await tell(Ground(azure, many_clusters(azure, number, **placed), session, transport, faults))
        await azure.close()

    run(told())


@dataclass
class Office:
    """What a sweep works with, besides the fleet."""

    ground: Ground
    queue: MemoryQueue
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)
    servers: dict[str, MemoryTarget] = field(default_factory=dict[str, MemoryTarget])
    """The zones on DNS servers, by name."""

    async def sweep(self, **policy: Any) -> DriftReport:
        clock = self.ground.azure.clock
        wanted = self.ground.policy(**policy)
        targets = Targets(wanted.records, lambda record: kept(record, self.ground.session, self.servers))
        around = Around(self.ground.session, wanted, Scopes(), clock.now, self.ledger, self.reports, targets)
        return await sweep(around, self.queue, self.ledger, self.reports, sleep=self.ground.sleep)

    @property
    def reports(self) -> Reports:
        return Reports(self.documents)

    def asked(self) -> set[str]:
        """The targets that passes were asked for."""
        return {str(work.target) for work in self.queue.sent}


def in_office(tell: Callable[[Office], Awaitable[None]], number: int = 4, **placed: Any) -> None:
    """Tell something of sweeps of a fleet of so many clusters, in virtual time."""

    async def told(ground: Ground) -> None:
        await tell(Office(ground, MemoryQueue(ground.azure.clock.now)))

    on_ground(told, number, **placed)
