"""What keeps pods with an old address of their API server, and what a person should do. docs/findings.md lists them."""

from shlex import quote

from functions.arm.errors import ArmError, Kind, classify
from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Finding, Severity
from functions.ledger.move import Move
from functions.policy import PodRestarts

_HANDLER = "pod_restarts"

# A rollout often takes longer than one command waits.
_PATIENT = 2

_TROUBLES = {
    "restart-command-not-run": (
        "AKS runs commands in a pod on one of the nodes: see that a node has room for it (500m CPU, 1 Gi) and reaches "
        "the API server. Tether tries again by itself, ever more seldom, for a day."
    ),
    "restart-not-permitted": (
        "Give Tether's identity a role in the cluster that may list and watch pods, replicasets, deployments, "
        "daemonsets and statefulsets of these namespaces and patch the last three (for instance Azure Kubernetes "
        "Service RBAC Writer on the namespace)."
    ),
    "restart-failed": (
        "Run the script by hand to see kubectl's own words: az aks command invoke --file restart_pods.sh. "
        "Tether tries again by itself, ever more seldom, for a day."
    ),
    "restart-output-cut": (
        "Azure keeps 512 kB of a command's output, and the script prints far less: something else printed, or the "
        "script was killed (1 Gi of memory). Name fewer namespaces. Tether tries again, ever more seldom, for a day."
    ),
    "restart-result-lost": "Nothing is lost: the script goes on where it was. Tether tries again by itself.",
    "restart-not-ready": (
        "See why they do not come up again (kubectl rollout status, describe). Nothing else is restarted until they "
        "do; Tether looks again by itself, ever more seldom, for a day."
    ),
    "restart-undone": (
        "Something in the cluster takes the annotation tether/restarted-for off pod templates (GitOps, an operator, "
        "AKS's addon manager in kube-system), and they would be restarted for ever. Tether restarts nothing more for "
        "this move: restart the rest by hand, and have the annotation left alone or the namespace out of the "
        "policy."
    ),
    "restart-refused-by-cluster": (
        "An admission webhook or a policy in the cluster denies the annotation tether/restarted-for on pod templates. "
        "Permit it, or restart them by hand."
    ),
}


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.WARNING) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def _of(move: Move) -> str:
    return f"the API server moved from {move.old} to {move.new}"


def _some(names: tuple[str, ...], count: int) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return ", ".join(names) + more


def may_hold(target: ResourceId, move: Move, wanted: PodRestarts) -> Finding:
    """Restarts are not enabled, and nothing is run in the cluster: so what is there is not known."""
    namespaces = " ".join(wanted.namespaces) or "NAMESPACE..."
    command = f"sh restart_pods.sh list {move.id} 5 120 {namespaces}"
    return _finding(
        "pods-may-hold-old-address",
        target,
        f"{_of(move)}; pods with hostNetwork or dnsPolicy Default that were started before may hold the old address",
        f"In functions/handlers: az aks command invoke --subscription {target.subscription} -g {quote(target.group)} "
        f'-n {quote(target.name)} --file restart_pods.sh --command "{command}" lists their Deployments, DaemonSets and '
        "StatefulSets, and with restart instead of list restarts five of them. Or let Tether do it: "
        "podRestarts.enabled and namespaces in the policy.",
    )


def listed(target: ResourceId, move: Move) -> Finding:
    """Restarts are not enabled, and the script listed what there is."""
    return _finding(
        "pods-may-hold-old-address",
        target,
        f"{_of(move)}; to restart: {_some(move.names, move.left) or 'nothing'}",
        "kubectl rollout restart each of them, or set podRestarts.enabled in the policy.",
    )


def by_hand(target: ResourceId, move: Move) -> Finding:
    return _finding(
        "pods-to-restart-by-hand",
        target,
        f"{_of(move)}; a restart is not Tether's to make: {_some(move.by_hand_names, move.by_hand)}",
        "Pods and ReplicaSets without a Deployment, Jobs, workloads with the strategy OnDelete or with a partition, "
        "and paused Deployments: delete the pods that were started before the move, or let them end.",
    )


def is_told(move: Move) -> bool:
    """Whether what went wrong with the last command is worth a person's time by now."""
    return bool(move.trouble) and (move.trouble != "restart-not-ready" or move.troubles >= _PATIENT)


def trouble(target: ResourceId, move: Move) -> Finding:
    """The last command got nowhere."""
    names = f": {_some(move.names, move.left)}" if move.trouble in _NAMING and move.names else ""
    return _finding(move.trouble, target, f"{_of(move)}; {move.said}{names}", _TROUBLES[move.trouble])


_NAMING = frozenset({"restart-not-ready", "restart-undone", "restart-refused-by-cluster"})


def disabled(target: ResourceId, move: Move) -> Finding:
    return _finding(
        "run-command-disabled",
        target,
        f"{_of(move)}; Run Command is disabled for this cluster (disableRunCommand)",
        "Restart pods with hostNetwork or dnsPolicy Default by hand, or enable Run Command (az aks update "
        "--enable-run-command).",
    )


def stopped(target: ResourceId, move: Move) -> Finding:
    return _finding(
        "restart-cluster-stopped",
        target,
        f"{_of(move)}; the cluster is stopped",
        "Nothing: it is looked at when the cluster starts.",
    )


def refused(target: ResourceId, error: ArmError, *, entra: bool) -> Finding:
    """ARM or AKS did not take the command, or there is no token for the cluster."""
    if classify(error) is Kind.DENIED:
        return _finding(
            "run-command-not-authorised",
            target,
            str(error),
            "Give Tether's identity Microsoft.ContainerService/managedClusters/runCommand/action and "
            "commandResults/read on the cluster.",
            Severity.ERROR,
        )
    if entra:
        return _finding(
            "run-command-needs-entra",
            target,
            str(error),
            "The cluster knows people by Microsoft Entra ID: Tether's identity needs a token for AKS's own app and "
            "a role in the cluster (for instance Azure Kubernetes Service RBAC Writer).",
            Severity.ERROR,
        )
    return _finding("run-command-refused", target, str(error), "Read Azure's reason above.", Severity.ERROR)
