"""Which VNets hold the DNS servers that a spoke's nodes ask. Pure: everything is read off the spoke's own VNet."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from functions.arm.resource_id import ResourceId
from functions.fleet.network_model import VirtualNetwork

# Azure's own DNS, reached from every VNet: it sees the zones linked to the VNet that asks.
AZURE_DNS = "168.63.129.16"

type Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Resolvers:
    """Where the custom DNS servers of some spokes are.

    `hubs`: peered VNets that hold at least one. `inside`: servers in a spoke itself, which AKS's own link serves.
    `stray`: servers in no VNet that is peered and Connected; on-premises ones are among these.
    """

    hubs: tuple[ResourceId, ...] = ()
    inside: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()


def resolvers(spokes: Iterable[VirtualNetwork]) -> Resolvers:
    """Find the DNS servers of all spokes. Spokes with Azure's own DNS need none and have none."""
    hubs: dict[ResourceId, None] = {}
    inside: dict[str, None] = {}
    stray: dict[str, None] = {}
    for spoke in spokes:
        for server in spoke.dns_servers:
            if server == AZURE_DNS:
                continue
            if _holds(spoke.properties.address_space.address_prefixes, server):
                inside[server] = None
            elif found := _peered(spoke, server):
                hubs.update(dict.fromkeys(found))
            else:
                stray[server] = None
    return Resolvers(tuple(sorted(hubs)), tuple(inside), tuple(stray))


def _peered(spoke: VirtualNetwork, server: str) -> list[ResourceId]:
    return [
        peering.properties.remote_virtual_network.id
        for peering in spoke.properties.virtual_network_peerings
        if peering.properties.remote_virtual_network is not None
        and peering.properties.peering_state.casefold() == "connected"
        and _holds(peering.properties.remote_address_space.address_prefixes, server)
    ]


def _holds(prefixes: Iterable[str], server: str) -> bool:
    address = _address(server)
    return address is not None and any(address in ip_network(prefix, strict=False) for prefix in prefixes)


def _address(text: str) -> Address | None:
    """The address, or None for text that is none: ARM checks what it stores, so this is its mistake, not ours."""
    try:
        return ip_address(text)
    except ValueError:
        return None
