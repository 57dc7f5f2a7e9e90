"""What stands before every route that writes: the mode, and who asks."""

from functions.http.desk import Desk
from functions.http.principal import KEY_HOLDER, operator
from functions.http.problem import Problem
from functions.policy import Mode, Policy


def enforced(policy: Policy, what: str) -> None:
    """Raises Problem in mode observe, in which nothing is written."""
    if policy.mode is Mode.OBSERVE:
        raise Problem(
            409, "mode-observe", f"{what} is refused: the policy's mode is observe, in which nothing is written."
        )


def who_may_write(principal: str | None, desk: Desk) -> str:
    """Who asks, for the journal. Raises Problem for who may not write.

    `http.keysMayWrite` lets a function key do; who is known by a principal all the same is named by it.
    """
    if not desk.around.policy.http.keys_may_write:
        return operator(principal, desk.easy_auth)
    try:
        return operator(principal, desk.easy_auth)
    except Problem:
        return KEY_HOLDER
