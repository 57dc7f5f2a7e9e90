"""The shapes of cluster that AKS makes, as changes to an ordinary cluster's PUT body, and the networks they need.

What AKS fills in is the local AKS's (localazure/aks/presets.py). tests/fidelity/test_cluster_shapes.py compares the
shapes that were recorded with their recordings; the others follow AKS's documentation and API specification.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from localazure.azure import LocalAzure
from localazure.resources.peerings import Peerings
from localazure.resources.subnets import Subnets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Json
from localazure.world import HubAndSpoke

type Place = Literal["spoke", "other", ""]
"""Where a pool stands: in the spoke, in another VNet with the same DNS servers, or where AKS chooses."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape. `pools` has a place for each; `properties` and `body` are laid over the PUT, key by key.

    `hosted` are the places of hosted system nodes and of the nodes beside them. `recorded` is the recording whose PUT
    has this shape, empty where there is none.
    """

    name: str
    pools: tuple[Place, ...] = ("spoke",)
    hosted: tuple[Place, Place] | None = None
    network: Json = field(default_factory=dict[str, object])
    properties: Json = field(default_factory=dict[str, object])
    body: Json = field(default_factory=dict[str, object])
    recorded: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        return (*self.pools, *(self.hosted or ()))

    @property
    def automatic(self) -> bool:
        return "sku" in self.body

    @property
    def locked(self) -> bool:
        """Whether a deny assignment guards the node resource group, so that no link can be made there."""
        return self.automatic

    @property
    def integrated(self) -> bool:
        """Whether the API server has VNet integration: its zone is `<guid>.private.<region>.azmk8s.io` then."""
        return self.automatic

    @property
    def dual_stack(self) -> bool:
        return "ipFamilies" in self.network

    @property
    def custom_dns(self) -> bool:
        """Whether a VNet of the cluster has the hub's DNS servers: none that AKS makes does."""
        return any(self.places)

    @property
    def has_secret(self) -> bool:
        """Whether nobody can put it again without a secret."""
        return "servicePrincipalProfile" in self.properties


OVERLAY: Json = {"networkPlugin": "azure", "networkPluginMode": "overlay"}
KUBENET: Json = {"networkPlugin": "kubenet"}
_AUTOMATIC: Json = {"sku": {"name": "Automatic", "tier": "Standard"}, "kind": "Automatic"}
_PRINCIPAL: Json = {
    "servicePrincipalProfile": {"clientId": "0a1b2c3d-0000-4000-8000-00000000000b", "secret": "REDACTED"}
}

OVERLAID = Shape("overlay", network=OVERLAY)
"""The ordinary cluster: one pool in a subnet of the spoke."""

SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        OVERLAID,
        Shape("without a subnet", pools=("",), network=KUBENET, recorded="private-zone-system-public-fqdn-on-then-off"),
        Shape("pools in two VNets", pools=("spoke", "other"), network=OVERLAY),
        Shape("a pool with a subnet and one without", pools=("spoke", ""), network=OVERLAY),
        Shape("Azure CNI", network={"networkPlugin": "azure"}),
        Shape("no network plugin", network={"networkPlugin": "none"}),
        Shape("service principal", network=OVERLAY, properties=_PRINCIPAL, body={"identity": None}),
        Shape("dual stack", network={**OVERLAY, "ipFamilies": ["IPv4", "IPv6"]}),
        Shape("Automatic", pools=("",), body=_AUTOMATIC, recorded="automatic-create"),
        Shape(
            "Automatic, hosted system pools",
            pools=(),
            hosted=("", ""),
            body=_AUTOMATIC,
            recorded="automatic-hosted-system-create",
        ),
        Shape("Automatic, hosted system pools in subnets", pools=(), hosted=("spoke", "spoke"), body=_AUTOMATIC),
        Shape("hosted system pools beside a pool", hosted=("spoke", "spoke"), network=OVERLAY),
    )
}
"""By name. The first is what the stories begin with where shape does not matter."""


KUBENET_SHAPES: tuple[Shape, ...] = (
    Shape("kubenet", network=KUBENET),
    Shape("two kubenet pools", pools=("spoke", "spoke"), network=KUBENET),
    Shape("a kubenet pool with a subnet and one without", pools=("spoke", ""), network=KUBENET),
    Shape("kubenet with a service principal", network=KUBENET, properties=_PRINCIPAL, body={"identity": None}),
)
"""Those on a subnet of the customer's, whose route table is Tether's concern."""


