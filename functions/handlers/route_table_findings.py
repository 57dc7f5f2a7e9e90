"""What keeps a kubenet subnet without its route table, and what a person should do. docs/findings.md lists them."""

from shlex import quote

from functions.arm.errors import ArmError
from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster
from functions.fleet.subnet_model import MOST_ROUTES, RouteTable
from functions.handlers.route_table_proof import carries_pods, leads_elsewhere
from functions.handlers.verdict import Finding, Severity

_HANDLER = "route_tables"

# A finding names so many of a sort, and says how many there are.
_NAMED = 3


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def _few(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def by_hand(subnet: ResourceId, table: ResourceId) -> str:
    """The command with which a person attaches a table."""
    return f"az network vnet subnet update --ids {quote(str(subnet))} --route-table {quote(str(table))}"


def not_readable(target: ResourceId, error: ArmError) -> Finding:
    return _finding(
        "subnet-not-readable",
        target,
        f"the subnets or route tables of a kubenet cluster cannot be read: {error}",
        "Give Tether's identity Reader on the VNet and on the node resource group, or set routeTables.attach to "
        "false. A subnet that is gone: the cluster's node pool names it still.",
        Severity.WARNING,
    )


def missing(cluster: ManagedCluster, subnet: ResourceId, table: ResourceId | None) -> Finding:
    """A subnet without a table, of a cluster whose creation is not known to have failed."""
    do = by_hand(subnet, table) if table else "The node resource group has no table of AKS's: see why AKS made none."
    return _finding(
        "route-table-missing",
        subnet,
        f"the subnet has no route table, and {cluster.id.name} ({cluster.properties.provisioning_state}) is kubenet: "
        "pods on different nodes do not reach one another",
        f"Unless somebody is about to change it: {do} Or let Tether attach it again: routeTables.reattach.",
    )


def another(cluster: ManagedCluster, subnet: ResourceId, table: ResourceId, held: RouteTable | ArmError) -> Finding:
    """The subnet has a table that is not AKS's own. It is never replaced."""
    return _finding(
        "route-table-of-others",
        subnet,
        f"the subnet has the route table {table}, {_contents(cluster, held)}",
        "Tether never replaces a route table. With a table of your own AKS must be able to write it (Network "
        "Contributor for the cluster's identity), and adds a route for each node; create the cluster anew with that, "
        "or take the table off the subnet.",
    )


def _contents(cluster: ManagedCluster, held: RouteTable | ArmError) -> str:
    if isinstance(held, ArmError):
        return f"which cannot be read: {held}"
    elsewhere = leads_elsewhere(held, cluster.pod_prefixes)
    pods = "has" if carries_pods(held, cluster.pod_prefixes) else "lacks"
    return f"which {pods} AKS's routes for pods, and leads {_few(elsewhere) or 'nowhere else'}"


def not_one(subnet: ResourceId, group: ResourceId, tables: tuple[RouteTable, ...]) -> Finding:
    names = _few(tuple(table.id.name for table in tables))
    return _finding(
        "route-table-not-one",
        subnet,
        f"the node resource group {group.group} has {f'several tables of AKS: {names}' if names else 'none of AKS'}",
        "Several: find out who made the others (activity log), and delete them. None: AKS did not get so far; see the "
        "cluster's error.",
    )


def not_proven(subnet: ResourceId, table: ResourceId, doubts: tuple[str, ...]) -> Finding:
    return _finding(
        "route-table-not-proven",
        subnet,
        f"the table {table} is not shown to carry pods' traffic alone: {_few(doubts)}",
        "Find out who wrote it (activity log): AKS writes one route for each node, and no other. Attach it by hand "
        "only if you know why.",
    )


def shared(subnet: ResourceId, company: tuple[str, ...]) -> Finding:
    return _finding(
        "subnet-shared",
        subnet,
        f"the subnet is not the cluster's alone: {_few(company)}",
        "A kubenet cluster needs a subnet of its own: the table would change the way of everybody else in it. Move "
        "the others away, or create the cluster in another subnet.",
    )


def company_unknown(subnet: ResourceId, error: ArmError) -> Finding:
    return _finding(
        "subnet-company-unknown",
        subnet,
        f"whether other clusters are in the subnet is not known: {error}",
        "Give Tether's identity Reader on the subscriptions of the cluster and of its VNet.",
    )


def company_unlisted(subnet: ResourceId, group: ResourceId, table: ResourceId) -> Finding:
    """The subnet's list of addresses lacks the cluster's own, so it proves nothing about others."""
    return _finding(
        "subnet-company-unknown",
        subnet,
        f"Azure lists no address of {group.group} in the subnet, so the list may be left out, and who else is in the "
        "subnet is not known",
        "See how many addresses are in use: "
        f"az rest --method get --url '{subnet.parent}/usages?api-version=2024-05-01'; and whose they are, "
        f"as far as Azure lists them: az network vnet subnet show --ids {quote(str(subnet))} --query "
        f"'ipConfigurations[].id'. If the cluster is alone in the subnet: {by_hand(subnet, table)}",
    )


def given_away(subnet: ResourceId, names: tuple[str, ...]) -> Finding:
    return _finding(
        "subnet-delegated",
        subnet,
        f"the subnet is delegated or held by a service: {_few(names)}",
        "AKS nodes do not belong into such a subnet: create the cluster in another one.",
    )


def outside_scope(subnet: ResourceId) -> Finding:
    return _finding(
        "subnet-outside-scope",
        subnet,
        "the subnet lies in another subscription than its cluster, which the policy's scope does not name",
        "Add the VNet's subscription to scope.subscriptions if Tether may write subnets there.",
    )


def locked_down(subnet: ResourceId, group: ResourceId) -> Finding:
    return _finding(
        "route-table-locked-down",
        subnet,
        f"a deny assignment guards the node resource group {group.group}, and with it AKS's route table",
        "Attach the table by hand with a right that the deny assignment lets through, or set restrictionLevel to "
        "Unrestricted.",
    )


def nearly_full(table: RouteTable) -> Finding:
    return _finding(
        "route-table-nearly-full",
        table.id,
        f"the table has {len(table.routes)} of {MOST_ROUTES} routes: kubenet needs one for each node",
        "Do not add nodes beyond that: move to Azure CNI Overlay, which needs no routes.",
        Severity.WARNING,
    )


def possible_lost_update(subnet: ResourceId, parts: tuple[str, ...]) -> Finding:
    return _finding(
        "possible-lost-update",
        subnet,
        f"somebody else wrote the subnet while Tether attached a route table; what may be lost: {_few(parts)}",
        "See in the activity log who wrote it and what, and have that written again. The journal keeps the subnet as "
        "it was before (GET /api/clusters names it).",
    )


def refused(subnet: ResourceId, error: ArmError) -> Finding:
    """ARM did not let the subnet be written, or ended the operation with an error."""
    code = next((code for code, (codes, _) in _REFUSALS.items() if error.code in codes), _OTHERWISE)
    return _finding(code, subnet, f"Azure refused to attach the route table: {error}", _REFUSALS[code][1])


_OTHERWISE = "route-table-refused"

_REFUSALS = {
    "route-table-not-authorised": (
        {"AuthorizationFailed", "LinkedAuthorizationFailed", "DenyAssignmentAuthorizationFailed"},
        (
            "Give Tether's identity what the message names: Microsoft.Network/virtualNetworks/subnets/write on the "
            "subnet, routeTables/join/action on the table, and join/action on what else the subnet has (network "
            "security group, NAT gateway, service endpoint policies)."
        ),
    ),
    "subnet-locked": (
        {"ScopeLocked"},
        "A read-only lock guards the VNet or its group: remove it, or attach the table by hand.",
    ),
    "route-table-denied-by-policy": (
        {"RequestDisallowedByPolicy"},
        "An Azure Policy denies the write: exempt the subnet, or attach the table by hand.",
    ),
    "route-table-refused": (
        set[str](),
        "Azure's reason is above. Tether tries again by itself, ever more seldom, for a day.",
    ),
}
