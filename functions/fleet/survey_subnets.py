"""The subnets of a fleet's kubenet clusters and the route tables there, by a few queries of Resource Graph.

Absence proves nothing here: a subnet or a table that is not shown is not known, never missing. Bodies are not read, so
that nothing can be written from what is seen here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched

import msgspec

from functions.arm.graph import Graph, Page
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.fleet.model import ManagedCluster, decode_hook
from functions.fleet.subnet_model import RouteTable, RouteTableProperties, Subnet, SubnetProperties, SubnetSeen
from functions.fleet.survey_rows import CLUSTERS, ClusterRow, Query
from functions.policy import Policy

# Ids in one query, so that its text stays below 60,000 characters: how long one may be is not documented.
_IN_A_QUERY = 150

_SUBNET = "microsoft.network/virtualnetworks/subnets"


class SubnetRow(SubnetProperties, frozen=True, kw_only=True):
    """A subnet out of its VNet's row: the columns are the properties themselves."""

    id: str

    def subnet(self) -> Subnet:
        return Subnet(id=ResourceId(self.id), properties=self)


class TableRow(RouteTableProperties, frozen=True, kw_only=True):
    """A route table."""

    id: str

    def table(self) -> RouteTable:
        return RouteTable(id=ResourceId(self.id), properties=self)


_subnets = msgspec.json.Decoder(Page[SubnetRow], dec_hook=decode_hook)
_tables = msgspec.json.Decoder(Page[TableRow], dec_hook=decode_hook)

_TABLE_COLUMNS = (
    "project id, routes = properties.routes, "
    "disableBgpRoutePropagation = properties.disableBgpRoutePropagation | order by id asc"
)
_TABLES = "resources | where type =~ 'microsoft.network/routetables'"

# Those that AKS made, by their name (subnet_model.aks_table).
AKS_TABLES = Query(f"{_TABLES} | where name startswith 'aks-agentpool-' | {_TABLE_COLUMNS}", _tables)


def tables(named: Iterable[ResourceId]) -> Query[TableRow]:
    """These tables. An id holds nothing that could end a text in a query (ResourceId)."""
    return Query(f"{_TABLES} | where id in~ ({_texts(named)}) | {_TABLE_COLUMNS}", _tables)


def subnets(named: Sequence[ResourceId]) -> Query[SubnetRow]:
    """These subnets. Of a VNet with more than 2000, which is the most that mv-expand makes of a row, some may lack."""
    vnets = dict.fromkeys(subnet.parent for subnet in named)
    return Query(
        f"resources | where type =~ 'microsoft.network/virtualnetworks' | where id in~ ({_texts(vnets)}) "
        "| mv-expand subnet = properties.subnets limit 2000 "
        f"| where tostring(subnet.id) in~ ({_texts(named)}) "
        "| project id = tostring(subnet.id), provisioningState = subnet.properties.provisioningState, "
        "addressPrefix = subnet.properties.addressPrefix, addressPrefixes = subnet.properties.addressPrefixes, "
        "routeTable = subnet.properties.routeTable, delegations = subnet.properties.delegations, "
        "ipConfigurations = subnet.properties.ipConfigurations, "
        "ipConfigurationProfiles = subnet.properties.ipConfigurationProfiles, "
        "privateEndpoints = subnet.properties.privateEndpoints, "
        "applicationGatewayIPConfigurations = subnet.properties.applicationGatewayIPConfigurations, "
        "serviceAssociationLinks = subnet.properties.serviceAssociationLinks, "
        "resourceNavigationLinks = subnet.properties.resourceNavigationLinks | order by id asc",
        _subnets,
    )


