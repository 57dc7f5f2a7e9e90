"""How ARM says no: a permission that is missing, one that is missing on what is joined, a lock."""

from collections.abc import Sequence

from localazure.answers import Refused, arm_error


def authorization_failed(principal: str, action: str, scope: str) -> Refused:
    """403. Recorded: errors/403-authorization-failed-role-assignment-write."""
    return arm_error(
        403,
        "AuthorizationFailed",
        f"The client '{principal}' with object id '{principal}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
    )


def linked_authorization_failed(principal: str, action: str, scope: str, missing: Sequence[tuple[str, str]]) -> Refused:
    """403: allowed on the resource, not on what its body names. `missing`: each action with the linked scope.

    Recorded: errors/403-linked-authorization-failed-subnet. Of several, each scope answers for its action (Azure/mpf).
    """
    wanted, named = (", ".join(part) for part in zip(*missing, strict=True))
    return arm_error(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{principal}' with object id '{principal}' has permission to perform action '{action}' on scope "
        f"'{scope}'; however, it does not have permission to perform action(s) '{wanted}' on the linked scope(s) "
        f"'{named}' (respectively) or the linked scope(s) are invalid.",
    )


def scope_locked(scope: str, verb: str, locked: str) -> Refused:
    """409. The lock's own scope is spelt with lower-case resourcegroups. Recorded: errors/409-scope-locked-write."""
    spelt = locked.replace("/resourceGroups/", "/resourcegroups/")
    return arm_error(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {verb} operation because following scope(s) are locked: '{spelt}'. "
        "Please remove the lock and try again.",
    )
