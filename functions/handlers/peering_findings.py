"""What a spoke's peerings keep its nodes from: a DNS server that nothing leads to. docs/findings.md lists them."""

import shlex
from collections.abc import Iterator

from functions.arm.resource_id import ResourceId
from functions.fleet.resolvers import OutOfSync, Resolvers
from functions.handlers.verdict import Finding, Severity

_HANDLER = "zone_links"


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def stray(place: ResourceId, found: Resolvers) -> Finding:
    """DNS servers of which it is not known where they are."""
    partly = ", ".join(map(str, found.partly))
    rest = f"; of {partly} only some subnets are peered, and the rest is not shown" if partly else ""
    return _finding(
        "dns-servers-outside-peered-networks",
        place,
        f"the spoke asks {', '.join(found.stray)}, which no VNet peered and Connected with it holds{rest}",
        "If these servers forward to a hub (on-premises DNS, a Virtual WAN), name the VNet whose resolvers they "
        "forward to under hubs. If a peering is missing or Disconnected, repair it. Until then nodes cannot find the "
        "API server.",
    )


def out_of_sync(place: ResourceId, found: Resolvers) -> Iterator[Finding]:
    """DNS servers that a hub holds in a range that the spoke's peering does not know yet: one finding a peering."""
    waiting: dict[tuple[ResourceId, str], list[OutOfSync]] = {}
    for one in found.out_of_sync:
        waiting.setdefault((one.spoke, one.peering), []).append(one)
    for (spoke, peering), servers in waiting.items():
        command = (
            f"az network vnet peering sync --subscription {spoke.subscription} "
            f"--resource-group {shlex.quote(spoke.group)} --vnet-name {shlex.quote(spoke.name)} "
            f"--name {shlex.quote(peering)}"
        )
        yield _finding(
            "peering-not-in-sync",
            place,
            f"the spoke asks {', '.join(one.server for one in servers)} in {servers[0].hub}, which got that range "
            f"after it was peered: the peering {peering} of {spoke.name} does not lead there yet",
            f"Run: {command}. Until then nodes cannot reach the server.",
            Severity.WARNING,
        )
