"""The one loop: observe, decide, apply, remember. Every event and every message ends here."""

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import msgspec

from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.understood import NotUnderstoodError
from functions.around import Around
from functions.fleet.identify import CustomZoneNotListedError, NotAClustersGroupError, NothingToMendError
from functions.fleet.observe import Depth, expected, observe
from functions.fleet.observe_left import observe_left
from functions.fleet.observe_records import observe_records
from functions.fleet.observe_resolution import observe_resolution
from functions.fleet.ownership import NotProvenError
from functions.fleet.seen import Seen
from functions.handlers import concerns, not_understood_findings, record_left, resolution, zone_link_findings
from functions.handlers.means import Means
from functions.handlers.verdict import (
    Change,
    Finding,
    Outcome,
    Reputting,
    Result,
    Routing,
    Verdict,
    soonest,
)
from functions.ledger import instants, journal
from functions.ledger.journal import Journal
from functions.ledger.paused import merged
from functions.ledger.state import Observed
from functions.left_unseen import with_duties
from functions.pace import until_asked
from functions.passed import Pass, carrying, remember, tell_milestones
from functions.permission import permitted
from functions.policy import Mode
from functions.queue import QueueError
from functions.recount import Recount
from functions.restraint import Restrained
from functions.role import Role
from functions.second_app import Ask
from functions.telemetry import telemetry
from functions.unproven import NOT_UNDERSTOOD, blind, in_another_row, not_understood, unproven
from functions.work import GROUPS, URGENT, Work, bounded

_log = logging.getLogger("tether")

EXCLUDED, IN_ANOTHER_ROW = "excluded-by-tag", "in-another-row"


type Linked = Callable[[], tuple[str, ...]]
"""The hubs that are linked to a zone, as far as the ledger has told by now."""


def nothing_linked() -> tuple[str, ...]:
    """Where no ledger is asked meanwhile."""
    return ()


@dataclass(frozen=True, slots=True)
class Considered:
    """What was seen and decided. Without a verdict, `ended` says why there is none."""

    ended: str
    seen: Seen | None = None
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()


async def reconcile(
    work: Work,
    around: Around,
    depth: Depth = Depth.FULL,
    before: Observed | None = None,
    linked: Linked = nothing_linked,
) -> Pass:
    """Bring what a Work names one step nearer to what the policy wants. Never waits for Azure to finish a thing.

    `before` is what the ledger remembers, None where that is not known. `linked` is asked once ARM was read, where it
    was not known: the hubs that the ledger says by then are linked to this very zone.

    A pass that could not see enough changes nothing and asks to be repeated; that is no error. Raises only for a
    mistake of Tether's own, and the caller must not acknowledge that. Whoever calls sends `follow_up` to the queue.
    """
    at = around.now()
    work, before = bounded(work, at), None if before is None else instants.remembered(before, at)
    told = Journal(around.ledger, work.row, work)
    with telemetry().span("pass", work.cause):
        await told.catch_up()
        with around.session.noting_pauses() as met:
            done = carrying(await _pass(work, around, depth, before, told, linked), work, told)
        # What its sender met holds for the pass that follows, too, which another worker may make.
        done = replace(done, paused=merged(work.paused, around.paused(met), around.now()))
        telemetry().passed(done.ended, done.outcomes, done.findings)
    for finding in done.findings:
        journal.found(finding, work)
    numbers = {"changes": len(done.outcomes), "findings": len(done.findings)}
    journal.passed(work, done.ended, done.delay if done.follow_up else None, error=done.error, **numbers)
    return done


async def consider(
    work: Work,
    around: Around,
    depth: Depth = Depth.FULL,
    before: Observed | None = None,
    linked: Linked = nothing_linked,
) -> Considered:
    """Observe and decide, and write nothing. Raises ArmError, NoAnswerError or NoTokenError when it cannot see."""
    try:
        return await _considered(work, around, depth, before, linked)
    except NotUnderstoodError as error:
        return Considered(NOT_UNDERSTOOD, findings=(not_understood_findings.not_understood(error.odd, work.target),))


async def _considered(work: Work, around: Around, depth: Depth, before: Observed | None, linked: Linked) -> Considered:
    at = around.now()
    if not await around.scopes.hold(around.session, around.policy, work.target.subscription, at):
        return Considered("out-of-scope")
    before = None if before is None else instants.remembered(before, at)
    if work.why == URGENT and before is not None and not before.at:
        depth = Depth.URGENT  # nobody has seen the newborn zone yet, and its nodes still wait (rule 6)
    try:
        seen = await _observed(work, around, depth, at, before, linked)
    except NotProvenError as error:
        return Considered("not-ours", findings=(zone_link_findings.ownership_not_proven(work.target, str(error)),))
    except CustomZoneNotListedError:
        return Considered("not-ours", findings=(zone_link_findings.custom_zone_not_listed(work.target),))
    except NothingToMendError:
        return Considered("nothing-to-mend")
    except NotAClustersGroupError:
        return Considered("not-a-clusters-group")
    if before is not None and _is_elsewhere(seen, work, before):
        return Considered(IN_ANOTHER_ROW, seen)
    if seen.cluster is not None and around.policy.scope.excludes(seen.cluster.tags):
        # The tag is this cluster's, and not that of a former one whose record is left.
        verdict = record_left.decide(seen, around.policy)
        return Considered(EXCLUDED, seen, verdict, verdict.findings)
    if depth is not Depth.URGENT and resolution.is_due(seen, around.policy, concerns.decide(seen, around.policy)):
        seen = replace(seen, answers=await observe_resolution(seen, around.policy, around.asker))
    verdict = concerns.decide(seen, around.policy, around.role)
    return Considered("decided", seen, verdict, verdict.findings)


