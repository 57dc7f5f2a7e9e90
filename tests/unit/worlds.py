"""Values that the unit tests share: a spoke, its cluster and the hubs, as the fleet's structs."""

from functions.arm.resource_id import ResourceId
from functions.fleet.model import (
    AccessProfile,
    AgentPool,
    ClusterProperties,
    ManagedCluster,
    ResourceGroup,
    SubResource,
)
from functions.fleet.network_model import (
    AddressSpace,
    DhcpOptions,
    Link,
    LinkProperties,
    Peering,
    PeeringProperties,
    VirtualNetwork,
    VirtualNetworkProperties,
)
from functions.fleet.seen import UNKNOWN, Links, Seen
from functions.policy import Hub, Policy, Scope

SPOKE_SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
HUB_SUBSCRIPTION = "33333333-3333-3333-3333-333333333333"
GUID = "0a1b2c3d-0000-4000-8000-00000000000a"
AT = 1_800_000_000.0


def an_id(kind: str, name: str, group: str = "rg", subscription: str = SPOKE_SUBSCRIPTION) -> ResourceId:
    return ResourceId(f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{kind}/{name}")


def a_vnet_id(name: str, subscription: str = SPOKE_SUBSCRIPTION) -> ResourceId:
    return an_id("Microsoft.Network/virtualNetworks", name, "network", subscription)


CLUSTER_ID = an_id("Microsoft.ContainerService/managedClusters", "prod", "apps")
NODE_GROUP = "MC_apps_prod_westeurope"
ZONE = an_id("Microsoft.Network/privateDnsZones", f"{GUID}.privatelink.westeurope.azmk8s.io", NODE_GROUP)
CUSTOM_ZONE = an_id("Microsoft.Network/privateDnsZones", "privatelink.westeurope.azmk8s.io", "dns")
SPOKE = a_vnet_id("spoke")
HUB = a_vnet_id("hub-weu", HUB_SUBSCRIPTION)
OTHER_HUB = a_vnet_id("hub-agents", HUB_SUBSCRIPTION)


def a_policy(*hubs: ResourceId | Hub, **more: object) -> Policy:
    named = tuple(hub if isinstance(hub, Hub) else Hub(vnet=hub) for hub in hubs)
    scope = Scope(subscriptions=(SPOKE_SUBSCRIPTION,), hub_subscriptions=(HUB_SUBSCRIPTION,))
    return Policy(**{"owner": "platform-test", "scope": scope, "hubs": named, "discover_resolvers": False, **more})  # type: ignore[arg-type]


def a_cluster(
    *,
    id: ResourceId = CLUSTER_ID,  # noqa: A002 - the field's own name
    location: str = "westeurope",
    state: str = "Creating",
    subnet: str | None = f"{SPOKE}/subnets/nodes",
    tags: dict[str, str] | None = None,
    private: bool = True,
    zone_mode: str | None = "system",
    private_fqdn: str = f"prod-12345678.{GUID}.privatelink.westeurope.azmk8s.io",
    node_group: str = NODE_GROUP,
    **properties: object,
) -> ManagedCluster:
    return ManagedCluster(
        id=id,
        location=location,
        tags=tags,
        properties=ClusterProperties(
            provisioning_state=state,
            private_fqdn=private_fqdn,
            node_resource_group=node_group,
            api_server_access_profile=AccessProfile(enable_private_cluster=private, private_dns_zone=zone_mode),
            agent_pool_profiles=(AgentPool(name="nodes", vnet_subnet_id=subnet),),
            **properties,  # type: ignore[arg-type]
        ),
    )


def a_group(managed_by: str | None = str(CLUSTER_ID)) -> ResourceGroup:
    return ResourceGroup(id=ZONE.group_id, location="westeurope", managed_by=managed_by)


def a_peering(remote: ResourceId, prefix: str, state: str = "Connected") -> Peering:
    return Peering(
        name=f"to-{remote.name}",
        properties=PeeringProperties(
            peering_state=state,
            remote_virtual_network=SubResource(id=remote),
            remote_address_space=AddressSpace(address_prefixes=(prefix,)),
        ),
    )


def a_spoke(*servers: str, peerings: tuple[Peering, ...] = (), prefix: str = "10.1.0.0/16") -> VirtualNetwork:
    return VirtualNetwork(
        id=SPOKE,
        location="westeurope",
        properties=VirtualNetworkProperties(
            address_space=AddressSpace(address_prefixes=(prefix,)),
            dhcp_options=DhcpOptions(dns_servers=servers),
            virtual_network_peerings=peerings,
        ),
    )


def a_link(
    vnet: ResourceId, name: str = "made-by-hand", state: str = "Completed", provisioning: str = "Succeeded"
) -> Link:
    return Link(
        id=ZONE.child("virtualNetworkLinks", name),
        name=name,
        properties=LinkProperties(
            virtual_network=SubResource(id=vnet), provisioning_state=provisioning, virtual_network_link_state=state
        ),
    )


def seen(cluster: ManagedCluster | None = None, **facts: object) -> Seen:
    given: dict[str, object] = {"links": Links(), "spokes": UNKNOWN, **facts}
    return Seen(
        zone=ZONE,
        location="westeurope",
        at=AT,
        cluster=a_cluster() if cluster is None else cluster,
        **given,  # type: ignore[arg-type]
    )
