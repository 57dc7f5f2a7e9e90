"""What AKS says when a cluster cannot be made or touched. AKS's own bodies have no `error` wrapper."""

from localazure.answers import Refused, bare_error
from localazure.operations import OperationFailed
from localazure.store import Json

DNS_FAIL = 52
"""A node's exit code when the API server's name did not resolve (AgentBaker, ERR_K8S_API_SERVER_DNS_LOOKUP_FAIL)."""
CONNECT_FAIL = 51
"""The one when it could not connect (AgentBaker, ERR_K8S_API_SERVER_CONN_FAIL)."""
OUTBOUND_FAIL = 50
"""The one when it found no way out (AgentBaker, ERR_OUTBOUND_CONN_FAIL)."""
UNROUTED = "ExistingRouteTableNotAssociatedWithSubnet"


def nodes_gave_up(scale_set: str, code: int, output: str) -> OperationFailed:
    """The nodes never reached the API server; `output` says why.

    Form: the code VMExtensionProvisioningError, the extension `vmssCSE`, `exit status=52` and a JSON text with
    `ExitCode` and `Output`, as users report it in Azure/AKS issues 2004 and 2244; the sentence is ours.
    """
    return OperationFailed(
        "VMExtensionProvisioningError",
        f"The nodes of {scale_set} could not be set up: extension 'vmssCSE' ended. Error message: "
        f'"command terminated with exit status={code} '
        f'[stdout] {{ \\"ExitCode\\": \\"{code}\\", \\"Output\\": \\"{output}\\" }}"',
    )


def link_failed(subscription: str, group: str, zone: str, link: str, reason: Json) -> OperationFailed:
    """AKS could not link the zone to the cluster's own VNet; `reason` is what private DNS answered.

    Form: recorded errors/aks-create-or-update-virtual-network-link-failed. There `details` is a text; the API's type
    (ErrorDetail) wants a list, so the place and the cause go into the message and an entry of `details`.
    """
    place = f"subscription {subscription}, resource group {group}, private dns zone {zone}, virtual network link {link}"
    inner = str(reason.get("message", ""))
    subcode = str(reason.get("code", "InternalError"))
    return OperationFailed(
        "CreateOrUpdateVirtualNetworkLinkFailed",
        f"Reconcile private dns failed. Create or update virtual network link failed: {place}. {inner}",
        subcode=subcode,
        details=[{"code": subcode, "message": inner}],
    )


def preempted() -> OperationFailed:
    """A later operation took over. Code: AKSOperationPreempted (AKS documentation, error codes)."""
    return OperationFailed("AKSOperationPreempted", "A later operation on this cluster took over from this one.")


def canceled() -> OperationFailed:
    """Someone has asked AKS to abort. The operation's status: AKS API, managed clusters, abort latest operation."""
    return OperationFailed("OperationCanceled", "The operation was aborted on request.", status="Canceled")


def route_table_failed(subnet: str) -> OperationFailed:
    """A creation that ended because nobody has attached the cluster's table. Code: see `route_table_refused`."""
    return OperationFailed(UNROUTED, _unrouted(subnet))


def route_table_refused(subnet: str) -> Refused:
    """The same to a PUT that comes too early. Recorded: errors/400-aks-existing-route-table-not-associated."""
    return bare_error(400, UNROUTED, _unrouted(subnet), details=None, subcode="")


def busy(state: str) -> Refused:
    """Another operation is under way. Source: 409 OperationNotAllowed, Azure/azure-workload-identity issue 417."""
    return bare_error(
        409,
        "OperationNotAllowed",
        f"Another operation ({state}) is under way on this cluster; it must end before a new one begins.",
        details=None,
        subcode="",
    )


def stopped(name: str) -> Refused:
    """[U] What AKS says to a write or a command while the cluster is stopped; the code is that of a busy cluster."""
    message = f"The cluster {name} is stopped; start it first."
    return bare_error(409, "OperationNotAllowed", message, details=None, subcode="")


def command_refused(message: str) -> Refused:
    """[U] A run command that AKS does not take. The form is AKS's own, the code and the sentence are ours."""
    return bare_error(400, "BadRequest", message, details=None, subcode="")


def invalid(target: str, message: str) -> Refused:
    """A request that AKS cannot accept. Form: recorded errors/400-aks-dns-zone-not-found."""
    return bare_error(400, "InvalidParameter", message, details=None, subcode="", target=target)


def zone_not_found(zone_id: str) -> Refused:
    """The cluster's custom zone is not there. The code is ours: no recording shows it."""
    return bare_error(
        400, "PrivateDNSZoneNotFound", f"There is no private DNS zone {zone_id}.", details=None, subcode=""
    )


def precondition_failed() -> Refused:
    """[U] No recording shows AKS's 412; the form is AKS's own."""
    return bare_error(412, "PreconditionFailed", "The eTag of the cluster is not the given one.", details=None)


def _unrouted(subnet: str) -> str:
    return f"There is a route table for the cluster, but subnet {subnet} does not use it. Associate the two."
