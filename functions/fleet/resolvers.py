"""Which VNets hold the DNS servers that a spoke's nodes ask. Pure: everything is read off the spoke's own VNet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from functions.arm.resource_id import ResourceId
from functions.fleet.network_model import Peering, VirtualNetwork

# Azure's own DNS, reached from every VNet: it sees the zones linked to the VNet that asks.
AZURE_DNS = "168.63.129.16"

type Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class OutOfSync:
    """A DNS server in a range that its hub got after it was peered: a machine in the spoke cannot reach it yet."""

    server: str
    spoke: ResourceId
    peering: str
    hub: ResourceId


@dataclass(frozen=True, slots=True)
class Resolvers:
    """Where the custom DNS servers of some spokes are.

    `hubs`: peered VNets that hold at least one. `inside`: servers in a spoke itself, which AKS's own link serves.
    `stray`: servers in no VNet that is peered and Connected; on-premises ones are among these. `partly`: VNets that may
    hold a stray server all the same, because only some of their subnets are peered and the rest is not shown.
    `out_of_sync`: servers of a hub that wait for a sync of the peering.
    """

    hubs: tuple[ResourceId, ...] = ()
    inside: tuple[str, ...] = ()
    stray: tuple[str, ...] = ()
    partly: tuple[ResourceId, ...] = ()
    out_of_sync: tuple[OutOfSync, ...] = ()


def resolvers(spokes: Iterable[VirtualNetwork]) -> Resolvers:
    """Find the DNS servers of all spokes. Spokes with Azure's own DNS need none and have none."""
    hubs: dict[ResourceId, None] = {}
    inside: dict[str, None] = {}
    stray: dict[str, None] = {}
    partly: dict[ResourceId, None] = {}
    waits: list[OutOfSync] = []
    for spoke in spokes:
        for server in spoke.dns_servers:
            if server == AZURE_DNS:
                continue
            if _holds(spoke.properties.address_space.address_prefixes, server):
                inside[server] = None
            elif found := _peered(spoke, server):
                hubs.update((hub, None) for hub, _ in found)
                waits += [OutOfSync(server, spoke.id, one.name, hub) for hub, one in found if _lacks(one, server)]
            else:
                stray[server] = None
                partly.update((vnet, None) for vnet, one in _connected(spoke) if one.properties.of_subnets)
    return Resolvers(tuple(sorted(hubs)), tuple(inside), tuple(stray), tuple(sorted(partly)), tuple(waits))


def _peered(spoke: VirtualNetwork, server: str) -> list[tuple[ResourceId, Peering]]:
    return [(vnet, one) for vnet, one in _connected(spoke) if _holds(one.properties.remote_prefixes, server)]


def _lacks(peering: Peering, server: str) -> bool:
    """Whether the spoke's copy of the hub's address space is shown and does not hold a server."""
    copy = peering.properties.remote_address_space
    return copy is not None and not _holds(copy.address_prefixes, server)


def _connected(spoke: VirtualNetwork) -> Iterator[tuple[ResourceId, Peering]]:
    """The VNets to which traffic of the spoke flows, each with its peering."""
    for peering in spoke.properties.virtual_network_peerings:
        remote = peering.properties.remote_virtual_network
        if remote is not None and peering.properties.peering_state.casefold() == "connected":
            yield remote.id, peering


def _holds(prefixes: Iterable[str], server: str) -> bool:
    """Whether some prefix holds a server. A prefix that cannot be read holds none and hides no other."""
    address = _address(server)
    return address is not None and any(_contains(prefix, address) for prefix in prefixes)


def _contains(prefix: str, address: Address) -> bool:
    try:
        return address in ip_network(prefix, strict=False)
    except ValueError:
        return False


def _address(text: str) -> Address | None:
    """The address, or None for text that is none: ARM checks what it stores, so this is its mistake, not ours."""
    try:
        return ip_address(text)
    except ValueError:
        return None
