"""Whether a subscription is in scope, management groups included. There are three answers: below, not below, not shown.

Resource Graph shows a new subscription minutes after it was made, and leaves out without a word what Tether may not
see. So a subscription without a row is neither in scope nor out of it: it is asked for again soon.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from functions.arm import graph
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.graph import Graph, SubscriptionRow
from functions.arm.session import Session
from functions.ledger.instants import has_passed
from functions.policy import Policy

# How long a row below a management group of the scope is believed: a subscription seldom moves to another one.
_BELIEVED = 3600.0  # seconds

# How long a row with other ancestors is believed. Subscription vending makes a subscription below the root group, and
# moves it to its own a moment later.
_NOT_BELOW = 60.0  # seconds

# Between two queries for the subscriptions: all callers share one answer.
_FRESH = 30.0  # seconds

# How long a subscription that was below is still listed while Resource Graph does not show it.
_KEPT = 24 * 3600.0  # seconds

# How long a subscription that an event named, and that was never shown, is reported after it was last asked for. The
# slowest pace of a pass is 900 s.
_ASKED = 1000.0  # seconds
_MOST_ASKED = 200  # subscriptions: anybody who can send an event can name some

# How long a round of `watch`, or a pass, waits for Resource Graph's quota.
_PATIENCE = 10.0  # seconds

# How soon a query that failed is repeated, where its answer names no pause.
_AGAIN = 2.0  # seconds

# An instant that lies further ahead was read from a wrong clock.
_LONGEST = 3600.0  # seconds

_GROUPS = "management groups"


class NotShownError(NoAnswerError):
    """Resource Graph does not show a subscription, so whether it is in scope is not known yet."""

    def __init__(self, subscription: str, retry_after: float) -> None:
        super().__init__(f"Resource Graph does not show the subscription {subscription} (yet)")
        self.subscription = subscription
        self.retry_after = retry_after


class Standing(Enum):
    """What Resource Graph's rows say of a subscription and the policy's management groups."""

    BELOW = "below"
    NOT_BELOW = "not below"  # its row has other ancestors
    NOT_SHOWN = "not shown"  # no row, or a row without ancestors: proves nothing


@dataclass(frozen=True, slots=True)
class Reach:
    """What of a policy's scope can be seen: subscriptions in lower case, in order.

    `unseen` are the subscriptions that the policy names, or that were below its management groups within a day, and
    that Resource Graph does not show; and the management groups below which it shows none. Nothing is known of what
    lies in them.
    """

    subscriptions: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """A subscription's ancestors in lower case, and when they were shown (seconds since 1970)."""

    at: float
    groups: frozenset[str]


