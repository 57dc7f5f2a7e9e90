"""Azure's limits that a fleet grows towards: told from 80 % on, while there is time. docs/findings.md lists them."""

from collections.abc import Iterator, Mapping

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Finding, Severity
from functions.policy import Policy

_HANDLER = "capacity"

# Zones linked to one VNet, and links of one zone (azure-facts, Private DNS).
LIMIT = 1000
CROWDED = 800


def about_hubs(zones_of_hub: Mapping[ResourceId, int], policy: Policy) -> Iterator[Finding]:
    """Hubs of the policy, or where it lets hubs be discovered, that are near their limit of zones."""
    named = {hub.vnet for hub in policy.hubs}
    for hub, zones in sorted(zones_of_hub.items()):
        if zones >= CROWDED and (hub in named or policy.may_hold_hubs(hub.subscription)):
            yield _finding(
                "hub-near-zone-limit",
                hub,
                f"{zones} private zones are linked to {hub.name}, and Azure allows {LIMIT} for a VNet",
                "Let new clusters share a custom zone, use API server VNet integration without a private zone, or add "
                "a second hub and give the clusters to it by region or tags under hubs.",
            )


def about_zones(links_of_zone: Mapping[ResourceId, int]) -> Iterator[Finding]:
    """Zones that are near their limit of links."""
    for zone, links in sorted(links_of_zone.items()):
        if links >= CROWDED:
            yield _finding(
                "zone-near-link-limit",
                zone,
                f"{links} VNets are linked to {zone.name}, and Azure allows {LIMIT} for a zone",
                "Let spokes resolve through the hub's DNS servers rather than link each to the zone, and remove links "
                "that nobody needs.",
            )


def _finding(code: str, target: ResourceId, seen: str, advice: str) -> Finding:
    return Finding(_HANDLER, Severity.WARNING, code, target, seen, advice)
