"""When to look again. Pure: the loop's patience in one place."""

import msgspec

from functions.arm.allowance import NoTurnError
from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import Operation
from functions.fleet.scope import NotShownError
from functions.fleet.seen import Seen
from functions.handlers.verdict import Action, Finding, Outcome, Result, Severity, Verdict, soonest

# While a cluster is being made its nodes wait for 600 s in all (AgentBaker cse_main.sh), so half a minute is much.
_BUSY_FIRST, _BUSY_LONGEST = 5.0, 30.0
_CALM_FIRST, _CALM_LONGEST = 30.0, 900.0

# For so long after its cause a cluster that cannot be seen is taken to be in the making.
_BIRTH = 900.0

# For so long what a person has to mend is tried again: who gives the missing right the day after need not tell us.
_PATIENCE = 24 * 3600.0

# A 404 soon after an event can be a replica that lags behind; later, or a third time, the thing is gone.
_LAG = 120.0
_LOOKS_FOR_GONE = 3

# For how long journal entries that the tables could not take wait for them.
LEDGER_WAIT = 60.0

# How soon the second app is asked again at first, when its queue could not be reached.
_ASKED_AGAIN = 60.0

# Outcomes that ask for the same change again.
_STUCK = frozenset({Result.RETRY, Result.UNKNOWN})


# For so long an event waits for Resource Graph to show its subscription. New ones are shown after some minutes; nodes
# wait 600 s.
_SHOWN_BY = 1800.0
_LEAST_LOOKS = 5


def until_shown(attempt: int, since: float, at: float, pause: float) -> float | None:
    """Seconds until a subscription that Resource Graph does not show is asked for again; None when that is given up.

    `pause` is when the next query may go out. A message that comes late has five looks too.
    """
    if at - since > _SHOWN_BY and attempt > _LEAST_LOOKS:
        return None
    return max(pause, pace(attempt, busy=at - since < _BIRTH))


def pace(attempt: int, *, busy: bool) -> float:
    """Seconds before the next try, `attempt` tries (1 or more) after the last progress."""
    first, longest = (_BUSY_FIRST, _BUSY_LONGEST) if busy else (_CALM_FIRST, _CALM_LONGEST)
    return min(longest, first * 2 ** min(attempt - 1, 16))


def until_asked(waited: float) -> float:
    """Seconds until the second app is asked again, `waited` seconds after what happened: as long once more."""
    return min(max(waited, _ASKED_AGAIN), _CALM_LONGEST)


def stuck(outcomes: tuple[Outcome, ...]) -> bool:
    return any(outcome.result in _STUCK for outcome in outcomes)


def attempts(before: int, verdict: Verdict, outcomes: tuple[Outcome, ...], findings: tuple[Finding, ...]) -> int:
    """The number of a pass: how many made no progress so far, `before` those until now.

    What Azure is still at work on is no progress yet, or a write that it takes and then fails would never be paced.
    """
    if findings or stuck(outcomes):
        return before + 1
    awaited = verdict.operations or any(outcome.operation is not None for outcome in outcomes)
    return before if awaited else 0


def after_pass(
    attempt: int,
    since: float,
    seen: Seen,
    verdict: Verdict,
    outcomes: tuple[Outcome, ...],
    findings: tuple[Finding, ...],
) -> float | None:
    """Seconds until the next pass, `attempt` being its number; None when nothing is left to do or to wait for.

    The soonest of: what `decide` waits for, what was started now, what has to be tried again (never before the pause
    that ARM named), and what a person may have mended by then.
    """
    again = pace(max(attempt, 1), busy=seen.busy)
    mendable = any(finding.severity is Severity.ERROR for finding in findings) and seen.at - since < _PATIENCE
    return soonest(
        verdict.look_again,
        *(outcome.pause for outcome in outcomes if outcome.result is Result.STARTED),
        *(max(outcome.pause or 0.0, again) for outcome in outcomes if outcome.result in _STUCK),
        again if mendable or _zone_to_come(seen, outcomes) else None,
    )


def _zone_to_come(seen: Seen, outcomes: tuple[Outcome, ...]) -> bool:
    """Whether the zone that a link should be made in is not there, while AKS is at work and may be about to make it."""
    missing = any(outcome.result is Result.GONE and outcome.change.action is Action.CREATE for outcome in outcomes)
    return missing and seen.busy and not seen.ends


def held(outcomes: tuple[Outcome, ...], attempt: int, at: float, *, busy: bool) -> tuple[Operation, ...]:
    """The operations of a pass that ends at `at`, those of refused writes not due before the pause is over.

    Another write of the same pass may have its look sooner, and that pass must not repeat what was refused.
    """
    again = pace(max(attempt, 1), busy=busy)
    return tuple(
        msgspec.structs.replace(outcome.operation, due=at + max(outcome.pause or 0.0, again))
        if outcome.result in _STUCK
        else outcome.operation
        for outcome in outcomes
        if outcome.operation is not None
    )


def after_oddity(attempt: int, since: float, at: float) -> float | None:
    """Seconds until the next try of a pass that could not understand what it read; None after a day of them."""
    return pace(attempt, busy=False) if at - since < _PATIENCE else None


def after_blindness(attempt: int, since: float, at: float, error: Exception) -> float | None:
    """Seconds until the next try of a pass that could not observe; None when there is nothing to see any more."""
    pause = 0.0
    if isinstance(error, NoTurnError):
        return error.retry_after
    if isinstance(error, NotShownError):
        return until_shown(attempt, since, at, error.retry_after or 0.0)
    if isinstance(error, ArmError | NoAnswerError):
        pause = error.retry_after or 0.0
    if isinstance(error, ArmError):
        kind = classify(error)
        if kind is Kind.GONE and (attempt > _LOOKS_FOR_GONE or at - since > _LAG):
            return None
        if kind in {Kind.DENIED, Kind.INVALID} and at - since > _PATIENCE:
            return None
    return max(pause, pace(attempt, busy=at - since < _BIRTH))