class Scopes:
    """Which subscriptions are in scope. Belongs to one worker.

    A subscription that the policy names costs nothing. For all others together, one query each 30 s is the most.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {}
        self._asked: dict[str, tuple[float, float]] = {}  # never shown: first and last asked for
        self._missing: dict[str, float] = {}  # was below, is not shown: since when
        self._listed_at = float("-inf")
        self._failed: tuple[float, ArmError | NoAnswerError | NoTokenError] | None = None  # not to repeat before
        self._failing_since = 0.0
        self._turn = asyncio.Lock()

    async def hold(self, session: Session, policy: Policy, subscription: str, at: float) -> bool:
        """Whether the policy's scope holds a subscription.

        Raises NotShownError when Resource Graph does not show it, and as a query does when there is no answer. A
        subscription that was below within a day is still held while it is not shown, or no query succeeds.
        """
        if policy.covers(subscription):
            return True
        groups = _groups(policy)
        if not groups:
            return False
        key = subscription.casefold()
        if (known := self._believed(key, groups, at)) is not None:
            return known
        try:
            await self._refresh(session, groups, at)
        except (ArmError, NoAnswerError, NoTokenError):
            if self.standing(policy, key, at) is not Standing.BELOW:
                raise
        match self.standing(policy, key, at):
            case Standing.BELOW:
                return True
            case Standing.NOT_BELOW:
                return False
            case Standing.NOT_SHOWN:
                self._note_asked(key, at)
                raise NotShownError(subscription, max(1.0, self._listed_at + _FRESH - at))
            case _ as never:
                assert_never(never)

    def standing(self, policy: Policy, subscription: str, at: float) -> Standing:
        """What the last answers say, without a query. One that was below counts as below for a day."""
        row, groups = self._rows.get(subscription.casefold()), _groups(policy)
        if policy.covers(subscription) or (
            row is not None and _is_below(row, groups) and not has_passed(row.at, _KEPT, at)
        ):
            return Standing.BELOW
        if row is None or row.at < self._listed_at:
            return Standing.NOT_SHOWN
        return Standing.NOT_BELOW

    async def subscriptions(self, session: Session, policy: Policy, at: float) -> tuple[str, ...]:
        """All subscriptions of the scope, those below management groups included, as known now. Never raises.

        Where the query fails, or leaves out what was below, those of before stay for a day: see `unseen`.
        """
        groups = _groups(policy)
        if not groups:
            return policy.scope.subscriptions
        try:
            await self._refresh(session, groups, at)
        except (ArmError, NoAnswerError, NoTokenError):
            self._failing_since = self._failing_since or at
        below = (name for name in self._rows if self.standing(policy, name, at) is Standing.BELOW)
        return tuple(sorted({*below, *(named.casefold() for named in policy.scope.subscriptions)}))

    def unseen(self, at: float) -> Mapping[str, float]:
        """What of the scope Resource Graph does not show, and since when (seconds since 1970).

        Subscriptions that were below, subscriptions that events named, and `management groups` while no query succeeds.
        """
        asked = {name: first for name, (first, last) in self._asked.items() if last + _ASKED > at}
        failing = {_GROUPS: self._failing_since} if self._failing_since else {}
        return {**asked, **{name: since for name, since in self._missing.items() if since + _KEPT > at}, **failing}

    async def reach(self, asked: Graph, policy: Policy, at: float) -> Reach:
        """All subscriptions of the scope, by one query, which `hold` then needs not ask again. Raises as a query."""
        groups = _groups(policy)
        named = sorted({subscription.casefold() for subscription in policy.scope.subscriptions})
        rows = await graph.subscriptions(asked, None if groups else named)
        above = _chains(rows)
        if groups:
            self._learn(above, groups, at)
        shown = {(row.subscription_id or "").casefold() for row in rows}
        found = {name for name in shown if name in named or not groups.isdisjoint(above.get(name, ()))}
        without = groups.difference(*above.values())
        unseen = [
            *(name for name in named if name not in found),
            *(name for name in sorted(self._missing) if name not in named),
            *(f"management group {name}" for name in sorted(without)),
        ]
        return Reach(tuple(sorted(found)), tuple(unseen))

    def _believed(self, key: str, groups: frozenset[str], at: float) -> bool | None:
        """What an earlier row says, None where it is too old, or there is none."""
        row = self._rows.get(key)
        if row is None:
            return None
        below = _is_below(row, groups)
        return None if has_passed(row.at, _BELIEVED if below else _NOT_BELOW, at) else below

    async def _refresh(self, session: Session, groups: frozenset[str], at: float) -> None:
        """Ask for all subscriptions, unless an answer is younger than 30 s. A refusal is not repeated before its pause
        is over. Raises as a query.
        """
        async with self._turn:
            if not has_passed(self._listed_at, _FRESH, at):
                return
            if self._failed is not None and at < self._failed[0] < at + _LONGEST:
                raise self._failed[1]
            now = asyncio.get_running_loop().time
            try:
                rows = await graph.subscriptions(Graph(session, now=now, sleep=asyncio.sleep, budget=_PATIENCE), None)
            except (ArmError, NoAnswerError, NoTokenError) as error:
                pause = None if isinstance(error, NoTokenError) else error.retry_after
                self._failed = (at + max(pause or 0.0, _AGAIN), error)
                raise
            self._learn(_chains(rows), groups, at)

    def _learn(self, above: Mapping[str, frozenset[str]], groups: frozenset[str], at: float) -> None:
        """Take a whole answer. What was below and is not in it is remembered as missing, not as gone."""
        if at < self._listed_at < at + _LONGEST:
            return  # a sweep's answer took longer than another query
        self._listed_at, self._failed, self._failing_since = at, None, 0.0
        self._rows.update({name: _Row(at, chain) for name, chain in above.items()})
        for name, row in tuple(self._rows.items()):
            if has_passed(row.at, _KEPT, at) or (name not in above and not _is_below(row, groups)):
                del self._rows[name]
            elif name not in above:
                self._missing.setdefault(name, at)
        for name in above:
            self._asked.pop(name, None)
        self._missing = {name: since for name, since in self._missing.items() if name in self._rows.keys() - above}

    def awaits(self, policy: Policy, subscription: str, at: float) -> None:
        """Note that an event waits for a subscription, for `unseen`: another worker may be the one that asks for it."""
        if _groups(policy) and self.standing(policy, subscription, at) is Standing.NOT_SHOWN:
            self._note_asked(subscription.casefold(), at)

    def _note_asked(self, key: str, at: float) -> None:
        first, _ = self._asked.get(key, (at, at))
        self._asked[key] = (first, at)
        while len(self._asked) > _MOST_ASKED:
            del self._asked[min(self._asked, key=lambda name: self._asked[name][1])]


def _chains(rows: Iterable[SubscriptionRow]) -> dict[str, frozenset[str]]:
    """The ancestors of each subscription. A row without any says nothing: all lie below the tenant's root group."""
    return {row.subscription_id.casefold(): row.groups for row in rows if row.subscription_id and row.groups}


def _is_below(row: _Row, groups: frozenset[str]) -> bool:
    return not groups.isdisjoint(row.groups)


def _groups(policy: Policy) -> frozenset[str]:
    return frozenset(group.casefold() for group in policy.scope.management_groups)
