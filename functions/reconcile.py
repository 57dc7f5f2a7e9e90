"""The one loop: observe, decide, apply, remember. Every event and every message ends here."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import msgspec

from functions import pace
from functions.approval import plan_of, wanted
from functions.arm.allowance import NoTurnError
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import Operation, Progress
from functions.arm.session import Session
from functions.dns.ask import Asker
from functions.fleet.creation import making
from functions.fleet.identify import CustomZoneNotListedError, NotAClustersGroupError, NothingToMendError
from functions.fleet.moved import moved
from functions.fleet.observe import Depth, expected, observe
from functions.fleet.observe_records import NO_TARGETS, Targets, observe_records
from functions.fleet.observe_resolution import observe_resolution
from functions.fleet.ownership import NotProvenError
from functions.fleet.scope import Scopes
from functions.fleet.seen import Seen
from functions.handlers import concerns, failed_clusters, pod_restarts, resolution, route_memory, zone_link_findings
from functions.handlers.means import Means
from functions.handlers.verdict import (
    TAKEN,
    Action,
    Change,
    Finding,
    Linking,
    Outcome,
    Recording,
    Reputting,
    Restarting,
    Result,
    Verdict,
    soonest,
)
from functions.ledger import journal
from functions.ledger.journal import Journal
from functions.ledger.reports import Place, Plans, ReportsError
from functions.ledger.state import GONE, Ledger, LedgerError, Observed
from functions.plan import WINDOW, takes
from functions.policy import Mode, Policy
from functions.restraint import Restrained, tug_of_war, within_limit
from functions.telemetry import Milestone, telemetry
from functions.work import DELETE_FAILED, URGENT, Work

# How long a removal waits for those of other passes: ARM takes one in a second, and a function has two minutes in all.
_PATIENCE = 30.0  # seconds

# When a look at everything follows one at the address alone.
_WHOLE_LOOK = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Around:
    """What the loop needs from outside: ARM, the policy, who is in scope, the time (seconds since 1970), a memory,
    what people permit, the policy's DNS targets, and a way to ask DNS servers.
    """

    session: Session
    policy: Policy
    scopes: Scopes
    now: Callable[[], float]
    ledger: Ledger
    plans: Plans
    targets: Targets = NO_TARGETS
    asker: Asker = field(default_factory=Asker)
    removing: asyncio.Lock = field(default_factory=asyncio.Lock)  # held by the pass that removes something


@dataclass(frozen=True, slots=True)
class Considered:
    """What was seen and decided. Without a verdict, `ended` says why there is none."""

    ended: str
    seen: Seen | None = None
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()


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
    observed: Observed | None = None
    """What is worth remembering. None after a pass that could not see, which leaves everything as it was."""

    @property
    def links_are_asked_for(self) -> bool:
        """Whether Azure took every change, so that the main thing is done even if nobody looks again."""
        return bool(self.outcomes) and all(outcome.result in TAKEN for outcome in self.outcomes)


async def reconcile(work: Work, around: Around, depth: Depth = Depth.FULL, before: Observed | None = None) -> Pass:
    """Bring what a Work names one step nearer to what the policy wants. Never waits for Azure to finish a thing.

    `before` is what the ledger remembers, None where that is not known.

    A pass that could not see enough changes nothing and asks to be repeated; that is no error. Raises only for a
    mistake of Tether's own, and the caller must not acknowledge that. Whoever calls sends `follow_up` to the queue.
    """
    told = Journal(around.ledger, work.row, work)
    with telemetry().span("pass", work.cause):
        await told.catch_up()
        done = _carrying(await _pass(work, around, depth, before, told), work, told)
        telemetry().passed(done.ended, done.outcomes, done.findings)
    for finding in done.findings:
        journal.found(finding, work)
    numbers = {"changes": len(done.outcomes), "findings": len(done.findings)}
    journal.passed(work, done.ended, done.delay if done.follow_up else None, error=done.error, **numbers)
    return done


async def consider(work: Work, around: Around, depth: Depth = Depth.FULL, before: Observed | None = None) -> Considered:
    """Observe and decide, and write nothing. Raises ArmError, NoAnswerError or NoTokenError when it cannot see."""
    at = around.now()
    if not await around.scopes.hold(around.session, around.policy, work.target.subscription, at):
        return Considered("out-of-scope")
    remembered = before or Observed()
    if work.why == URGENT and before is not None and not before.at:
        depth = Depth.URGENT  # nobody has seen the newborn zone yet, and its nodes still wait (rule 6)
    try:
        with around.session.holding(work.target.subscription, expected(depth, work.operations, at)):
            seen = await observe(around.session, work.target, around.policy, at, depth, work.operations, remembered)
        if around.targets and depth is not Depth.URGENT:
            seen = replace(seen, records=await observe_records(seen, around.targets))
    except NotProvenError as error:
        return Considered("not-ours", findings=(zone_link_findings.ownership_not_proven(work.target, str(error)),))
    except CustomZoneNotListedError:
        return Considered("not-ours", findings=(zone_link_findings.custom_zone_not_listed(work.target),))
    except NothingToMendError:
        return Considered("nothing-to-mend")
    except NotAClustersGroupError:
        return Considered("not-a-clusters-group")
    if seen.cluster is not None and around.policy.scope.excludes(seen.cluster.tags):
        return Considered("excluded-by-tag", seen)
    verdict = concerns.decide(seen, around.policy)
    if depth is not Depth.URGENT and resolution.is_due(seen, around.policy, verdict):
        seen = replace(seen, answers=await observe_resolution(seen, around.policy, around.asker))
        verdict = concerns.decide(seen, around.policy)
    return Considered("decided", seen, verdict, verdict.findings)


async def _pass(work: Work, around: Around, depth: Depth, before: Observed | None, told: Journal) -> Pass:
    at = around.now()
    try:
        considered = await consider(work, around, depth, before)
    except (ArmError, NoAnswerError, NoTokenError) as error:
        return _blind(work, error, at, before or Observed())
    if considered.seen is None or considered.verdict is None:
        codes = tuple(finding.code for finding in considered.findings)
        held = (
            before or Observed()
        )  # that its cluster was Deleting is still known when somebody forges a zone beside it
        kept = Observed(at=at, findings=codes, zone=held.zone, deleting=held.deleting)
        return Pass(considered.ended, findings=considered.findings, observed=kept)
    async with AsyncExitStack() as turn:
        allowed = await _restrained(considered.verdict, considered.seen, work, around, turn)
        allowed = await _in_turn(allowed, considered.seen, around)
        allowed = await _seldom(allowed, considered.seen, work, around)
        outcomes = tuple([await _carry_out(change, work, around, told) for change in allowed.changes])
    return _remember(work, considered.seen, considered.verdict, outcomes, allowed, around.policy, around.now())


def _carrying(done: Pass, work: Work, told: Journal) -> Pass:
    """The pass, with what the tables could not keep in its follow-up: a later one keeps it, when they are up again."""
    if not told.unkept:
        return done
    follow_up, delay = (done.follow_up, done.delay) if done.follow_up else (work, pace.LEDGER_WAIT)
    return replace(
        done, follow_up=msgspec.structs.replace(follow_up, intents=tuple(told.unkept), always=True), delay=delay
    )


async def _restrained(verdict: Verdict, seen: Seen, work: Work, around: Around, turn: AsyncExitStack) -> Restrained:
    """What may be done of what is wanted (rule 9). Removals, and they alone, wait for a ledger that can count them.

    Until `turn` is over no other pass of this worker counts: what this one removes is in the journal by then.
    """
    warred = tug_of_war(verdict.changes, seen.remembered, seen.at)
    if around.policy.mode is Mode.OBSERVE or not any(takes(change) for change in warred.changes):
        return warred
    try:
        await turn.enter_async_context(_alone(around.removing))
        limited = await _limited(warred.changes, seen, work, around)
    except (LedgerError, ReportsError, TimeoutError):
        kept = tuple(change for change in warred.changes if not takes(change))
        return replace(warred, changes=kept, again=pace.LEDGER_WAIT)
    return replace(
        limited, findings=(*warred.findings, *limited.findings), reversals=warred.reversals, given_up=warred.given_up
    )


async def _in_turn(allowed: Restrained, seen: Seen, around: Around) -> Restrained:
    """Restarts wait while others run in a few clusters, and for a ledger that can tell.

    Two workers may count at the same time: then there is one cluster more.
    """
    asking = [change for change in allowed.changes if isinstance(change.wants, Restarting)]
    if not asking or around.policy.mode is Mode.OBSERVE:
        return allowed
    try:
        rows = await around.ledger.rows()
        held = [change for change in asking if pod_restarts.is_crowded(rows, change, seen.at)]
    except LedgerError:
        held = asking
    if not held:
        return allowed
    kept = tuple(change for change in allowed.changes if change not in held)
    return replace(allowed, changes=kept, again=soonest(allowed.again, pod_restarts.TURN))


async def _seldom(allowed: Restrained, seen: Seen, work: Work, around: Around) -> Restrained:
    """Clusters are put again as seldom as the journal says, and wait for a ledger that can tell."""
    asking = [change for change in allowed.changes if isinstance(change.wants, Reputting)]
    if not asking or around.policy.mode is Mode.OBSERVE:
        return allowed
    kept = tuple(change for change in allowed.changes if change not in asking)
    try:
        entries = await around.ledger.journal(work.row)
    except LedgerError:
        return replace(allowed, changes=kept, again=soonest(allowed.again, pace.LEDGER_WAIT))
    for change in asking:
        if (held := failed_clusters.spent(entries, change, seen.at)) is None:
            kept = (*kept, change)
        else:
            again = soonest(allowed.again, held.look_again)
            allowed = replace(allowed, findings=(*allowed.findings, *held.findings), again=again)
    return replace(allowed, changes=kept)


@asynccontextmanager
async def _alone(lock: asyncio.Lock) -> AsyncGenerator[None]:
    """Hold the lock. Raises TimeoutError when others hold it for too long."""
    async with asyncio.timeout(_PATIENCE):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()


async def _limited(changes: tuple[Change, ...], seen: Seen, work: Work, around: Around) -> Restrained:
    """The changes within the limit, and those that a person permits. Others are kept as a plan, under its id.

    Approvals are read only where the limit stops something: a usual pass costs no call.
    """
    taken = await around.ledger.taken(seen.at - WINDOW, work.row)
    fleet = await around.ledger.size()
    share = around.policy.max_changed_share
    limited = within_limit(changes, seen.place, taken=taken, fleet=fleet, share=share, at=seen.at)
    if limited.stopped:
        given = await around.plans.approvals(seen.at)
        limited = within_limit(changes, seen.place, taken=taken, fleet=fleet, share=share, at=seen.at, approvals=given)
    if limited.stopped:
        place = Place(target=str(work.target), subject=str(work.row))
        await around.plans.keep_plan(plan_of(map(wanted, limited.stopped), [place], seen.at))
    return limited


async def _carry_out(change: Change, work: Work, around: Around, told: Journal) -> Outcome:
    """Apply one change, its intent said before and its outcome after. In mode observe the plan is all there is."""
    if around.policy.mode is Mode.OBSERVE:
        journal.planned(change, work)
        return Outcome(change, Result.PLANNED)
    entry = await told.intended(change, around.now())
    outcome = await concerns.HANDLERS[change.handler].apply(change, Means(around.session, around.targets), around.now())
    await told.became(outcome, entry, around.now())
    return outcome


def _remember(
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
    attempt = work.attempt + 1 if findings or pace.stuck(outcomes) else 0
    again = soonest(allowed.again, resolution.after(outcomes, policy))
    delay = soonest(again, pace.after_pass(attempt, work.since, seen, verdict, outcomes, findings))
    started = pace.held(outcomes, attempt, ended, busy=seen.busy)
    operations = (*verdict.operations, *started)
    codes = tuple(finding.code for finding in findings)
    if seen.partial:
        operations, codes = _as_before(seen, operations, codes)
        delay = soonest(delay, _WHOLE_LOOK)
    done = _followed(work, "settled", outcomes, findings, operations, attempt, delay)
    brief = _in_brief(seen, verdict, outcomes, allowed, codes, attempt, operations)
    brief = resolution.noted(brief, seen, work.since)
    brief = msgspec.structs.replace(brief, routed=route_memory.noted(seen, outcomes, allowed.given_up))
    brief = failed_clusters.noted(brief, seen, policy, outcomes)
    _tell_milestones(work, seen, outcomes, brief)
    return replace(done, observed=brief)


def _as_before(
    seen: Seen, operations: tuple[Operation, ...], codes: tuple[str, ...]
) -> tuple[tuple[Operation, ...], tuple[str, ...]]:
    """What a look at the address alone leaves as it was: what is awaited of links, and what was found of them."""
    new = {operation.target for operation in operations}
    awaited = (held for held in seen.remembered.operations if held.target not in new)
    return (*awaited, *operations), tuple(dict.fromkeys((*seen.remembered.findings, *codes)))


def _in_brief(
    seen: Seen,
    verdict: Verdict,
    outcomes: tuple[Outcome, ...],
    allowed: Restrained,
    codes: tuple[str, ...],
    attempt: int,
    operations: tuple[Operation, ...],
) -> Observed:
    """What the ledger keeps of a pass. What was given up counts as kept, so that it is not a new reversal each time."""
    given_up = [change.wants for change in allowed.given_up]
    linked = (*verdict.linked, *(wants.vnet for wants in given_up if isinstance(wants, Linking)))
    created = [outcome.change.wants for outcome in outcomes if outcome.change.action is Action.CREATE]
    made = tuple(wants.vnet for wants in created if isinstance(wants, Linking))
    recorded = (*verdict.recorded, *(wants.kept for wants in given_up if isinstance(wants, Recording)))
    brief = seen.in_brief(codes, attempt, operations, linked, made, allowed.reversals, recorded)
    return msgspec.structs.replace(brief, plan=allowed.plan, move=moved(seen), making=making(seen))


def _tell_milestones(work: Work, seen: Seen, outcomes: tuple[Outcome, ...], noted: Observed) -> None:
    """How long after the zone's birth a link was accepted, was Completed, and the name first led to the API server.

    The last is told once, and only of a cluster that was seen in the making.
    """
    created = (one for one in outcomes if one.change.action is Action.CREATE and isinstance(one.change.wants, Linking))
    if any(outcome.result is Result.STARTED for outcome in created):
        telemetry().reached(Milestone.ACCEPTED, seen.at - work.since)
    links = (looked for looked in seen.operations if looked.operation.of_zone)
    if any(looked.progress is Progress.SUCCEEDED for looked in links) and not seen.ends:
        telemetry().reached(Milestone.COMPLETED, seen.at - work.since)
    if noted.born and noted.resolved and not seen.remembered.resolved:
        telemetry().reached(Milestone.RESOLVING, noted.resolved - noted.born)


def _blind(work: Work, error: ArmError | NoAnswerError | NoTokenError, at: float, before: Observed) -> Pass:
    """After failing to observe: a refusal needs a person, a 404 says that it is gone, the rest passes by itself.

    That a zone's cluster was Deleting is still known then: ARM may not have meant the 404.
    """
    attempt = work.attempt if isinstance(error, NoTurnError) else work.attempt + 1
    delay = pace.after_blindness(attempt, work.since, at, error)
    findings: tuple[Finding, ...] = ()
    if isinstance(error, ArmError) and classify(error) in {Kind.DENIED, Kind.INVALID}:
        findings = (zone_link_findings.not_readable(work.target, error),)
    if delay is None:
        codes = tuple(finding.code for finding in findings)
        gone = Observed(at=at, state=GONE, findings=codes, zone=before.zone, deleting=before.deleting)
        return Pass("gone", findings=findings, observed=gone)
    done = _followed(work, "not-seen", (), findings, work.operations, attempt, delay)
    if done.follow_up is not None and work.why == URGENT:
        done = replace(done, follow_up=msgspec.structs.replace(done.follow_up, why=URGENT))
    return replace(done, error=str(error))


def _followed(
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
        work, why="look-again", operations=operations, attempt=attempt, always=False, intents=()
    )
    ended = "look-again" if ended == "settled" else ended
    return Pass(ended, outcomes, findings, follow_up, max(0.0, delay))
