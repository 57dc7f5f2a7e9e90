"""A random world for the simulation: networks, clusters, people, attackers, and what is the truth about each zone."""

import copy
from dataclasses import dataclass, field
from random import Random

import msgspec

from functions.arm.resource_id import ResourceId
from functions.handlers.link_names import link_id
from functions.policy import Hub, Mode, Policy, Scope
from localazure.aks.rules import AksRules
from localazure.azure import LocalAzure
from localazure.resources.private_zones import PrivateZones
from localazure.resources.zone_links import ZoneLinks
from localazure.store import Json, Resource
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke, hub_and_spoke
from tests.scenarios.cluster_shapes import OVERLAID, Shape, drawn

CLUSTERS = "Microsoft.ContainerService/managedClusters"
ZONES = "Microsoft.Network/privateDnsZones"
LINKS = f"{ZONES}/virtualNetworkLinks"
ELSEWHERE = "44444444-4444-4444-4444-444444444444"
APPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps"
LISTED = f"{APPS}/providers/{ZONES}/privatelink.westeurope.azmk8s.io"
AGENTS = {"serves": "agents"}
UNLISTED = f"{APPS}/providers/{ZONES}/other.privatelink.westeurope.azmk8s.io"


@dataclass(eq=False)
class Plan:
    """One cluster as its people mean it. `zone` is the one that AKS made for it, empty until it did."""

    id: str
    spoke: HubAndSpoke
    born: float
    mode: str
    excluded: bool
    lockdown: bool
    dies: float | None
    tagged: bool = False  # as the hub wants it that serves some clusters only
    zone: str = ""
    zone_at: float = 0.0
    deleting: bool = False
    shape: Shape = OVERLAID
    is_short: bool = False  # its life, which somebody else draws

    def takes(self, shape: Shape) -> None:
        """A shape that AKS locks down makes the cluster one that Tether may not write to."""
        self.shape, self.lockdown = shape, self.lockdown or shape.locked

    @property
    def concerns_tether(self) -> bool:
        private = self.mode in ("system", LISTED)
        return private and not self.excluded and not self.lockdown and f"/{ELSEWHERE}/" not in self.id


