"""Whether a cluster's creation failed, and nothing later: the proof that comes before anything is mended by force.

A PUT on a cluster that failed in an upgrade goes on with the upgrade, and drains its nodes (azure-facts, AKS). ARM does
not say which operation failed, so the ledger's memory does: nothing but a creation was ever seen. What is not known
counts against it.
"""

from datetime import datetime

import msgspec

from functions.arm.operations import LookedUp, Progress
from functions.fleet.model import ManagedCluster
from functions.fleet.seen import Seen
from functions.ledger.making import Making

# A creation that began longer ago proves nothing any more.
_DAY = 24 * 3600.0  # seconds

# AKS takes minutes for a creation: in a longer time without a look it may have come up and been changed. `watch` looks
# at a busy cluster every five minutes.
_BLIND = 420.0  # seconds

# How far ARM's clock may be ahead of ours.
_SKEW = 300.0  # seconds

# AKS let another operation take over from this one: what failed is not known to be ours (AKS, error codes).
_TAKEN_OVER = "AKSOperationPreempted"


def creation_failed(seen: Seen) -> bool:
    """Whether it is proven that the cluster is Failed because it could not be made.

    the cluster          seen Creating        since then               ARM's createdAt    versions    verdict
    in any other state   any                  any                      any                any         no
    Failed               never, or long ago   any                      any                any         no
    Failed               within 24 h          another state, a gap,    any                any         no
                                              or a write of others
    Failed               within 24 h          creation and our PUTs    of another time    any         no
    Failed               within 24 h          creation and our PUTs    fits, or not said  differ      no: an upgrade
    Failed               within 24 h          creation and our PUTs    fits, or not said  agree       yes
    """
    cluster, made = seen.cluster, making(seen)
    if cluster is None or made is None or not made.failed:
        return False
    young = made.first > seen.at - _DAY
    return cluster.failed and young and _fits(cluster, made, seen.at) and not cluster.changes_version


def making(seen: Seen) -> Making | None:
    """What the ledger is to remember of the cluster's making, as of now. None where another state was seen.

    the cluster         remembered              our PUT             verdict
    Creating            nothing, or another     -                   begins
    Creating            its making              -                   goes on
    Failed              nothing, or another     -                   nothing
    Failed              Failed, same eTag       any                 as it was
    Failed              Failed, another eTag    any                 nothing: somebody wrote it
    Failed              in the making           none, or failed     failed now
    Failed              in the making           runs                goes on: AKS has not said yet how it ended
    Failed, Updating    of other pools          any                 nothing: it was up, and scaled
    Updating            in the making           runs, or failed     goes on
    any other           any                     any                 nothing

    In the making means that the last look was seven minutes ago at most.
    """
    cluster = seen.cluster
    if cluster is None:
        return None
    held = _of_this(cluster, seen.remembered.making)
    state = cluster.properties.provisioning_state.casefold()
    if state == "creating":
        begun = Making(first=seen.at, last=seen.at, uid=_uid(cluster)) if held is None else held
        return msgspec.structs.replace(begun, last=seen.at, failed=0.0, etag="", pools=_pools(cluster))
    if held is None or state not in {"failed", "updating"} or not _asks_for_the_same(cluster, held):
        return None
    if held.failed:
        return held if state == "failed" and _is_unwritten(cluster, held) else None
    if seen.at - held.last > _BLIND:
        return None
    return _in_the_making(seen, cluster, held)


def our_put(seen: Seen, held: Making) -> LookedUp | None:
    """The operation of Tether's last PUT, as it was looked up, or as it is remembered; None where there is none."""
    if seen.cluster is None or not held.put_at:
        return None
    remembered = (LookedUp(kept, Progress.RUNNING) for kept in seen.remembered.operations)
    for looked in (*seen.operations, *remembered):
        one = looked.operation
        if one.target == seen.cluster.id and not one.command and one.since == held.put_at:
            return looked
    return None


def _in_the_making(seen: Seen, cluster: ManagedCluster, held: Making) -> Making | None:
    ours = our_put(seen, held)
    on = msgspec.structs.replace(held, last=seen.at)
    if not held.put_at:
        return _failed_now(cluster, on, seen.at) if cluster.failed else None
    if ours is None or not _is_ours_still(ours):
        return None
    if not cluster.failed or ours.progress is Progress.RUNNING:
        return on
    return _failed_now(cluster, on, seen.at)


def _is_ours_still(looked: LookedUp) -> bool:
    if looked.progress is Progress.RUNNING:
        return True
    preempted = looked.error is not None and looked.error.code == _TAKEN_OVER
    return looked.progress is Progress.FAILED and not preempted


def _failed_now(cluster: ManagedCluster, held: Making, at: float) -> Making:
    return msgspec.structs.replace(held, failed=at, etag=cluster.any_etag or "")


def _of_this(cluster: ManagedCluster, held: Making | None) -> Making | None:
    """What is remembered, if it is of this very cluster: one that is made anew under its id is another."""
    if held is None:
        return None
    known = held.uid and cluster.properties.resource_uid
    return held if not known or held.uid == cluster.properties.resource_uid else None


def _asks_for_the_same(cluster: ManagedCluster, held: Making) -> bool:
    """Whether a cluster is to have the machines that its creation asked for, and no others.

    It may have come up and been scaled since the last look, and a PUT would go on with that.
    """
    shown = _pools(cluster)
    return not shown or not held.pools or shown == held.pools


def _pools(cluster: ManagedCluster) -> tuple[str, ...]:
    pools = cluster.properties.agent_pool_profiles or ()
    return tuple(sorted(f"{pool.name} {pool.count}" for pool in pools if pool.count is not None))


def _is_unwritten(cluster: ManagedCluster, held: Making) -> bool:
    """Whether nobody wrote the cluster since it was seen Failed. Resource Graph's rows show no eTag."""
    return not cluster.any_etag or not held.etag or cluster.any_etag == held.etag


def _uid(cluster: ManagedCluster) -> str:
    return cluster.properties.resource_uid or ""


def _fits(cluster: ManagedCluster, held: Making, at: float) -> bool:
    """Whether ARM's own instant of the creation, where it tells one, is that of the creation that was seen."""
    if cluster.system_data is None or not cluster.system_data.created_at:
        return True
    created = created_at(cluster)
    return bool(created) and at - _DAY <= created <= held.first + _SKEW


def created_at(cluster: ManagedCluster) -> float:
    """ARM's instant of the cluster's creation, in seconds since 1970; 0 where ARM names none that can be read."""
    said = cluster.system_data.created_at if cluster.system_data else ""
    try:
        created = datetime.fromisoformat(said)
    except ValueError:
        return 0.0
    return created.timestamp() if created.tzinfo else 0.0
