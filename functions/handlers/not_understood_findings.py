"""What of Azure's answers, or of the ledger, cannot be understood. docs/findings.md lists the findings."""

import shlex

from functions.arm.resource_id import ResourceId
from functions.arm.understood import Odd
from functions.fleet.oddities import odd_subnets
from functions.fleet.seen import Seen
from functions.handlers.verdict import Finding, Severity
from functions.ledger.entities import key, partition

_HANDLER = "understanding"
_CLUSTER = "microsoft.containerservice/managedclusters"
_CLUSTERS = frozenset({"ManagedCluster", "Cluster", "ClusterRow"})


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def not_understood(odd: Odd, near: ResourceId) -> Finding:
    """An item that Azure shows and Tether cannot read. `near` is named where the item's own id cannot be read."""
    if odd.kind in _CLUSTERS or (odd.id is not None and odd.id.type == _CLUSTER):
        return _finding(
            "cluster-not-understood",
            odd.id or near,
            f"{_where(odd, 'the cluster')}; nothing is changed for it, and what is known of it is kept",
            _advice(odd, near, "az aks list --subscription"),
        )
    return _finding(
        "resource-not-understood",
        odd.id or near,
        f"{_where(odd, 'the resource')}; what it would tell is not known, and nothing is concluded from that",
        _advice(odd, near, "az resource list --subscription"),
        Severity.WARNING,
    )


def about(seen: Seen) -> tuple[Finding, ...]:
    """The parts of an observation that cannot be understood. The rest of it counts."""
    unread = (one.odd for one in seen.unreadable if one.odd is not None)
    subnets = odd_subnets(seen.cluster) if seen.cluster is not None else ()
    return tuple(_of_part(odd, seen) for odd in dict.fromkeys((*seen.odd, *unread, *subnets)))


def _of_part(odd: Odd, seen: Seen) -> Finding:
    return _finding(
        "cluster-not-understood",
        seen.cluster.id if seen.cluster is not None else seen.place,
        f"{_where(odd, f'{odd.id}' if odd.id else 'a part of it')}; what that would tell is not known, the rest counts",
        _advice(odd, seen.place, "az resource list --subscription"),
        Severity.WARNING,
    )


def memory_not_understood(subject: ResourceId, why: str) -> Finding:
    """A row of the ledger that cannot be decoded."""
    return _finding(
        "memory-not-understood",
        subject,
        f"the ledger's row cannot be read: {why}; it is left as it is, and nothing is remembered in it",
        "Find out who wrote it. To let Tether start over with this row: az storage entity delete --auth-mode login "
        "--account-name <the app's storage account> --table-name tetherstate "
        f"--partition-key {partition(subject)} --row-key {key(subject)}",
    )


def _where(odd: Odd, what: str) -> str:
    unread = "" if odd.id is not None else " (its id cannot be read)"
    return f"{what}{unread} has something that Tether cannot read at {odd}"


def _advice(odd: Odd, near: ResourceId, listing: str) -> str:
    look = (
        f"az resource show --ids {shlex.quote(str(odd.id))}" if odd.id is not None else f"{listing} {near.subscription}"
    )
    return (
        f"Look at that field: {look}. If a person set it, correct it. If Azure sets it, it is newer than this version "
        "of Tether: update Tether, or report the field."
    )
