"""Where a cluster's API server is, by all the pieces that tell. Pure.

The network's own word counts: that of the endpoint's NIC, or of the load balancer's frontends. AKS writes its A record
after it, and a record that lags is told, not believed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.dns.record import Address, in_order
from functions.fleet.endpoint import IpConfiguration, LoadBalancer, NetworkInterface, PrivateEndpoint, RecordSet
from functions.fleet.model import ManagedCluster

_CLUSTER = "microsoft.containerservice/managedclusters"


class Doubt(Enum):
    """Why there is no address to rely on."""

    NOT_YET = "not-yet"  # AKS is at work, and has not got so far
    STOPPED = "stopped"  # a stopped cluster may have no endpoint
    MISSING = "missing"  # the endpoint, or the load balancer, is not there
    NOT_APPROVED = "not-approved"  # the endpoint's connection is not Approved: the cluster does not work
    ANOTHERS = "anothers"  # the endpoint leads to another cluster
    SEVERAL = "several"  # more than one address of a version
    DISAGREE = "disagree"  # the endpoint and its NIC name different ones


@dataclass(frozen=True, slots=True)
class Pieces:
    """What was read, None for what is not there. `records` are the A and AAAA record sets in AKS's own zone.

    `records_known` is false where they were not asked for: there is no zone, or nothing needs to know.
    """

    endpoint: PrivateEndpoint | None = None
    nic: NetworkInterface | None = None
    balancer: LoadBalancer | None = None
    records: tuple[RecordSet, ...] = ()
    records_known: bool = False


@dataclass(frozen=True, slots=True)
class ApiServer:
    """Where the API server is: its addresses, or why they are in doubt.

    `said` tells in words what was seen. `published` is what AKS's own zone answers, None where that is not known, and
    `ttl` for how many seconds resolvers may keep that.
    """

    addresses: frozenset[Address] = frozenset()
    doubt: Doubt | None = None
    said: str = ""
    published: frozenset[Address] | None = None
    ttl: int = 0

    @property
    def lags(self) -> bool:
        """Whether AKS's own record says something else than the network. One that is still to come does not lag."""
        return bool(self.addresses) and bool(self.published) and self.published != self.addresses

    @property
    def text(self) -> str:
        return " ".join(map(str, in_order(self.addresses)))


def locate(cluster: ManagedCluster, pieces: Pieces) -> ApiServer:
    """Where the API server of a cluster is.

    access mode        the pieces                                    address
    VNet integration   frontends of `kube-apiserver`                 theirs, one for each IP version
    private link       endpoint, Approved, with its NIC              the NIC's, one for each IP version
    private link       endpoint of another cluster, or not Approved  in doubt: the cluster does not work through it
    any                none                                          not yet, stopped or missing, as the cluster says
    """
    try:
        published = _published(pieces)
        if cluster.vnet_integrated:
            found = _of_frontends(cluster, pieces.balancer)
        else:
            found = _of_endpoint(cluster, pieces.endpoint, pieces.nic)
    except ValueError as error:
        return ApiServer(doubt=Doubt.DISAGREE, said=f"ARM names an address that is none: {error}")
    ttl = max((record_set.properties.ttl or 0 for record_set in pieces.records), default=0)
    return ApiServer(found.addresses, found.doubt, found.said, published, ttl)


def _of_frontends(cluster: ManagedCluster, balancer: LoadBalancer | None) -> ApiServer:
    if balancer is None:
        return _absent(cluster, "the load balancer kube-apiserver is not there")
    return _one_each(cluster, balancer.properties.frontends, "the load balancer kube-apiserver")


def _of_endpoint(cluster: ManagedCluster, endpoint: PrivateEndpoint | None, nic: NetworkInterface | None) -> ApiServer:
    if endpoint is None:
        return _absent(cluster, "the private endpoint kube-apiserver is not there")
    if (other := _leads_elsewhere(endpoint, cluster.id)) is not None:
        return ApiServer(doubt=Doubt.ANOTHERS, said=f"the private endpoint kube-apiserver leads to {other}")
    states = {connection.properties.private_link_service_connection_state.status for connection in endpoint.connections}
    if refused := sorted(state for state in states if state.casefold() not in {"approved", ""}):
        if refused == ["Pending"] and not cluster.settled:
            return ApiServer(doubt=Doubt.NOT_YET, said="the private endpoint's connection is Pending")
        return ApiServer(doubt=Doubt.NOT_APPROVED, said=f"the private endpoint's connection is {', '.join(refused)}")
    if nic is None:
        return _absent(cluster, "the private endpoint kube-apiserver has no NIC")
    found = _one_each(cluster, nic.properties.ip_configurations, "the endpoint's NIC")
    told = _texts(text for config in endpoint.properties.custom_dns_configs for text in config.ip_addresses)
    if found.addresses and told and told != found.addresses:
        shown = " ".join(map(str, in_order(told)))
        return ApiServer(doubt=Doubt.DISAGREE, said=f"the endpoint says {shown} and its NIC {found.text}")
    return found


def _one_each(cluster: ManagedCluster, configurations: Iterable[IpConfiguration], where: str) -> ApiServer:
    """The addresses of some IP configurations, chosen by version and not by place: at most one of each."""
    addresses = _texts(
        configuration.properties.private_ip_address
        for configuration in configurations
        if configuration.properties.private_ip_address
    )
    if not addresses:
        return _absent(cluster, f"{where} has no private address")
    shown = " ".join(map(str, in_order(addresses)))
    if len({address.version for address in addresses}) < len(addresses):
        return ApiServer(doubt=Doubt.SEVERAL, said=f"{where} has {shown}")
    return ApiServer(addresses, None, f"{where} has {shown}")


def _absent(cluster: ManagedCluster, said: str) -> ApiServer:
    if cluster.stopped:
        return ApiServer(doubt=Doubt.STOPPED, said=f"{said}, and the cluster is stopped")
    return ApiServer(doubt=Doubt.MISSING if cluster.settled else Doubt.NOT_YET, said=said)


def _leads_elsewhere(endpoint: PrivateEndpoint, cluster: ResourceId) -> str | None:
    """The other cluster that an endpoint leads to. What is no cluster's id is AKS's own business [U]."""
    for connection in endpoint.connections:
        try:
            target = ResourceId(connection.properties.private_link_service_id or "")
        except InvalidResourceIdError:
            continue
        if target.type == _CLUSTER and target != cluster:
            return str(target)
    return None


def _published(pieces: Pieces) -> frozenset[Address] | None:
    if not pieces.records_known:
        return None
    return _texts(text for record_set in pieces.records for text in record_set.addresses)


def _texts(texts: Iterable[str]) -> frozenset[Address]:
    """The addresses in some texts of ARM's. Raises ValueError for a text that is none."""
    return frozenset(ip_address(text) for text in texts)
