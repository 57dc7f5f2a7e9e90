"""What a survey says should change, decided in memory for the whole fleet. Pure: nothing is read, nothing written."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from functions.arm.resource_id import ResourceId
from functions.fleet.identify import CustomZoneNotListedError
from functions.fleet.model import ManagedCluster
from functions.fleet.moved import moved
from functions.fleet.seen import NOTHING_REMEMBERED, Seen, Unknown
from functions.fleet.survey import Survey
from functions.fleet.survey_join import Item, NotOurs, Unclear
from functions.fleet.survey_records import Records
from functions.handlers import (
    api_server_findings,
    capacity_findings,
    concerns,
    not_understood_findings,
    zone_link_findings,
    zone_link_leaving,
)
from functions.handlers.failed_cluster_causes import needs_routes
from functions.handlers.route_memory import bare_since
from functions.handlers.verdict import Change, Finding, Verdict
from functions.ledger.state import Observed, subject_of
from functions.plan import key
from functions.policy import Policy
from functions.role import Role

# A report lists so many of each sort; their whole number is told besides.
LISTED = 1000

_COMPANY_UNKNOWN = "subnet-company-unknown"  # route_table_findings
_NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Look:
    """A zone or cluster that a pass should look at, the ledger's row for it, and the changes that it may lead to."""

    target: ResourceId
    subject: ResourceId
    changes: tuple[Change, ...] = ()


