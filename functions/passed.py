"""What one pass came to: what to remember of it, what follows, and when. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from functions import pace
from functions.arm.operations import Operation, Progress
from functions.fleet.creation import making
from functions.fleet.memory import of_cluster
from functions.fleet.model import ManagedCluster
from functions.fleet.moved import moved
from functions.fleet.seen import Seen
from functions.handlers import (
    concerns,
    failed_clusters,
    record_memory,
    resolution,
    route_memory,
    zone_link_findings,
    zone_link_leaving,
)
from functions.handlers.verdict import (
    TAKEN,
    Action,
    Finding,
    Linking,
    Outcome,
    Result,
    Verdict,
    soonest,
)
from functions.ledger.instants import LONGEST_WAIT
from functions.ledger.journal import Journal
from functions.ledger.paused import Paused
from functions.ledger.state import GONE, Observed
from functions.policy import Policy
from functions.restraint import Restrained
from functions.telemetry import Milestone, telemetry
from functions.work import DELETE_FAILED, Work

# When a look at everything follows one at the address alone.
_WHOLE_LOOK = 5.0  # seconds

# For so long a reversal counts (restraint.py).
_DAY = 24 * 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass came to, and what has to follow: the next Work and its delay in seconds, None when all is well.

    `ended` is a word; `error` says why a pass could not see.
    """

    ended: str
    outcomes: tuple[Outcome, ...] = ()
    findings: tuple[Finding, ...] = ()
    follow_up: Work | None = None
    delay: float = 0.0
    error: str | None = None
    paused: tuple[Paused, ...] = ()
    """The reads that ARM refused with a pause, or whose pause was not over."""
    observed: Observed | None = None
    """What is worth remembering. None after a pass that could not see, which leaves everything as it was."""
    noted: Callable[[Observed], Observed | None] | None = field(default=None, repr=False, compare=False)
    """The same for another memory of the row: a pass that began without its memory is kept with it (`recalled`)."""
    keeps_looks: bool = False
    """Whether a look that an earlier pass asked for still stands: this one proved nothing about the row's cluster."""

    @property
    def shows_nothing(self) -> bool:
        """Whether there was nothing, or no cluster, where the pass looked, and it did not know which one was there."""
        missing = self.observed is not None and self.observed.state == GONE and not self.observed.cluster
        return self.ended == "gone" or missing

    @property
    def links_are_asked_for(self) -> bool:
        """Whether Azure took every change, so that the main thing is done even if nobody looks again."""
        return bool(self.outcomes) and all(outcome.result in TAKEN for outcome in self.outcomes)


