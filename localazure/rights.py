"""What a principal may do: role definitions, and their assignments at scopes, inherited downwards.

Source: Learn, "Azure role definitions" (actions minus notActions, a wildcard stands for any text, no letter's case
counts), "Scope for Azure RBAC" and "Steps to determine access" (any one assignment that grants is enough).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"


@dataclass(frozen=True, slots=True)
class Role:
    """A role definition. `not_actions` take away from this role's own `actions`, and deny nothing that others grant."""

    name: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...] = ()

    def grants(self, action: str) -> bool:
        granted = any(matches(pattern, action) for pattern in self.actions)
        return granted and not any(matches(pattern, action) for pattern in self.not_actions)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A role for a principal at a scope and all that is below it.

    `scope` is the id of a management group, a subscription, a resource group or a resource; `/` is the whole tenant.
    """

    principal: str
    role: Role
    scope: str


class Rights:
    """Everyone may do everything until something is said of them: then they may do what was assigned, and no more.

    `management_groups` gives the groups above each subscription.
    """

    def __init__(self, management_groups: Callable[[], Mapping[str, tuple[str, ...]]]) -> None:
        self._management_groups = management_groups
        self._assigned: dict[str, list[Assignment]] = {}

    def limit(self, principal: str) -> None:
        """From now on this principal may do only what is assigned to it, which is nothing at first."""
        self._assigned.setdefault(principal, [])

    def assign(self, principal: str, role: Role, scope: str) -> Assignment:
        """Give a role to a principal, which is limited to such from now on."""
        self.limit(principal)
        assignment = Assignment(principal, role, scope)
        self._assigned[principal].append(assignment)
        return assignment

    def revoke(self, assignment: Assignment) -> None:
        """Take an assignment back. Its principal stays limited."""
        self._assigned[assignment.principal].remove(assignment)

    def limits(self, principal: str) -> bool:
        return principal in self._assigned

    def of(self, principal: str) -> tuple[Assignment, ...] | None:
        """What was assigned to a principal; None for one who may do everything."""
        return tuple(self._assigned[principal]) if self.limits(principal) else None

    def roles(self) -> frozenset[Role]:
        """Every role that was assigned to anybody."""
        return frozenset(one.role for assigned in self._assigned.values() for one in assigned)

    def roles_at(self, principal: str, scope: str) -> list[Role]:
        """The roles that a limited principal has at a scope, those from above it included."""
        return [one.role for one in self._assigned[principal] if self._holds(one.scope, scope)]

    def may(self, principal: str, action: str, scope: str) -> bool:
        """Whether a principal may do something to a resource, or in a group or subscription, by its id."""
        if not self.limits(principal):
            return True
        return any(one.role.grants(action) and self._holds(one.scope, scope) for one in self._assigned[principal])

    def may_below(self, principal: str, action: str, scope: str) -> bool:
        """Whether a principal may do something to a part at least of a group or subscription, though not to all of it.

        `scope` is that of a list, with the provider's namespace; a list of children has no parts in this sense.
        """
        above, _, namespace = scope.partition("/providers/")
        if "/" in namespace:
            return False
        assigned = self._assigned.get(principal, ())
        return any(one.role.grants(action) and within(one.scope, above) for one in assigned)

    def _holds(self, assigned: str, scope: str) -> bool:
        """Whether what is assigned at one scope counts at another: management groups hold their subscriptions."""
        if not assigned.casefold().startswith(MANAGEMENT_GROUP):
            return within(scope, assigned)
        parts = scope.split("/")
        subscription = parts[2].casefold() if len(parts) > 2 and parts[1].casefold() == "subscriptions" else ""
        chains = {held.casefold(): chain for held, chain in self._management_groups().items()}
        name = assigned[len(MANAGEMENT_GROUP) :].strip("/").casefold()
        return name in {above.casefold() for above in chains.get(subscription, ())}


def within(resource_id: str, scope: str) -> bool:
    """Whether an id is a scope's own, or lies below it."""
    return f"{resource_id.rstrip('/')}/".casefold().startswith(f"{scope.rstrip('/')}/".casefold())


def matches(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern in which `*` stands for any text, whatever the case."""
    return _compiled(pattern).fullmatch(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)
