"""Why a creation failed, by AKS's own error, and whether that is mended by now. Pure.

The list is short on purpose: an error that is not on it may come from anything, and a PUT would only fail again.
"""

import re
from dataclasses import dataclass
from enum import Enum

from functions.arm.errors import ArmError
from functions.fleet.model import ManagedCluster, ProvisioningError
from functions.fleet.seen import Seen, Unknown
from functions.handlers import resolution, zone_links
from functions.handlers.route_memory import in_place
from functions.handlers.verdict import Severity, Verdict
from functions.ledger.making import Making
from functions.policy import Policy

# For so long a resolver may keep "no such name" after the link is Completed: Windows DNS does for 15 minutes
# (azure-facts, Private DNS). Where DNS servers can be asked, they are asked instead.
_KEPT = 900.0  # seconds


class Cause(Enum):
    """What Tether can see mended."""

    NAME = "name"  # the nodes did not find the API server's name
    ROUTES = "routes"  # the nodes' subnet lacks the route table of kubenet


# What a node's setup script ends with: AgentBaker, parts/linux/cloud-init/artifacts/cse_helpers.sh. Without a route
# table a kubenet node may fail at any of the three; without its name a cluster fails at the last alone.
_BY_STATUS = {
    50: frozenset({Cause.ROUTES}),  # ERR_OUTBOUND_CONN_FAIL
    51: frozenset({Cause.ROUTES}),  # ERR_K8S_API_SERVER_CONN_FAIL
    52: frozenset({Cause.NAME, Cause.ROUTES}),  # ERR_K8S_API_SERVER_DNS_LOOKUP_FAIL
}

# How AKS names the same in words (Learn, AKS error codes, VMExtensionError_...).
_BY_NAME = {"outboundconnfail": 50, "k8sapiserverconnfail": 51, "k8sapiserverdnslookupfail": 52}

_OF_NODES = "vmextensionprovisioningerror"  # Azure/AKS issues 2004 and 2244

_OF_ROUTES = "existingroutetablenotassociatedwithsubnet"  # recorded errors/400-aks-existing-route-table-not-associated

_STATUS = re.compile(r"exit (?:status|code)\s*[=:]?\s*(\d+)|ExitCode\W{1,8}(\d+)", re.IGNORECASE)
_NAME = re.compile(r"VMExtensionError_(\w+)", re.IGNORECASE)


def causes(error: ProvisioningError | None, *, kubenet: bool) -> frozenset[Cause]:
    """What of the list may have made a creation fail, `kubenet` being whether its nodes need a route table.

    AKS's error                                        kubenet    verdict
    ExistingRouteTableNotAssociatedWithSubnet          yes        routes
    VMExtensionProvisioningError, exit status 50, 51   yes        routes
    VMExtensionProvisioningError, exit status 52       yes        name and routes
    VMExtensionProvisioningError, exit status 52       no         name
    VMExtensionProvisioningError, another one besides  any        none
    any other                                          any        none
    """
    if error is None:
        return frozenset()
    if error.code.casefold() == _OF_ROUTES:
        found = frozenset({Cause.ROUTES})
    elif error.code.casefold() == _OF_NODES:
        each = [_BY_STATUS.get(status, frozenset[Cause]()) for status in _statuses(error.message)]
        found = frozenset[Cause]().union(*each) if each and all(each) else frozenset[Cause]()
    else:
        return frozenset()
    return found if kubenet else found - {Cause.ROUTES}


def _statuses(message: str) -> set[int]:
    """Every exit status that a message tells; 0 for a name that is not known here."""
    told = {int(one or other) for one, other in _STATUS.findall(message)}
    return told | {_BY_NAME.get(name.casefold(), 0) for name in _NAME.findall(message)}


@dataclass(frozen=True, slots=True)
class Mending:
    """What is still missing for a cause to be mended, empty for nothing, and in how many seconds it passes by itself
    (None: nobody knows).
    """

    lacks: str = ""
    passes: float | None = None


MENDED = Mending()


def mending(seen: Seen, policy: Policy, cluster: ManagedCluster, made: Making) -> Mending:
    """Whether what made the creation fail is shown to be mended, all of it.

    A kubenet cluster whose name is not Tether's to mend (no hub is wanted for it) fails by its routes alone.
    """
    found = causes(cluster.provisioning_error, kubenet=needs_routes(cluster))
    if not found:
        return Mending("its error is not one of those whose cause Tether can see mended")
    parts = [_routes(seen)] if Cause.ROUTES in found else []
    links = zone_links.decide(seen, policy)
    if Cause.NAME in found and (Cause.ROUTES not in found or _is_about_name(links)):
        parts.append(_name(seen, policy, made, links))
    return next((part for part in parts if part.lacks), MENDED)


def needs_routes(cluster: ManagedCluster) -> bool:
    """Whether its nodes stand in a subnet of the customer's that must have AKS's route table."""
    return cluster.kubenet and bool(cluster.node_subnets)


def links_are_right(links: Verdict) -> bool:
    """Whether every hub that is wanted is linked, and nothing is left to do or to find out about it."""
    troubled = any(finding.severity is Severity.ERROR for finding in links.findings)
    waits = bool(links.changes or links.operations) or links.look_again is not None
    return bool(links.linked) and not troubled and not waits


def _is_about_name(links: Verdict) -> bool:
    return bool(links.linked or links.changes or links.operations or links.findings)


def _name(seen: Seen, policy: Policy, made: Making, links: Verdict) -> Mending:
    """The links are Completed, and the name resolves.

    the links      DNS servers              verdict
    not right      any                      missing: the links
    right          say the address          mended
    right          say something else       missing: the name
    right          cannot be asked          mended once no resolver can hold an old "no such name"
    """
    if not links_are_right(links):
        return Mending("its zone is not linked to every hub (yet)")
    if policy.resolution.enabled:
        if isinstance(seen.answers, Unknown):
            return Mending("whether its name resolves is not known (yet)")
        return MENDED if resolution.resolves(seen) else Mending("its name does not resolve (yet)")
    left = (made.linked or seen.at) + _KEPT - seen.at
    return Mending("DNS servers may still hold a 'no such name' from before the link", left) if left > 0 else MENDED


def _routes(seen: Seen) -> Mending:
    """Every subnet of its nodes has a table of its own node resource group."""
    if isinstance(seen.subnets, Unknown) or isinstance(seen.node_tables, Unknown | ArmError):
        return Mending("whether its subnet has AKS's route table is not known")
    tables = {table.id for table in seen.node_tables}
    bare = [str(subnet.id) for subnet in seen.subnets if subnet.table not in tables]
    if bare or not seen.subnets:
        return Mending(f"AKS's route table is not on {', '.join(bare) or 'any subnet of its'} (yet)")
    return MENDED if in_place(seen) else Mending("its subnet is still being written")
