"""Three answers about a subscription: below, not below, not shown. The last one proves nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.errors import ArmError
from functions.fleet.scope import NotShownError, Scopes, Standing
from functions.policy import Policy, Scope
from localazure import fault_effects as effects
from tests.unit.fleets import Ground, on_ground
from tests.unit.worlds import a_policy

BELOW = ("Landing-Zones", "root")
ASIDE = ("sandboxes", "root")
GUID = "77777777-7777-7777-7777-777777777777"


class Says:
    """A session whose Resource Graph answers with one page, whatever it is asked."""

    cloud = PUBLIC

    def __init__(self, page: dict[str, Any]) -> None:
        self.content = msgspec.json.encode(page)
        self.headers = dict[str, str]()

    async def post_answer(self, *_: object) -> "Says":
        return self


def by_group(*named: str) -> Policy:
    return a_policy(scope=Scope(subscriptions=named, management_groups=("landing-zones",)))


class Ours:
    """One worker's knowledge of the scope of the fleet's one subscription."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.scopes = Scopes()
        (self.subscription,) = ground.fleet.subscriptions
        self.groups = ground.azure.management_groups
        self.groups[self.subscription] = BELOW

    @property
    def queries(self) -> int:
        return len(self.ground.transport.asked)

    def hide(self, *, hidden: bool = True) -> None:
        (self.ground.azure.graph.silent.add if hidden else self.ground.azure.graph.silent.discard)(self.subscription)

    async def holds(self, at: float, subscription: str = "") -> bool | str:
        try:
            return await self.scopes.hold(self.ground.session, by_group(), subscription or self.subscription, at)
        except NotShownError:
            return "not shown"

    async def listed(self, at: float, *named: str) -> tuple[str, ...]:
        return await self.scopes.subscriptions(self.ground.session, by_group(*named), at)


def of_one_worker(tell: Callable[[Ours], Awaitable[None]]) -> None:
    async def told(ground: Ground) -> None:
        await tell(Ours(ground))

    on_ground(told)


@pytest.mark.parametrize(
    ("chain", "answer"),
    [
        pytest.param(BELOW, True, id="below"),
        pytest.param(ASIDE, False, id="below others"),
        pytest.param((), "not shown", id="a row without ancestors"),
        pytest.param(None, "not shown", id="no row"),
    ],
)
def test_what_the_row_of_a_subscription_says(chain: tuple[str, ...] | None, answer: bool | str) -> None:
    async def tell(ours: Ours) -> None:
        ours.groups[ours.subscription] = chain or ()
        if chain is None:
            ours.hide()
        assert await ours.holds(0, ours.subscription.upper()) == answer

    of_one_worker(tell)


@pytest.mark.parametrize(
    ("chain", "again_after"),
    [
        pytest.param(BELOW, 3600, id="below"),
        pytest.param(ASIDE, 60, id="not below"),
        pytest.param(None, 30, id="no row"),
    ],
)
def test_how_long_each_answer_is_believed(chain: tuple[str, ...] | None, again_after: float) -> None:
    async def tell(ours: Ours) -> None:
        ours.groups[ours.subscription] = chain or ()
        await ours.holds(0)
        await ours.holds(again_after - 1)
        assert ours.queries == 1
        await ours.holds(again_after)
        assert ours.queries == 2

    of_one_worker(tell)


def test_a_subscription_that_is_vended_is_in_scope_half_a_minute_after_it_is_shown() -> None:
    async def tell(ours: Ours) -> None:
        ours.hide()
        assert await ours.holds(0) == "not shown"
        ours.hide(hidden=False)
        assert await ours.holds(29) == "not shown"
        assert await ours.holds(30) is True

    of_one_worker(tell)


def test_a_subscription_that_is_moved_below_the_group_is_in_scope_a_minute_later() -> None:
    async def tell(ours: Ours) -> None:
        ours.groups[ours.subscription] = ASIDE
        assert await ours.holds(0) is False
        ours.groups[ours.subscription] = BELOW
        assert await ours.holds(60) is True

    of_one_worker(tell)


def test_events_that_name_many_subscriptions_cost_one_query_in_half_a_minute() -> None:
    async def tell(ours: Ours) -> None:
        for nth in range(500):
            assert await ours.holds(nth / 20, f"{nth:08}-0000-0000-0000-000000000000") == "not shown"
        assert ours.queries == 1
        assert len(ours.scopes.unseen(25)) == 200

    of_one_worker(tell)


def test_who_is_asked_for_before_the_next_query_is_told_when_that_is() -> None:
    async def tell(ours: Ours) -> None:
        await ours.holds(0)
        with pytest.raises(NotShownError, match=GUID) as told:
            await ours.scopes.hold(ours.ground.session, by_group(), GUID, 12)
        assert told.value.retry_after == 18

    of_one_worker(tell)


