"""The resources that Tether looks at, as ARM prints them, cut to what Tether uses.

The same structs decode a GET and a Resource Graph row. What ARM leaves out is None or empty; nothing is invented.
"""

from collections.abc import Iterator

import msgspec

from functions.arm.resource_id import InvalidResourceIdError, ResourceId


class ArmStruct(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of an ARM body: unknown fields are passed over, since new ones come with every API version."""


class SubResource(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId


class ResourceGroup(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    location: str = ""
    managed_by: str | None = (
        None  # the cluster's id on a node resource group, but anyone who creates a group may set it
    )


class AccessProfile(ArmStruct, frozen=True, kw_only=True):
    enable_private_cluster: bool | None = None
    private_dns_zone: str | None = msgspec.field(default=None, name="privateDNSZone")
    enable_vnet_integration: bool | None = None
    disable_run_command: bool | None = None
    subnet_id: str | None = None  # "" when AKS makes the subnet: recorded aks/vnet-integration-private-create


class AgentPool(ArmStruct, frozen=True, kw_only=True):
    name: str = ""
    count: int | None = None  # the machines that are wanted
    vnet_subnet_id: str | None = msgspec.field(default=None, name="vnetSubnetID")
    provisioning_state: str | None = None
    node_image_version: str | None = None  # of its nodes: recorded aks/node-image-upgrade-cluster
    orchestrator_version: str | None = None  # the version that is wanted
    current_orchestrator_version: str | None = None


class HostedSystemProfile(ArmStruct, frozen=True, kw_only=True):
    """System pools that AKS runs for an Automatic cluster: `agentPoolProfiles` does not list them.

    The subnets are absent when AKS makes the VNet: recorded aks/automatic-hosted-system-create.
    """

    enabled: bool | None = None
    system_node_subnet_id: str | None = msgspec.field(default=None, name="systemNodeSubnetID")
    node_subnet_id: str | None = msgspec.field(default=None, name="nodeSubnetID")


class NodeResourceGroupProfile(ArmStruct, frozen=True, kw_only=True):
    restriction_level: str | None = None


class NodeProvisioningProfile(ArmStruct, frozen=True, kw_only=True):
    """`Auto`: nodes besides those of the pools, which no pool lists (recorded aks/automatic-create)."""

    mode: str | None = None


class PowerState(ArmStruct, frozen=True, kw_only=True):
    code: str = ""


class ProvisioningError(ArmStruct, frozen=True, kw_only=True):
    """AKS's error of the last operation (recorded errors/aks-create-or-update-virtual-network-link-failed)."""

    code: str = ""
    message: str = ""


class ClusterStatus(ArmStruct, frozen=True, kw_only=True):
    provisioning_error: ProvisioningError | None = None


class AadProfile(ArmStruct, frozen=True, kw_only=True):
    """Microsoft Entra integration: that it is there is all that Tether needs to know."""


class SystemData(ArmStruct, frozen=True, kw_only=True):
    """What ARM itself keeps of a resource. An instant is ISO 8601 text."""

    created_at: str = ""


class NetworkProfile(ArmStruct, frozen=True, kw_only=True):
    """How pods are reached. Newer versions list the prefixes of both IP versions in `podCidrs`."""

    network_plugin: str | None = None
    pod_cidr: str | None = None
    pod_cidrs: tuple[str, ...] | None = None


class ClusterProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    # Another for each cluster that is made under one id (AKS API, resourceUID).
    resource_uid: str | None = msgspec.field(default=None, name="resourceUID")
    kubernetes_version: str | None = None  # the version that is wanted
    current_kubernetes_version: str | None = None
    power_state: PowerState | None = None
    private_fqdn: str | None = msgspec.field(default=None, name="privateFQDN")
    node_resource_group: str | None = None
    node_resource_group_profile: NodeResourceGroupProfile | None = None
    api_server_access_profile: AccessProfile | None = None
    agent_pool_profiles: tuple[AgentPool, ...] | None = None
    hosted_system_profile: HostedSystemProfile | None = None
    node_provisioning_profile: NodeProvisioningProfile | None = None
    aad_profile: AadProfile | None = None
    network_profile: NetworkProfile | None = None
    status: ClusterStatus | None = None

    @property
    def nodes_stand_in(self) -> Iterator[str]:
        """For each kind of node the id of its subnet, as text: empty where AKS makes the VNet."""
        for pool in self.agent_pool_profiles or ():
            yield pool.vnet_subnet_id or ""
        hosted = self.hosted_system_profile
        if hosted is not None and hosted.enabled:
            yield hosted.system_node_subnet_id or ""
            yield hosted.node_subnet_id or ""

    @property
    def named_subnets(self) -> frozenset[str]:
        """The ids, as text, of the subnets that the cluster names for its nodes and its API server."""
        access = self.api_server_access_profile
        named = (*self.nodes_stand_in, access.subnet_id if access else None)
        return frozenset(subnet for subnet in named if subnet)

    @property
    def vnet_of_aks(self) -> bool:
        """Whether nodes stand in a VNet that AKS made in the node resource group: not all of them name a subnet."""
        return not all(self.nodes_stand_in) or not self.named_subnets


# Where AKS rests. The state is free text and new values will come, so whatever else it says counts as busy.
_SETTLED = frozenset({"succeeded", "failed", "canceled"})


class ManagedCluster(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    location: str = ""
    tags: dict[str, str] | None = None
    e_tag: str | None = None
    etag: str | None = None  # how AKS spells it at times (recorded trap 4)
    system_data: SystemData | None = None
    properties: ClusterProperties

    @property
    def any_etag(self) -> str | None:
        """Its ETag, however AKS spells that."""
        return self.e_tag or self.etag

    @property
    def failed(self) -> bool:
        """Whether its last operation failed."""
        return self.properties.provisioning_state.casefold() == "failed"

    @property
    def changes_version(self) -> bool:
        """Whether it, or one of its pools, is to run another version than it does: a write would go on with that."""
        own = (self.properties.kubernetes_version, self.properties.current_kubernetes_version)
        pools = self.properties.agent_pool_profiles or ()
        versions = (own, *((pool.orchestrator_version, pool.current_orchestrator_version) for pool in pools))
        # "1.33" is wanted of whoever does not name a patch, and "1.33.5" is what it runs then.
        return any(want and has and not f"{has}.".startswith(f"{want}.") for want, has in versions)

    @property
    def settled(self) -> bool:
        """Whether no operation runs on the cluster."""
        return self.properties.provisioning_state.casefold() in _SETTLED

    @property
    def deleting(self) -> bool:
        return self.properties.provisioning_state.casefold() == "deleting"

    @property
    def stopped(self) -> bool:
        """Whether it was stopped, or is on its way there: its endpoint may be away (azure-facts, stop/start)."""
        return self.power.casefold() == "stopped"

    @property
    def power(self) -> str:
        """`Running` or `Stopped`, empty where AKS does not say."""
        return self.properties.power_state.code if self.properties.power_state else ""

    @property
    def private(self) -> bool:
        """Whether the API server has no public address."""
        access = self.properties.api_server_access_profile
        return access is not None and bool(access.enable_private_cluster)

    @property
    def vnet_integrated(self) -> bool:
        """Whether the API server stands in a subnet of the customer's, rather than behind a private endpoint."""
        access = self.properties.api_server_access_profile
        return access is not None and bool(access.enable_vnet_integration)

    @property
    def node_group(self) -> ResourceId | None:
        """The node resource group, which AKS names in its first answer. None also where its name cannot be read."""
        group = self.properties.node_resource_group
        if not group or "/" in group:
            return None
        try:
            return ResourceId(f"/subscriptions/{self.id.subscription}/resourceGroups/{group}")
        except InvalidResourceIdError:
            return None

    @property
    def zone_mode(self) -> str:
        """`system`, `none`, or the id of the zone that the cluster was given. AKS's default is `system`."""
        access = self.properties.api_server_access_profile
        return (access.private_dns_zone if access else None) or "system"

    @property
    def locked_down(self) -> bool:
        """Whether a deny assignment guards the node resource group (always so on AKS Automatic)."""
        profile = self.properties.node_resource_group_profile
        return profile is not None and (profile.restriction_level or "").casefold() == "readonly"

    @property
    def runs_commands(self) -> bool:
        """Whether AKS may run commands in it for those who have the right (`disableRunCommand`)."""
        access = self.properties.api_server_access_profile
        return access is None or not access.disable_run_command

    @property
    def asks_entra(self) -> bool:
        """Whether its API server knows people and apps by their Entra tokens."""
        return self.properties.aad_profile is not None

    @property
    def kubenet(self) -> bool:
        """Whether its pods are reached by a route for each node, in a table that its subnets must have."""
        network = self.properties.network_profile
        return network is not None and (network.network_plugin or "").casefold() == "kubenet"

    @property
    def pod_prefixes(self) -> tuple[str, ...]:
        """What its pods have addresses from, as text."""
        network = self.properties.network_profile
        if network is None:
            return ()
        return network.pod_cidrs or ((network.pod_cidr,) if network.pod_cidr else ())

    @property
    def node_subnets(self) -> tuple[ResourceId, ...]:
        """The subnets that its nodes were given, in order, but for `unread_subnets`. None where AKS makes the VNet."""
        return tuple(
            sorted({subnet for text in self.properties.nodes_stand_in if (subnet := subnet_in(text)) is not None})
        )

    @property
    def has_unlisted_nodes(self) -> bool:
        """Whether it may have nodes that no pool of its body lists."""
        hosted, made = self.properties.hosted_system_profile, self.properties.node_provisioning_profile
        return bool(hosted and hosted.enabled) or (made is not None and (made.mode or "").casefold() != "manual")

    @property
    def provisioning_error(self) -> ProvisioningError | None:
        return self.properties.status.provisioning_error if self.properties.status else None

    @property
    def own_subnets(self) -> frozenset[ResourceId]:
        """The subnets of the nodes and of the API server, but for `unread_subnets`.

        None for a cluster whose VNet AKS made itself.
        """
        return frozenset(subnet for text in self.properties.named_subnets if (subnet := subnet_in(text)) is not None)

    @property
    def unread_subnets(self) -> tuple[str, ...]:
        """The references to subnets that cannot be read."""
        return tuple(sorted(text for text in self.properties.named_subnets if subnet_in(text) is None))

    @property
    def own_vnets(self) -> frozenset[ResourceId]:
        """The VNets that hold those."""
        return frozenset(subnet.parent for subnet in self.own_subnets)

    def stands_in(self, vnet: ResourceId) -> bool:
        """Whether a VNet is the cluster's own: one that it names, or one in its node resource group."""
        return vnet in self.own_vnets or (self.node_group is not None and vnet.group_id == self.node_group)


def subnet_in(text: str) -> ResourceId | None:
    """The id of a subnet, None for text that is none."""
    try:
        subnet = ResourceId(text)
    except InvalidResourceIdError:
        return None
    return subnet if subnet.type == "microsoft.network/virtualnetworks/subnets" else None


def decode_hook(kind: type, value: object) -> object:
    """How msgspec reads the types that are Tether's own."""
    if kind is ResourceId and isinstance(value, str):
        return ResourceId(value)
    raise TypeError(f"expected a {kind.__name__}, not {type(value).__name__}")


def encode_hook(value: object) -> object:
    """How msgspec writes them."""
    if isinstance(value, ResourceId):
        return str(value)
    raise TypeError(f"cannot write a {type(value).__name__}")
