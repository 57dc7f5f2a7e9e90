"""A random world for the simulation of records: clusters whose API servers move, and people who write in DNS."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from random import Random
from typing import Any

import msgspec
from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.dns.record import NO_RECORD, Address, Owner, Record
from functions.dns.target import Trouble
from functions.policy import Mode, Policy, RecordTarget, Scope
from localazure.aks import maintenance
from localazure.aks.blueprint import Blueprint
from localazure.aks.reachable import addresses_of
from localazure.answers import Refused
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.operations import OperationFailed
from localazure.resources.private_zones import PrivateZones
from localazure.store import Json, Resource
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, cluster_request, hub_and_spoke
from tests.scenarios.cluster_shapes import OVERLAID, Shape, drawn, shaped
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.record_places import AzurePlace, Place, ServerPlace
from tests.scenarios.record_stories import HUB_ZONE, LISTED, SERVED, in_azure, on_servers

SHARED = "shared"
"""The host name that two clusters of the custom zone both claim."""


@dataclass(eq=False)
class Plan:
    """One cluster as its people mean it. `names` are all private names that it had."""

    id: str
    born: float
    zone: str
    dies: float | None
    again: bool  # it is made again after its end
    shared: bool  # its name is claimed by another cluster too
    excluded: bool
    tags_at: float | None = None  # when its people exclude it, after its birth, in seconds
    tagged: float = 0.0  # since when it is excluded, 0 while it is not
    deleting: bool = False
    shape: Shape = OVERLAID
    names: set[str] = field(default_factory=set[str])
    certain: list[tuple[float, frozenset[Address]]] = field(default_factory=list[tuple[float, frozenset[Address]]])
    """From when the API server was certainly at which addresses, empty where that was in doubt."""

    def certainly_at(self, since: float) -> list[frozenset[Address]]:
        """All that was certain of it at that moment, and after."""
        before = [at for at, _ in self.certain if at <= since]
        first = max(before, default=since)
        return [held for at, held in self.certain if at >= first and held]

    @property
    def now_at(self) -> frozenset[Address]:
        return self.certain[-1][1] if self.certain else frozenset()


@dataclass(eq=False)
class RecordWorld:
    """What people do is drawn from the seed; it is done through an ARM that no fault touches."""

    azure: LocalAzure
    dice: Random
    busy_for: float
    seed: int = 0
    kept: dict[tuple[str, str], Record] = field(default_factory=dict[tuple[str, str], Record])
    """Records that are not ours, by place and name, as they were when somebody made or took them."""

    dies_silently: bool = False
    """Whether the zone's servers go down with the first cluster that is deleted."""

    def __post_init__(self) -> None:
        dice = self.dice
        self._person = InProcessTransport(arm_app(self.azure, Faults(self.azure)))
        self.spoke = hub_and_spoke(self.azure, custom_dns=False)
        for zone in (HUB_ZONE, LISTED):
            PrivateZones(self.azure).place(zone)
        self.server = MemoryTarget(SERVED)
        kept_on = dice.choice([["server"], ["azure"], ["server", "azure"], ["server", "azure"]])
        adopts = dice.random() < 0.4
        ttl = dice.choice([60, 300])
        made = {"server": on_servers(adopt=adopts, ttl=ttl), "azure": in_azure(adopt=adopts, ttl=ttl)}
        self.targets: tuple[RecordTarget, ...] = tuple(made[kind] for kind in kept_on)
        everywhere: tuple[Place, ...] = (
            ServerPlace(self.server, made["server"]),
            AzurePlace(self.azure, made["azure"]),
        )
        self.places = [place for place in everywhere if place.target in self.targets]
        self.claimed_twice = dice.random() < 0.25
        self.plans = [self._cluster(nth) for nth in range(dice.randint(1, 4))]
        if self.claimed_twice:
            self.plans += [self._cluster(nth, shared=True) for nth in (8, 9)]
        shapes = Random(f"shapes:{self.seed}")
        for plan in self.plans:
            plan.shape = drawn(shapes, allowed=lambda shape, plan=plan: _is_kept(shape, plan))
        self._deeds: set[asyncio.Task[None]] = set()
        self.azure.listen(lambda _: self.note())

    def policy(self, owner: str) -> Policy:
        return Policy(
            owner=owner,
            mode=Mode.ENFORCE,
            scope=Scope(subscriptions=(SUBSCRIPTION,), hub_subscriptions=(HUB_SUBSCRIPTION,)),
            custom_zones=(ResourceId(LISTED),),
            discover_resolvers=False,
            records=self.targets,
            max_changed_share=1.0,
        )

    def changed(self, policy: Policy) -> Policy:
        """What somebody deploys half-way: another TTL."""
        records = tuple(msgspec.structs.replace(target, ttl=120) for target in policy.records)
        return msgspec.structs.replace(policy, records=records)

    def plan_of(self, cluster: ResourceId) -> Plan | None:
        return next((plan for plan in self.plans if ResourceId(plan.id) == cluster), None)

    def lives(self, plan: Plan) -> bool:
        return not plan.deleting and self.azure.store.get(plan.id) is not None

    def name_of(self, plan: Plan) -> str:
        held = self.azure.store.get(plan.id)
        return "" if held is None else str(held.properties.get("privateFQDN") or "").casefold()

    def note(self) -> None:
        """Note where the API servers are: whenever anything was written or deleted, and before it matters."""
        for plan in self.plans:
            now = self._certain(plan)
            if not plan.certain or plan.certain[-1][1] != now:
                plan.certain.append((self.azure.clock.now(), now))

    def exclude_some(self, dice: Random) -> None:
        """Some clusters are excluded by a tag when they have a record, and deleted later."""
        for plan in self.plans:
            if not plan.excluded and not plan.shared and dice.random() < 0.25:
                plan.tags_at = dice.uniform(60, self.busy_for * 0.5)
                plan.dies = max(plan.dies or 0.0, plan.born + plan.tags_at + dice.uniform(5, 400))

    async def live(self) -> None:
        """All that people do, at its time."""
        dice, deeds = self.dice, list[tuple[float, int, Callable[[], Awaitable[None]]]]()
        for plan in self.plans:
            deeds.append((plan.born, len(deeds), lambda plan=plan: self._life(plan)))
            for _ in range(dice.randint(0, 2)):
                deeds.append((self._later(plan), len(deeds), lambda plan=plan: self._move(plan)))
            for _ in range(dice.choice([0, 0, 1, 2])):
                deeds.append((self._later(plan), len(deeds), lambda plan=plan: self._meddle(plan)))
        began = self.azure.clock.now()
        for at, _, deed in sorted(deeds, key=lambda each: each[:2]):
            await asyncio.sleep(max(0.0, began + at - self.azure.clock.now()))
            task = asyncio.ensure_future(_quietly(deed))
            self._deeds.add(task)
            task.add_done_callback(self._deeds.discard)

    async def over(self) -> None:
        """Wait until everything that people began is done."""
        while self._deeds:
            await asyncio.sleep(1)

    def _later(self, plan: Plan) -> float:
        return plan.born + self.dice.uniform(40, max(60.0, self.busy_for - plan.born))

    def _cluster(self, nth: int, *, shared: bool = False) -> Plan:
        dice = self.dice
        born = dice.uniform(5, self.busy_for * 0.5)
        return Plan(
            id=f"{self.spoke.group}/providers/Microsoft.ContainerService/managedClusters/team{nth}",
            born=born,
            zone=LISTED if shared else dice.choice(["system", "system", LISTED]),
            dies=born + dice.uniform(100, self.busy_for) if dice.random() < 0.35 else None,
            again=dice.random() < 0.5,
            shared=shared,
            excluded=not shared and dice.random() < 0.1,
        )

    async def _life(self, plan: Plan) -> None:
        await self._create(plan)
        if plan.dies is None:
            return
        if plan.tags_at is not None:
            await asyncio.sleep(plan.tags_at)
            self._exclude(plan)
        await asyncio.sleep(plan.dies - plan.born - (plan.tags_at or 0.0))
        plan.deleting = True
        if self.dies_silently:
            self.server.trouble = Trouble.UNREACHABLE
        await self._ask("DELETE", plan.id)
        while self.azure.store.get(plan.id) is not None:
            await asyncio.sleep(1)
        if plan.again:
            await asyncio.sleep(self.dice.uniform(5, 300))
            await self._create(plan)

    def _exclude(self, plan: Plan) -> None:
        """Its people want Tether to leave a cluster alone."""
        held = self.azure.store.get(plan.id)
        if held is not None:
            held.body["tags"] = {"tether": "off"}
            plan.tagged = self.azure.clock.now()
            self.azure.emit("Write", "Success", plan.id, "Microsoft.ContainerService/managedClusters/write")

    async def _create(self, plan: Plan) -> None:
        tags = {"tether": "off"} if plan.excluded else None
        request = cluster_request(self.spoke.node_subnet, self.spoke.location, private_dns_zone=plan.zone, tags=tags)
        if plan.shared:
            request["properties"]["fqdnSubdomain"] = SHARED
        plan.deleting, plan.tagged = False, 0.0
        turned = shaped(self.azure, self.spoke, plan.shape)
        answer = await self._ask("PUT", plan.id, turned(request))
        assert answer.status_code == 201, answer.text()
        name = self.name_of(plan)
        plan.names.add(name)
        if self.dice.random() < 0.2:
            place = self.dice.choice(self.places)
            if not place.read(name).is_there:
                place.write(name, Record(frozenset({ip_address("10.9.9.9")}), 300))
                self._keep(place, name, unless_adopted=True)

    async def _move(self, plan: Plan) -> None:
        if not self.lives(plan):
            return
        match self.dice.randrange(7):
            case 0:
                await maintenance.stop(self.azure, plan.id)
                await asyncio.sleep(self.dice.uniform(5, 200))
                await maintenance.start(self.azure, plan.id)
            case 1:
                await maintenance.integrate(self.azure, plan.id)
            case 2:
                maintenance.set_approval(self.azure, plan.id, "Rejected")
                await maintenance.maintenance(self.azure, plan.id)
                await asyncio.sleep(self.dice.uniform(5, 200))
                maintenance.set_approval(self.azure, plan.id, "Approved")
            case _:
                await maintenance.maintenance(self.azure, plan.id)

    async def _meddle(self, plan: Plan) -> None:
        """Somebody else writes at a cluster's name: another address, nothing, or a record of their own."""
        name, place = self.name_of(plan), self.dice.choice(self.places)
        held = place.read(name) if name else NO_RECORD
        if not held.addresses or (place.name, name) in self.kept or not held.owners:
            return
        theirs = frozenset({ip_address(f"10.9.{self.dice.randrange(256)}.{self.dice.randrange(1, 255)}")})
        match self.dice.randrange(3):
            case 0:
                place.write(name, Record(theirs, held.ttl, held.owners))
            case 1:
                place.write(name, NO_RECORD)
            case _:
                place.write(name, Record(theirs, 300, (Owner("somebody-else", ResourceId(plan.id)).text,)))
                self._keep(place, name)

    def _keep(self, place: Place, name: str, *, unless_adopted: bool = False) -> None:
        if not (unless_adopted and place.target.adopt):
            self.kept[place.name, name] = place.read(name)

    def _certain(self, plan: Plan) -> frozenset[Address]:
        cluster = self.azure.store.get(plan.id)
        if cluster is None:
            return frozenset()
        blueprint = Blueprint.of(cluster)
        found = frozenset(map(ip_address, addresses_of(self.azure, blueprint)))
        if blueprint.balancer:
            return found
        endpoint = self.azure.store.get(blueprint.endpoint_id)
        return found if endpoint is not None and _is_sound(endpoint, found) else frozenset()

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        url = f"https://management.azure.com{path}?api-version=2026-08-01"
        return await self._person.send(HttpRequest(method, url, json=body, headers={"Authorization": "Bearer a.b.c"}))


def _is_kept(shape: Shape, plan: Plan) -> bool:
    """Whether the places can hold a cluster's name: A records alone, and no zone of VNet integration."""
    return not shape.dual_stack and (plan.zone == LISTED or not shape.integrated)


def _is_sound(endpoint: Resource, found: frozenset[Address]) -> bool:
    """Whether an endpoint is Approved and says the same as its NIC."""
    connections = endpoint.properties["privateLinkServiceConnections"]
    states = {held["properties"]["privateLinkServiceConnectionState"]["status"] for held in connections}
    configs = endpoint.properties.get("customDnsConfigs") or []
    said = {ip_address(address) for config in configs for address in config["ipAddresses"]}
    return states == {"Approved"} and (not said or said == found)


async def _quietly(deed: Callable[[], Awaitable[None]]) -> None:
    """A cluster that is busy, or gone meanwhile, refuses what people want of it."""
    with suppress(Refused, OperationFailed, LookupError):
        await deed()