def test_a_subscription_that_vanishes_stays_for_a_day_and_is_reported() -> None:
    async def tell(ours: Ours) -> None:
        assert await ours.listed(0) == (ours.subscription,)
        ours.hide()
        for at in (60, 7200, 86_399):
            assert await ours.listed(at) == (ours.subscription,)
            assert await ours.holds(at) is True
            assert ours.scopes.unseen(at) == {ours.subscription: 60}
        assert await ours.listed(86_400 + 60) == ()
        assert await ours.holds(86_400 + 60) == "not shown"

    of_one_worker(tell)


def test_a_subscription_that_is_moved_away_is_dropped_at_once() -> None:
    async def tell(ours: Ours) -> None:
        await ours.listed(0)
        ours.groups[ours.subscription] = ASIDE
        assert await ours.listed(60) == ()
        assert await ours.holds(60) is False
        assert ours.scopes.unseen(60) == {}

    of_one_worker(tell)


def test_one_that_comes_back_is_reported_no_more() -> None:
    async def tell(ours: Ours) -> None:
        await ours.listed(0)
        ours.hide()
        await ours.listed(60)
        ours.hide(hidden=False)
        assert await ours.listed(120) == (ours.subscription,)
        assert ours.scopes.unseen(120) == {}

    of_one_worker(tell)


def test_a_query_that_fails_leaves_what_was_known_and_says_so() -> None:
    async def tell(ours: Ours) -> None:
        await ours.listed(0)
        ours.ground.faults.add(effects.internal_error(), path="/providers/Microsoft.ResourceGraph")
        assert await ours.listed(60, GUID) == (ours.subscription, GUID)
        assert await ours.holds(7200) is True
        with pytest.raises(ArmError):
            await ours.scopes.hold(ours.ground.session, by_group(), GUID, 7200)
        assert ours.scopes.unseen(7200) == {"management groups": 60}
        ours.ground.faults.clear()
        await ours.listed(7300)
        assert ours.scopes.unseen(7300) == {}

    of_one_worker(tell)


def test_a_query_that_was_refused_is_not_repeated_before_its_pause_is_over() -> None:
    async def tell(ours: Ours) -> None:
        ours.ground.faults.add(effects.too_many_requests(100), path="/providers/Microsoft.ResourceGraph")
        for at in (0, 50, 99):
            assert await ours.listed(at, GUID) == (GUID,)
        assert ours.queries == 1
        await asyncio.sleep(101)
        await ours.listed(100)
        assert ours.queries == 2

    of_one_worker(tell)


def test_a_subscription_that_the_policy_names_is_listed_though_resource_graph_does_not_show_it() -> None:
    async def tell(ours: Ours) -> None:
        assert GUID in await ours.listed(0, GUID)
        assert ours.scopes.standing(by_group(GUID), GUID, 0) is Standing.BELOW

    of_one_worker(tell)


def test_an_older_answer_that_took_longer_changes_nothing() -> None:
    async def tell(ours: Ours) -> None:
        await ours.listed(100)
        ours.hide()
        await ours.scopes.reach(ours.ground.graph(), by_group(), 50)
        assert ours.scopes.unseen(100) == {}

    of_one_worker(tell)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({"data": [], "resultTruncated": "true"}, id="truncated"),
        pytest.param({"data": [], "resultTruncated": "True"}, id="in capitals"),
        pytest.param({"data": []}, id="not said"),
        pytest.param({"data": [], "resultTruncated": "unknown"}, id="an unknown word"),
        pytest.param({"data": None, "resultTruncated": "false"}, id="no rows"),
    ],
)
def test_a_part_of_an_answer_makes_no_subscription_vanish(page: dict[str, Any]) -> None:
    async def tell(ours: Ours) -> None:
        await ours.listed(0)
        listed = await ours.scopes.subscriptions(Says(page), by_group(), 60)  # type: ignore[arg-type]
        assert listed == (ours.subscription,)
        assert ours.scopes.unseen(60) == {"management groups": 60}

    of_one_worker(tell)


def test_a_row_that_cannot_be_understood_is_as_good_as_none() -> None:
    rows = [
        {"subscriptionId": None, "chain": [{"name": "landing-zones"}]},
        {"subscriptionId": GUID, "chain": [{"name": None}]},
        {"subscriptionId": GUID.replace("7", "8"), "chain": [{"displayName": "x"}, {"name": "Landing-Zones"}]},
        {"chain": None},
    ]

    page = {"data": rows, "resultTruncated": "false"}

    async def tell(ours: Ours) -> None:
        listed = await ours.scopes.subscriptions(Says(page), by_group(), 0)  # type: ignore[arg-type]
        assert listed == (GUID.replace("7", "8"),)
        assert ours.scopes.standing(by_group(), GUID, 0) is Standing.NOT_SHOWN

    of_one_worker(tell)
