"""What an identity may do, as far as ARM tells, against what Tether needs: the lists that the roles are made of."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from functions.arm.resource_id import ResourceId
from functions.policy import Mode, Policy
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
    """What has to be allowed at one scope, and the role that holds it.

    `second`: to the second app, if there is one. `later`: not before the policy's mode is `enforce`.
    """

    role: str
    scope: str
    actions: tuple[str, ...]
    second: bool = False
    later: bool = False

    @property
    def place(self) -> str:
        """The scope, as people say it."""
        held = ResourceId(self.scope)
        return f"{held.name} in {held.group}" if held.group else f"subscription {held.subscription}"


def needs(policy: Policy, subscriptions: Iterable[str]) -> list[Need]:
    """What Tether needs for a policy in these subscriptions of its scope, and on what it names (infra/main.bicep)."""
    found: list[tuple[str, str]] = []
    for subscription in subscriptions:
        found += [(role, f"/subscriptions/{subscription}") for role in _in_spokes(policy)]
    found += [("join-hub", str(hub.vnet)) for hub in policy.hubs]
    if policy.discover_resolvers:
        found += [("join-hub", f"/subscriptions/{subscription}") for subscription in policy.scope.hub_subscriptions]
    found += [("link-zones", str(zone)) for zone in policy.custom_zones]
    recording = "write-records" if policy.mode is Mode.ENFORCE else "read-records"
    found += [(recording, str(record.private_zone)) for record in policy.records if record.private_zone]
    held = json.loads(ROLES.read_text(encoding="utf-8"))
    return [
        Need(
            role,
            scope,
            tuple(held[role]["actions"]),
            second=role in _CLOSE_TO_ADMIN,
            later=policy.mode is Mode.OBSERVE and not role.startswith("read-"),
        )
        for role, scope in dict.fromkeys(found)
    ]


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


_CLOSE_TO_ADMIN = frozenset({"put-clusters", "run-commands"})


def _in_spokes(policy: Policy) -> Iterator[str]:
    yield from ("read-fleet", "link-zones")
    if policy.route_tables.attach or policy.route_tables.reattach:
        yield "attach-route-tables"
    if policy.failed_clusters.reconcile:
        yield "put-clusters"
    if policy.pod_restarts.runs_commands:
        yield "run-commands"


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