def remember(
    work: Work,
    seen: Seen,
    verdict: Verdict,
    outcomes: tuple[Outcome, ...],
    allowed: Restrained,
    policy: Policy,
    ended: float,
) -> Pass:
    """What follows from a pass that ended so (seconds since 1970): what to remember, what to look up, and when."""
    explained = (concerns.HANDLERS[outcome.change.handler].explain(outcome) for outcome in outcomes)
    findings = (*verdict.findings, *allowed.findings, *(finding for finding in explained if finding is not None))
    if work.why == DELETE_FAILED and seen.cluster is not None and not seen.ends:
        findings = (*findings, zone_link_findings.delete_attempted(seen.place))
    attempt = pace.attempts(work.attempt, verdict, outcomes, findings)
    again = soonest(allowed.again, resolution.after(outcomes, policy))
    delay = soonest(again, pace.after_pass(attempt, work.since, seen, verdict, outcomes, findings))
    started = pace.held(outcomes, attempt, ended, busy=seen.busy)
    operations = (*verdict.operations, *started)
    codes = tuple(finding.code for finding in findings)
    if seen.partial:
        # What was found of the links stands.
        codes = tuple(dict.fromkeys((*seen.remembered.findings, *codes)))
        delay = soonest(delay, _WHOLE_LOOK)
    operations = _awaited(seen, operations)
    done = followed(work, "settled", outcomes, findings, operations, attempt, delay)
    noted = partial(_noted, seen, verdict, outcomes, allowed, policy, _Told(codes, attempt, operations, work.since))
    return replace(done, observed=noted(seen.remembered), noted=noted)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the rest of a pass adds to what it saw: finding codes, its number, operations, and when its event was."""

    codes: tuple[str, ...]
    attempt: int
    operations: tuple[Operation, ...]
    since: float


def _noted(
    seen: Seen,
    verdict: Verdict,
    outcomes: tuple[Outcome, ...],
    allowed: Restrained,
    policy: Policy,
    told: _Told,
    held: Observed,
) -> Observed:
    """What the ledger keeps of a pass on a row that holds `held`. The only place where an observation is made.

    A pass that knew of no cluster, and found that the one which its group names is not there, does not call the row's
    cluster gone: only a 404 for that very cluster does (docs/decisions/0012), and a group may name any. The caller
    has the pass made again with the row's memory, or `watch` does: the cluster is in no list.
    """
    if seen.cluster_is_gone and held.cluster and not seen.remembered.cluster:
        return held
    seen = replace(seen, remembered=of_cluster(held, seen.cluster, seen.at))
    excluded = seen.cluster is not None and policy.scope.excludes(seen.cluster.tags)
    if seen.cluster is not None and excluded:
        return _of_excluded(seen, seen.cluster, outcomes, policy, told)
    brief = _in_brief(seen, verdict, outcomes, allowed, policy, told)
    brief = resolution.noted(brief, seen, told.since)
    brief = msgspec.structs.replace(
        brief,
        routed=route_memory.noted(seen, outcomes, allowed.given_up),
        unwanted=zone_link_leaving.noted(seen, policy),
        node_dns=zone_link_leaving.nodes_noted(seen, policy),
    )
    return failed_clusters.noted(brief, seen, policy, outcomes)


def _of_excluded(
    seen: Seen, cluster: ManagedCluster, outcomes: tuple[Outcome, ...], policy: Policy, told: _Told
) -> Observed:
    """A cluster that a tag excludes is left alone, and so is what is remembered of it: it goes when the cluster does.

    Only its state is kept up to date. A cluster that was never anything else is not remembered.
    """
    held = seen.remembered
    return msgspec.structs.replace(
        held,
        at=seen.at,
        findings=told.codes,
        attempt=told.attempt,
        state=cluster.properties.provisioning_state if held.cluster else "",
        gone_since=0.0,
        deleting=cluster.deleting or held.deleting,
        left=record_memory.left(seen, outcomes, policy.owner),
    )


def _awaited(seen: Seen, operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """The operations to remember: those of this pass, and those that it did not look up.

    One of a zone's is over, too, when all links of the zone were listed.
    """
    known = {operation.target for operation in operations} | {looked.operation.target for looked in seen.operations}
    held = (one for one in seen.remembered.operations if one.target not in known)
    return (*(one for one in held if not (one.of_zone and seen.links.complete)), *operations)


def _in_brief(
    seen: Seen, verdict: Verdict, outcomes: tuple[Outcome, ...], allowed: Restrained, policy: Policy, told: _Told
) -> Observed:
    """What the ledger keeps of a pass. What was given up counts as kept, so that it is not a new reversal each time."""
    given_up = [change.wants for change in allowed.given_up]
    linked = (*verdict.linked, *(wants.vnet for wants in given_up if isinstance(wants, Linking)))
    created = [outcome.change.wants for outcome in outcomes if outcome.change.action is Action.CREATE]
    made = tuple(wants.vnet for wants in created if isinstance(wants, Linking))
    held = seen.remembered
    brief = seen.in_brief(
        told.codes,
        told.attempt,
        _awaited(seen, told.operations),
        linked,
        made,
        tuple(sorted({*allowed.reversals, *(moment for moment in held.reversals if moment > seen.at - _DAY)})),
        record_memory.kept(seen, verdict.recorded, outcomes, allowed.given_up, policy.owner),
        record_memory.left(seen, outcomes, policy.owner),
    )
    plan, waits = _waiting(seen, allowed)
    brief = msgspec.structs.replace(brief, plan=plan, waits=waits)
    if seen.cluster_is_gone:  # once is not enough, and a cluster that is back goes on where it was
        return msgspec.structs.replace(brief, move=held.move, making=held.making)
    return msgspec.structs.replace(brief, move=moved(seen), making=making(seen))


def _waiting(seen: Seen, allowed: Restrained) -> tuple[str, float]:
    """The plan of what the limit stopped, and since when a change waits for it.

    A wait ends when a pass that saw everything wants nothing that counts, or makes it.
    """
    held = seen.remembered
    if allowed.stopped or allowed.uncounted:
        return allowed.plan or held.plan, held.waits or seen.at
    sees_a_part = seen.partial or (seen.links.asked and not seen.links.complete)
    return (held.plan, held.waits) if sees_a_part else ("", 0.0)


def tell_milestones(work: Work, seen: Seen, outcomes: tuple[Outcome, ...], noted: Observed | None) -> None:
    """How long after the zone's birth a link was accepted, was Completed, and the name first led to the API server.

    The last is told once, and only of a cluster that was seen in the making. Of two apps the plain one tells.
    """
    created = (one for one in outcomes if one.change.action is Action.CREATE and isinstance(one.change.wants, Linking))
    if any(outcome.result is Result.STARTED for outcome in created):
        telemetry().reached(Milestone.ACCEPTED, seen.at - work.since)
    links = (looked for looked in seen.operations if looked.operation.of_zone)
    new = set(noted.hubs) - set(seen.remembered.hubs) if noted is not None else set[str]()
    if new and any(looked.progress is Progress.SUCCEEDED for looked in links) and not seen.ends:
        telemetry().reached(Milestone.COMPLETED, seen.at - work.since)
    if noted is not None and noted.born and noted.resolved and not seen.remembered.resolved:
        telemetry().reached(Milestone.RESOLVING, noted.resolved - noted.born)


def followed(
    work: Work,
    ended: str,
    outcomes: tuple[Outcome, ...],
    findings: tuple[Finding, ...],
    operations: tuple[Operation, ...],
    attempt: int,
    delay: float | None,
) -> Pass:
    if delay is None:
        return Pass(ended, outcomes, findings)
    follow_up = msgspec.structs.replace(
        work, why="look-again", operations=operations, attempt=attempt, always=False, intents=(), worker="", begun=0
    )
    ended = "look-again" if ended == "settled" else ended
    return Pass(ended, outcomes, findings, follow_up, min(max(0.0, delay), LONGEST_WAIT))


def carrying(done: Pass, work: Work, told: Journal) -> Pass:
    """The pass, with what the tables could not keep in its follow-up: a later one keeps it, when they are up again."""
    if not told.unkept:
        return done
    follow_up, delay = (done.follow_up, done.delay) if done.follow_up else (work, pace.LEDGER_WAIT)
    return replace(
        done, follow_up=msgspec.structs.replace(follow_up, intents=tuple(told.unkept), always=True), delay=delay
    )
