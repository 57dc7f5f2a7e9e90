"""Whether a subscription is in scope, management groups included."""

import asyncio
from dataclasses import dataclass

from functions.arm import graph
from functions.arm.graph import Graph
from functions.arm.session import Session
from functions.policy import Policy

# How long an answer is believed: a subscription seldom moves to another management group.
_BELIEVED = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a policy's scope can be seen: subscriptions in lower case, in order.

    `unseen` are the subscriptions that the policy names and Resource Graph does not show us, and the management groups
    below which it shows none. Nothing is known of what lies in them.
    """

    subscriptions: tuple[str, ...]
    unseen: tuple[str, ...]


# How long a round of `watch` waits for Resource Graph's quota.
_PATIENCE = 10.0  # seconds


class Scopes:
    """Who is in scope. A subscription that the policy names costs nothing; another costs one call an hour."""

    def __init__(self) -> None:
        self._ancestors: dict[str, tuple[float, frozenset[str]]] = {}
        self._reached: tuple[float, tuple[str, ...]] = (0.0, ())

    async def subscriptions(self, session: Session, policy: Policy, at: float) -> tuple[str, ...]:
        """All subscriptions of the scope, those below management groups included, as known within the hour."""
        if not _groups(policy):
            return policy.scope.subscriptions
        if self._reached[0] < at:
            found = await self.reach(Graph(session, now=lambda: at, sleep=asyncio.sleep, budget=_PATIENCE), policy, at)
            self._reached = (at + _BELIEVED, found.subscriptions)
        return self._reached[1]

    async def hold(self, session: Session, policy: Policy, subscription: str, at: float) -> bool:
        """Whether the policy's scope holds a subscription. Raises as a read does when that cannot be known."""
        if policy.covers(subscription):
            return True
        groups = _groups(policy)
        if not groups:
            return False
        key = subscription.casefold()
        known = self._ancestors.get(key)
        if known is None or known[0] < at:
            known = (at + _BELIEVED, await graph.ancestors(session, subscription))
            self._ancestors[key] = known
        return not groups.isdisjoint(known[1])

    async def reach(self, asked: Graph, policy: Policy, at: float) -> Reach:
        """All subscriptions of the scope, by one query, which `hold` then needs not ask again. Raises as a query."""
        groups = _groups(policy)
        named = sorted({subscription.casefold() for subscription in policy.scope.subscriptions})
        rows = await graph.subscriptions(asked, None if groups else named)
        above = {row.subscription_id.casefold(): row.groups for row in rows}
        self._ancestors.update({subscription: (at + _BELIEVED, chain) for subscription, chain in above.items()})
        found = {name for name, chain in above.items() if name in named or not groups.isdisjoint(chain)}
        without = groups.difference(*above.values())
        unseen = [
            *(name for name in named if name not in found),
            *(f"management group {name}" for name in sorted(without)),
        ]
        return Reach(tuple(sorted(found)), tuple(unseen))


def _groups(policy: Policy) -> frozenset[str]:
    return frozenset(group.casefold() for group in policy.scope.management_groups)