async def _observed(
    work: Work, around: Around, depth: Depth, at: float, before: Observed | None, linked: Linked
) -> Seen:
    """Everything that is read before a decision, but for what DNS servers answer to the cluster's clients."""
    with around.session.holding(work.target.subscription, expected(depth, work.operations, at, before)):
        seen = await observe(around.session, work.target, around.policy, at, depth, work.operations, before)
    if before is None and (hubs := linked()):
        seen = replace(seen, remembered=msgspec.structs.replace(seen.remembered, hubs=hubs))
    if not around.targets or depth is Depth.URGENT:
        return seen
    seen = replace(seen, records=await observe_records(seen, around.targets))
    if seen.remembered.left:
        seen = replace(seen, left=await observe_left(around.session, seen, around.targets))
    return seen


def _is_elsewhere(seen: Seen, work: Work, remembered: Observed) -> bool:
    """Whether a cluster was created again with another node resource group: it has another row then."""
    group = seen.cluster.node_group if seen.cluster is not None else None
    return work.row.type == GROUPS and group is not None and group != work.row and bool(remembered.cluster)


async def _pass(
    work: Work, around: Around, depth: Depth, before: Observed | None, told: Journal, linked: Linked
) -> Pass:
    at = around.now()
    try:
        considered = await consider(work, around, depth, before, linked)
    except (ArmError, NoAnswerError, NoTokenError) as error:
        return await with_duties(blind(work, error, at, before), work, around, before)
    if considered.ended == NOT_UNDERSTOOD:
        return await with_duties(not_understood(work, considered.findings, at, before), work, around, before)
    if considered.seen is None:
        done = unproven(considered.ended, considered.findings, at, before)
        return await with_duties(done, work, around, before) if considered.ended == "out-of-scope" else done
    if considered.verdict is None:
        return in_another_row(work, considered.seen, at, before or Observed())
    await journal.close_failed(around.ledger, work.row, considered.seen.operations, at)
    async with AsyncExitStack() as turn:
        allowed = await permitted(considered.verdict, considered.seen, work, around, turn)
        recount = Recount(allowed, considered.seen, work, around)
        outcomes = tuple([await _carry_out(change, recount, told) for change in allowed.changes])
    allowed = await _asked(considered.verdict, considered.seen, recount.left(), work, around)
    done = remember(work, considered.seen, considered.verdict, outcomes, allowed, around.policy, around.now())
    if considered.ended == EXCLUDED:
        return replace(done, ended=EXCLUDED)
    if around.role is not Role.PRIVILEGED:
        tell_milestones(work, considered.seen, outcomes, done.observed)
    return done


async def _asked(verdict: Verdict, seen: Seen, allowed: Restrained, work: Work, around: Around) -> Restrained:
    """Have the second app look at what it alone may do. Where it cannot be asked, this pass is made once more."""
    if seen.cluster is None or around.policy.mode is Mode.OBSERVE:
        return allowed
    try:
        for handler in verdict.asked:
            await around.second.ask(Ask(cluster=seen.cluster.id, handler=handler))
    except QueueError as error:
        _log.warning("the second app is not asked to look at %s, and will be: %s", seen.cluster.id, error)
        return replace(allowed, again=soonest(allowed.again, until_asked(seen.at - work.since)))
    return allowed


async def _carry_out(change: Change, recount: Recount, told: Journal) -> Outcome:
    """Apply one change, its intent said before and its outcome after. In mode observe the plan is all there is."""
    around = recount.around
    if around.policy.mode is Mode.OBSERVE:
        journal.planned(change, recount.work)
        return Outcome(change, Result.PLANNED)
    entry = await told.intended(change, around.now(), again=change in recount.allowed.remade)
    kept = told.keeps(entry)
    if isinstance(change.wants, Reputting | Routing) and not kept:
        untold = ArmError(0, "IntentNotKept", "the journal, by which these are counted, cannot be written")
        outcome = Outcome(change, Result.RETRY, error=untold)
    elif await recount.withholds(change, kept=kept):
        uncounted = ArmError(0, "PlaceNotCertain", "other workers may have taken the last place of the removal limit")
        outcome = Outcome(change, Result.RETRY, error=uncounted)
    else:
        means = Means(around.session, around.targets)
        outcome = await concerns.HANDLERS[change.handler].apply(change, means, around.now())
    await told.became(outcome, entry, around.now())
    return outcome
