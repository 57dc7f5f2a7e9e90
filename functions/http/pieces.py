"""What lies around a cluster and is shown to people only, each piece read on its own: one that fails spoils no other.

Addresses of an API server: the private endpoint `kube-apiserver` in the node resource group leads to a NIC that has
them (recorded aks/field-node-resource-group-content-private-cluster, network/private-endpoint-with-dns-zone-group-*).
With VNet integration it is the internal load balancer of that name (recorded network/load-balancer-internal-get).
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import msgspec

from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.reads import CONTAINERSERVICE_API, NETWORK_API, PRIVATE_DNS_API
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.session import Session
from functions.fleet.model import ArmStruct, ClusterProperties, ManagedCluster, SubResource, decode_hook
from functions.http.answers import PrivateLinkResource, ShownEndpoint, ShownInterface, ShownRecord

_API_SERVER = "kube-apiserver"
_MOST_INTERFACES = 4  # an endpoint has one; what else a body may name is not followed for ever


class _LinkResource(ArmStruct, frozen=True, kw_only=True):
    name: str = ""
    group_id: str = ""
    private_link_service_id: str | None = msgspec.field(default=None, name="privateLinkServiceID")


class _ClusterProperties(ClusterProperties, frozen=True, kw_only=True):
    private_link_resources: tuple[_LinkResource, ...] | None = None


class Cluster(ManagedCluster, frozen=True, kw_only=True):
    """A managed cluster with what only people look at."""

    properties: _ClusterProperties


class _EndpointProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    network_interfaces: tuple[SubResource, ...] = ()


class _Endpoint(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: _EndpointProperties = _EndpointProperties()


class _AddressProperties(ArmStruct, frozen=True, kw_only=True):
    private_ip_address: str | None = msgspec.field(default=None, name="privateIPAddress")


class _Configuration(ArmStruct, frozen=True, kw_only=True):
    properties: _AddressProperties = _AddressProperties()


class _InterfaceProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    ip_configurations: tuple[_Configuration, ...] = ()


class _Interface(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: _InterfaceProperties = _InterfaceProperties()


class _BalancerProperties(ArmStruct, frozen=True, kw_only=True):
    fronts: tuple[_Configuration, ...] = msgspec.field(default=(), name="frontendIPConfigurations")


class _Balancer(ArmStruct, frozen=True, kw_only=True):
    properties: _BalancerProperties = _BalancerProperties()


class _Address(ArmStruct, frozen=True, kw_only=True):
    ipv4_address: str = ""


class _RecordProperties(ArmStruct, frozen=True, kw_only=True):
    fqdn: str = ""
    ttl: int = 0
    a_records: tuple[_Address, ...] = ()


class _Record(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: _RecordProperties = _RecordProperties()


@dataclass(frozen=True, slots=True)
class Piece[T]:
    """A part of the answer: read, not there (both empty), or not read, and `why`."""

    name: str
    value: T | None = None
    why: str = ""


async def cluster(session: Session, target: ResourceId) -> Cluster:
    """The cluster. Raises as a read does: without it there is nothing to show."""
    return _decoded(await session.get(str(target), CONTAINERSERVICE_API), Cluster)


def access_mode(shown: ManagedCluster) -> str:
    """How the API server is reached: `vnet-integration`, `private-link` or `public`."""
    access = shown.properties.api_server_access_profile
    if access is not None and access.enable_vnet_integration:
        return "vnet-integration"
    return "private-link" if access is not None and access.enable_private_cluster else "public"


def private_link_resources(shown: Cluster) -> tuple[PrivateLinkResource, ...]:
    return tuple(
        PrivateLinkResource(
            name=held.name, group_id=held.group_id, private_link_service=held.private_link_service_id or ""
        )
        for held in shown.properties.private_link_resources or ()
    )


async def endpoint(session: Session, shown: ManagedCluster) -> Piece[ShownEndpoint]:
    """The API server's private endpoint. Only a cluster with private link has one."""
    group = shown.properties.node_resource_group
    if access_mode(shown) != "private-link" or not group:
        return Piece("privateEndpoint")
    return await _piece("privateEndpoint", _endpoint(session, _in_group(shown, group, "privateEndpoints")))


