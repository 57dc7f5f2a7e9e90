"""VNets and the links of private zones as ARM prints them, cut to what Tether uses (see model.py)."""

from functions.arm.resource_id import ResourceId
from functions.fleet.model import ArmStruct, SubResource


class AddressSpace(ArmStruct, frozen=True, kw_only=True):
    address_prefixes: tuple[str, ...] = ()


class DhcpOptions(ArmStruct, frozen=True, kw_only=True):
    dns_servers: tuple[str, ...] = ()


class PeeringProperties(ArmStruct, frozen=True, kw_only=True):
    peering_state: str = ""
    remote_virtual_network: SubResource | None = None
    remote_address_space: AddressSpace | None = None
    remote_virtual_network_address_space: AddressSpace | None = None
    peer_complete_vnets: bool | None = None

    @property
    def remote_prefixes(self) -> tuple[str, ...]:
        """Every prefix that the remote VNet is known to have or to have had.

        `remoteAddressSpace` is a copy that a growth of the remote VNet does not change, and
        `remoteVirtualNetworkAddressSpace` is what the VNet has now (recorded
        network/vnet-peering-sync-levels-after-address-space-change [9]). Either may be absent.
        """
        spaces = (self.remote_virtual_network_address_space, self.remote_address_space)
        return tuple(dict.fromkeys(prefix for space in spaces if space for prefix in space.address_prefixes))

    @property
    def of_subnets(self) -> bool:
        """Whether only some subnets are peered: `remote_prefixes` are theirs, and the rest of the VNet is not known.

        Recorded network/vnet-peering-subnet-peering [7].
        """
        return self.peer_complete_vnets is False


class Peering(ArmStruct, frozen=True, kw_only=True):
    name: str = ""
    properties: PeeringProperties = PeeringProperties()


class VirtualNetworkProperties(ArmStruct, frozen=True, kw_only=True):
    address_space: AddressSpace = AddressSpace()
    dhcp_options: DhcpOptions | None = None
    virtual_network_peerings: tuple[Peering, ...] = ()


class VirtualNetwork(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    location: str = ""
    properties: VirtualNetworkProperties = VirtualNetworkProperties()

    @property
    def dns_servers(self) -> tuple[str, ...]:
        """The custom DNS servers, in order. Empty where Azure's own DNS serves the VNet."""
        return self.properties.dhcp_options.dns_servers if self.properties.dhcp_options else ()


class LinkProperties(ArmStruct, frozen=True, kw_only=True):
    virtual_network: SubResource | None = None
    provisioning_state: str = ""
    virtual_network_link_state: str = ""
    registration_enabled: bool = False


class Link(ArmStruct, frozen=True, kw_only=True):
    """A virtual network link of a private DNS zone."""

    id: ResourceId
    name: str = ""
    etag: str | None = None
    tags: dict[str, str] | None = None
    properties: LinkProperties = LinkProperties()

    @property
    def completed(self) -> bool:
        """Whether resolvers in the VNet see the zone (recorded privatedns/link-create-full-flow [9])."""
        return self.properties.virtual_network_link_state.casefold() in {"completed", "done"}

    def leads_to(self, vnet: ResourceId) -> bool:
        network = self.properties.virtual_network
        return network is not None and network.id == vnet
