"""Restarts what may hold an old address of its API server, once the new one is served and the old has expired."""

import shlex
from functools import cache
from pathlib import Path
from typing import assert_never

from functions.arm import run_command
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import LOST, LookedUp, Operation
from functions.fleet.model import ManagedCluster
from functions.fleet.moved import UNDONE, moved, running
from functions.fleet.seen import Seen
from functions.handlers import pod_restart_findings as findings
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Finding, Outcome, Restarting, Result, Verdict
from functions.ledger.instants import has_passed
from functions.ledger.move import Move
from functions.ledger.state import Row
from functions.policy import PodRestarts, Policy

HANDLER = "pod_restarts"

SCRIPT = "restart_pods.sh"

# A command restarts so many workloads, and waits so many seconds in all for them to come up again.
_MOST, _WAITS = 5, 120

# So many clusters run a command at a time; one that began longer ago is not counted any more.
_CLUSTERS, _FORGOTTEN = 3, 1800.0

# How soon to look again whether there is room for another cluster.
TURN = 300.0  # seconds

# Between two looks at a command, at a busy cluster, and at records that are to become right.
_PATIENT = 60.0  # seconds
_FIRST_LOOK, _LONGEST_LOOK = 10.0, 900.0  # seconds

# For so long a move is waited for, and what people have to do about it is told.
_DAY = 24 * 3600.0  # seconds

