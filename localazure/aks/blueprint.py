"""What has to be there for a cluster, and where: read off its body."""

from dataclasses import dataclass
from typing import Self
from zlib import crc32

from localazure.aks.names import ZoneMode, zone_mode
from localazure.resolver import VNET
from localazure.store import Resource, items, part

LOCKDOWN = "ReadOnly"
API_SERVER = "kube-apiserver"
"""AKS's name for the private endpoint, or for the internal load balancer, of an API server."""
NODES_DOWN = "localazure/nodes-down"
"""Key of a cluster's body that is never printed: it was stopped, and its nodes have not come up again."""
INTERRUPTED = "localazure/interrupted"
"""Key of a cluster's body that is never printed: the upgrade or scaling that failed, and that a PUT resumes."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The pieces of one cluster. Ids are spelt as AKS spells them; `zone` is empty where there is no private zone.

    `subnets` are those that node pools and hosted system pools name, and `makes_vnet` says whether others stand in a
    VNet that AKS makes: all of them, or those of a cluster whose pools do not all name one. With API server VNet
    integration there is a `balancer` in `api_subnet` and no `endpoint`; a public cluster may have neither. `up`: the
    nodes are up, so an update boots none. `dual_stack`: an IPv6 address beside the IPv4 one, where the subnet has a
    prefix for it.
    `pod_cidrs` are the ranges that kubenet's nodes get their pods' addresses from.
    """

    cluster: str
    name: str
    subscription: str
    location: str
    node_group: str
    mode: ZoneMode
    private_fqdn: str
    zone: str
    record: str
    subnets: tuple[str, ...]
    makes_vnet: bool
    endpoint: bool
    balancer: bool
    api_subnet: str
    dual_stack: bool
    locked: bool
    nodes: int
    up: bool
    kubenet: bool
    pod_cidrs: tuple[str, ...]

    @property
    def owns_zone(self) -> bool:
        return self.mode == "system"

    @property
    def nodes_use_dns(self) -> bool:
        """Nodes look the name up only with a private zone and a private endpoint.

        With zone mode `none` they use /etc/hosts (AgentBaker PR 330), with VNet integration the internal address.
        """
        return self.mode in ("system", "custom") and self.endpoint

    @property
    def node_group_name(self) -> str:
        return self.node_group.rsplit("/", maxsplit=1)[-1]

    @property
    def scale_set(self) -> str:
        return f"aks-{self.name}-vmss"

    @property
    def own_vnet(self) -> str:
        """The VNet that AKS makes in the node resource group when the node pools name no subnet.

        Form: recorded errors/500-aks-get-vnet-error, network/field-apiserver-subnet-cli-flattened.
        """
        return f"{self.node_group}/providers/{VNET}/aks-vnet-{self._number:08d}"

    @property
    def own_subnet(self) -> str:
        return f"{self.own_vnet}/subnets/aks-subnet"

    @property
    def own_api_subnet(self) -> str:
        """The API server's subnet in that VNet, with VNet integration."""
        return f"{self.own_vnet}/subnets/aks-apiserver-subnet"

    @property
    def balancer_subnet(self) -> str:
        """Where the API server's load balancer stands. Without a subnet of its own among the nodes [U]."""
        return self.api_subnet or (self.subnets[0] if self.subnets else self.own_api_subnet)

    @property
    def endpoint_id(self) -> str:
        return f"{self.node_group}/providers/Microsoft.Network/privateEndpoints/{API_SERVER}"

    @property
    def balancer_id(self) -> str:
        return f"{self.node_group}/providers/Microsoft.Network/loadBalancers/{API_SERVER}"

    @property
    def node_subnet(self) -> str:
        """Where the first node pool and the private endpoint stand."""
        return self.subnets[0] if self.subnets else self.own_subnet

    @property
    def node_subnets(self) -> tuple[str, ...]:
        """Those of all node pools, each once."""
        return tuple(dict.fromkeys((*self.subnets, *((self.own_subnet,) if self.makes_vnet else ()))))

    @property
    def route_table(self) -> str:
        """Kubenet's own table; the number is the cluster's for good (form: azure-facts, AKS)."""
        name = f"aks-agentpool-{self._number:08d}-routetable"
        return f"{self.node_group}/providers/Microsoft.Network/routeTables/{name}"

    @property
    def _number(self) -> int:
        return crc32(self.cluster.casefold().encode()) % 10**8

    @property
    def vnets(self) -> tuple[str, ...]:
        """The VNets of the node pools, in order, each once."""
        return tuple(dict.fromkeys(subnet.rsplit("/", maxsplit=2)[0] for subnet in self.node_subnets))

    @classmethod
    def of(cls, cluster: Resource) -> Self:
        properties = cluster.properties
        access = part(properties, "apiServerAccessProfile")
        subscription = cluster.id.split("/")[2]
        node_group = f"/subscriptions/{subscription}/resourceGroups/{properties['nodeResourceGroup']}"
        mode = zone_mode(access)
        private_fqdn = str(properties.get("privateFQDN") or "")
        label, _, below = private_fqdn.partition(".")
        match mode:
            case "system":
                # Zones in MC_... come back in mc_... (recorded privatedns/field-link-on-system-zone-cli).
                lower = f"/subscriptions/{subscription}/resourceGroups/{str(properties['nodeResourceGroup']).lower()}"
                zone, record = f"{lower}/providers/Microsoft.Network/privateDnsZones/{below}", label
            case "custom":
                zone = str(access["privateDNSZone"])
                record = private_fqdn.removesuffix("." + zone.rsplit("/", maxsplit=1)[-1])
            case "none" | "public":
                zone, record = "", ""
        pools = items(properties, "agentPoolProfiles")
        placed = [str(pool.get("vnetSubnetID") or "") for pool in pools]
        hosted = part(properties, "hostedSystemProfile")
        if hosted.get("enabled"):
            placed += [str(hosted.get(key) or "") for key in ("nodeSubnetID", "systemNodeSubnetID")]
        network = part(properties, "networkProfile")
        restriction = part(properties, "nodeResourceGroupProfile").get("restrictionLevel")
        return cls(
            cluster=cluster.id,
            name=cluster.name,
            subscription=subscription,
            location=str(cluster.body.get("location", "")),
            node_group=node_group,
            mode=mode,
            private_fqdn=private_fqdn,
            zone=zone,
            record=record,
            subnets=tuple(filter(None, placed)),
            makes_vnet=not placed or not all(placed),
            endpoint=mode != "public" and not access.get("enableVnetIntegration"),
            balancer=bool(access.get("enableVnetIntegration")),
            api_subnet=str(access.get("subnetId") or ""),
            dual_stack="IPv6" in items(network, "ipFamilies"),
            locked=restriction == LOCKDOWN,
            nodes=sum(int(pool.get("count") or 0) for pool in pools),
            # identityProfile is shown from the first Succeeded on (recorded, every create)
            up="identityProfile" in properties and NODES_DOWN not in cluster.body,
            kubenet=network.get("networkPlugin") == "kubenet",
            pod_cidrs=tuple(items(network, "podCidrs")),
        )
