"""Whether a subscription is in scope, management groups included."""

from functions.arm import graph
from functions.arm.session import Session
from functions.policy import Policy

# How long an answer is believed: a subscription seldom moves to another management group.
_BELIEVED = 3600.0  # seconds


class Scopes:
    """Who is in scope. A subscription that the policy names costs nothing; another costs one call an hour."""

    def __init__(self) -> None:
        self._ancestors: dict[str, tuple[float, frozenset[str]]] = {}

    async def hold(self, session: Session, policy: Policy, subscription: str, at: float) -> bool:
        """Whether the policy's scope holds a subscription. Raises as a read does when that cannot be known."""
        if policy.covers(subscription):
            return True
        groups = {group.casefold() for group in policy.scope.management_groups}
        if not groups:
            return False
        key = subscription.casefold()
        known = self._ancestors.get(key)
        if known is None or known[0] < at:
            known = (at + _BELIEVED, await graph.ancestors(session, subscription))
            self._ancestors[key] = known
        return not groups.isdisjoint(known[1])