class Drift:
    """What the fleet lacks, gathered item by item. `clusters` counts those that were proven and not excluded.

    the survey tells                    what follows
    proven, nothing to change           its findings, if any
    proven, something to change         a look, which observes afresh before any write
    proven, an address not remembered   a look, so that the move is known
    proven, a subnet that lost its
    table, not remembered, reattach     a look, so that its grace begins
    proven, a subnet whose company
    is not known                        its finding, and a look: ARM may list what the survey leaves out
    proven, a link that nothing wants,
    or DNS servers that changed, not
    remembered                          a look, so that the first of two looks is known
    proven, excluded by its tag         nothing
    not ours                            the finding that a pass would give
    unclear, with a link of ours        a look: only ARM can say whether its cluster is gone
    unclear                             a line in the report, and nothing else
    a row with records that are left    a finding and a look, whatever the survey shows (`owing`)
    """

    def __init__(self, policy: Policy, remembered: Mapping[ResourceId, Observed], role: Role = Role.ALONE) -> None:
        self._policy = policy
        self._role = role
        self._remembered = remembered
        self._asked: set[str] = set()
        self.clusters = 0
        self.excluded = 0
        self.unclear = 0
        self.codes = Counter[str]()
        self.findings: list[Finding] = []
        self.gaps: list[Unclear] = []
        self.looks: list[Look] = []

    @property
    def changes(self) -> list[Change]:
        return [change for look in self.looks for change in look.changes]

    def take(self, item: Item) -> None:
        """One row of the table."""
        match item:
            case Unclear():
                self._lack(item)
                if item.ours is not None:
                    self.looks.append(Look(item.ours, subject_of(item.ours, system=True)))
            case NotOurs(target, CustomZoneNotListedError()):
                self.find([zone_link_findings.custom_zone_not_listed(target)])
            case NotOurs(target, why):
                self.find([zone_link_findings.ownership_not_proven(target, str(why))])
            case Seen(cluster=cluster) if cluster is not None and self._policy.scope.excludes(cluster.tags):
                self.excluded += 1
            case Seen():
                self._decide(item)

    def owing(self) -> None:
        """The rows that remember records of clusters that are gone. No survey shows those clusters."""
        for subject, held in self._remembered.items():
            if held.left:
                self.find(api_server_findings.left_unread(one, "it was not removed yet") for one in held.left)
                self.looks.append(Look(subject, subject))

    def find(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.codes[finding.code] += 1
            if len(self.findings) < LISTED:
                self.findings.append(finding)

    def _lack(self, gap: Unclear) -> None:
        self.unclear += 1
        if len(self.gaps) < LISTED:
            self.gaps.append(gap)

    def _decide(self, seen: Seen) -> None:
        subject = row_of(seen)
        seen = replace(seen, remembered=self._remembered.get(subject, NOTHING_REMEMBERED))
        verdict = concerns.decide(seen, self._policy, self._role)
        self.find(verdict.findings)
        if seen.cluster is not None:
            self.clusters += 1
            for lacks in _lacking(seen, seen.cluster, self._policy):
                self._lack(Unclear(str(seen.cluster.id), lacks))
        # Clusters that share a custom zone ask for the same links.
        changes = tuple(change for change in verdict.changes if key(change) not in self._asked)
        self._asked.update(map(key, changes))
        unheard = _moved_unheard(seen) or _bare_unheard(seen, self._policy) or _company_unlisted(verdict)
        unheard = unheard or zone_link_leaving.is_unheard(seen, self._policy)
        if changes or unheard:
            self.looks.append(Look(_target(seen), subject, changes))


def capacity(survey: Survey, policy: Policy) -> Iterator[Finding]:
    """What is near one of Azure's limits."""
    yield from capacity_findings.about_hubs(survey.crowded_hubs, policy)
    yield from capacity_findings.about_zones(survey.crowded_zones)


def not_understood(survey: Survey) -> Iterator[Finding]:
    """The rows that cannot be understood, each told once: what they would show is not known."""
    nearest = ResourceId(f"/subscriptions/{next(iter(survey.reach.subscriptions), _NOWHERE)}")
    for odd in dict.fromkeys(survey.odd):
        yield not_understood_findings.not_understood(odd, nearest)


def unread(records: Records) -> Iterator[Finding]:
    """The targets that do not answer, each told once however many clusters have a name there."""
    for place, missed in records.unread.items():
        told = api_server_findings.write_trouble(missed.first, place, missed.error)
        yield replace(told, seen=f"{told.seen} (names that could not be read: {missed.clusters})")


def _lacking(seen: Seen, cluster: ManagedCluster, policy: Policy) -> Iterator[str]:
    """The rows without which something is not known of a cluster. While it is stopped or busy, no endpoint need be."""
    if policy.discover_resolvers and seen.zone is not None and isinstance(seen.spokes, Unknown):
        yield "the row of a VNet of its own"
    if policy.route_tables.attach and cluster.settled and needs_routes(cluster) and isinstance(seen.subnets, Unknown):
        yield "the row of a subnet of its nodes, of a route table there, or of its node resource group"
    if not policy.follows_addresses or not cluster.settled or cluster.stopped:
        return
    if isinstance(seen.api_server, Unknown):
        pieces = "the load balancer" if cluster.vnet_integrated else "the private endpoint, or its NIC,"
        yield f"the row of {pieces} kube-apiserver"
    elif seen.zone is not None and seen.api_server.published is None and not seen.api_server.doubt:
        yield "the row of AKS's own record of its address"


def _moved_unheard(seen: Seen) -> bool:
    """Whether the API server is elsewhere than the ledger remembers: no event told, or the survey lags behind one."""
    move = moved(seen)
    return move is not None and (seen.remembered.move is None or seen.remembered.move.id != move.id)


def _bare_unheard(seen: Seen, policy: Policy) -> bool:
    """Whether a subnet is without its table, which the policy would have attached again, and the ledger knows nothing
    of that: a table is given back only when its absence has been known for a while.
    """
    routed = seen.remembered.routed
    is_known = routed is not None and bool(routed.bare_since)
    is_told = not isinstance(seen.subnets, Unknown) and not is_known and bool(bare_since(seen))
    return is_told and policy.route_tables.attach and policy.route_tables.reattach


def _company_unlisted(verdict: Verdict) -> bool:
    """Whether a table is not attached only because the survey does not show who is in the subnet."""
    return any(finding.code == _COMPANY_UNKNOWN for finding in verdict.findings)


def row_of(seen: Seen) -> ResourceId:
    """The ledger's row: a cluster's is its node resource group; a custom zone that no cluster tells of has its own."""
    group = seen.cluster.node_group if seen.cluster is not None else None
    return group or seen.place


def _target(seen: Seen) -> ResourceId:
    """A zone tells its cluster, unless it is a custom one, which many may share."""
    return seen.place if seen.in_node_group or seen.cluster is None else seen.cluster.id
