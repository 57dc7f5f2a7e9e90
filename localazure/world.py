"""Ready-made worlds for demo, tests and CLI: a spoke with custom DNS and the hubs whose resolvers it asks."""

from collections.abc import Sequence
from dataclasses import dataclass

from localazure.azure import LocalAzure
from localazure.resources.groups import ResourceGroups
from localazure.resources.peerings import Peerings
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Json

SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
HUB_SUBSCRIPTION = "33333333-3333-3333-3333-333333333333"


@dataclass(frozen=True, slots=True)
class HubAndSpoke:
    """One hub-and-spoke network. VNets and subnets are full resource ids.

    The spoke asks the resolver in `hub` (at `hub_resolver`). `second_hub` serves others, such as build agents or VPN
    clients, and is not peered with the spoke; empty when not asked for, as is `second_resolver`.
    """

    subscription: str
    location: str
    group: str
    hub: str
    hub_resolver: str
    second_hub: str
    second_resolver: str
    spoke: str
    node_subnet: str

    @property
    def hubs(self) -> tuple[str, ...]:
        return tuple(hub for hub in (self.hub, self.second_hub) if hub)


def hub_and_spoke(
    azure: LocalAzure,
    *,
    location: str = "westeurope",
    group: str = "apps",
    nth: int = 1,
    second_hub: bool = False,
    custom_dns: bool = True,
    subscription: str = SUBSCRIPTION,
    hub_subscription: str = HUB_SUBSCRIPTION,
) -> HubAndSpoke:
    """Make a hub 10.0.0.0/16 with its resolver at 10.0.0.4, and the `nth` spoke, 10.<nth>.0.0/16, peered with it.

    Calling it again with another `nth` adds a spoke to the same hub. Without `custom_dns` the spoke keeps Azure's DNS.
    With `second_hub` there is also 10.255.0.0/16 with a resolver at 10.255.0.4, unpeered. Everything is there when
    this returns; it needs a running event loop (for the clock) and emits the events of its writes.
    """
    hub_group = f"/subscriptions/{hub_subscription}/resourceGroups/hub-{location}"
    spoke_group = f"/subscriptions/{subscription}/resourceGroups/{group}"
    for group_id in (hub_group, spoke_group):
        if azure.store.get(group_id) is None:
            ResourceGroups(azure).create(group_id, location)
    hub = _vnet_id(hub_group, f"hub-{location}")
    second = _vnet_id(hub_group, f"agents-{location}") if second_hub else ""
    spoke = _vnet_id(spoke_group, f"spoke-{nth}")
    _network(azure, hub, location, "10.0", "dns")
    if second:
        _network(azure, second, location, "10.255", "dns")
    _network(azure, spoke, location, f"10.{nth}", "nodes", ["10.0.0.4"] if custom_dns else [])
    for here, there in ((spoke, hub), (hub, spoke)):
        name = there.rsplit("/", maxsplit=1)[-1]
        Peerings(azure).place(f"{here}/virtualNetworkPeerings/to-{name}", there)
    return HubAndSpoke(
        subscription=subscription,
        location=location,
        group=spoke_group,
        hub=hub,
        hub_resolver="10.0.0.4",
        second_hub=second,
        second_resolver="10.255.0.4" if second else "",
        spoke=spoke,
        node_subnet=f"{spoke}/subnets/nodes",
    )


def cluster_request(
    node_subnet: str,
    location: str,
    *,
    private: bool = True,
    private_dns_zone: str = "system",
    subnet: bool = True,
    lockdown: bool = False,
    count: int = 2,
    kubenet: bool = False,
    tags: dict[str, str] | None = None,
    access: Json | None = None,
) -> Json:
    """A cluster's PUT body as az CLI or Terraform would send it: Azure CNI overlay or `kubenet`, one system pool.

    `private_dns_zone` is `system`, `none` or a zone's id; without `subnet` AKS makes a VNet of its own; `lockdown` asks
    for a read-only node resource group; `access` is more of the apiServerAccessProfile of a private cluster, such as
    `{"enableVnetIntegration": True, "subnetId": id}` or `{"disableRunCommand": True}`.
    """
    pool: Json = {"name": "system", "mode": "System", "count": count, "vmSize": "Standard_D4ds_v5", "osType": "Linux"}
    if subnet:
        pool["vnetSubnetID"] = node_subnet
    plugin = {"networkPlugin": "kubenet"} if kubenet else {"networkPlugin": "azure", "networkPluginMode": "overlay"}
    properties: Json = {
        "dnsPrefix": "team",
        "agentPoolProfiles": [pool],
        "networkProfile": {
            **plugin,
            "podCidr": "10.244.0.0/16",
            "serviceCidr": "172.16.0.0/16",
            "dnsServiceIP": "172.16.0.10",
        },
    }
    if private:
        zone: Json = {"enablePrivateCluster": True, "privateDNSZone": private_dns_zone}
        properties["apiServerAccessProfile"] = zone | (access or {})
    if lockdown:
        properties["nodeResourceGroupProfile"] = {"restrictionLevel": "ReadOnly"}
    request: Json = {"location": location, "identity": {"type": "SystemAssigned"}, "properties": properties}
    return request | ({"tags": tags} if tags else {})


def _vnet_id(group: str, name: str) -> str:
    return f"{group}/providers/Microsoft.Network/virtualNetworks/{name}"


def _network(
    azure: LocalAzure, vnet: str, location: str, space: str, subnet: str, dns_servers: Sequence[str] = ()
) -> None:
    """A VNet <space>.0.0/16 with one /24 in it, unless it is there."""
    if azure.store.get(vnet) is None:
        VirtualNetworks(azure).place(
            vnet, location, [f"{space}.0.0/16"], dns_servers=dns_servers, subnets={subnet: f"{space}.0.0/24"}
        )
