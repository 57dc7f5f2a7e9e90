"""What can keep a zone from being linked, and what a person should do about each. docs/findings.md lists them."""

import shlex

from functions.arm.errors import ArmError
from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster
from functions.fleet.network_model import Link
from functions.fleet.resolvers import Resolvers
from functions.fleet.seen import NOT_SHOWN, Seen
from functions.handlers import peering_findings
from functions.handlers.verdict import Finding, Severity
from functions.policy import Policy

_HANDLER = "zone_links"


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def ownership_not_proven(zone: ResourceId, reason: str) -> Finding:
    return _finding(
        "ownership-not-proven",
        zone,
        f"this is not shown to be a zone that AKS made: {reason}",
        "If it is a zone of your own for clusters, list it under customZones. If nobody knows it, find out who made "
        "it (activity log): it has a name that only AKS should use.",
        Severity.WARNING,
    )


def custom_zone_not_listed(zone: ResourceId) -> Finding:
    return _finding(
        "custom-zone-not-listed",
        zone,
        "the zone has a name of AKS's form, and the policy does not list it",
        "List its id under customZones if hubs should be linked to it. Whoever owns a custom zone can answer any name "
        "in it, so Tether links none that it was not told of.",
        Severity.WARNING,
    )


def not_readable(zone: ResourceId, error: ArmError) -> Finding:
    return _finding(
        "not-readable",
        zone,
        f"the zone's resource group or its cluster cannot be read: {error}",
        "Give Tether's identity Reader on the subscription: without proof of whose zone it is nothing is linked.",
    )


def locked_down(zone: ResourceId) -> Finding:
    return _finding(
        "node-resource-group-locked",
        zone,
        f"the node resource group {zone.group} is locked down (restrictionLevel ReadOnly, as on AKS Automatic)",
        "A link cannot be made in it. Give the cluster a custom private DNS zone outside the node resource group and "
        "list that under customZones, or set the restriction level to Unrestricted.",
    )


def about_cluster(seen: Seen) -> list[Finding]:
    """What the cluster itself says is wrong with its zone's links."""
    error = seen.cluster.provisioning_error if seen.cluster else None
    if error is None or error.code != "CreateOrUpdateVirtualNetworkLinkFailed":
        return []
    return [
        _finding(
            "aks-link-failed",
            seen.place,
            f"AKS could not link the zone to the cluster's own VNet: {error.message}",
            "Give the cluster's identity Network Contributor on its VNet (and Private DNS Zone Contributor on a custom "
            "zone), remove a link of someone else's to that VNet, then reconcile the cluster.",
        )
    ]


def about_hubs(
    seen: Seen, policy: Policy, hubs: dict[ResourceId, str], found: Resolvers | None, *, strays_matter: bool
) -> list[Finding]:
    """Why no hub, or not every hub, could be found. Says nothing while discovery is still to come.

    `strays_matter`: nothing else is linked, or a link stays only because a DNS server is found nowhere.
    """
    said = [
        _finding(
            "network-not-readable",
            seen.place,
            f"{unread.target} cannot be read, so the DNS servers of the cluster's VNet are not known: {unread.error}",
            "Give Tether's identity Reader on the spoke's VNet and on the node resource group, or name the hub under "
            "hubs.",
            Severity.WARNING,
        )
        for unread in seen.unreadable
        if unread.odd is None  # told by not_understood_findings
    ]
    if seen.spokes is NOT_SHOWN and policy.discover_resolvers and not seen.busy and seen.cluster is not None:
        said.append(_no_spoke(seen.place, seen.cluster))
    if found is None:
        if not hubs and not (policy.discover_resolvers and seen.cluster is not None):
            said.append(_no_hub(seen))
        return said
    said += [_outside(seen, hub) for hub in found.hubs if not _counts(hub, policy, hubs, seen)]
    if found.stray and strays_matter:
        said.append(peering_findings.stray(seen.place, found))
    return [*said, *peering_findings.out_of_sync(seen.place, found)]


def _counts(hub: ResourceId, policy: Policy, hubs: dict[ResourceId, str], seen: Seen) -> bool:
    own = seen.cluster is not None and seen.cluster.stands_in(hub)
    return own or hub in hubs or policy.may_hold_hubs(hub.subscription)


def _no_spoke(place: ResourceId, cluster: ManagedCluster) -> Finding:
    group = cluster.node_group
    where = f"--subscription {cluster.id.subscription} --resource-group {shlex.quote(cluster.id.group)}"
    command = f"az aks show {where} --name {shlex.quote(cluster.id.name)} --query nodeResourceGroup"
    if group is not None:
        where = shlex.quote(group.name)
        command = f"az network vnet list --subscription {group.subscription} --resource-group {where} --query '[].id'"
    return _finding(
        "vnet-not-found",
        place,
        "the cluster names no subnet and its node resource group shows no VNet, so its DNS servers are not known",
        f"Run: {command}. If the cluster's VNet is in another group, name its hub under hubs.",
        Severity.WARNING,
    )


