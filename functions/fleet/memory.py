"""What the ledger's memory of a row says about the cluster that a pass found there. Pure.

A row outlives its cluster: AKS gives a node resource group the same name when a cluster is created again. The memory
of the former cluster must not count for the new one, and its duties must not be lost.
"""

import msgspec

from functions.fleet.model import ManagedCluster
from functions.ledger.left import Left
from functions.ledger.state import Observed


def of_cluster(held: Observed, cluster: ManagedCluster | None, at: float) -> Observed:
    """The memory that counts for `cluster`, at `at` (seconds since 1970). None: it is gone, or there was none.

    the row remembers               the pass found                  verdict
    nothing                         any                             as it is
    any                             no cluster                      as it is
    a cluster                       another id                      only what is left to remove, the former's name too
    a cluster                       the same id, another UID        the same
    a cluster                       the same id, another name       the same: links and records were for that name
    a cluster                       the same                        as it is; its own name is not left behind
    """
    if cluster is None or not held.cluster:
        return held
    name = (cluster.properties.private_fqdn or "").casefold()
    key = (str(cluster.id).casefold(), name)
    if is_another(cluster, held):
        left = {entry.key: entry for entry in held.left}
        if held.private_fqdn:
            former = left_behind(held, at)
            left.setdefault(former.key, former)
        kept = tuple(entry for entry in left.values() if entry.key != key)
        making = held.making if held.cluster.casefold() == key[0] else None  # it carries its own UID
        return Observed(at=held.at, findings=held.findings, left=kept, making=making)
    return msgspec.structs.replace(held, left=tuple(entry for entry in held.left if entry.key != key))


def is_another(cluster: ManagedCluster, held: Observed) -> bool:
    """Whether a cluster is not the one that is remembered. What either side does not say is no difference."""
    name, uid = cluster.properties.private_fqdn or "", cluster.properties.resource_uid or ""
    return (
        str(cluster.id).casefold() != held.cluster.casefold()
        or bool(uid and held.uid and uid != held.uid)
        or bool(name and held.private_fqdn and name.casefold() != held.private_fqdn.casefold())
    )


def left_behind(held: Observed, at: float) -> Left:
    """The remembered cluster's name, as something left to remove."""
    return Left(
        cluster=held.cluster,
        name=held.private_fqdn.casefold(),
        zone=held.zone,
        since=held.gone_since or at,
        places=tuple(dict.fromkeys(place_of(kept) for kept in held.records)),
    )


def place_of(kept: str) -> str:
    """The target's place in what the ledger keeps of a record (Recording.kept): `ZONE in GROUP`, or `ZONE on SERVERS`.

    The servers are a list with commas, and the record's addresses follow after spaces.
    """
    words = kept.split(" ")
    end = min(3, len(words))
    while end < len(words) and words[end - 1].endswith(","):
        end += 1
    return " ".join(words[:end])
