"""Puts a cluster again whose creation failed, once what made it fail is mended (docs/decisions/0008)."""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from functions.arm import clusters
from functions.arm.clusters import ChangedMeanwhileError, SecretNeededError
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.operations import LOST, LookedUp, Operation, Progress
from functions.fleet.creation import creation_failed, making, our_put
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import Seen
from functions.handlers import failed_cluster_findings as findings
from functions.handlers import zone_links
from functions.handlers.failed_cluster_causes import MENDED, Mending, links_are_right, mending
from functions.handlers.means import Means
from functions.handlers.verdict import Action, Change, Finding, Outcome, Reputting, Result, Severity, Verdict
from functions.ledger.making import Making
from functions.ledger.state import Entry, Observed
from functions.policy import Policy

HANDLER = "failed_clusters"

MOST_PUTS = 3
"""So often is a cluster put again until it has come up once."""

# AKS refills a cluster's bucket of PUTs with one a minute (azure-facts, AKS), and others have to have some left.
_BETWEEN = 60.0  # seconds

# How soon to look at a PUT that runs, where AKS names no pause. It takes minutes.
_WAIT = 60.0  # seconds

# What a journal's entry ends with when the cluster was not put: RETRY and REFUSED took nothing.
_TRIED = frozenset({"", Result.STARTED.value, Result.UNKNOWN.value})


def decide(seen: Seen, policy: Policy) -> Verdict:
    """Should the cluster be put again? No I/O, no clock. Needs the links, and the subnets of a kubenet cluster.

    the cluster    creation failed    our PUTs         the policy    the cause        verdict
    any            any                one runs         any           any              look again
    not Failed     -                  -                -             -                nothing
    Failed         not proven         -                any           any              finding
    Failed         proven             three            any           any              finding: AKS's own error
    Failed         proven             fewer            off           any              finding, with the command
    stopped        proven             fewer            on            any              finding
    Failed         proven             one refused      on            any              look again when its pause is over
    Failed         proven             fewer            on            not mended       finding
    Failed         proven             fewer            on            mended soon      finding, look again then
    Failed         proven             a minute ago     on            mended           look again then
    Failed         proven             fewer            on            mended           change: update, later continue

    A cluster that is being deleted is left alone, and a pass that is about the address alone says nothing.
    """
    cluster, made = seen.cluster, making(seen)
    if cluster is None or seen.cluster_ends:
        return Verdict()
    if made is not None and (runs := _running(seen, made)) is not None:
        return _of_running(seen, runs)
    if not cluster.failed or seen.partial:
        return Verdict()
    if made is None or not creation_failed(seen):
        return Verdict(findings=(findings.not_proven(cluster),))
    return _of_failure(seen, policy, cluster, made)


def _running(seen: Seen, made: Making) -> LookedUp | None:
    looked = our_put(seen, made)
    lags = looked is not None and looked.progress is Progress.FAILED and seen.busy
    return looked if looked is not None and (looked.progress is Progress.RUNNING or lags) else None


def _of_running(seen: Seen, runs: LookedUp) -> Verdict:
    pause = _WAIT if runs.pause is None else runs.pause
    held = msgspec.structs.replace(runs.operation, due=seen.at + pause)
    return Verdict(look_again=pause, operations=(held,))


def _of_failure(seen: Seen, policy: Policy, cluster: ManagedCluster, made: Making) -> Verdict:
    if made.puts >= MOST_PUTS:
        return Verdict(findings=(findings.fails_again(cluster, made.puts),))
    if not policy.failed_clusters.reconcile:
        off = "the policy does not say so (failedClusters.reconcile)"
        return Verdict(findings=(findings.not_put(cluster, off, "Set that, or see to it yourself.", Severity.WARNING),))
    if cluster.stopped:
        told = findings.not_put(cluster, "it is stopped", "Start it (az aks start).", Severity.WARNING)
        return Verdict(findings=(told,))
    if (refused := _turned_down(seen, cluster)) is not None:
        return Verdict(look_again=refused.pause, operations=(refused.operation,))
    cause = mending(seen, policy, cluster, made)
    if cause != MENDED:
        return _of_cause(cluster, cause)
    if made.put_at and (left := made.put_at + _BETWEEN - seen.at) > 0:
        return Verdict(look_again=left)
    return Verdict((_change(cluster, made),))


def _turned_down(seen: Seen, cluster: ManagedCluster) -> LookedUp | None:
    """A PUT that AKS turned down for now, until its pause is over."""
    looked = seen.operation_on(cluster.id)
    waits = looked is not None and looked.progress is Progress.RUNNING and looked.operation.address == LOST
    return looked if waits else None


def _of_cause(cluster: ManagedCluster, cause: Mending) -> Verdict:
    advice = "It goes on by itself when that is over." if cause.passes is not None else "See to the cause first."
    return Verdict(findings=(findings.not_put(cluster, cause.lacks, advice),), look_again=cause.passes)