async def balancer(session: Session, shown: ManagedCluster) -> Piece[tuple[str, ...]]:
    """The addresses of the API server's load balancer. Only a cluster with VNet integration has one."""
    group = shown.properties.node_resource_group
    if access_mode(shown) != "vnet-integration" or not group:
        return Piece("loadBalancer")
    return await _piece("loadBalancer", _balancer(session, _in_group(shown, group, "loadBalancers")))


async def interfaces(session: Session, of: ShownEndpoint | None) -> Piece[tuple[ShownInterface, ...]]:
    """The NICs of an endpoint."""
    if of is None:
        return Piece("networkInterfaces")
    ids = of.network_interfaces[:_MOST_INTERFACES]
    return await _piece("networkInterfaces", _interfaces(session, ids))


async def record(session: Session, zone: ResourceId | None, fqdn: str) -> Piece[ShownRecord]:
    """The A record of the API server's private name in its zone."""
    if zone is None or not fqdn.casefold().endswith(f".{zone.name}".casefold()):
        return Piece("record")
    return await _piece("record", _record(session, zone, fqdn[: -len(zone.name) - 1]))


def _in_group(shown: ManagedCluster, group: str, kind: str) -> str:
    providers = f"/subscriptions/{shown.id.subscription}/resourceGroups/{group}/providers"
    return f"{providers}/Microsoft.Network/{kind}/{_API_SERVER}"


async def _endpoint(session: Session, target: str) -> ShownEndpoint:
    read = _decoded(await session.get(target, NETWORK_API), _Endpoint)
    return ShownEndpoint(
        id=str(read.id),
        provisioning_state=read.properties.provisioning_state,
        network_interfaces=tuple(str(nic.id) for nic in read.properties.network_interfaces),
    )


async def _balancer(session: Session, target: str) -> tuple[str, ...]:
    read = _decoded(await session.get(target, NETWORK_API), _Balancer)
    return _addresses(read.properties.fronts)


async def _interfaces(session: Session, ids: tuple[str, ...]) -> tuple[ShownInterface, ...]:
    read = await asyncio.gather(*(session.get(nic, NETWORK_API) for nic in ids))
    return tuple(
        ShownInterface(
            id=str(nic.id),
            provisioning_state=nic.properties.provisioning_state,
            addresses=_addresses(nic.properties.ip_configurations),
        )
        for nic in (_decoded(body, _Interface) for body in read)
    )


def _addresses(configurations: tuple[_Configuration, ...]) -> tuple[str, ...]:
    return tuple(held.properties.private_ip_address for held in configurations if held.properties.private_ip_address)


async def _record(session: Session, zone: ResourceId, name: str) -> ShownRecord:
    read = _decoded(await session.get(str(zone.child("A", name)), PRIVATE_DNS_API), _Record)
    return ShownRecord(
        id=str(read.id),
        fqdn=read.properties.fqdn,
        ttl=read.properties.ttl,
        addresses=tuple(held.ipv4_address for held in read.properties.a_records),
    )


async def _piece[T](name: str, reading: Awaitable[T]) -> Piece[T]:
    try:
        return Piece(name, await reading)
    except ArmError as error:
        return Piece(name) if classify(error) is Kind.GONE else Piece(name, why=str(error))
    except (NoAnswerError, NoTokenError, InvalidResourceIdError) as error:
        return Piece(name, why=str(error))


def _decoded[T](body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind, dec_hook=decode_hook)
    except msgspec.MsgspecError as error:
        raise NoAnswerError(f"ARM's answer is not what its documentation says: {error}") from None
