"""A survey's rows joined in memory into what `decide` gets to see, zone by zone and cluster by cluster."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.fleet.identify import CustomZoneNotListedError, matters_without_zone, zone_of
from functions.fleet.model import ManagedCluster, ResourceGroup
from functions.fleet.network_model import VirtualNetwork
from functions.fleet.oddities import odd_network
from functions.fleet.ownership import NotProvenError, claimed_manager, normal_location, prove, prove_public_name
from functions.fleet.seen import NOT_ASKED, UNKNOWN, Links, Seen, Unknown
from functions.fleet.subnet_model import RouteTable, SubnetSeen
from functions.fleet.survey import Survey, key_of
from functions.fleet.survey_rows import ClusterRow, VnetRow
from functions.fleet.zone_name import custom_zone, system_zone
from functions.policy import OWNER_TAG, Policy


@dataclass(frozen=True, slots=True)
class NotOurs:
    """A zone that is not shown to be one of ours to link, or a cluster with such a zone, and why."""

    target: ResourceId
    why: NotProvenError | CustomZoneNotListedError


@dataclass(frozen=True, slots=True)
class Unclear:
    """Something of which a survey cannot tell enough, and what it lacks. Says nothing about what is so.

    `ours` is the system zone when it carries a link of this deployment's, so that somebody should look.
    """

    target: str
    lacks: str
    ours: ResourceId | None = None


type Item = Seen | NotOurs | Unclear


def items(survey: Survey, policy: Policy, suffixes: tuple[str, ...]) -> Iterator[Item]:
    """What the survey tells, as `observe` would tell it from a zone's or a cluster's side.

    Made one by one, since all of them at once would need much memory. A Seen has all links of its zone; its spokes are
    UNKNOWN when a row of one is missing or nobody asked for them, and so are its API server's place and the subnets of
    its nodes.
    """
    join = _Join(survey, policy, suffixes)
    for zone in survey.zones.values():
        # The others are there for a custom zone's sake.
        if _subscription_of(zone) in {*join.within, ""}:
            yield from _told(join.of_zone, zone)
    for key, row in survey.clusters.items():
        if key not in join.seen:
            yield from _told(join.of_cluster, row.id)


def _subscription_of(zone: str) -> str:
    """The subscription in a zone's id in lower case, empty for text that is none: that is told as unclear."""
    return zone.split("/")[2].casefold() if zone.count("/") > 2 else ""


def _told(join: Callable[[str], Item | None], resource_id: str) -> Iterator[Item]:
    try:
        item = join(resource_id)
    except InvalidResourceIdError as error:
        item = Unclear(resource_id, f"an id that can be read ({error})")
    if item is not None:
        yield item


_ODD_LINK = "a row of a link that can be understood"