def _change(cluster: ManagedCluster, made: Making) -> Change:
    return Change(
        handler=HANDLER,
        target=cluster.id,
        action=Action.CONTINUE if made.puts else Action.UPDATE,
        wants=Reputting(cluster.any_etag, made.first, made.puts + 1),
        reason=f"its creation failed ({_code(cluster)}), and what made it fail is mended",
        before="Failed in its creation",
        after=f"put again as it is, try {made.puts + 1} of {MOST_PUTS}",
    )


def _code(cluster: ManagedCluster) -> str:
    return cluster.provisioning_error.code if cluster.provisioning_error else ""


async def apply(change: Change, means: Means, at: float) -> Outcome:
    """Put the cluster as it is now, if it is still what was decided on."""
    wants = change.wants
    assert isinstance(wants, Reputting)  # ours are
    try:
        body = await clusters.read(means.session, change.target)
    except ArmError as error:
        return _refused(change, error, at)
    except (NoAnswerError, NoTokenError) as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "NoAnswer", str(error)), pause=_BETWEEN)
    try:
        accepted = await clusters.put_again(means.session, change.target, body, wants.etag)
    except ChangedMeanwhileError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "ChangedMeanwhile", str(error)))
    except SecretNeededError as error:
        return Outcome(change, Result.REFUSED, error=ArmError(0, findings.WITHHELD, str(error)))
    except ArmError as error:
        return _refused(change, error, at)
    except NoTokenError as error:
        return Outcome(change, Result.RETRY, error=ArmError(0, "NoToken", str(error)), pause=_BETWEEN)
    except NoAnswerError:
        return Outcome(change, Result.UNKNOWN, pause=_BETWEEN)
    operation = Operation(change.target, accepted.address, at, at + accepted.pause)
    return Outcome(change, Result.STARTED, operation=operation, pause=accepted.pause)


def _refused(change: Change, error: ArmError, at: float) -> Outcome:
    """A pause that ARM names holds for passes that look sooner for another reason too."""
    match classify(error):
        case Kind.RETRY | Kind.CONFLICT:
            pause = max(error.retry_after or 0.0, _BETWEEN)
            later = Operation(change.target, LOST, at, at)
            return Outcome(change, Result.RETRY, operation=later, error=error, pause=pause)
        case Kind.GONE:
            return Outcome(change, Result.GONE, error=error)
        case Kind.DENIED | Kind.INVALID:
            return Outcome(change, Result.REFUSED, error=error)
        case _ as never:
            assert_never(never)


def explain(outcome: Outcome) -> Finding | None:
    """The finding that an outcome calls for, None when it needs nobody."""
    if outcome.result is not Result.REFUSED or outcome.error is None:
        return None
    return findings.refused(outcome.change.target, outcome.error)


def noted(brief: Observed, seen: Seen, policy: Policy, outcomes: Sequence[Outcome]) -> Observed:
    """What the ledger keeps of a cluster's making after a pass with these outcomes."""
    made = brief.making
    if made is None:
        return brief
    if seen.links.asked:
        right = links_are_right(zone_links.decide(seen, policy))
        made = msgspec.structs.replace(made, linked=(made.linked or seen.at) if right else 0.0)
    for outcome in outcomes:
        if outcome.change.handler == HANDLER:
            made = _after(made, outcome, seen.at)
    return msgspec.structs.replace(brief, making=made)


def _after(made: Making, outcome: Outcome, at: float) -> Making:
    """A PUT that AKS took is in the making again. One that it turned down, and one without an answer, is a try too."""
    asked = outcome.result is Result.UNKNOWN or (
        outcome.result is Result.REFUSED and outcome.error is not None and classify(outcome.error) is Kind.INVALID
    )
    if outcome.result is Result.STARTED and outcome.operation is not None:
        since = outcome.operation.since
        return msgspec.structs.replace(made, puts=made.puts + 1, put_at=since, last=since, failed=0.0, etag="")
    return msgspec.structs.replace(made, puts=made.puts + 1, put_at=at) if asked else made


def spent(entries: Sequence[Entry], change: Change, at: float) -> Verdict | None:
    """Why the journal does not permit a PUT now, None where it does.

    A worker that dies after its PUT leaves an intent in the journal, and nothing in the row.

    tries since the cluster was first seen Creating             verdict
    three or more                                               finding
    fewer, the last less than a minute ago, a refused one too   look again then
    fewer                                                       None
    """
    wants = change.wants
    assert isinstance(wants, Reputting)  # ours are
    asked = [entry for entry in entries if _is_ours(entry, change) and entry.at >= wants.since]
    tried = [entry for entry in asked if entry.result in _TRIED]
    if len(tried) >= MOST_PUTS:
        return Verdict(findings=(findings.too_often(change.target, len(tried)),))
    if asked and (left := max(entry.at for entry in asked) + _BETWEEN - at) > 0:
        return Verdict(look_again=left)
    return None


def _is_ours(entry: Entry, change: Change) -> bool:
    return entry.handler == HANDLER and entry.target.casefold() == str(change.target).casefold()