@dataclass(eq=False)
class RandomWorld:
    """What there is and what each Tether is to make of it, drawn from the seed (random_people.py: who changes it)."""

    azure: LocalAzure
    dice: Random
    busy_for: float
    plans: list[Plan] = field(default_factory=list[Plan])
    kept: dict[str, Json] = field(default_factory=dict[str, Json])
    """Links that are not ours, as they were when somebody made or took them."""
    seed: int = 0
    has_short_lives: bool = False
    """Whether many clusters lived for minutes, before and now. The removal limit is a real share of the fleet then."""
    closing_down: bool = False
    """Whether most clusters are deleted, more than the policy lets Tether remove in an hour."""

    def __post_init__(self) -> None:
        self.second_hub = self.dice.random() < 0.5
        self.spokes = [self._spoke(1, SUBSCRIPTION)]
        if self.dice.random() < 0.5:
            self.spokes.append(self._spoke(2, self.dice.choice([SUBSCRIPTION, SUBSCRIPTION, ELSEWHERE])))
        for zone in (LISTED, UNLISTED):
            PrivateZones(self.azure).place(zone)
        if self.dice.random() < 0.5:
            self.keep(ZoneLinks(self.azure).place(f"{LISTED}/virtualNetworkLinks/by-hand", self.hub, tags={"by": "x"}))
        self.azure.management_groups = {SUBSCRIPTION: ("landing-zones", "root"), ELSEWHERE: ("sandboxes", "root")}
        self.policies: dict[str, list[Policy]] = {}
        self.closing_down = self.dice.random() < 0.1
        self.azure.aks = AksRules(deletes_foreign_links=not self.closing_down and self.dice.random() < 0.7)
        clusters = self.dice.randint(6, 8) if self.closing_down else self.dice.randint(1, 4)
        self.plans = [self.drawn_cluster(nth) for nth in range(clusters)]
        self._shapes = Random(f"shapes:{self.seed}")
        for plan in self.plans:
            plan.takes(drawn(self._shapes))
        self.azure.listen(self._heard)

    @property
    def hub(self) -> str:
        return self.spokes[0].hub

    def policy(self, owner: str, *, second: bool) -> Policy:
        """The first Tether's hubs are named or discovered; the second's (another owner) is always the one hub."""
        dice = self.dice
        groups = dice.random() < 0.3
        policy = Policy(
            owner=owner,
            mode=Mode.ENFORCE,
            scope=Scope(
                subscriptions=() if groups else (SUBSCRIPTION,),
                management_groups=("Landing-Zones",) if groups else (),
                hub_subscriptions=(HUB_SUBSCRIPTION,),
            ),
            custom_zones=(ResourceId(LISTED),),
            max_changed_share=self._share(second=second),
            prune=not second and dice.random() < 0.4,
        )
        return self._in_force(policy, (Hub(vnet=ResourceId(self.hub)),) if second else self._drawn_hubs())

    def _share(self, *, second: bool) -> float:
        few = 0.3 if self.has_short_lives else 0.01
        return 1.0 if second else few if self.closing_down else self.dice.choice([1.0, few])

    def changed(self, policy: Policy) -> Policy:
        """What somebody deploys half-way: other hubs, or other clusters for the same."""
        return self._in_force(policy, self._drawn_hubs())

    def _in_force(self, policy: Policy, hubs: tuple[Hub, ...]) -> Policy:
        policy = msgspec.structs.replace(policy, hubs=hubs, discover_resolvers=not hubs)
        self.policies.setdefault(policy.owner, []).append(policy)
        return policy

    def _drawn_hubs(self) -> tuple[Hub, ...]:
        """None (discovery finds the one), one, or two, of which the other may serve some clusters only."""
        both = [Hub(vnet=ResourceId(self.hub))]
        if self.second_hub:
            other = ResourceId(self.spokes[0].second_hub)
            both.append(Hub(vnet=other, tags=dict(self.dice.choice([{}, {}, AGENTS]))))
        return tuple(self.dice.choice([[], both, both, both[:1]]))

    def wants(self, policy: Policy, plan: Plan) -> set[str]:
        """The hubs that a policy wants a cluster's zone to be linked to, in lower case.

        Discovery finds the hub whose DNS servers a VNet of the cluster asks.
        """
        tags = AGENTS if plan.tagged and plan.mode != LISTED else {}
        named = {str(hub.vnet).casefold() for hub in policy.hubs if hub.serves(plan.spoke.location, tags)}
        if policy.hubs:
            return named
        return {self.hub.casefold()} if plan.shape.custom_dns else set()

    def wanted(self, plan: Plan) -> set[str]:
        """The hubs that some Tether wants a cluster's zone to be linked to now."""
        return set[str]().union(*(self.wants(policies[-1], plan) for policies in self.policies.values()))

    def owner_of(self, zone: str) -> Plan | None:
        """The cluster that AKS made a zone for, or is about to, as long as anybody remembers."""
        key = zone.casefold()
        return next((plan for plan in self.plans if key in (plan.zone.casefold(), self._made_for(plan))), None)

    def _spoke(self, nth: int, subscription: str) -> HubAndSpoke:
        return hub_and_spoke(self.azure, nth=nth, second_hub=self.second_hub, subscription=subscription)

    def drawn_cluster(self, nth: int) -> Plan:
        dice, spoke = self.dice, self.dice.choice(self.spokes)
        mode = dice.choices(["system", LISTED, UNLISTED, "none"], [8, 2, 1, 1])[0]
        if spoke.subscription == ELSEWHERE and mode != "none":
            mode = "system"
        born = dice.uniform(5, self.busy_for * 0.7)
        return Plan(
            id=f"{spoke.group}/providers/Microsoft.ContainerService/managedClusters/team{nth}",
            spoke=spoke,
            born=born,
            mode=mode,
            excluded=dice.random() < 0.12,
            lockdown=dice.random() < 0.12,
            dies=born + dice.uniform(60, self.busy_for * 0.8)
            if dice.random() < (0.9 if self.closing_down else 0.3)
            else None,
            tagged=dice.random() < 0.5,
        )

    def harmless_shape(self) -> Shape:
        """A shape for a cluster that Tether can bring up."""
        return drawn(self._shapes, allowed=lambda shape: not shape.locked)

    def _heard(self, event: Json) -> None:
        """Note the zone that AKS made; at times somebody is quicker than Tether to link it, even by our very name."""
        if event["eventType"].endswith("WriteSuccess") and event["data"]["operationName"] == f"{ZONES}/write":
            for plan in self.plans:
                if not plan.zone and self._made_for(plan) == event["subject"].casefold():
                    plan.zone, plan.zone_at = event["subject"], self.azure.clock.now()
                    if not plan.is_short:
                        self._be_quicker(plan)

    def _made_for(self, plan: Plan) -> str:
        cluster = self.azure.store.get(plan.id)
        if cluster is None or plan.mode != "system":
            return ""
        group, name = cluster.properties["nodeResourceGroup"], cluster.properties.get("privateFQDN") or ""
        subscription = plan.id.split("/")[2]
        zone = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{ZONES}/{name.partition('.')[2]}"
        return zone.casefold()

    def _be_quicker(self, plan: Plan) -> None:
        drawn = self.dice.random()
        if drawn < 0.3:
            name = "by-hand" if drawn < 0.15 else link_id(ResourceId(plan.zone), ResourceId(self.hub), "first").name
            self.keep(
                ZoneLinks(self.azure).place(
                    f"{plan.zone}/virtualNetworkLinks/{name}", self.hub, tags={"team": "network"}
                )
            )

    def keep(self, link: Resource) -> None:
        self.kept[link.id] = copy.deepcopy(link.body)
