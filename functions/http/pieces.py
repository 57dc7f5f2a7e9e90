"""What lies around a cluster and is shown to people only, each piece read on its own: one that fails spoils no other.

Addresses of an API server: the private endpoint `kube-apiserver` in the node resource group leads to a NIC that has
them (recorded aks/field-node-resource-group-content-private-cluster, network/private-endpoint-with-dns-zone-group-*).
With VNet integration it is the internal load balancer of that name (recorded network/load-balancer-internal-get).
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import msgspec

from functions.arm import reads
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.reads import CONTAINERSERVICE_API
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.session import Session
from functions.arm.understood import each, one
from functions.fleet.endpoint import IpConfiguration
from functions.fleet.model import ArmStruct, ClusterProperties, ManagedCluster, decode_hook
from functions.fleet.observe_address import piece_id, record_id
from functions.fleet.oddities import understood
from functions.http.detail_answer import PrivateLinkResource, ShownEndpoint, ShownInterface, ShownRecord

_MOST_INTERFACES = 4  # an endpoint has one; what else a body may name is not followed for ever


class _LinkResource(ArmStruct, frozen=True, kw_only=True):
    name: str = ""
    group_id: str = ""
    private_link_service_id: str | None = msgspec.field(default=None, name="privateLinkServiceID")


class _ClusterProperties(ClusterProperties, frozen=True, kw_only=True):
    private_link_resources: Any = None  # read by itself: only this page needs it


class Cluster(ManagedCluster, frozen=True, kw_only=True):
    """A managed cluster with what only people look at."""

    properties: _ClusterProperties


_cluster = msgspec.json.Decoder(Cluster, dec_hook=decode_hook)
_link_resource = msgspec.json.Decoder(_LinkResource, dec_hook=decode_hook)


@dataclass(frozen=True, slots=True)
class Piece[T]:
    """A part of the answer: read, not there (both empty), or not read, and `why`."""

    name: str
    value: T | None = None
    why: str = ""


async def cluster(session: Session, target: ResourceId) -> Cluster:
    """The cluster. Raises as a read does: without it there is nothing to show."""
    read = one(_cluster, await session.get(str(target), CONTAINERSERVICE_API))
    understood(read)
    return read


def access_mode(shown: ManagedCluster) -> str:
    """How the API server is reached: `vnet-integration`, `private-link` or `public`."""
    if shown.vnet_integrated:
        return "vnet-integration"
    return "private-link" if shown.private else "public"


def private_link_resources(shown: Cluster) -> Piece[tuple[PrivateLinkResource, ...]]:
    """What private endpoints of others may connect to. Not read where AKS prints something of another shape."""
    try:
        listed = each({"value": shown.properties.private_link_resources or []}, "value", _link_resource)
    except NoAnswerError as error:
        return Piece("privateLinkResources", why=str(error))
    read = tuple(
        PrivateLinkResource(
            name=held.name, group_id=held.group_id, private_link_service=held.private_link_service_id or ""
        )
        for held in listed.items
    )
    return Piece("privateLinkResources", read, "; ".join(map(str, listed.odd)))


async def endpoint(session: Session, shown: ManagedCluster) -> Piece[ShownEndpoint]:
    """The API server's private endpoint. Only a cluster with private link has one."""
    if access_mode(shown) != "private-link" or shown.node_group is None:
        return Piece("privateEndpoint")
    return await _piece("privateEndpoint", _endpoint(session, piece_id(shown.node_group, "privateEndpoints")))


async def balancer(session: Session, shown: ManagedCluster) -> Piece[tuple[str, ...]]:
    """The addresses of the API server's load balancer. Only a cluster with VNet integration has one."""
    if access_mode(shown) != "vnet-integration" or shown.node_group is None:
        return Piece("loadBalancer")
    return await _piece("loadBalancer", _balancer(session, piece_id(shown.node_group, "loadBalancers")))


async def interfaces(session: Session, of: ShownEndpoint | None) -> Piece[tuple[ShownInterface, ...]]:
    """The NICs of an endpoint."""
    if of is None:
        return Piece("networkInterfaces")
    ids = [ResourceId(nic) for nic in of.network_interfaces[:_MOST_INTERFACES]]
    return await _piece("networkInterfaces", _interfaces(session, ids))


async def record(session: Session, shown: ManagedCluster, zone: ResourceId | None) -> Piece[ShownRecord]:
    """The A record of the API server's private name in its zone."""
    target = record_id(shown, zone, "A")
    return Piece("record") if target is None else await _piece("record", _record(session, target))


async def _endpoint(session: Session, target: ResourceId) -> ShownEndpoint | None:
    read = await reads.private_endpoint(session, target)
    if read is None:
        return None
    return ShownEndpoint(
        id=str(read.id),
        provisioning_state=read.properties.provisioning_state,
        network_interfaces=tuple(str(nic.id) for nic in read.properties.network_interfaces),
    )


async def _balancer(session: Session, target: ResourceId) -> tuple[str, ...] | None:
    read = await reads.load_balancer(session, target)
    return None if read is None else _addresses(read.properties.frontends)


async def _interfaces(session: Session, ids: list[ResourceId]) -> tuple[ShownInterface, ...]:
    read = await asyncio.gather(*(reads.network_interface(session, nic) for nic in ids))
    return tuple(
        ShownInterface(
            id=str(nic.id),
            provisioning_state=nic.properties.provisioning_state,
            addresses=_addresses(nic.properties.ip_configurations),
        )
        for nic in read
        if nic is not None
    )


def _addresses(configurations: tuple[IpConfiguration, ...]) -> tuple[str, ...]:
    return tuple(held.properties.private_ip_address for held in configurations if held.properties.private_ip_address)


async def _record(session: Session, target: ResourceId) -> ShownRecord | None:
    read = await reads.record_set(session, target)
    if read is None:
        return None
    held = read.properties
    return ShownRecord(id=str(read.id), fqdn=held.fqdn, ttl=held.ttl or 0, addresses=read.addresses)


async def _piece[T](name: str, reading: Awaitable[T | None]) -> Piece[T]:
    try:
        return Piece(name, await reading)
    except (ArmError, NoAnswerError, NoTokenError, InvalidResourceIdError) as error:
        return Piece(name, why=str(error))
