"""Who may do what where: locks, missing permissions, and subscriptions that nobody may read."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, cast

from localazure.access_refusals import authorization_failed, linked_authorization_failed, scope_locked
from localazure.arm_path import GROUPS, Target
from localazure.store import Json, items, part

type LockLevel = Literal["CanNotDelete", "ReadOnly"]

JOIN_VNET = "Microsoft.Network/virtualNetworks/join/action"
JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"

_JOINED_BY_SUBNETS = {
    "routeTable": "routeTables",
    "networkSecurityGroup": "networkSecurityGroups",
    "natGateway": "natGateways",
}


@dataclass(frozen=True, slots=True)
class Denial:
    """What a principal may not do at a scope and below it. `*` stands for any text in principal and action."""

    principal: str
    action: str
    scope: str


class Access:
    """Everything is allowed until it is denied here. It binds whoever comes through ARM's door, not Azure itself.

    `unreadable`: subscriptions in which every request is refused, and whose rows Resource Graph leaves out.
    """

    def __init__(self) -> None:
        self.denials: list[Denial] = []
        self.locks: dict[str, LockLevel] = {}
        self.unreadable: set[str] = set()

    def deny(self, action: str, *, scope: str = "", principal: str = "*") -> Denial:
        """Take a permission away, e.g. `Microsoft.Network/privateDnsZones/*/write`; an empty scope is everywhere."""
        denial = Denial(principal, action, scope)
        self.denials.append(denial)
        return denial

    def lock(self, scope: str, level: LockLevel = "CanNotDelete") -> None:
        """Lock a subscription, group or resource with all that is below it."""
        self.locks[scope] = level

    def check(self, method: str, target: Target, principal: str) -> None:
        """Refuse what the principal may not do or a lock forbids (403, 409)."""
        if target.subscription.casefold() in {held.casefold() for held in self.unreadable}:
            raise authorization_failed(principal, action_of(method, target), target.id)
        if target.operation is not None or not target.subscription:
            return
        if self._denied(principal, action := action_of(method, target), target.id):
            raise authorization_failed(principal, action, target.id)
        if method not in ("GET", "HEAD"):
            self._check_locks(method, target)

    def check_linked(self, method: str, target: Target, principal: str, body: Json | None) -> None:
        """Refuse a write that joins what the principal may not join (403)."""
        if not self.denials or method not in ("PUT", "PATCH") or body is None:
            return
        for wanted, linked in _joined(target.type.casefold(), part(body, "properties")):
            if self._denied(principal, wanted, linked):
                raise linked_authorization_failed(principal, action_of(method, target), target.id, wanted, linked)

    def _denied(self, principal: str, action: str, scope: str) -> bool:
        return any(
            _matches(denial.principal, principal) and _matches(denial.action, action) and _within(scope, denial.scope)
            for denial in self.denials
        )

    def _check_locks(self, method: str, target: Target) -> None:
        """A lock holds for what is below it, and deleting what is above would delete the locked with it."""
        for scope, level in self.locks.items():
            if method == "DELETE" and (_within(target.id, scope) or _within(scope, target.id)):
                raise scope_locked(target.id, "delete", scope)
            if level == "ReadOnly" and _within(target.id, scope):
                raise scope_locked(target.id, "write", scope)


def action_of(method: str, target: Target) -> str:
    """What ARM's permissions call a request: `Microsoft.Network/privateDnsZones/write`."""
    kind = "Microsoft.Resources/subscriptions/resourceGroups" if target.type == GROUPS else target.type
    if target.action:
        return f"{kind}/{target.action}/action"
    return f"{kind}/{_VERBS.get(method, 'write')}"


_VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}


def _joined(resource_type: str, properties: Json) -> Iterator[tuple[str, str]]:
    """The permissions that a write needs on other resources, each with the other's id."""
    match resource_type:
        case "microsoft.network/privatednszones/virtualnetworklinks":
            yield JOIN_VNET, str(part(properties, "virtualNetwork").get("id", ""))
        case "microsoft.network/privateendpoints":
            yield JOIN_SUBNET, str(part(properties, "subnet").get("id", ""))
        case "microsoft.network/virtualnetworks/subnets":
            for key, kind in _JOINED_BY_SUBNETS.items():
                if named := part(properties, key).get("id"):
                    yield f"Microsoft.Network/{kind}/join/action", str(named)
        case "microsoft.containerservice/managedclusters":
            for pool in cast("list[object]", items(properties, "agentPoolProfiles")):
                if isinstance(pool, dict) and (subnet := cast("Json", pool).get("vnetSubnetID")):
                    yield JOIN_SUBNET, str(subnet)
        case _:
            return


def _matches(pattern: str, text: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


def _within(resource_id: str, scope: str) -> bool:
    return f"{resource_id.rstrip('/')}/".casefold().startswith(f"{scope.rstrip('/')}/".casefold())
