"""What an identity may do, as far as ARM tells, against what Tether needs: the lists that the roles are made of."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from functions.arm.resource_id import ResourceId
from functions.policy import Policy
from smoke.wire import Told, Wire

ROLES = Path(__file__).parent.parent / "infra" / "roles" / "rights.json"
_API = "2022-04-01"  # Microsoft.Authorization: permissions, roleAssignments, roleDefinitions

# What `--write` does besides what Tether does: a group with networks and a zone in it, and their removal.
GROUND = (
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Resources/subscriptions/resourceGroups/write",
    "Microsoft.Resources/subscriptions/resourceGroups/delete",
    "Microsoft.Network/locations/operations/read",
    "Microsoft.Network/privateDnsOperationStatuses/read",
    "Microsoft.Network/routeTables/join/action",
    "Microsoft.Network/virtualNetworks/read",
    "Microsoft.Network/virtualNetworks/write",
    "Microsoft.Network/virtualNetworks/join/action",
    "Microsoft.Network/virtualNetworks/subnets/read",
    "Microsoft.Network/virtualNetworks/subnets/write",
    "Microsoft.Network/privateDnsZones/read",
    "Microsoft.Network/privateDnsZones/write",
    "Microsoft.Network/privateDnsZones/delete",
    "Microsoft.Network/privateDnsZones/A/read",
    "Microsoft.Network/privateDnsZones/A/write",
    "Microsoft.Network/privateDnsZones/A/delete",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks/read",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks/write",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks/delete",
)


class RightsUnknownError(Exception):
    """ARM does not tell what may be done there."""


type Permissions = list[dict[str, Any]]
"""As ARM tells them: parts of `actions` and `notActions`."""


@dataclass(frozen=True, slots=True)
class Need:
    """What has to be allowed at one scope, and the role that holds it. `second`: to the second app, if there is one."""

    role: str
    scope: str
    actions: tuple[str, ...]
    second: bool = False

    @property
    def place(self) -> str:
        """The scope, as people say it."""
        held = ResourceId(self.scope)
        return f"{held.name} in {held.group}" if held.group else f"subscription {held.subscription}"


def needs(policy: Policy, subscriptions: Iterable[str]) -> list[Need]:
    """What Tether needs for a policy in these subscriptions of its scope, and on what it names."""
    found: list[Need] = []
    for subscription in subscriptions:
        scope = f"/subscriptions/{subscription}"
        found += [_need(role, scope) for role in ("read-fleet", "link-zones")]
        found += [_need("attach-route-tables", scope)] if policy.route_tables.attach else []
        found += [_need(role, scope, second=True) for role in _close_to_admin(policy)]
    found += [_need("join-hub", str(hub.vnet)) for hub in policy.hubs]
    found += [_need("link-zones", str(zone)) for zone in policy.custom_zones]
    found += [_need("write-records", str(record.private_zone)) for record in policy.records if record.private_zone]
    return found


async def own(wire: Wire, scope: str) -> Permissions:
    """The caller's permissions at a scope. Raises RightsUnknownError."""
    return await _listed(wire, f"{scope}/providers/Microsoft.Authorization/permissions")


async def of_another(wire: Wire, principal: str, scope: str) -> Permissions:
    """The same for another identity, by its role assignments at the scope and above it. Raises RightsUnknownError.

    Deny assignments stay unseen, and so do groups, but as far as ARM follows them.
    """
    asked = quote(f"atScope() and assignedTo('{principal}')")
    path = f"{scope}/providers/Microsoft.Authorization/roleAssignments?$filter={asked}"
    held: Permissions = []
    for role in sorted({str(one["properties"]["roleDefinitionId"]) for one in await _listed(wire, path)}):
        told = await wire.send("GET", role, _API)
        if not told.ok:
            raise RightsUnknownError(f"a role of the app's cannot be read ({told.said})")
        held += told.properties.get("permissions", [])
    return held


def lacking(actions: Iterable[str], permissions: Permissions) -> list[str]:
    """The actions that no permission gives: one that `actions` matches and `notActions` does not."""
    return [action for action in actions if not any(_gives(each, action) for each in permissions)]


def _gives(permission: dict[str, Any], action: str) -> bool:
    return any(_matches(pattern, action) for pattern in permission.get("actions") or ()) and not any(
        _matches(pattern, action) for pattern in permission.get("notActions") or ()
    )


def _matches(pattern: str, action: str) -> bool:
    """`*` stands for any text, slashes too; upper and lower case are the same (Learn, "Azure role definitions")."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), action, re.IGNORECASE) is not None


def _close_to_admin(policy: Policy) -> Iterator[str]:
    if policy.failed_clusters.reconcile:
        yield "put-clusters"
    if policy.pod_restarts.runs_commands:
        yield "run-commands"


def _need(role: str, scope: str, *, second: bool = False) -> Need:
    held = json.loads(ROLES.read_text(encoding="utf-8"))
    return Need(role, scope, tuple(held[role]["actions"]), second)


async def _listed(wire: Wire, path: str) -> Permissions:
    """All pages of a list."""
    found: Permissions = []
    told: Told = await wire.send("GET", path, _API)
    for _ in range(100):
        if not told.ok:
            raise RightsUnknownError(told.said)
        found += told.body["value"]
        if not told.body.get("nextLink"):
            return found
        told = await wire.send("GET", told.body["nextLink"], "")
    raise RightsUnknownError("a list does not end after 100 pages")
