"""The rows that Resource Graph shows of what exists.

Resource Graph prints types and resource groups in lower case and ids as their provider does; a VNet's row holds its
subnets and peerings; record sets are in `dnsresources`, with their zone in `managedBy`; resource groups and
subscriptions are in `resourcecontainers`. Source: Learn, "Azure Resource Graph table and resource type reference".
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from localazure import back_references, peered
from localazure.network_rules import GRAPH
from localazure.resource_graph.scalars import Columns, Kind
from localazure.store import Json, Resource, part

if TYPE_CHECKING:
    from localazure.azure import LocalAzure

_DNS = "microsoft.network/privatednszones"
_VNETS = "microsoft.network/virtualnetworks"
_TABLES = "microsoft.network/routetables"
SUBSCRIPTIONS = "microsoft.resources/subscriptions"
GROUPS = f"{SUBSCRIPTIONS}/resourcegroups"
_GROUPS_OF_ARM = "microsoft.resources/resourcegroups"

COLUMNS: dict[str, Kind] = {
    "id": "string",
    "name": "string",
    "type": "string",
    "tenantId": "string",
    "kind": "string",
    "location": "string",
    "resourceGroup": "string",
    "subscriptionId": "string",
    "managedBy": "string",
    "sku": "dynamic",
    "plan": "dynamic",
    "properties": "dynamic",
    "tags": "dynamic",
    "identity": "dynamic",
    "zones": "dynamic",
    "extendedLocation": "dynamic",
}
TABLES: dict[str, Columns] = {
    "resources": COLUMNS,
    "resourcecontainers": COLUMNS,
    "dnsresources": {**COLUMNS, "etag": "string"},
}

_RECORDS = tuple(f"{_DNS}/{kind}" for kind in ("a", "aaaa", "cname", "txt", "soa"))
TYPES: dict[str, tuple[str, ...]] = {
    "resources": (
        _VNETS,
        "microsoft.network/networkinterfaces",
        "microsoft.network/privateendpoints",
        _TABLES,
        "microsoft.network/loadbalancers",
        "microsoft.network/networksecuritygroups",
        _DNS,
        f"{_DNS}/virtualnetworklinks",
        "microsoft.containerservice/managedclusters",
    ),
    "resourcecontainers": (SUBSCRIPTIONS, GROUPS),
    "dnsresources": _RECORDS,
}
"""The types in each table, in lower case. A subnet, a peering or a node pool has no row of its own."""


def rows_of(azure: "LocalAzure", table: str, kind: str) -> Iterator[Json]:
    """The rows of one type as things are now. What they hold is the store's own: not to be written into."""
    if kind == SUBSCRIPTIONS:
        return _subscriptions(azure)
    arm_type = _GROUPS_OF_ARM if kind == GROUPS else kind
    return _shown(azure, table, kind, azure.store.of_type(arm_type))


def row_of(azure: "LocalAzure", resource: Resource) -> tuple[str, Json] | None:
    """The table and the row of one resource; nothing for what Resource Graph does not show."""
    arm_type = resource.type.casefold()
    kind = GROUPS if arm_type == _GROUPS_OF_ARM else arm_type
    for table, types in TYPES.items():
        if kind in types:
            return table, next(_shown(azure, table, kind, [resource]))
    return None


def known_subscriptions(azure: "LocalAzure") -> list[str]:
    """Every subscription that something is known of, in lower case and in order."""
    groups = {group.id.split("/")[2].casefold() for group in azure.store.of_type(_GROUPS_OF_ARM)}
    return sorted(groups | {subscription.casefold() for subscription in azure.management_groups})


