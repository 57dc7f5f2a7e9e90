"""The whole fleet as Resource Graph shows it: a few queries, and the rows that they give.

Resource Graph lags by seconds to minutes and leaves out without a word what we may not see. So a cluster of which a
row is missing is unclear, never gone, and whatever a survey leads to is observed afresh before anything is written.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions.arm.graph import Graph
from functions.arm.resource_id import InvalidResourceIdError, ResourceId, is_guid
from functions.arm.understood import Odd
from functions.fleet import survey_rows
from functions.fleet.scope import Reach, Scopes
from functions.fleet.survey_address import Whereabouts, whereabouts
from functions.fleet.survey_rows import ClusterRow, LinkRow, Query, VnetRow
from functions.fleet.survey_subnets import NodeSubnets, node_subnets
from functions.policy import Policy

# From so many zones on a VNet is told of: there are few such, so that the answer is one page (Azure allows 1000).
_CROWDED = 800

_LINK = "/virtualnetworklinks/"


@dataclass(frozen=True, slots=True)
class Survey:
    """The rows of one survey by their ids in lower case (`key_of`), in order. `vnets`, `whereabouts` and `kubenet` are
    None where they were not queried. `odd` are the rows that cannot be understood, which are nowhere else.

    `crowded_hubs` are the VNets with 800 zones or more linked to them, as far as those can be seen.
    """

    at: float
    reach: Reach
    clusters: Mapping[str, ClusterRow]
    groups: Mapping[str, str | None]
    zones: Mapping[str, str]
    links: Mapping[str, list[LinkRow]]
    vnets: Mapping[str, VnetRow] | None
    whereabouts: Whereabouts | None
    kubenet: NodeSubnets | None
    crowded_hubs: Mapping[ResourceId, int]
    odd: tuple[Odd, ...] = ()

    @property
    def crowded_zones(self) -> dict[ResourceId, int]:
        """Zones with 800 links or more."""
        crowded = ((read_id(self.zones[key]), len(held)) for key, held in self.links.items() if len(held) >= _CROWDED)
        return {zone: links for zone, links in crowded if zone is not None}

    @property
    def half_read(self) -> frozenset[str]:
        """Zones, by their ids in lower case, of which a link is an odd row: not all their links are known."""
        ids = (str(odd.id).casefold() for odd in self.odd if odd.id is not None)
        return frozenset(one.rpartition(_LINK)[0] for one in ids if _LINK in one)


async def survey(graph: Graph, policy: Policy, scopes: Scopes, at: float) -> Survey:
    """Read the fleet. Raises ArmError, NoAnswerError and NoTokenError: a survey is whole, or there is none.

    At most one query for every 1000 rows, and nine; for the subnets of kubenet clusters as node_subnets says.
    """
    reach = await scopes.reach(graph, policy, at)
    within, suffixes = reach.subscriptions, graph.session.cloud.suffixes
    zoned = _also(within, (zone.subscription for zone in policy.custom_zones))
    hubs = _also(zoned, (*policy.scope.hub_subscriptions, *(hub.vnet.subscription for hub in policy.hubs)))
    clusters, odd = survey_rows.understood(await _rows(graph, survey_rows.CLUSTERS, within))
    links: dict[str, list[LinkRow]] = {}
    zones = await _rows(graph, survey_rows.zones(suffixes), zoned)
    known = {key_of(row.id): row.id for row in zones}
    for row in await _rows(graph, survey_rows.links(suffixes), zoned):
        if (zone := row.id.casefold().rpartition(_LINK)[0]) in known:
            links.setdefault(zone, []).append(row)
    return Survey(
        at=at,
        reach=reach,
        clusters={key_of(row.id): row for row in clusters},
        groups={key_of(row.id): row.managed_by for row in await _rows(graph, survey_rows.GROUPS, within)},
        zones=known,
        links=links,
        vnets=await _spokes(graph, clusters) if _needs_vnets(policy) else None,
        whereabouts=await whereabouts(graph, suffixes, within, zoned) if policy.follows_addresses else None,
        kubenet=await node_subnets(graph, clusters, policy, within),
        crowded_hubs=await _crowded_hubs(graph, hubs),
        odd=(*odd, *graph.odd),
    )


def _needs_vnets(policy: Policy) -> bool:
    return policy.discover_resolvers or policy.resolution.enabled or policy.prune


async def _crowded_hubs(graph: Graph, within: tuple[str, ...]) -> dict[ResourceId, int]:
    rows = await _rows(graph, survey_rows.crowded_hubs(_CROWDED), within)
    return {hub: row.zones for row in rows if (hub := read_id(row.vnet)) is not None}


async def _spokes(graph: Graph, clusters: Iterable[ClusterRow]) -> dict[str, VnetRow]:
    """The VNets of the subscriptions in which clusters have theirs. AKS makes a VNet in the cluster's own."""
    subnets = (subnet for row in clusters for subnet in row.named_subnets)
    without = (row.id for row in clusters if row.vnet_of_aks)
    named = {text.split("/")[2] for text in (*subnets, *without) if text.count("/") > 2}
    within = _also((), (subscription for subscription in named if is_guid(subscription)))
    return {key_of(row.id): row for row in await _rows(graph, survey_rows.VNETS, within)}


async def _rows[Row](graph: Graph, query: Query[Row], subscriptions: tuple[str, ...]) -> list[Row]:
    """Without any subscription there is nothing to ask: Resource Graph would take that for all of them."""
    return await graph.query(query.text, query.page, subscriptions) if subscriptions else []


def _also(subscriptions: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*subscriptions, *(subscription.casefold() for subscription in more)}))


def read_id(text: str) -> ResourceId | None:
    """The id, None for text that is none."""
    try:
        return ResourceId(text)
    except InvalidResourceIdError:
        return None


def key_of(resource_id: str) -> str:
    """Under which a row is found: ids compare without case."""
    return resource_id.casefold()
