"""Whatever the plain app sends, or whoever has its identity, the second app writes no more than it would alone."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest

from functions import second_app
from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.live import Live
from functions.policy import Hub, Mode, Policy, Scope
from functions.second_app import Ask
from localazure.aks import maintenance
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION
from tests.scenarios.story import MemoryQueue
from tests.scenarios.test_failed_clusters import bringing_up, link_by_hand
from tests.scenarios.test_pod_restarts import Pods, following
from tests.scenarios.two_apps import TwoApps, failed, tell_both, writes

type Wanted = Callable[[Any], Policy]

NOWHERE = "44444444-4444-4444-4444-444444444444"


def scope(subscription: str = SUBSCRIPTION, exclude_tag: str = "tether=off") -> Scope:
    return Scope(subscriptions=(subscription,), hub_subscriptions=(HUB_SUBSCRIPTION,), exclude_tag=exclude_tag)


def asked(cluster: str, handler: str = "failed_clusters") -> bytes:
    return second_app.encode(Ask(cluster=ResourceId(cluster), handler=handler))


def test_what_is_out_of_its_scope_is_not_even_read() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        both.between.sent.append(asked(cluster))
        await both.passes(3600)
        assert both.plain.state(cluster) == "Failed"
        assert [call for call in both.second.transport.asked if SUBSCRIPTION in call] == []
        assert await both.second.ledger.rows() == ()
        assert both.second.queue.waiting() == 0

    tell_both(story, bringing_up(), bringing_up(scope=scope(NOWHERE)))


def test_a_cluster_that_carries_the_tag_is_left_alone_whoever_asks() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both, tags={"tether": "off"})
        both.between.sent.append(asked(cluster))
        await both.passes(3600)
        assert both.plain.state(cluster) == "Failed"
        assert writes(both.second) == []

    tell_both(story, bringing_up(scope=scope(exclude_tag="other=tag")), bringing_up())


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(bringing_up(reconcile=False), id="says no"),
        pytest.param(bringing_up(mode=Mode.OBSERVE), id="is in mode observe"),
    ],
)
def test_a_plain_app_that_writes_nothing_itself_does_not_hold_it_back(plain: Wanted) -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        await link_by_hand(both.plain)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Succeeded"
        assert len(writes(both.second)) == 1

    tell_both(story, plain, bringing_up())


def test_a_hub_that_its_own_policy_wants_and_nobody_links_keeps_it_from_putting() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Failed"
        assert writes(both.second) == []

    def second(world: Any) -> Policy:
        hubs = (Hub(vnet=ResourceId(world.hub)), Hub(vnet=ResourceId(world.second_hub)))
        return msgspec.structs.replace(bringing_up()(world), hubs=hubs)

    tell_both(story, bringing_up(), second, second_hub=True)


def test_links_that_carry_another_owner_are_as_good_as_its_own() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Succeeded"
        assert [call.split("/")[-2] for call in writes(both.second)] == ["managedClusters"]

    tell_both(story, bringing_up(), bringing_up(owner="another-owner"))


def test_one_that_is_restarted_and_loses_its_messages_puts_the_cluster_once() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        for _ in range(6):
            await both.passes(150)
            restart(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Succeeded"
        assert len(writes(both.second)) == 1

    tell_both(story, bringing_up(), bringing_up())


def restart(both: TwoApps) -> None:
    """Its worker dies, with all that it had in memory and in its queue; what it keeps in tables and blobs stays."""
    before = both.second.live
    assert isinstance(before.around, Around)
    both.second.queue = MemoryQueue(before.around.now)
    around = replace(before.around, scopes=Scopes())
    both.second.live = Live(both.second.queue, around, before.ledger, before.reports)


def test_a_queue_that_is_down_for_hours_is_tried_ever_more_seldom_and_then_told() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        both.between.down = True
        both.second.queue.lose_all()
        looks = len(both.plain.queue.sent)
        await both.plain.passes(6 * 3600, watching=True)
        assert len(both.plain.queue.sent) - looks < 40
        both.between.down = False
        await both.plain.passes(1000, watching=True)
        assert {second_app.decode(body).cluster for body in both.between.sent} == {ResourceId(cluster)}

    tell_both(story, bringing_up(), bringing_up(reconcile=False))


async def a_failed_cluster(both: TwoApps, attack: Callable[[str], Awaitable[None]]) -> None:
    cluster = await failed(both)
    await attack(cluster)


async def a_cluster_that_is_up(both: TwoApps, attack: Callable[[str], Awaitable[None]]) -> None:
    cluster = await both.plain.create()
    await both.passes(1500)
    await attack(cluster)


async def a_move(both: TwoApps, attack: Callable[[str], Awaitable[None]]) -> None:
    cluster = await both.plain.create()
    await both.passes(1500)
    both.plain.azure.run_command = Pods(both.plain, ["a", "b"]).run
    await maintenance.maintenance(both.plain.azure, cluster)
    await attack(cluster)


STORIES = [
    pytest.param(a_failed_cluster, bringing_up(), id="a cluster that failed"),
    pytest.param(a_cluster_that_is_up, bringing_up(), id="a cluster that is up"),
    pytest.param(a_move, following(), id="an API server that moved"),
]


def written(
    part: Callable[[TwoApps, Callable[[str], Awaitable[None]]], Awaitable[None]], policy: Wanted, dice: Random | None
) -> Counter[str]:
    """What the second app wrote within two hours; with `dice` somebody has the plain app's identity meanwhile."""
    found = Counter[str]()

    async def story(both: TwoApps) -> None:
        async def two_hours(cluster: str) -> None:
            for _ in range(24):
                if dice is not None:
                    both.between.sent.extend(messages(dice, cluster, str(both.plain.zone)))
                await both.passes(300)

        await part(both, two_hours)
        found.update(writes(both.second))

    tell_both(story, policy, policy)
    return found


def messages(dice: Random, cluster: str, zone: str) -> list[bytes]:
    """A few that somebody could send who may write into the queue, in no order."""
    body = asked(cluster)
    known = [
        body,
        asked(cluster, "pod_restarts"),
        asked(cluster.upper()),
        asked(cluster + "-2"),
        asked(cluster.replace(SUBSCRIPTION, NOWHERE)),
        asked(zone),
        body.replace(b"failed_clusters", b"zone_links"),
        body[:-1] + b',"change":"put"}',
        body[: dice.randrange(len(body))],
        b'{"target":"%b","why":"urgent","cause":"x","since":0}' % cluster.encode(),
    ]
    return [dice.choice(known) for _ in range(dice.randrange(12))]


@pytest.mark.parametrize(("part", "policy"), STORIES)
def test_somebody_with_the_plain_apps_identity_gets_it_to_write_nothing_more(part: Any, policy: Wanted) -> None:
    honest = written(part, policy, None)
    for seed in range(4):
        assert written(part, policy, Random(seed)) <= honest, f"seed {seed}"