def _no_hub(seen: Seen) -> Finding:
    return _finding(
        "no-hub-found",
        seen.place,
        f"no hub of the policy serves {seen.location} and the cluster's tags, and resolvers are not discovered here",
        "Name a hub for this region under hubs, or set discoverResolvers to true.",
        Severity.WARNING,
    )


def _outside(seen: Seen, hub: ResourceId) -> Finding:
    return _finding(
        "hub-outside-hub-subscriptions",
        seen.place,
        f"{hub} holds the spoke's DNS servers, but lies in a subscription that the policy does not name for hubs",
        f"If it is a hub of yours, add {hub.subscription} to scope.hubSubscriptions. Whoever owns a spoke can peer it "
        "with any VNet, so Tether links none elsewhere.",
    )


def link_failed(target: ResourceId, link: Link, hub: ResourceId) -> Finding:
    return _finding(
        "link-failed",
        target,
        f"the link {link.name} to {hub} is in the state Failed",
        "Delete the link; Tether makes it anew at the zone's next event.",
    )


def too_long(target: ResourceId, hub: ResourceId, seconds: float) -> Finding:
    return _finding(
        "link-takes-too-long",
        target,
        f"Azure has been making the link to {hub.name} for {seconds / 60:.0f} minutes",
        "See whether Azure has an incident in private DNS. If not, delete the link; Tether makes it anew.",
    )


def stale(link: Link, *, held: bool) -> Finding:
    """`held`: the policy says prune, and the link stays because nodes may need it."""
    network = link.properties.virtual_network
    advice = "Remove it when nothing behind that hub needs the API server, or set prune to true."
    if held:
        advice = (
            "Tether does not remove it while nodes may still ask DNS servers in that hub, or while that is not known: "
            "see nodes-hold-old-dns-servers and network-not-readable."
        )
    return _finding(
        "stale-link",
        link.id,
        f"Tether's own link to {network.id if network else 'nothing'} is one that nothing wants any more",
        advice,
        Severity.WARNING,
    )


def newer_row(zone: ResourceId, reason: str) -> Finding:
    return _finding(
        "ledger-row-newer",
        zone,
        reason,
        "Two versions of Tether share one storage account. Finish the deployment, or go back to the newer version.",
        Severity.WARNING,
    )


def delete_attempted(zone: ResourceId) -> Finding:
    return _finding(
        "zone-delete-attempted",
        zone,
        "somebody tried to delete the zone of a cluster that lives, and only its links kept it from going",
        "Find out who (activity log). Without the zone no node finds its API server.",
    )


def name_taken(target: ResourceId, other: Link, hub: ResourceId) -> Finding:
    network = other.properties.virtual_network
    return _finding(
        "link-name-taken",
        target,
        f"the link that should lead to {hub} exists and leads to {network.id if network else 'nothing'}",
        "Delete that link if nobody needs it: its name is the one that this deployment of Tether gives.",
    )


def refused(target: ResourceId, hub: ResourceId, error: ArmError) -> Finding:
    """A link that Azure will not make, at once or when the operation ended, with what a person should do."""
    code, advice = _advice(hub, error)
    return _finding(code, target, f"Azure refused the link to {hub.name}: {error}", advice)


def _advice(hub: ResourceId, error: ArmError) -> tuple[str, str]:
    match error.code:
        # Azure has no code of its own for this: recorded errors/poll-link-overlapping-namespaces.
        case "BadRequest" if "overlapping namespaces" in error.message.casefold():
            return "overlapping-namespaces", (
                f"{hub.name} is already linked to a zone of the same name. Remove that link if the zone is a leftover; "
                "two zones of one name cannot be seen from one VNet."
            )
        case "LinkedAuthorizationFailed":
            return "not-authorised", (
                f"Give Tether's identity Microsoft.Network/virtualNetworks/join/action on {hub} (Network Contributor "
                "has it)."
            )
        case "DenyAssignmentAuthorizationFailed":
            return "node-resource-group-locked", (
                "A deny assignment guards the node resource group. Use a custom private DNS zone outside it."
            )
        case "RequestDisallowedByPolicy":
            return "denied-by-policy", (
                "An Azure Policy denies the link. Exempt links named tether-*, or give in linkTags the tags it wants."
            )
        case "ScopeLocked":
            return "scope-locked", "A read-only lock guards the zone or its group. Remove it, or exempt the group."
        case "Conflict":
            return "link-conflict", (
                f"Azure says that {hub.name} is linked to this zone, yet no such link is listed. A VNet that was "
                "deleted and made again under its name leaves this behind: delete the old link, or ask Azure support."
            )
        case code if code == "AuthorizationFailed" or error.status in {401, 403}:
            return "not-authorised", (
                "Give Tether's identity Microsoft.Network/privateDnsZones/virtualNetworkLinks/write on the zone's "
                "subscription (Private DNS Zone Contributor has it)."
            )
        case _:
            return "link-refused", "Look at Azure's reason. Tether tries again at the zone's next event."
