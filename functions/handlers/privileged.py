"""What the plain app leaves to the second one: to put clusters again, and to run commands in them. Pure."""

from functions.fleet.model import ManagedCluster
from functions.fleet.moved import moved
from functions.fleet.seen import Seen
from functions.handlers import failed_clusters, pod_restarts
from functions.handlers import privileged_findings as findings
from functions.handlers.failed_cluster_findings import command
from functions.handlers.verdict import Finding, Verdict, joined
from functions.policy import Policy
from functions.role import Role

HANDLERS = (pod_restarts, failed_clusters)

PRIVILEGED = frozenset(handler.HANDLER for handler in HANDLERS)

# For so long a move is worth a word to the second app, as long as people are told of it.
_DAY = 24 * 3600.0  # seconds


def left(seen: Seen, policy: Policy, role: Role) -> Verdict:
    """What is to be said of that, and to whom. No I/O, no clock.

    the policy does it    the app      verdict
    no                    any          as the handler itself: findings, no change
    yes                   sharing      the second app is asked to look; finding
    yes                   plain        finding: there is no second app
    """
    return joined([_restarts(seen, policy, role), _failed(seen, policy, role)])


def _restarts(seen: Seen, policy: Policy, role: Role) -> Verdict:
    """The second app is asked from the beginning of a move on: it sees by itself when the old address is over."""
    wanted = pod_restarts.decide(seen, policy)
    move = moved(seen)
    if not policy.pod_restarts.runs_commands or move is None or seen.cluster is None:
        return wanted
    since = move.over_at if move.served_at else move.at
    if move.ended or seen.at >= since + _DAY:
        return Verdict()
    told = _told(seen.cluster, pod_restarts.HANDLER, role, "its API server moved, and pods may hold the old address")
    asked = (pod_restarts.HANDLER,) if role is Role.SHARING else ()
    return Verdict(findings=(told,) if wanted.changes else (), look_again=wanted.look_again, asked=asked)


def _failed(seen: Seen, policy: Policy, role: Role) -> Verdict:
    cluster = seen.cluster
    if not policy.failed_clusters.reconcile or cluster is None or seen.cluster_ends or not cluster.failed:
        return failed_clusters.decide(seen, policy)
    by_hand = f" By hand, once its cause is mended: {command(cluster.id)}"
    told = _told(cluster, failed_clusters.HANDLER, role, "it is Failed", by_hand)
    return Verdict(findings=(told,), asked=(failed_clusters.HANDLER,) if role is Role.SHARING else ())


def _told(cluster: ManagedCluster, handler: str, role: Role, why: str, by_hand: str = "") -> Finding:
    said = findings.left if role is Role.SHARING else findings.missing
    return said(handler, cluster.id, why, by_hand)
