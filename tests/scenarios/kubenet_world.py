"""A random world for the simulation of kubenet: clusters on subnets that others write, share, delegate and route."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.policy import FailedClusters, Hub, Mode, Policy, RouteTables, Scope
from localazure.aks.blueprint import Blueprint
from localazure.aks.rules import AksRules
from localazure.azure import LocalAzure
from localazure.back_references import NICS
from localazure.network_rules import ARM, GRAPH, NetworkRules
from localazure.resources.route_tables import RouteTables as Tables
from localazure.resources.subnets import Subnets
from localazure.store import Json, Resource, part
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke, hub_and_spoke
from tests.scenarios.cluster_shapes import KUBENET_SHAPES, SHAPES, Shape, drawn

BUSY = frozenset({"creating", "updating", "upgrading", "scaling", "starting", "stopping", "deleting"})

NSG = "/subscriptions/0/resourceGroups/net/providers/Microsoft.Network/networkSecurityGroups"


@dataclass(eq=False)
class Plan:
    """One cluster as its people mean it. Instants are in seconds since 1970."""

    id: str
    born: float
    """In seconds from the world's beginning."""
    subnet: str
    location: str
    fate: str
    """What its people do with it: `upgrade`, `scaling`, `stop`, `delete`, `by hand`, `hostile`, or nothing."""
    kubenet: bool = True
    shape: Shape = KUBENET_SHAPES[0]
    zone: str = "system"
    excluded: bool = False
    deleting: bool = False
    born_at: float = 0.0
    births: int = 0
    """How often it was made."""
    state: str = ""
    since: float = 0.0
    """When it was first seen in that state."""
    up_at: float = 0.0
    """When it first came up, 0 while it never did."""
    touched: bool = False
    """Whether a person wrote it after its creation."""
    hostile_at: float = 0.0
    """When its owner put a route of his own into AKS's table."""
    table: str = ""
    """The route table that AKS makes for it, once that is known."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person wrote into a property of a subnet, as Azure shows it, and when."""

    value: object
    at: float


