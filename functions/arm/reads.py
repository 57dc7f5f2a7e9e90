"""Reads: raw GETs, decoded straight from bytes (rule 11)."""

import msgspec

from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import is_arms
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.endpoint import LoadBalancer, NetworkInterface, PrivateEndpoint, RecordSet
from functions.fleet.model import ManagedCluster, ResourceGroup, decode_hook
from functions.fleet.network_model import Link, VirtualNetwork
from functions.fleet.subnet_model import RouteTable

RESOURCES_API = "2024-03-01"
SUBSCRIPTIONS_API = "2022-12-01"
CONTAINERSERVICE_API = "2026-08-01"
NETWORK_API = "2025-03-01"
PRIVATE_DNS_API = "2024-06-01"

# The most pages that a list is followed for: 1000 links a zone are 10 pages of 100, 5000 clusters are 50.
_MOST_PAGES = 100


class _Page[T](msgspec.Struct):
    value: tuple[T, ...] = ()
    next_link: str | None = msgspec.field(default=None, name="nextLink")


_group = msgspec.json.Decoder(ResourceGroup, dec_hook=decode_hook)
_cluster = msgspec.json.Decoder(ManagedCluster, dec_hook=decode_hook)
_vnet = msgspec.json.Decoder(VirtualNetwork, dec_hook=decode_hook)
_table = msgspec.json.Decoder(RouteTable, dec_hook=decode_hook)
_link = msgspec.json.Decoder(Link, dec_hook=decode_hook)
_endpoint = msgspec.json.Decoder(PrivateEndpoint, dec_hook=decode_hook)
_nic = msgspec.json.Decoder(NetworkInterface, dec_hook=decode_hook)
_balancer = msgspec.json.Decoder(LoadBalancer, dec_hook=decode_hook)
_record_set = msgspec.json.Decoder(RecordSet, dec_hook=decode_hook)
_vnet_page = msgspec.json.Decoder(_Page[VirtualNetwork], dec_hook=decode_hook)
_link_page = msgspec.json.Decoder(_Page[Link], dec_hook=decode_hook)
_table_page = msgspec.json.Decoder(_Page[RouteTable], dec_hook=decode_hook)
_cluster_page = msgspec.json.Decoder(_Page[ManagedCluster], dec_hook=decode_hook)


async def resource_group(session: Session, group: ResourceId) -> ResourceGroup:
    return _decoded(_group, await session.get(str(group), RESOURCES_API))


async def subscription(session: Session, subscription_id: str) -> None:
    """Look whether a subscription is readable. Raises ArmError when it is not."""
    await session.get(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS_API)


async def managed_cluster(session: Session, cluster: ResourceId) -> ManagedCluster:
    return _decoded(_cluster, await session.get(str(cluster), CONTAINERSERVICE_API))


async def virtual_network(session: Session, vnet: ResourceId) -> VirtualNetwork:
    return _decoded(_vnet, await session.get(str(vnet), NETWORK_API))


async def virtual_networks(session: Session, group: ResourceId) -> tuple[VirtualNetwork, ...]:
    """All VNets of a resource group."""
    path = f"{group}/providers/Microsoft.Network/virtualNetworks"
    return await _listed(session, path, NETWORK_API, _vnet_page)


async def route_table(session: Session, table: ResourceId) -> RouteTable:
    return _decoded(_table, await session.get(str(table), NETWORK_API))


async def route_tables(session: Session, group: ResourceId) -> tuple[RouteTable, ...]:
    """All route tables of a resource group."""
    path = f"{group}/providers/Microsoft.Network/routeTables"
    return await _listed(session, path, NETWORK_API, _table_page)


async def link(session: Session, link_id: ResourceId) -> Link | None:
    """One link, None while ARM says that there is none (which it does for a while after creating one)."""
    return await _if_there(_link, session, link_id, PRIVATE_DNS_API)


async def private_endpoint(session: Session, endpoint: ResourceId) -> PrivateEndpoint | None:
    """One private endpoint, None where ARM says that there is none."""
    return await _if_there(_endpoint, session, endpoint, NETWORK_API)


async def network_interface(session: Session, nic: ResourceId) -> NetworkInterface | None:
    """One NIC, None where ARM says that there is none."""
    return await _if_there(_nic, session, nic, NETWORK_API)


async def load_balancer(session: Session, balancer: ResourceId) -> LoadBalancer | None:
    """One load balancer, None where ARM says that there is none."""
    return await _if_there(_balancer, session, balancer, NETWORK_API)


async def record_set(session: Session, record: ResourceId) -> RecordSet | None:
    """One record set of a private zone, None where ARM says that there is none."""
    return await _if_there(_record_set, session, record, PRIVATE_DNS_API)


async def links(session: Session, zone: ResourceId) -> tuple[Link, ...]:
    """All links of a zone, every page of them; raises rather than give a part for the whole."""
    return await _listed(session, f"{zone}/virtualNetworkLinks", PRIVATE_DNS_API, _link_page)


async def managed_clusters(session: Session, subscription: str) -> tuple[ManagedCluster, ...]:
    """All clusters of a subscription, from AKS itself (its bucket for this: 500, refilled one a second)."""
    path = f"/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters"
    return await _listed(session, path, CONTAINERSERVICE_API, _cluster_page)


async def _if_there[T](
    decoder: msgspec.json.Decoder[T], session: Session, resource: ResourceId, api_version: str
) -> T | None:
    try:
        return _decoded(decoder, await session.get(str(resource), api_version))
    except ArmError as error:
        if classify(error) is Kind.GONE:
            return None
        raise


async def _listed[T](
    session: Session, path: str, api_version: str, decoder: msgspec.json.Decoder[_Page[T]]
) -> tuple[T, ...]:
    page = _decoded(decoder, await session.get(path, api_version))
    found = list(page.value)
    for _ in range(_MOST_PAGES):
        if not page.next_link:
            return tuple(found)
        if not is_arms(session, page.next_link):
            raise NoAnswerError("a list goes on at an address that is not ARM's")
        page = _decoded(decoder, (await session.get_answer(page.next_link)).content)
        found.extend(page.value)
    raise NoAnswerError(f"a list does not end after {_MOST_PAGES} pages")


def _decoded[T](decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The struct in a body. A body that is no such thing counts as no answer: a proxy's page, or one cut short."""
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise NoAnswerError(f"ARM's answer is not what its documentation says: {error}") from None
