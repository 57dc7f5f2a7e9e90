"""Which hubs should be linked to a zone. Pure."""

from functions.arm.resource_id import ResourceId
from functions.fleet.resolvers import Resolvers
from functions.fleet.seen import Seen
from functions.policy import Policy


def wanted(seen: Seen, policy: Policy, found: Resolvers | None) -> dict[ResourceId, str]:
    """The hubs that should be linked, each with the reason that the journal will give, in order of id.

    The cluster's own VNets are never among them: AKS links those itself, and a link of ours there would make its
    PUT fail (rule 8). A discovered hub counts only in a subscription that the policy names for hubs.
    """
    cluster = seen.cluster
    hubs = {
        hub.vnet: "the policy names it as a hub" + (f" for {seen.location}" if hub.locations else "")
        for hub in policy.hubs
        if hub.serves(seen.location, cluster.tags if cluster else None)
    }
    for hub in found.hubs if found and policy.discover_resolvers else ():
        if policy.may_hold_hubs(hub.subscription):
            hubs.setdefault(hub, "it is peered with the spoke and holds the spoke's DNS servers")
    return {hub: hubs[hub] for hub in sorted(hubs) if cluster is None or not cluster.stands_in(hub)}