def drawn(
    dice: Random,
    shapes: Iterable[Shape] = SHAPES.values(),
    *,
    allowed: Callable[[Shape], bool] = lambda _: True,
    ordinary: float = 0.5,
) -> Shape:
    """A shape for one cluster of a random world: the first with the probability `ordinary`, else any of the others."""
    first, *others = (shape for shape in shapes if allowed(shape))
    return first if dice.random() < ordinary else dice.choice(others)


def shaped(azure: LocalAzure, world: HubAndSpoke, shape: Shape) -> Callable[[Json], Json]:
    """Make the networks that a shape needs, and give what turns an ordinary PUT body into one of that shape."""
    places = {"spoke": world.node_subnet, "other": "", "": ""}
    if "other" in shape.places:
        places["other"] = _other_subnet(azure, world)
    if shape.dual_stack:
        prefixes = [*_prefixes(azure, world.node_subnet), "fd00:1:5::/64"]
        Subnets(azure).change(world.node_subnet, addressPrefix=None, addressPrefixes=prefixes)

    def turned(request: Json) -> Json:
        said: Json = deepcopy(request)
        properties: Json = {**said["properties"], **deepcopy(shape.properties)}
        (pool,) = properties.pop("agentPoolProfiles")
        pool.pop("vnetSubnetID", None)
        made: list[Json] = [_pool(pool, nth, places[place]) for nth, place in enumerate(shape.pools)]
        if made:
            properties["agentPoolProfiles"] = made
        if shape.hosted is not None:
            properties["hostedSystemProfile"] = _hosted(*(places[place] for place in shape.hosted))
        network = {key: value for key, value in properties.pop("networkProfile").items() if "Plugin" not in key}
        if shape.network.get("networkPlugin") == "azure" and "networkPluginMode" not in shape.network:
            network.pop("podCidr")  # pods have addresses of the VNet's
        properties["networkProfile"] = {**network, **deepcopy(shape.network)}
        said = {**said, **deepcopy(shape.body), "properties": properties}
        return {key: value for key, value in said.items() if value is not None}

    return turned


def _pool(pool: Json, nth: int, subnet: str) -> Json:
    named = {**pool, "name": f"pool{nth}", "mode": "User" if nth else "System"}
    return {**named, "vnetSubnetID": subnet} if subnet else named


def _hosted(system: str, nodes: str) -> Json:
    """AKS wants all subnets or none (AKS API 2026-03-01, ManagedClusterHostedSystemProfile)."""
    return {"enabled": True} | ({"systemNodeSubnetID": system, "nodeSubnetID": nodes} if system else {})


def _prefixes(azure: LocalAzure, subnet: str) -> list[str]:
    held = azure.store.get(subnet)
    assert held is not None
    prefixes: list[str] = held.properties.get("addressPrefixes") or [held.properties["addressPrefix"]]
    return [prefix for prefix in prefixes if ":" not in prefix]


def _other_subnet(azure: LocalAzure, world: HubAndSpoke) -> str:
    """A subnet in a second VNet of the spoke's owner, peered with the hub and asking its DNS servers."""
    vnet = f"{world.spoke}-more"
    if azure.store.get(vnet) is None:
        space = f"10.{100 + int(world.spoke.rpartition('-')[2])}"
        VirtualNetworks(azure).place(
            vnet,
            world.location,
            [f"{space}.0.0/16"],
            dns_servers=_dns_servers(azure, world.spoke),
            subnets={"nodes": f"{space}.0.0/24"},
        )
        for here, there in ((vnet, world.hub), (world.hub, vnet)):
            Peerings(azure).place(f"{here}/virtualNetworkPeerings/to-{there.rpartition('/')[2]}", there)
    return f"{vnet}/subnets/nodes"


def _dns_servers(azure: LocalAzure, vnet: str) -> list[str]:
    held = azure.store.get(vnet)
    assert held is not None
    servers: list[str] = (held.properties.get("dhcpOptions") or {}).get("dnsServers") or []
    return servers
