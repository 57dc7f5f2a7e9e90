"""What of a cluster, or of a network, was read and cannot be used: words and ids that mean nothing to this version.

Such a value is unknown. It is never taken for the default, and never for something that is not there.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_network

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.understood import Listed, NotUnderstoodError, Odd
from functions.fleet.model import ManagedCluster
from functions.fleet.network_model import VirtualNetwork

_ZONES = "microsoft.network/privatednszones"
_CLUSTERS = "microsoft.containerservice/managedclusters"
_MODES = frozenset({"system", "none"})
_ACCESS = "$.properties.apiServerAccessProfile"

# RFC 1035, 2.3.4: labels of 63 octets, names of 255, of which a text shows 253.
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_NAME_MAX = 253


def understood(cluster: ManagedCluster) -> ManagedCluster:
    """The cluster. Raises NotUnderstoodError where it is not known which zone and which group of nodes it has."""
    if (odd := oddity(cluster)) is not None:
        raise NotUnderstoodError(odd)
    return cluster


def all_understood(listed: Listed[ManagedCluster]) -> Listed[ManagedCluster]:
    """The same of a list: a cluster that `understood` would refuse is odd."""
    odd = tuple(found for cluster in listed.items if (found := oddity(cluster)) is not None)
    if not odd:
        return listed
    return Listed(tuple(cluster for cluster in listed.items if oddity(cluster) is None), (*listed.odd, *odd))


def oddity(cluster: ManagedCluster) -> Odd | None:
    """Why nothing can be done for a private cluster, None where it is understood.

    the field             what is understood
    id                    a managed cluster's, also of a public one: else it is not known which cluster that is
    privateDNSZone        absent, `system`, `none`, or the id of a private zone
    nodeResourceGroup     absent, or a name that a resource group can have
    privateFQDN           absent, or a DNS name of two labels or more
    """
    if cluster.id.type != _CLUSTERS:
        return Odd(None, "ManagedCluster", "$.id", f"no managed cluster's id: {_shown(str(cluster.id))}")
    if not cluster.private:
        return None
    access, properties = cluster.properties.api_server_access_profile, cluster.properties
    mode = (access.private_dns_zone if access else None) or "system"
    if mode.casefold() not in _MODES and not _is_zone(mode):
        return _odd(cluster, f"{_ACCESS}.privateDNSZone", f"neither system, none nor a private zone: {_shown(mode)}")
    if properties.node_resource_group and cluster.node_group is None:
        return _odd(
            cluster, "$.properties.nodeResourceGroup", f"no group's name: {_shown(properties.node_resource_group)}"
        )
    name = properties.private_fqdn or ""
    if name and not _is_name(name):
        return _odd(cluster, "$.properties.privateFQDN", f"no DNS name: {_shown(name)}")
    return None


def odd_subnets(cluster: ManagedCluster) -> tuple[Odd, ...]:
    """The references to subnets that cannot be read, so that not all of the cluster's own VNets are known."""
    return tuple(_odd(cluster, "a subnet of its", f"no subnet's id: {_shown(text)}") for text in cluster.unread_subnets)


def odd_network(vnet: VirtualNetwork) -> Odd | None:
    """A prefix of a VNet, or of one peered with it, that cannot be read, so that it is not known what lies in it."""
    for where, prefix in _prefixes(vnet):
        try:
            ip_network(prefix, strict=False)
        except ValueError:
            return Odd(vnet.id, "VirtualNetwork", where, f"no address prefix: {_shown(prefix)}")
    return None


def _prefixes(vnet: VirtualNetwork) -> Iterator[tuple[str, str]]:
    for prefix in vnet.properties.address_space.address_prefixes:
        yield "$.properties.addressSpace.addressPrefixes", prefix
    for number, peering in enumerate(vnet.properties.virtual_network_peerings):
        for prefix in peering.properties.remote_prefixes:
            yield f"$.properties.virtualNetworkPeerings[{number}].properties", prefix


def _odd(cluster: ManagedCluster, where: str, why: str) -> Odd:
    return Odd(cluster.id, "ManagedCluster", where, why)


def _is_zone(text: str) -> bool:
    try:
        return ResourceId(text).type == _ZONES
    except InvalidResourceIdError:
        return False


def _is_name(text: str) -> bool:
    name = text.removesuffix(".")
    return "." in name and len(name) <= _NAME_MAX and all(_LABEL.fullmatch(label) for label in name.split("."))


def _shown(text: str) -> str:
    """The text cut to what a log line can bear, with nothing in it that could forge another line."""
    return ascii(text[:80]) + ("…" if len(text) > 80 else "")