@dataclass(eq=False)
class KubenetWorld:
    """What there is, and what is true of it. `dice` decides; kubenet_people.py is who changes it."""

    azure: LocalAzure
    dice: Random
    busy_for: float
    said: dict[str, dict[str, Said]] = field(default_factory=dict[str, dict[str, Said]])
    """What every subnet has to have, by its id: foreign tables too, and never those of AKS."""
    tables: dict[str, list[tuple[float, str]]] = field(default_factory=dict[str, list[tuple[float, str]]])
    """Since when each subnet had which table, in lower case."""
    company: dict[str, float] = field(default_factory=dict[str, float])
    """Since when somebody else's machine is in a subnet."""
    seed: int = 0
    unlisted: frozenset[str] = frozenset()
    """Subnets whose list of addresses Azure leaves out, by their ids in lower case."""
    before_write: Any = None
    """Called before a person writes a subnet."""

    def __post_init__(self) -> None:
        dice = self.dice
        self.azure.network = NetworkRules(judges_subnet_etags=dice.random() < 0.6)
        self.azure.aks = AksRules(
            unrouted=dice.choice(["route table", "route table", 50, 51, 52]), tells_creation=dice.random() < 0.5
        )
        self.spokes = [hub_and_spoke(self.azure)]
        if dice.random() < 0.4:
            self.spokes.append(hub_and_spoke(self.azure, nth=2, custom_dns=dice.random() < 0.3))
        self.plans: list[Plan] = []
        self.terraformed: dict[str, float] = {}
        for _ in range(dice.randint(1, 4)):
            self._draw()
        self._leave_lists_out()
        self._shapes = Random(f"shapes:{self.seed}")
        for plan in self.plans:
            shapes, allowed = (KUBENET_SHAPES, _is_any) if plan.kubenet else (SHAPES.values(), _stays_in_subnet)
            plan.shape = drawn(self._shapes, shapes, allowed=allowed, ordinary=0.75)
        self.azure.listen(lambda _: self.note())

    @property
    def hub(self) -> str:
        return self.spokes[0].hub

    def policy(self, owner: str) -> Policy:
        dice = self.dice
        return Policy(
            owner=owner,
            mode=Mode.ENFORCE,
            scope=Scope(subscriptions=(SUBSCRIPTION,), hub_subscriptions=(HUB_SUBSCRIPTION,)),
            hubs=(Hub(vnet=ResourceId(self.hub)),),
            discover_resolvers=False,
            route_tables=RouteTables(attach=True, reattach=dice.random() < 0.5),
            failed_clusters=FailedClusters(reconcile=dice.random() < 0.85),
            max_changed_share=1.0,
        )

    def changed(self, policy: Policy) -> Policy:
        """What somebody deploys half-way: tables are attached again, or not any more."""
        tables = RouteTables(attach=True, reattach=not policy.route_tables.reattach)
        return msgspec.structs.replace(policy, route_tables=tables)

    def plan_of(self, cluster: str) -> Plan | None:
        return next((plan for plan in self.plans if plan.id.casefold() == cluster.casefold()), None)

    def lives(self, plan: Plan) -> bool:
        return not plan.deleting and self.azure.store.get(plan.id) is not None

    def table_of(self, subnet: str) -> str:
        """The id of a subnet's table in lower case, empty without one."""
        held = self.azure.store.get(subnet)
        return str(part(held.properties, "routeTable").get("id") or "").casefold() if held else ""

    def had_table(self, subnet: str, table: str, since: float) -> bool:
        """Whether a subnet had a table at some time since then."""
        held = self.tables.get(subnet.casefold(), [])
        ended = [*[at for at, _ in held[1:]], float("inf")]
        return any(one == table and end >= since for (_, one), end in zip(held, ended, strict=True))

    def on(self, subnet: str) -> list[Plan]:
        """The clusters that are there and name a subnet."""
        wanted = subnet.casefold()
        return [one for one in self.plans if one.subnet.casefold() == wanted and self.azure.store.get(one.id)]

    def note(self) -> None:
        """Note what is so now: before anything that may change it, and after."""
        now = self.azure.clock.now()
        for plan in self.plans:
            held = self.azure.store.get(plan.id)
            state = str(held.properties["provisioningState"]).casefold() if held else ""
            if state != plan.state:
                plan.state, plan.since = state, now
            if held is not None:
                plan.table = Blueprint.of(held).route_table.casefold()
                if state == "succeeded":
                    plan.up_at = plan.up_at or now
        for subnet in self.said:
            held_tables, table = self.tables.setdefault(subnet.casefold(), []), self.table_of(subnet)
            if not held_tables or held_tables[-1][1] != table:
                held_tables.append((now, table))

    def write(self, subnet: str, **properties: object) -> None:
        """Somebody writes a subnet, and means it."""
        if self.before_write is not None:
            self.before_write()
        held = Subnets(self.azure).change(subnet, **properties).properties
        said = self.said.setdefault(subnet, {})
        for name, value in properties.items():
            if value is None:
                said.pop(name, None)
            else:
                said[name] = Said(deepcopy(held[name]), self.azure.clock.now())
        self.note()

    def stranger(self, subnet: str) -> None:
        """Somebody puts a machine into a subnet."""
        nic = f"{self.spokes[0].group}/providers/{NICS}/stranger-{len(self.company)}"
        configuration: Json = {
            "name": "ipconfig1",
            "id": f"{nic}/ipConfigurations/ipconfig1",
            "properties": {"privateIPAddress": "10.1.9.9", "subnet": {"id": subnet}},
        }
        body: Json = {"location": "westeurope", "properties": {"ipConfigurations": [configuration]}}
        self.azure.store.put(Resource(nic, NICS, nic.rpartition("/")[2], body))
        self.company.setdefault(subnet.casefold(), self.azure.clock.now())

    def newborn(self) -> Plan:
        """One more cluster, with a subnet of its own and nobody who harms it."""
        plan = self._cluster(self._subnet(self.spokes[0]), self.spokes[0], 0.0, "")
        plan.shape = drawn(self._shapes, KUBENET_SHAPES, allowed=lambda shape: not shape.has_secret)
        self.plans.append(plan)
        return plan

    def _leave_lists_out(self) -> None:
        """ARM and Resource Graph leave the lists of some subnets out, or Resource Graph alone does."""
        dice = Random(f"omitted:{self.seed}")
        unlisted = frozenset(subnet.casefold() for subnet in self.said if dice.random() < 0.15)
        by = dice.choice([frozenset({GRAPH}), frozenset({ARM, GRAPH}), frozenset({ARM, GRAPH})])
        self.azure.network = replace(self.azure.network, unlisted=unlisted, leaves_out=by)
        self.unlisted = unlisted if ARM in by else frozenset()

    def _draw(self) -> None:
        """A cluster, and at times another one or somebody else on its subnet."""
        dice, spoke = self.dice, self.dice.choice(self.spokes)
        subnet = self._subnet(spoke)
        fates = ["", "", "", "upgrade", "scaling", "stop", "delete", "by hand", "hostile"]
        born = dice.uniform(5, self.busy_for * 0.3)
        self.plans.append(self._cluster(subnet, spoke, born, dice.choice(fates)))
        match dice.random():
            case drawn if drawn < 0.08:
                self.stranger(subnet)
            case drawn if drawn < 0.2:
                beside = self._cluster(
                    subnet, spoke, dice.uniform(5, self.busy_for * 0.5), dice.choice(["", "hostile"])
                )
                beside.kubenet = dice.random() < 0.6
                self.plans.append(beside)
            case drawn if drawn < 0.3:
                table = f"{spoke.group}/providers/Microsoft.Network/routeTables/firewall-{len(self.plans)}"
                Tables(self.azure).place(table, spoke.location)
                self.write(subnet, routeTable={"id": table})
            case drawn if drawn < 0.5:
                self.terraformed[subnet] = dice.choice([dice.uniform(20, 90), dice.uniform(120, 1500)])
            case _:
                pass

    def _subnet(self, spoke: HubAndSpoke) -> str:
        """Another subnet, with some of what people set."""
        nth = len(self.said) + 10
        subnet = f"{spoke.spoke}/subnets/nodes-{nth}"
        space = spoke.spoke.rpartition("-")[2]
        Subnets(self.azure).place(subnet, {"addressPrefix": f"10.{space}.{nth}.0/24"})
        self.write(subnet, addressPrefix=f"10.{space}.{nth}.0/24", **self.drawn_properties())
        return subnet

    def drawn_properties(self) -> dict[str, object]:
        """Some of the properties that a PUT can lose."""
        dice = self.dice
        nth = dice.randrange(1000)
        every: dict[str, object] = {
            "networkSecurityGroup": {"id": f"{NSG}/nsg-{nth}"},
            "natGateway": {"id": f"/subscriptions/0/resourceGroups/net/providers/Microsoft.Network/natGateways/{nth}"},
            "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": [f"region-{nth}"]}],
            "privateEndpointNetworkPolicies": dice.choice(["Enabled", "NetworkSecurityGroupEnabled"]),
            "notYetInvented": {"a": [nth, None]},
            "defaultOutboundAccess": bool(nth % 2),
        }
        return {name: every[name] for name in dice.sample(sorted(every), dice.randint(0, 3))}

    def _cluster(self, subnet: str, spoke: HubAndSpoke, born: float, fate: str) -> Plan:
        return Plan(
            id=f"{spoke.group}/providers/Microsoft.ContainerService/managedClusters/team{len(self.plans)}",
            born=born,
            subnet=subnet,
            location=spoke.location,
            fate=fate,
            excluded=bool(fate) and self.dice.random() < 0.08,
        )


def _is_any(_: Shape) -> bool:
    return True


def _stays_in_subnet(shape: Shape) -> bool:
    """Whether a cluster needs its one subnet, as people wrote it, and nothing else."""
    return set(shape.places) == {"spoke"} and not (shape.locked or shape.dual_stack)