@dataclass(frozen=True, slots=True)
class NodeSubnets:
    """The rows by their ids in lower case. `neighbours` are the ids of all clusters that name a subnet."""

    subnets: Mapping[str, SubnetRow]
    tables: Mapping[str, TableRow]
    in_group: Mapping[str, tuple[TableRow, ...]]
    neighbours: Mapping[str, tuple[str, ...]]

    def of(self, cluster: ManagedCluster) -> tuple[tuple[SubnetSeen, ...], tuple[RouteTable, ...]] | None:
        """A cluster's subnets and its node resource group's tables, as `observe_subnets` would tell them.

        None while one of these rows lacks: a subnet, the table that it has, and, where it has none, AKS's own table.
        The group is not looked at: whether it is the cluster's own is for others to prove.
        """
        group = cluster.node_group
        if group is None:
            return None
        own = tuple(row.table() for row in self.in_group.get(str(group).casefold(), ()))
        seen = [self._seen(subnet, cluster, own) for subnet in cluster.node_subnets]
        known = tuple(one for one in seen if one is not None)
        bare = any(one.table is None for one in known)
        is_whole = len(known) == len(seen) and not (bare and not any(table.of_aks for table in own))
        return (known, own) if is_whole else None

    def _seen(self, subnet: ResourceId, cluster: ManagedCluster, own: tuple[RouteTable, ...]) -> SubnetSeen | None:
        row = self.subnets.get(str(subnet).casefold())
        if row is None:
            return None
        named, mine = self.neighbours.get(str(subnet).casefold(), ()), str(cluster.id).casefold()
        others = tuple(ResourceId(one) for one in named if one.casefold() != mine)
        one = SubnetSeen(subnet, row.subnet(), neighbours=others)
        if one.table is None or any(one.table == table.id for table in own):
            return one
        foreign = self.tables.get(str(one.table).casefold())
        return None if foreign is None else SubnetSeen(subnet, row.subnet(), b"", foreign.table(), others)


async def node_subnets(
    graph: Graph, clusters: Sequence[ClusterRow], policy: Policy, within: tuple[str, ...]
) -> NodeSubnets | None:
    """Ask for the subnets of kubenet clusters at rest, and for the tables there; nothing, where there are none such.

    `within` are the subscriptions, in lower case, whose clusters are known. A query for each 150 subnets, one for
    AKS's tables, one for each 150 tables of others, and one for the clusters of the VNets' other subscriptions. Raises
    as a query.
    """
    kubenet = list(_kubenet(clusters, policy))
    wanted = sorted({subnet for cluster in kubenet for subnet in cluster.node_subnets if subnet.type == _SUBNET})
    if not wanted:
        return None
    near = _subscriptions([*wanted, *(cluster.id for cluster in kubenet)])
    rows = await _asked(graph, wanted, subnets)
    made = await graph.query(AKS_TABLES.text, AKS_TABLES.page, near)
    held = {row.id.casefold(): row for row in made}
    used = {row.route_table.id for row in rows if row.route_table is not None}
    made += await _asked(graph, sorted(table for table in used if str(table).casefold() not in held), tables)
    beyond = tuple(subscription for subscription in near if subscription not in set(within))
    others = await graph.query(CLUSTERS.text, CLUSTERS.page, beyond) if beyond else []
    by_group: dict[str, tuple[TableRow, ...]] = {}
    for row in made:
        group = row.id.casefold().rpartition("/providers/")[0]
        by_group[group] = (*by_group.get(group, ()), row)
    return NodeSubnets(
        subnets={row.id.casefold(): row for row in rows},
        tables={row.id.casefold(): row for row in made},
        in_group=by_group,
        neighbours=_neighbours([*clusters, *others], {str(subnet).casefold() for subnet in wanted}),
    )


def _kubenet(clusters: Iterable[ClusterRow], policy: Policy) -> Iterator[ManagedCluster]:
    """The clusters whose subnets matter."""
    for row in clusters if policy.route_tables.attach else ():
        network = row.network_profile
        if network is None or (network.network_plugin or "").casefold() != "kubenet":
            continue
        try:
            cluster = row.cluster()
            named = cluster.node_subnets
        except InvalidResourceIdError:
            continue  # the survey's items tell of it
        if named and cluster.private and cluster.settled and not policy.scope.excludes(row.tags):
            yield cluster


def _neighbours(clusters: Iterable[ClusterRow], wanted: set[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in clusters:
        for subnet in {subnet.casefold() for subnet in row.named_subnets} & wanted:
            found[subnet] = (*found.get(subnet, ()), row.id)
    return found


async def _asked[Row](
    graph: Graph, named: Sequence[ResourceId], query_of: Callable[[Sequence[ResourceId]], Query[Row]]
) -> list[Row]:
    rows: list[Row] = []
    for some in batched(named, _IN_A_QUERY, strict=False):
        query = query_of(some)
        rows += await graph.query(query.text, query.page, _subscriptions(some))
    return rows


def _subscriptions(named: Iterable[ResourceId]) -> tuple[str, ...]:
    return tuple(sorted({one.subscription.casefold() for one in named}))


def _texts(named: Iterable[ResourceId]) -> str:
    return ", ".join(f"'{one}'" for one in named)
