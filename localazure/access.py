"""Who may do what where: rights, locks, missing permissions, and subscriptions that nobody may read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast

from localazure.access_refusals import authorization_failed, linked_authorization_failed, scope_locked
from localazure.answers import Answer
from localazure.arm_path import GROUPS, SUBSCRIPTIONS, Target
from localazure.linked_access import linked
from localazure.needs import Needs
from localazure.rights import Rights, matches, within
from localazure.store import Json

type LockLevel = Literal["CanNotDelete", "ReadOnly"]


@dataclass(frozen=True, slots=True)
class Denial:
    """What a principal may not do at a scope and below it. `*` stands for any text in principal and action."""

    principal: str
    action: str
    scope: str


class Access:
    """Everything is allowed until it is denied here. It binds whoever comes through ARM's door, not Azure itself.

    `rights`: what principals were assigned; who was assigned nothing may do everything. `unreadable`: subscriptions in
    which every request is refused, and whose rows Resource Graph leaves out. `needs` records what calls ask for.
    """

    def __init__(self, management_groups: Callable[[], Mapping[str, tuple[str, ...]]] = dict) -> None:
        self.rights = Rights(management_groups)
        self.denials: list[Denial] = []
        self.locks: dict[str, LockLevel] = {}
        self.unreadable: set[str] = set()
        self.needs: Needs | None = None

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
        action, scope = action_of(method, target), scope_of(target)
        if target.subscription.casefold() in {held.casefold() for held in self.unreadable}:
            raise authorization_failed(principal, action, scope)
        if not target.subscription:
            return
        listing = is_list(method, target) and self.rights.may_below(principal, action, scope)
        granted = listing or self._granted(principal, action, scope)
        self._note(principal, action, scope, granted)
        if not granted:
            raise authorization_failed(principal, action, scope)
        if target.operation is None and method not in ("GET", "HEAD"):
            self._check_locks(method, target)

    def check_linked(self, method: str, target: Target, principal: str, body: Json | None) -> None:
        """Refuse a write that needs what the principal may not do to another resource (403)."""
        if method not in ("PUT", "PATCH") or body is None:
            return
        missing: list[tuple[str, str]] = []
        for wanted, named in linked(target.type, body):
            granted = self._granted(principal, wanted, named)
            self._note(principal, wanted, named, granted, is_linked=True)
            if not granted:
                missing.append((wanted, named))
        if missing:
            raise linked_authorization_failed(principal, action_of(method, target), target.id, missing)

    def seen_of_list(self, method: str, target: Target, principal: str, answer: Answer) -> Answer:
        """A list without what the principal may not read, where it may not read all.

        [U] for lists by a provider: `az aks list` shows whoever has rights in one group the clusters of that group.
        """
        if not is_list(method, target) or not self.rights.limits(principal) or not isinstance(answer.body, dict):
            return answer
        action = action_of(method, target)
        if target.type != SUBSCRIPTIONS and self.rights.may(principal, action, scope_of(target)):
            return answer
        held = cast("list[Json]", answer.body.get("value", []))
        seen = [one for one in held if self.rights.may(principal, action, str(one["id"]))]
        return replace(answer, body={**answer.body, "value": seen})

    def rows_seen(self, principal: str, rows: Iterable[Json]) -> Iterable[Json]:
        """The rows of Resource Graph that a principal may read: it leaves the others out without a word.

        Source: Learn, "Azure Resource Graph overview", permissions: at least read access to what is asked for. [U]
        Azure knows an action `Microsoft.ResourceGraph/resources/read` too; a query of the tenant has no scope for it.
        """
        if not self.rights.limits(principal):
            return rows
        return (row for row in rows if self.rights.may(principal, f"{row['type']}/read", str(row["id"])))

    def note_rows(self, principal: str, types: Iterable[str], subscriptions: Iterable[str]) -> None:
        """Record that a query asks for rows of these types in these subscriptions."""
        scopes = [f"/subscriptions/{subscription}" for subscription in subscriptions]
        for kind in types:
            for scope in scopes:
                self._note(principal, f"{kind}/read", scope, granted=True)

    def _granted(self, principal: str, action: str, scope: str) -> bool:
        return self.rights.may(principal, action, scope) and not self._denied(principal, action, scope)

    def _denied(self, principal: str, action: str, scope: str) -> bool:
        return any(
            matches(denial.principal, principal) and matches(denial.action, action) and within(scope, denial.scope)
            for denial in self.denials
        )

    def _note(self, principal: str, action: str, scope: str, granted: bool, *, is_linked: bool = False) -> None:
        if self.needs is not None:
            self.needs.note(principal, action, scope, linked=is_linked, granted=granted)

    def _check_locks(self, method: str, target: Target) -> None:
        """A lock holds for what is below it, and deleting what is above would delete the locked with it."""
        for scope, level in self.locks.items():
            if method == "DELETE" and (within(target.id, scope) or within(scope, target.id)):
                raise scope_locked(target.id, "delete", scope)
            if level == "ReadOnly" and within(target.id, scope):
                raise scope_locked(target.id, "write", scope)


def action_of(method: str, target: Target) -> str:
    """What ARM's permissions call a request: `Microsoft.Network/privateDnsZones/write`.

    Operations that the names do not tell: a group is `Microsoft.Resources/subscriptions/resourceGroups`, a list is a
    read of what it lists, a POST is `<type>/<name>/action`, and the look-up of an operation is a read of
    `privateDnsOperationStatuses` in its group or of `locations/operations` in its subscription. Source: Learn, "Azure
    permissions" (Microsoft.Network, Microsoft.ContainerService, Microsoft.Resources).
    """
    if target.operation is not None:
        namespace, _, segment = target.type.partition("/")
        if namespace == "Microsoft.Resources":
            return f"{namespace}/subscriptions/{segment}/read"
        return (
            f"{target.type}/read"
            if segment.casefold().startswith("private")
            else f"{namespace}/locations/{segment}/read"
        )
    kind = "Microsoft.Resources/subscriptions/resourceGroups" if target.type == GROUPS else target.type
    if target.action:
        return f"{kind}/{target.action}/action"
    return f"{kind}/{_VERBS.get(method, 'write')}"


def scope_of(target: Target) -> str:
    """Where the permission must be held: a list is judged at what it is of, down to the provider's namespace.

    Seen in Azure/AKS#4036: a list of a group's zones was refused over scope `…/providers/Microsoft.Network`.
    """
    return target.id if target.name else target.id.rpartition("/")[0]


def is_list(method: str, target: Target) -> bool:
    return method == "GET" and not target.name and target.operation is None


_VERBS = {"GET": "read", "HEAD": "read", "DELETE": "delete", "POST": "action"}
