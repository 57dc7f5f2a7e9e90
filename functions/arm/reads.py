"""Reads: raw GETs, decoded straight from bytes (rule 11), lists item by item where one item is odd (understood.py)."""

from collections.abc import Callable

import msgspec

from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import is_arms
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.understood import Listed, NotUnderstoodError, Odd, each, fields, fitted, one, text_in
from functions.fleet.endpoint import LoadBalancer, NetworkInterface, PrivateEndpoint, RecordSet
from functions.fleet.model import ArmStruct, ManagedCluster, ResourceGroup, SubResource, decode_hook
from functions.fleet.network_model import Link, LinkProperties, VirtualNetwork
from functions.fleet.oddities import all_understood, understood
from functions.fleet.subnet_model import RouteTable

RESOURCES_API = "2024-03-01"
SUBSCRIPTIONS_API = "2022-12-01"
CONTAINERSERVICE_API = "2026-08-01"
NETWORK_API = "2025-03-01"
PRIVATE_DNS_API = "2024-06-01"

# The most pages that a list is followed for: 1000 links a zone are 10 pages of 100, 5000 clusters are 50.
_MOST_PAGES = 100


class _Page[T](msgspec.Struct):
    value: tuple[T, ...]  # a page without it says nothing, and not that there is nothing
    next_link: str | None = msgspec.field(default=None, name="nextLink")


class _LinkCore(ArmStruct, frozen=True, kw_only=True):
    """The least of a link that can be used: where it leads."""

    class Properties(ArmStruct, frozen=True, kw_only=True):
        virtual_network: SubResource

    id: ResourceId
    properties: Properties


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
_link_core = msgspec.json.Decoder(_LinkCore, dec_hook=decode_hook)
_link_page = msgspec.json.Decoder(_Page[Link], dec_hook=decode_hook)
_table_page = msgspec.json.Decoder(_Page[RouteTable], dec_hook=decode_hook)
_cluster_page = msgspec.json.Decoder(_Page[ManagedCluster], dec_hook=decode_hook)


async def resource_group(session: Session, group: ResourceId) -> ResourceGroup:
    return one(_group, await session.get(str(group), RESOURCES_API))


async def subscription(session: Session, subscription_id: str) -> None:
    """Look whether a subscription is readable. Raises ArmError when it is not."""
    await session.get(f"/subscriptions/{subscription_id}", SUBSCRIPTIONS_API)


async def managed_cluster(session: Session, cluster: ResourceId) -> ManagedCluster:
    return understood(one(_cluster, await session.get(str(cluster), CONTAINERSERVICE_API)))


async def virtual_network(session: Session, vnet: ResourceId) -> VirtualNetwork:
    return one(_vnet, await session.get(str(vnet), NETWORK_API))


async def virtual_networks(session: Session, group: ResourceId) -> tuple[VirtualNetwork, ...]:
    """All VNets of a resource group. Raises NotUnderstoodError rather than give a part for the whole."""
    path = f"{group}/providers/Microsoft.Network/virtualNetworks"
    return _whole(await _listed(session, path, NETWORK_API, _vnet_page, _vnet))


async def route_table(session: Session, table: ResourceId) -> RouteTable:
    return one(_table, await session.get(str(table), NETWORK_API))


async def route_tables(session: Session, group: ResourceId) -> tuple[RouteTable, ...]:
    """All route tables of a resource group. Raises NotUnderstoodError rather than give a part for the whole."""
    path = f"{group}/providers/Microsoft.Network/routeTables"
    return _whole(await _listed(session, path, NETWORK_API, _table_page, _table))


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
    """All links of a zone, every page of them; raises rather than give a part for the whole.

    Of a link that is odd otherwise, where it leads is enough.
    """
    path = f"{zone}/virtualNetworkLinks"
    return _whole(await _listed(session, path, PRIVATE_DNS_API, _link_page, _link, _salvaged_link))


async def managed_clusters(session: Session, subscription: str) -> Listed[ManagedCluster]:
    """All clusters of a subscription, from AKS itself (its bucket for this: 500, refilled one a second)."""
    path = f"/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters"
    return all_understood(await _listed(session, path, CONTAINERSERVICE_API, _cluster_page, _cluster))


async def _if_there[T](
    decoder: msgspec.json.Decoder[T], session: Session, resource: ResourceId, api_version: str
) -> T | None:
    try:
        return one(decoder, await session.get(str(resource), api_version))
    except ArmError as error:
        if classify(error) is Kind.GONE:
            return None
        raise


async def _listed[T](
    session: Session,
    path: str,
    api_version: str,
    page: msgspec.json.Decoder[_Page[T]],
    item: msgspec.json.Decoder[T],
    salvaged: Callable[[object], T | Odd] | None = None,
) -> Listed[T]:
    """All pages of a list. `salvaged` gives what can be used of an odd item."""
    found: list[T] = []
    odd: list[Odd] = []
    body = await session.get(path, api_version)
    for _ in range(_MOST_PAGES):
        read, next_link = _page_of(body, page, item, salvaged)
        found += read.items
        odd += read.odd
        if not next_link:
            return Listed(tuple(found), tuple(odd))
        if not is_arms(session, next_link):
            raise NoAnswerError("a list goes on at an address that is not ARM's")
        body = (await session.get_answer(next_link)).content
    raise NoAnswerError(f"a list does not end after {_MOST_PAGES} pages")


def _page_of[T](
    body: bytes,
    page: msgspec.json.Decoder[_Page[T]],
    item: msgspec.json.Decoder[T],
    salvaged: Callable[[object], T | Odd] | None,
) -> tuple[Listed[T], str | None]:
    """A page's items and where the list goes on: decoded whole, and item by item where that fails."""
    try:
        read = page.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        held = fields(body)
        return each(held, "value", item, salvaged), text_in(held, "nextLink")
    return Listed(read.value), read.next_link


def _whole[T](listed: Listed[T]) -> tuple[T, ...]:
    """The items of a list of which none is odd. Raises NotUnderstoodError: a part is not the whole."""
    if listed.odd:
        raise NotUnderstoodError(listed.odd[0])
    return listed.items


def _salvaged_link(item: object) -> Link | Odd:
    """Where an odd link leads. Nothing else of it is known, neither owner nor state."""
    core = fitted(item, _link_core)
    if isinstance(core, Odd):
        return core
    leads_to = LinkProperties(virtual_network=core.properties.virtual_network)
    return Link(id=core.id, name=core.id.name, properties=leads_to)
