"""What a survey says should change, decided in memory for the whole fleet. Pure: nothing is read, nothing written."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from functions.arm.resource_id import ResourceId
from functions.fleet.observe import CustomZoneNotListedError
from functions.fleet.seen import NOTHING_REMEMBERED, Seen, Unknown
from functions.fleet.survey import Survey
from functions.fleet.survey_join import NotOurs, Unclear, items
from functions.fleet.zone_name import system_zone
from functions.handlers import capacity_findings, zone_link_findings, zone_links
from functions.handlers.verdict import Change, Finding, joined
from functions.ledger.state import Observed, subject_of
from functions.policy import Policy

# A report lists so many of each sort; their whole number is told besides.
LISTED = 1000

# Those that can be decided from a survey alone.
_HANDLERS = (zone_links,)


@dataclass(frozen=True, slots=True)
class Look:
    """A zone or cluster that a pass should look at, the ledger's row for it, and the changes that it may lead to."""

    target: ResourceId
    subject: ResourceId
    changes: tuple[Change, ...] = ()


@dataclass(slots=True)
class Drift:
    """What the fleet lacks. `clusters` counts those that were proven and not excluded by their tag."""

    clusters: int = 0
    zones: int = 0
    excluded: int = 0
    unclear: int = 0
    codes: Counter[str] = field(default_factory=Counter[str])
    findings: list[Finding] = field(default_factory=list[Finding])
    gaps: list[Unclear] = field(default_factory=list[Unclear])
    looks: list[Look] = field(default_factory=list[Look])

    @property
    def changes(self) -> list[Change]:
        return [change for look in self.looks for change in look.changes]

    def find(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self.codes[finding.code] += 1
            if len(self.findings) < LISTED:
                self.findings.append(finding)

    def lack(self, gap: Unclear) -> None:
        self.unclear += 1
        if len(self.gaps) < LISTED:
            self.gaps.append(gap)


def drift(
    survey: Survey, policy: Policy, suffixes: tuple[str, ...], remembered: Mapping[ResourceId, Observed]
) -> Drift:
    """Decide for every zone and cluster that the survey shows.

    the survey tells                    what follows
    proven, nothing to change           its findings, if any
    proven, something to change         a look, which observes afresh before any write
    proven, excluded by its tag         nothing
    not ours                            the finding that a pass would give
    unclear, with a link of ours        a look: only ARM can say whether its cluster is gone
    unclear                             a line in the report, and nothing else
    """
    told = Drift(zones=len(survey.zones))
    asked: set[ResourceId] = set()
    for item in items(survey, policy, suffixes):
        match item:
            case Unclear():
                told.lack(item)
                if item.ours is not None:
                    told.looks.append(Look(item.ours, _subject(item.ours, suffixes)))
            case NotOurs(target, CustomZoneNotListedError()):
                told.find([zone_link_findings.custom_zone_not_listed(target)])
            case NotOurs(target, why):
                told.find([zone_link_findings.ownership_not_proven(target, str(why))])
            case Seen(cluster=cluster) if cluster is not None and policy.scope.excludes(cluster.tags):
                told.excluded += 1
            case Seen():
                _decide(item, policy, suffixes, remembered, told, asked)
    told.find(capacity_findings.about_hubs(survey.crowded_hubs, policy))
    told.find(capacity_findings.about_zones(survey.crowded_zones))
    return told


def _decide(
    seen: Seen,
    policy: Policy,
    suffixes: tuple[str, ...],
    remembered: Mapping[ResourceId, Observed],
    told: Drift,
    asked: set[ResourceId],
) -> None:
    subject = _subject(seen.zone, suffixes)
    seen = replace(seen, remembered=remembered.get(subject, NOTHING_REMEMBERED))
    verdict = joined(handler.decide(seen, policy) for handler in _HANDLERS)
    told.find(verdict.findings)
    if seen.cluster is not None:
        told.clusters += 1
        if policy.discover_resolvers and isinstance(seen.spokes, Unknown):
            told.lack(Unclear(str(seen.cluster.id), "the row of a VNet of its own"))
    # Clusters that share a custom zone ask for the same links.
    changes = tuple(change for change in verdict.changes if change.target not in asked)
    asked.update(change.target for change in changes)
    if changes:
        told.looks.append(Look(_target(seen, subject), subject, changes))


def _target(seen: Seen, subject: ResourceId) -> ResourceId:
    """A zone tells its cluster, unless it is a custom one, which many may share."""
    return seen.cluster.id if seen.cluster is not None and subject == seen.zone else seen.zone


def _subject(zone: ResourceId, suffixes: tuple[str, ...]) -> ResourceId:
    return subject_of(zone, system=system_zone(zone.name, suffixes) is not None)