class _Join:
    def __init__(self, survey: Survey, policy: Policy, suffixes: tuple[str, ...]) -> None:
        self._survey = survey
        self._policy = policy
        self._suffixes = suffixes
        self.within = frozenset(survey.reach.subscriptions)
        self._half_read = survey.half_read
        self.seen: set[str] = set()
        """Clusters that their own zone has told of already."""

    def of_zone(self, text: str) -> Item | None:
        """From a zone's side. None for a zone of no form that AKS gives."""
        zone = ResourceId(text)
        if system_zone(zone.name, self._suffixes) is not None:
            return self._system_zone(zone)
        form = custom_zone(zone.name, self._suffixes)
        if form is None:
            return None
        if zone not in self._policy.custom_zones:
            return NotOurs(zone, CustomZoneNotListedError(text))
        if self._is_half_read(zone):
            return Unclear(text, _ODD_LINK)
        return Seen(zone, form.region, self._survey.at, links=self._links(zone))

    def of_cluster(self, text: str) -> Item | None:
        """From a cluster's side: what its zone's row, if there is one, has not told already."""
        row = self._survey.clusters[key_of(text)]
        cluster = row.cluster()
        if not cluster.private:
            return None
        if cluster.zone_mode.casefold() == "none":
            return self._without_zone(cluster, row) if matters_without_zone(cluster, self._policy) else None
        zone = zone_of(cluster)
        if zone is None:
            return Unclear(text, "the cluster's private name")
        if cluster.zone_mode.casefold() == "system":
            return None if key_of(str(zone)) in self._survey.zones else Unclear(text, "the row of its private zone")
        return self._custom_cluster(cluster, zone, row)

    def _system_zone(self, zone: ResourceId) -> Item:
        group = zone.group_id
        if key_of(str(group)) not in self._survey.groups:
            return Unclear(str(zone), "the row of its resource group")
        try:
            manager = claimed_manager(ResourceGroup(id=group, managed_by=self._survey.groups[key_of(str(group))]))
            row = self._survey.clusters.get(key_of(str(manager)))
            if row is None:
                ours = zone if self._has_our_link(zone) else None
                return Unclear(str(zone), f"the row of the managed cluster {manager.name}", ours)
            cluster = row.cluster()
            prove(zone, cluster, self._suffixes)
        except NotProvenError as error:
            return NotOurs(zone, error)
        self.seen.add(key_of(row.id))
        if self._is_half_read(zone):
            return Unclear(str(zone), _ODD_LINK)
        return self._seen(zone, normal_location(cluster.location), cluster, row)

    def _custom_cluster(self, cluster: ManagedCluster, zone: ResourceId, row: ClusterRow) -> Item:
        form = custom_zone(zone.name, self._suffixes)
        if form is None:
            return NotOurs(cluster.id, NotProvenError("the zone's name is not of a form that AKS uses"))
        if zone not in self._policy.custom_zones:
            return NotOurs(cluster.id, CustomZoneNotListedError(str(zone)))
        if key_of(str(zone)) not in self._survey.zones:
            return Unclear(str(cluster.id), "the row of its custom zone")
        if self._is_half_read(zone):
            return Unclear(str(cluster.id), _ODD_LINK)
        return self._seen(zone, form.region, cluster, row)

    def _without_zone(self, cluster: ManagedCluster, row: ClusterRow) -> Item:
        """A cluster of which only its records or its subnets concern us."""
        if not cluster.properties.private_fqdn:
            return Unclear(str(cluster.id), "the cluster's private name")
        try:
            prove_public_name(cluster, self._suffixes)
        except NotProvenError as error:
            return NotOurs(cluster.id, error)
        return self._seen(None, normal_location(cluster.location), cluster, row)

    def _seen(self, zone: ResourceId | None, location: str, cluster: ManagedCluster, row: ClusterRow) -> Seen:
        asked = self._survey.whereabouts
        subnets, tables = self._node_subnets(zone, cluster) or (UNKNOWN, UNKNOWN)
        try:
            api_server = UNKNOWN if asked is None else asked.api_server(cluster, zone)
        except ValueError:  # an address, or an id, that is none: `drift` tells that the place is not known
            api_server = UNKNOWN
        return Seen(
            zone,
            location,
            self._survey.at,
            cluster,
            api_server=api_server,
            spokes=self._spokes(row, cluster.node_group),
            subnets=subnets,
            node_tables=tables,
            links=NOT_ASKED if zone is None else self._links(zone),
        )

    def _node_subnets(
        self, zone: ResourceId | None, cluster: ManagedCluster
    ) -> tuple[tuple[SubnetSeen, ...], tuple[RouteTable, ...]] | None:
        """Those of a kubenet cluster, whose node resource group is shown to be its own, as far as somebody asked."""
        asked, group = self._survey.kubenet, cluster.node_group
        if asked is None or group is None or not (cluster.kubenet and cluster.settled and cluster.node_subnets):
            return None
        if cluster.unread_subnets:
            return None
        if zone is None or zone.group_id != group:  # else the zone's proof is the group's
            claimed = ResourceGroup(id=group, managed_by=self._survey.groups.get(key_of(str(group))))
            try:
                if claimed_manager(claimed) != cluster.id:
                    return None
            except NotProvenError:
                return None
        try:
            return asked.of(cluster)
        except InvalidResourceIdError:  # of a neighbour's: it is not known who is in the subnet
            return None

    def _is_half_read(self, zone: ResourceId) -> bool:
        """Whether a row of a link of the zone's cannot be understood: it is told by itself, and is not absent."""
        return key_of(str(zone)) in self._half_read

    def _links(self, zone: ResourceId) -> Links:
        rows = self._survey.links.get(key_of(str(zone)), ())
        return Links(tuple(row.link() for row in rows), complete=True)

    def _has_our_link(self, zone: ResourceId) -> bool:
        rows = self._survey.links.get(key_of(str(zone)), ())
        return any((row.tags or {}).get(OWNER_TAG) == self._policy.owner for row in rows)

    def _spokes(self, cluster: ClusterRow, group: ResourceId | None) -> tuple[VirtualNetwork, ...] | Unknown:
        if self._survey.vnets is None:
            return UNKNOWN
        own = sorted({key_of(subnet).rpartition("/subnets/")[0] for subnet in cluster.named_subnets})
        rows = [self._survey.vnets.get(vnet) for vnet in own]
        if cluster.vnet_of_aks and group is not None:
            rows += self._vnets_in.get(key_of(str(group)), ())
        read = (row.vnet() for row in rows if row is not None)
        spokes = tuple(vnet for vnet in read if odd_network(vnet) is None)
        return spokes if spokes and len(spokes) == len(rows) else UNKNOWN

    @cached_property
    def _vnets_in(self) -> dict[str, list[VnetRow]]:
        """The VNets by their resource group."""
        found: dict[str, list[VnetRow]] = {}
        for key, row in sorted((self._survey.vnets or {}).items()):
            found.setdefault(key.rpartition("/providers/")[0], []).append(row)
        return found