# So many commands in a row may get nowhere: with the pauses between them, about a day.
_GIVEN_UP = 30


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Is there anything to restart, and is it time? No I/O, no clock.

    the new address       the old one's time   the policy          the last command    verdict
    is not served         -                    any                 -                   look again, for a day
    is served             not over             any                 -                   look again when it is
    any                   any                  any                 runs                look again
    is served             over                 neither             -                   finding, for a day
    is served             over                 enabled             left nothing        nothing, findings for a day
    is served             over                 enabled             left some           change: continue
    is served             over                 enabled             got nowhere         finding; again after a pause
    is served             over                 enabled             was undone          finding: a person's to see to
    is served             over                 enabled             none                change: update
    is served             over                 list alone          none                change: continue
    is served             over                 list alone          told                finding with the list, for a day

    Nothing is begun in a cluster that is stopped or does not run commands (finding), or while AKS is at work on it.
    """
    move, cluster = moved(seen), seen.cluster
    if move is None or cluster is None:
        return Verdict()
    if (runs := running(seen, move)) is not None:
        return _of_running(seen, runs)
    if not move.served_at:
        return Verdict(look_again=_until_served(move, seen.at))
    if seen.at < move.over_at:
        return Verdict(look_again=move.over_at - seen.at)
    return _when_over(seen, cluster, move, policy.pod_restarts)


def _until_served(move: Move, at: float) -> float | None:
    age = at - move.at
    return min(max(age, _FIRST_LOOK), _LONGEST_LOOK) if age < _DAY else None


def _of_running(seen: Seen, runs: LookedUp) -> Verdict:
    pause = _PATIENT if runs.pause is None else runs.pause
    operation = runs.operation
    due = seen.at + pause
    held = Operation(operation.target, operation.address, operation.since, due, operation.command)
    return Verdict(look_again=pause, operations=(held,))


def _when_over(seen: Seen, cluster: ManagedCluster, move: Move, wanted: PodRestarts) -> Verdict:
    recent = seen.at < move.over_at + _DAY
    by_hand = (findings.by_hand(cluster.id, move),) if move.by_hand and recent else ()
    if move.ended:
        return Verdict(findings=by_hand)
    if not wanted.runs_commands:
        return Verdict(findings=(findings.may_hold(cluster.id, move, wanted),) if recent else ())
    if not wanted.enabled and move.listed:
        return Verdict(findings=(findings.listed(cluster.id, move), *by_hand) if recent else ())
    return _to_do(seen, cluster, move, wanted, by_hand)


def _to_do(
    seen: Seen, cluster: ManagedCluster, move: Move, wanted: PodRestarts, by_hand: tuple[Finding, ...]
) -> Verdict:
    said = (*((findings.trouble(cluster.id, move),) if findings.is_told(move) else ()), *by_hand)
    if not cluster.runs_commands:
        return Verdict(findings=(findings.disabled(cluster.id, move), *by_hand))
    if cluster.stopped:
        return Verdict(findings=(findings.stopped(cluster.id, move), *by_hand))
    if move.troubles >= _GIVEN_UP or move.trouble == UNDONE:
        return Verdict(findings=said)
    if seen.busy:
        return Verdict(findings=said, look_again=_PATIENT)
    if seen.at < move.again_at:
        return Verdict(findings=said, look_again=move.again_at - seen.at)
    return Verdict((_change(cluster, move, wanted),), said)


def _change(cluster: ManagedCluster, move: Move, wanted: PodRestarts) -> Change:
    listing = not wanted.enabled
    what = "list" if listing else "restart"
    return Change(
        handler=HANDLER,
        target=cluster.id,
        action=Action.CONTINUE if listing or move.commands else Action.UPDATE,
        wants=Restarting(move.id, wanted.namespaces, listing, cluster.asks_entra),
        reason=f"{what} what may hold {move.old}: the API server is at {move.new}, and nobody answers otherwise now",
        before=f"{move.left} to restart" if move.commands else "",
        after=f"{'listed' if listing else 'restarted'} for the move {move.id}",
    )


async def apply(change: Change, means: Means, at: float) -> Outcome:
    """Have AKS run the script. It changes nothing that it changed before, so nothing is lost by asking twice."""
    wants = change.wants
    assert isinstance(wants, Restarting)  # ours are
    try:
        accepted = await run_command.start(
            means.session, change.target, command_of(wants), {SCRIPT: _script()}, entra=wants.entra
        )
    except ArmError as error:
        return _refused(change, error)
    except NoTokenError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "NoToken", str(error)))
    except NoAnswerError:
        return Outcome(change, Result.UNKNOWN, operation=Operation(change.target, LOST, at, at, wants.move))
    operation = Operation(change.target, accepted.address, at, at + accepted.pause, wants.move)
    return Outcome(change, Result.STARTED, operation=operation, pause=accepted.pause)


def command_of(wants: Restarting) -> str:
    """The command line. All that goes into it comes from the policy or is ours, and is quoted all the same."""
    mode = "list" if wants.listing else "restart"
    return shlex.join(["sh", SCRIPT, mode, wants.move, str(_MOST), str(_WAITS), *wants.namespaces])


@cache
def _script() -> bytes:
    return Path(__file__).with_name(SCRIPT).read_bytes()


def _refused(change: Change, error: ArmError) -> Outcome:
    match classify(error):
        case Kind.RETRY | Kind.CONFLICT:
            return Outcome(change, Result.RETRY, error=error, pause=error.retry_after)
        case Kind.GONE:
            return Outcome(change, Result.GONE, error=error)
        case Kind.DENIED | Kind.INVALID:
            return Outcome(change, Result.REFUSED, error=error)
        case _ as never:
            assert_never(never)


def explain(outcome: Outcome) -> Finding | None:
    """The finding that an outcome calls for, None when it needs nobody."""
    if outcome.error is None or outcome.result not in {Result.REFUSED, Result.RETRY}:
        return None
    wants = outcome.change.wants
    assert isinstance(wants, Restarting)  # ours are
    if outcome.result is Result.RETRY and outcome.error.code != "NoToken":
        return None
    return findings.refused(outcome.change.target, outcome.error, entra=wants.entra)


def is_crowded(rows: tuple[Row, ...], change: Change, at: float) -> bool:
    """Whether commands run in so many other clusters that this one has to wait."""
    begun = {
        operation.target
        for row in rows
        for operation in row.observed.operations
        if operation.command and not has_passed(operation.since, _FORGOTTEN, at) and operation.target != change.target
    }
    return len(begun) >= _CLUSTERS
