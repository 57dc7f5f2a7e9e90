"""What one pass came to: what to remember of it, what follows, and when. Pure."""

from dataclasses import dataclass, replace

import msgspec

from functions import pace
from functions.arm.allowance import NoTurnError
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import Operation, Progress
from functions.fleet.creation import making
from functions.fleet.moved import moved
from functions.fleet.scope import NotShownError
from functions.fleet.seen import Seen
from functions.handlers import concerns, failed_clusters, resolution, route_memory, scope_findings, zone_link_findings
from functions.handlers.verdict import (
    TAKEN,
    Action,
    Finding,
    Linking,
    Outcome,
    Recording,
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
from functions.work import DELETE_FAILED, URGENT, Work

# When a look at everything follows one at the address alone.
_WHOLE_LOOK = 5.0  # seconds


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
        operations, codes = _as_before(seen, operations, codes)
        delay = soonest(delay, _WHOLE_LOOK)
    done = _followed(work, "settled", outcomes, findings, operations, attempt, delay)
    brief = _in_brief(seen, verdict, outcomes, allowed, codes, attempt, operations)
    brief = resolution.noted(brief, seen, work.since)
    brief = msgspec.structs.replace(brief, routed=route_memory.noted(seen, outcomes, allowed.given_up))
    brief = failed_clusters.noted(brief, seen, policy, outcomes)
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
    plan, waits = _waiting(seen, allowed)
    return msgspec.structs.replace(brief, plan=plan, waits=waits, move=moved(seen), making=making(seen))


def _waiting(seen: Seen, allowed: Restrained) -> tuple[str, float]:
    """The plan of what the limit stopped, and since when a change waits for it.

    A wait ends when a pass that saw everything wants nothing that counts, or makes it.
    """
    held = seen.remembered
    if allowed.stopped or allowed.uncounted:
        return allowed.plan or held.plan, held.waits or seen.at
    return (held.plan, held.waits) if seen.partial else ("", 0.0)


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


def blind(work: Work, error: ArmError | NoAnswerError | NoTokenError, at: float, before: Observed) -> Pass:
    """After failing to observe: a refusal needs a person, a 404 says that it is gone, the rest passes by itself.

    That a zone's cluster was Deleting is still known then: ARM may not have meant the 404.
    """
    if isinstance(error, NotShownError):
        return _not_shown(work, error, at)
    attempt = work.attempt if isinstance(error, NoTurnError) else work.attempt + 1
    delay = pace.after_blindness(attempt, work.since, at, error)
    findings: tuple[Finding, ...] = ()
    if isinstance(error, ArmError) and classify(error) in {Kind.DENIED, Kind.INVALID}:
        findings = (zone_link_findings.not_readable(work.target, error),)
    if delay is None:
        codes = tuple(finding.code for finding in findings)
        gone = Observed(at=at, state=GONE, findings=codes, zone=before.zone, deleting=before.deleting)
        return Pass("gone", findings=findings, observed=gone)
    return _not_seen(work, error, findings, attempt, delay)


def _not_seen(work: Work, error: Exception, findings: tuple[Finding, ...], attempt: int, delay: float) -> Pass:
    done = _followed(work, "not-seen", (), findings, work.operations, attempt, delay)
    if done.follow_up is not None and work.why == URGENT:
        done = replace(done, follow_up=msgspec.structs.replace(done.follow_up, why=URGENT))
    return replace(done, error=str(error))


def _not_shown(work: Work, error: NotShownError, at: float) -> Pass:
    """Retry while Resource Graph does not show the subscription, and report it after some minutes. Remembers nothing.

    After half an hour the event is given up: `watch` lists the subscription as soon as it is shown.
    """
    delay = pace.until_shown(work.attempt + 1, work.since, at, error.retry_after or 0.0)
    late = at - work.since > pace.SOME_MINUTES or delay is None
    findings = (scope_findings.not_visible(work.target),) if late else ()
    if delay is None:
        return Pass("not-visible", findings=findings, error=str(error))
    return _not_seen(work, error, findings, work.attempt + 1, delay)


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
    return Pass(ended, outcomes, findings, follow_up, min(max(0.0, delay), LONGEST_WAIT))


def carrying(done: Pass, work: Work, told: Journal) -> Pass:
    """The pass, with what the tables could not keep in its follow-up: a later one keeps it, when they are up again."""
    if not told.unkept:
        return done
    follow_up, delay = (done.follow_up, done.delay) if done.follow_up else (work, pace.LEDGER_WAIT)
    return replace(
        done, follow_up=msgspec.structs.replace(follow_up, intents=tuple(told.unkept), always=True), delay=delay
    )
