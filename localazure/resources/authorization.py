"""What ARM tells of rights: one's own permissions at a scope, and the assignments and definitions of roles.

Source: REST reference, Authorization, 2022-04-01: Permissions - List For Resource Group, Role Assignments - List For
Scope (`atScope()`, `assignedTo()`), Role Definitions - Get By Id.
"""

import re
import uuid
from typing import override

from localazure.answers import Answer, arm_error
from localazure.azure import LocalAzure
from localazure.resources.provider import ArmRequest, ResourceType, paged
from localazure.rights import Role, matches, within
from localazure.store import Json

_DEFINITIONS = "Microsoft.Authorization/roleDefinitions"
_EVERYTHING = Role("Owner", ("*",))


class Permissions(ResourceType):
    """The caller's own, at a scope: a part for each role. What a denial takes away is in none of them."""

    type = "Microsoft.Authorization/permissions"

    @override
    async def list(self, request: ArmRequest) -> Answer:
        scope, access = _scope(request), self.azure.access
        taken = tuple(
            denial.action
            for denial in access.denials
            if matches(denial.principal, request.principal) and within(scope, denial.scope)
        )
        roles = _roles(self.azure, request.principal, scope)
        return paged(self.azure, request, [_permission(role, taken) for role in roles])


class RoleAssignments(ResourceType):
    """Assignments at a scope and above it, as the filter `atScope() and assignedTo('…')` asks for them."""

    type = "Microsoft.Authorization/roleAssignments"

    @override
    async def list(self, request: ArmRequest) -> Answer:
        asked = re.fullmatch(r"atScope\(\) and assignedTo\('([^']+)'\)", request.query.get("$filter", ""))
        if asked is None:
            raise arm_error(400, "UnsupportedQuery", "The local ARM knows atScope() and assignedTo('…') alone.")
        principal, scope = asked[1], _scope(request)
        shown = [
            {
                "id": f"{scope}/providers/{self.type}/{uuid.uuid5(uuid.NAMESPACE_OID, principal + role.name)}",
                "type": self.type,
                "properties": {"roleDefinitionId": _definition_id(role), "principalId": principal, "scope": scope},
            }
            for role in _roles(self.azure, principal, scope)
        ]
        return paged(self.azure, request, shown)


class RoleDefinitions(ResourceType):
    type = _DEFINITIONS

    @override
    async def get(self, request: ArmRequest) -> Answer:
        for role in {_EVERYTHING, *self.azure.access.rights.roles()}:
            if _definition_id(role).casefold() == request.id.casefold():
                properties: Json = {"roleName": role.name, "type": "CustomRole", "permissions": [_permission(role)]}
                return Answer(200, {"id": _definition_id(role), "type": self.type, "properties": properties})
        raise arm_error(404, "RoleDefinitionDoesNotExist", "The specified role definition does not exist.")


def _roles(azure: LocalAzure, principal: str, scope: str) -> list[Role]:
    """The roles that count at a scope. Who was never limited has them all."""
    rights = azure.access.rights
    return rights.roles_at(principal, scope) if rights.limits(principal) else [_EVERYTHING]


def _scope(request: ArmRequest) -> str:
    """What the list is of: everything before the provider of authorization."""
    return request.id.rpartition("/providers/")[0]


def _definition_id(role: Role) -> str:
    return f"/providers/{_DEFINITIONS}/{uuid.uuid5(uuid.NAMESPACE_OID, role.name)}"


def _permission(role: Role, taken: tuple[str, ...] = ()) -> Json:
    return {
        "actions": list(role.actions),
        "notActions": [*role.not_actions, *taken],
        "dataActions": [],
        "notDataActions": [],
    }