def _shown(azure: "LocalAzure", table: str, kind: str, resources: Iterable[Resource]) -> Iterator[Json]:
    properties = _PROPERTIES.get(kind, _own_properties)
    for resource in resources:
        parts = resource.id.split("/")
        body = resource.body
        row: Json = {
            "id": resource.id,
            "name": resource.name,
            "type": kind,
            "tenantId": azure.tenant,
            "kind": body.get("kind", ""),
            "location": body.get("location", ""),
            "resourceGroup": parts[4].lower() if len(parts) > 4 else "",
            "subscriptionId": parts[2],
            "managedBy": body.get("managedBy", ""),
            "sku": body.get("sku"),
            "plan": body.get("plan"),
            "properties": properties(azure, resource),
            "tags": body.get("tags"),
            "identity": body.get("identity"),
            "zones": body.get("zones"),
            "extendedLocation": body.get("extendedLocation"),
        }
        if table == "dnsresources":
            row["managedBy"] = resource.id.rsplit("/", 2)[0]
            row["etag"] = body.get("etag", "")
        yield row


def _own_properties(_azure: "LocalAzure", resource: Resource) -> Json:
    return resource.properties


def _zone_properties(azure: "LocalAzure", zone: Resource) -> Json:
    """With the counts that a GET gathers too."""
    links = azure.store.of_type(f"{_DNS}/virtualNetworkLinks", zone.id)
    records = len(azure.store.under(zone.id)) - len(links)
    return {**zone.properties, "numberOfRecordSets": records, "numberOfVirtualNetworkLinks": len(links)}


def _vnet_properties(azure: "LocalAzure", vnet: Resource) -> Json:
    subnets = [
        {
            "id": subnet.id,
            "name": subnet.name,
            "type": f"{_VNETS}/subnets",
            "etag": vnet.body.get("etag", ""),
            "properties": {
                **subnet.properties,
                **back_references.of_subnet(azure.store, subnet.id, azure.network, GRAPH),
            },
        }
        for subnet in azure.store.of_type(f"{_VNETS}/subnets", vnet.id)
    ]
    peerings = [
        {
            "id": peering.id,
            "name": peering.name,
            "type": f"{_VNETS}/virtualNetworkPeerings",
            "properties": _peering_properties(azure, peering),
        }
        for peering in azure.store.of_type(f"{_VNETS}/virtualNetworkPeerings", vnet.id)
    ]
    return {**vnet.properties, "subnets": subnets, "virtualNetworkPeerings": peerings}


def _peering_properties(azure: "LocalAzure", peering: Resource) -> Json:
    """Both address spaces of the remote VNet: the peering's copy, and as it is now."""
    now = peered.remote_space(azure.store, peering.properties)
    return {"remoteAddressSpace": now, **peering.properties, "remoteVirtualNetworkAddressSpace": now}


def _table_properties(azure: "LocalAzure", table: Resource) -> Json:
    """With its routes and the subnets that use it, as a GET."""
    routes = [
        {"id": route.id, "name": route.name, "type": f"{_TABLES}/routes", "properties": route.properties}
        for route in azure.store.of_type(f"{_TABLES}/routes", table.id)
    ]
    return {**table.properties, "routes": routes, **back_references.of_route_table(azure.store, table.id)}


def _cluster_properties(_azure: "LocalAzure", cluster: Resource) -> Json:
    """Without `fqdn` while the public name is switched off, as a GET."""
    if part(cluster.properties, "apiServerAccessProfile").get("enablePrivateClusterPublicFQDN", True):
        return cluster.properties
    return {key: value for key, value in cluster.properties.items() if key != "fqdn"}


_PROPERTIES: dict[str, Callable[["LocalAzure", Resource], Json]] = {
    _DNS: _zone_properties,
    _VNETS: _vnet_properties,
    _TABLES: _table_properties,
    "microsoft.containerservice/managedclusters": _cluster_properties,
}


def _subscriptions(azure: "LocalAzure") -> Iterator[Json]:
    chains = {held.casefold(): chain for held, chain in azure.management_groups.items()}
    for subscription in known_subscriptions(azure):
        chain = [{"displayName": name, "name": name} for name in chains.get(subscription, ())]
        empty = dict.fromkeys(COLUMNS)
        yield empty | {
            "id": f"/subscriptions/{subscription}",
            "name": subscription,
            "type": SUBSCRIPTIONS,
            "tenantId": azure.tenant,
            "kind": "",
            "location": "",
            "resourceGroup": "",
            "subscriptionId": subscription,
            "managedBy": "",
            "properties": {"managementGroupAncestorsChain": chain, "state": "Enabled"},
        }
