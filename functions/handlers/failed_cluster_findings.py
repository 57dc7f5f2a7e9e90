"""What keeps a failed cluster from being put again, and what a person should do. docs/findings.md lists them."""

import shlex

from functions.arm.errors import ArmError, Kind, classify
from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster
from functions.handlers.verdict import Finding, Severity

_HANDLER = "failed_clusters"

WITHHELD = "SecretNeeded"
"""The code of a refusal of our own: the body cannot be put without a secret."""


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def command(cluster: ResourceId) -> str:
    """What a person can run to put a cluster again as it is."""
    return f"az resource update --ids {shlex.quote(str(cluster))}"


def said(cluster: ManagedCluster) -> str:
    """AKS's own error."""
    error = cluster.provisioning_error
    return f"{error.code}: {error.message[:600]}" if error is not None and error.code else "AKS gives no reason"


def not_put(cluster: ManagedCluster, why: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    """The creation failed, and Tether does not put the cluster again (yet). A warning where to look again is no use."""
    return _finding(
        "cluster-creation-failed",
        cluster.id,
        f"the cluster could not be made ({said(cluster)}); Tether does not put it again: {why}",
        f"{advice} When the cause is mended, this makes AKS go on where it stopped: {command(cluster.id)}",
        severity,
    )


def not_proven(cluster: ManagedCluster) -> Finding:
    """It is Failed, and may have been up before."""
    return _finding(
        "cluster-failed",
        cluster.id,
        f"the cluster is Failed ({said(cluster)}); it is not shown that its creation failed, and nothing later, so "
        "Tether leaves it alone",
        "Read AKS's error first. To put the cluster again goes on with what failed: an upgrade drains its nodes, at "
        f"once and outside of any maintenance window. If that is what you want: {command(cluster.id)}",
        Severity.WARNING,
    )


def fails_again(cluster: ManagedCluster, puts: int) -> Finding:
    """It was put again as often as it may be."""
    return _finding(
        "creation-fails-again",
        cluster.id,
        f"the cluster was put again {puts} times, and its creation failed each time ({said(cluster)})",
        "Something else is wrong: AKS's error says what. Tether does not put it again before it has come up once. "
        f"By hand: {command(cluster.id)}",
        Severity.WARNING,
    )


def too_often(target: ResourceId, puts: int) -> Finding:
    """The journal knows of more tries than the row does."""
    return _finding(
        "creation-fails-again",
        target,
        f"the journal has {puts} tries to put the cluster again, and the end of some is not known",
        f"Read the cluster's error (az aks show), and put it again by hand when its cause is mended: {command(target)}",
        Severity.WARNING,
    )


def refused(target: ResourceId, error: ArmError) -> Finding:
    """AKS, or ARM, did not take the PUT; or it cannot be made."""
    if error.code == WITHHELD:
        return _finding(
            "cluster-creation-failed",
            target,
            f"the cluster could not be made, and to put it again takes a secret that Azure does not tell: "
            f"{error.message}",
            "Put it again from the template that it came from (Bicep, Terraform), which has the secret, or delete it "
            f"and create it anew. Without the secret this is refused: {command(target)}",
            Severity.WARNING,
        )
    if classify(error) is Kind.DENIED:
        return _finding(
            "cluster-put-refused",
            target,
            str(error),
            "Give Tether's identity Microsoft.ContainerService/managedClusters/write on the cluster, and what Azure "
            f"names above on what the cluster uses; or do it yourself: {command(target)}",
        )
    return _finding("cluster-put-refused", target, str(error), f"Read AKS's reason above. By hand: {command(target)}")
