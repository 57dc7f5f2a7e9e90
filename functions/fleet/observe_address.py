"""A cluster's API server found in ARM: the pieces in its node resource group, and AKS's own record of it."""

import asyncio

from functions.arm import reads
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.understood import NotUnderstoodError, Odd
from functions.fleet.address import ApiServer, Doubt, Pieces, locate
from functions.fleet.endpoint import ENDPOINT, LoadBalancer, NetworkInterface, PrivateEndpoint, RecordSet
from functions.fleet.model import ManagedCluster

NOT_NAMED_YET = ApiServer(doubt=Doubt.NOT_YET, said="AKS names no node resource group yet")


async def observe_address(session: Session, cluster: ManagedCluster, zone: ResourceId | None) -> ApiServer:
    """Where the API server is now: two or three reads, none while AKS names no node resource group.

    The NIC is read after the endpoint that names it; AKS's own A record in `zone` beside them. Its AAAA record is read
    only where the API server has an IPv6 address. Raises as reads do: a piece that cannot be read is not a missing one,
    and one that cannot be understood is NotUnderstoodError.
    """
    group = cluster.node_group
    if group is None:
        return NOT_NAMED_YET
    record = record_id(cluster, zone, "A")
    found, published = await asyncio.gather(_pieces(session, cluster, group), _read(session, record))
    endpoint, nic, balancer = found
    records = [published] if published else []
    located = _located(cluster, Pieces(endpoint, nic, balancer))
    if any(address.version == 6 for address in located.addresses):
        beside = await _read(session, record_id(cluster, zone, "AAAA"))
        records += [beside] if beside else []
    return _located(cluster, Pieces(endpoint, nic, balancer, tuple(records), records_known=record is not None))


def _located(cluster: ManagedCluster, pieces: Pieces) -> ApiServer:
    """Where the pieces say that it is. Raises NotUnderstoodError for an address that is none."""
    try:
        return locate(cluster, pieces)
    except ValueError as error:
        raise NotUnderstoodError(Odd(cluster.id, "ApiServer", "the address of its API server", str(error))) from None


def record_id(cluster: ManagedCluster, zone: ResourceId | None, kind: str) -> ResourceId | None:
    """The record set that AKS writes for a cluster: its name below the zone's. None where it has no such name."""
    name = (cluster.properties.private_fqdn or "").casefold().removesuffix(".")
    if zone is None or not name.endswith("." + zone.name.casefold()) or "/" in name:
        return None
    return zone.child(kind, name.removesuffix("." + zone.name.casefold()))


async def _pieces(
    session: Session, cluster: ManagedCluster, group: ResourceId
) -> tuple[PrivateEndpoint | None, NetworkInterface | None, LoadBalancer | None]:
    if cluster.vnet_integrated:
        return None, None, await reads.load_balancer(session, piece_id(group, "loadBalancers"))
    endpoint = await reads.private_endpoint(session, piece_id(group, "privateEndpoints"))
    if endpoint is None or not endpoint.properties.network_interfaces:
        return endpoint, None, None
    return endpoint, await reads.network_interface(session, endpoint.properties.network_interfaces[0].id), None


async def _read(session: Session, record: ResourceId | None) -> RecordSet | None:
    return None if record is None else await reads.record_set(session, record)


def piece_id(group: ResourceId, kind: str) -> ResourceId:
    """Where AKS puts a piece of a kind, such as `privateEndpoints`, in a node resource group."""
    return ResourceId(f"{group}/providers/Microsoft.Network/{kind}/{ENDPOINT}")
