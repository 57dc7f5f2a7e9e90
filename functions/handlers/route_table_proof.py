"""Proof that a route table may be given to a subnet: it carries pods' traffic and nobody else's. Pure.

Whoever may only *join* a subnet can name it in a cluster's body, and owns what is in that cluster's node resource
group, the table too. Attached, such a table could send the subnet's traffic wherever its owner likes.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from functions.arm.resource_id import ResourceId
from functions.fleet.subnet_model import Route, RouteTable, Subnet

type _Network = IPv4Network | IPv6Network


def doubts_of_table(table: RouteTable, pods: tuple[str, ...], subnet: Subnet) -> tuple[str, ...]:
    """Why a table is not shown to be one that AKS keeps for kubenet, in words; empty when it is.

    its routes                                                      verdict
    none                                                            proven
    each leads from inside the pods' prefixes to an appliance with
    an address inside the subnet                                    proven
    any other, or one that cannot be read                           doubt
    BGP propagation disabled                                        doubt: routes of a gateway would be gone
    """
    pod_networks, subnet_networks = _networks(pods), _networks(subnet.prefixes)
    doubts = [
        f"the route {route.name} ({route.properties.address_prefix} to {_hop(route)}) is not one of a node's"
        for route in table.routes
        if not _is_a_nodes(route, pod_networks, subnet_networks)
    ]
    if table.properties.disable_bgp_route_propagation:
        doubts.append("it keeps routes of gateways out (BGP propagation is disabled)")
    return tuple(doubts)


def leads_elsewhere(table: RouteTable, pods: tuple[str, ...]) -> tuple[str, ...]:
    """What a table does besides carrying pods' traffic, in words: a default route to a firewall, for one."""
    pod_networks = _networks(pods)
    return tuple(
        f"{route.properties.address_prefix} to {_hop(route)}"
        for route in table.routes
        if not _inside(route.properties.address_prefix, pod_networks)
    )


def carries_pods(table: RouteTable, pods: tuple[str, ...]) -> bool:
    """Whether any route of a table is for pods."""
    pod_networks = _networks(pods)
    return any(_inside(route.properties.address_prefix, pod_networks) for route in table.routes)


def doubts_of_company(subnet: Subnet, group: ResourceId, neighbours: Iterable[ResourceId]) -> tuple[str, ...]:
    """Who else is in a subnet, besides what lies in the cluster's node resource group; empty when it is alone."""
    return (*subnet.strangers(group), *(str(cluster) for cluster in neighbours))


def _is_a_nodes(route: Route, pods: list[_Network], subnet: list[_Network]) -> bool:
    """Recorded network/field-activity-log-route-table-write: VirtualAppliance, a node's address, a part of podCidr."""
    appliance = route.properties.next_hop_type.casefold() == "virtualappliance"
    return appliance and _inside(route.properties.address_prefix, pods) and _holds(subnet, route)


def _inside(prefix: str | None, networks: list[_Network]) -> bool:
    """Whether a prefix lies in one of the networks. A service tag, or anything else that is none, does not."""
    try:
        inner = ip_network(prefix or "")
    except ValueError:
        return False
    return any(_contains(outer, inner) for outer in networks)


def _contains(outer: _Network, inner: _Network) -> bool:
    if isinstance(outer, IPv4Network):
        return isinstance(inner, IPv4Network) and inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and inner.subnet_of(outer)


def _holds(networks: list[_Network], route: Route) -> bool:
    try:
        hop = ip_address(route.properties.next_hop_ip_address or "")
    except ValueError:
        return False
    return any(hop in network for network in networks)


def _networks(prefixes: tuple[str, ...]) -> list[_Network]:
    """Those that can be read: what cannot holds nothing."""
    found: list[_Network] = []
    for prefix in prefixes:
        try:
            found.append(ip_network(prefix))
        except ValueError:
            continue
    return found


def _hop(route: Route) -> str:
    return route.properties.next_hop_ip_address or route.properties.next_hop_type
