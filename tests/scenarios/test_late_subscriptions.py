"""A subscription that Resource Graph shows minutes after it was made: the first cluster there comes up all the same."""

from dataclasses import replace

import pytest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.http.routes import HEALTH
from functions.policy import Policy, Scope
from functions.triggers.timers import round_of_watch
from localazure import fault_effects as effects
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke
from tests.scenarios.story import LINKS, Story, a_policy, lines, tell
from tests.unit.http.desks import Caller, MemoryQueues, call

LATE = 180.0  # seconds after which Resource Graph shows the subscription
GRAPH = "POST /providers/Microsoft.ResourceGraph/resources"


def by_group(world: HubAndSpoke) -> Policy:
    scope = Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
    return a_policy(world, world.hub, scope=scope)


def vend(here: Story, seconds: float = LATE) -> None:
    here.azure.management_groups[SUBSCRIPTION] = ("landing-zones", "root")
    here.azure.graph.shown_from[SUBSCRIPTION] = here.azure.clock.now() + seconds


def queries(here: Story) -> int:
    return here.transport.asked.count(GRAPH)


def test_one_early_event_is_kept_until_the_subscription_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing else wakes Tether: `watch` does not run, and later events are lost."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        vend(here)
        cluster = await here.create()
        while not here.azure.store.of_type("Microsoft.Network/privateDnsZones"):
            await here.passes(1)
        await here.event(str(here.zone), cause="early")
        await here.passes(500)
        assert here.state(cluster) == "Succeeded"
        assert here.links()["hub-westeurope"] == "ours"
        assert queries(here) <= 2 + LATE / 30

    tell(story, by_group, deaf=True)
    assert "subscription-not-visible" not in [line["code"] for line in lines(caplog, "finding")]


def test_with_every_event_lost_watch_finds_the_cluster_soon_after_its_subscription_is_shown() -> None:
    async def story(here: Story) -> None:
        vend(here)
        cluster = await here.create()
        await here.passes(LATE + 120, watching=True)
        assert here.transport.links_put()
        await here.passes(400, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert queries(here) <= 1 + 700 / 60

    tell(story, by_group, deaf=True)


def test_watch_finds_a_cluster_of_a_subscription_that_was_made_while_the_worker_ran() -> None:
    async def story(here: Story) -> None:
        await here.passes(300, watching=True)
        vend(here, 0)
        cluster = await here.create()
        await here.passes(600, watching=True)
        assert here.state(cluster) == "Succeeded"

    tell(story, by_group, deaf=True)


@pytest.mark.parametrize("how", ["silent", "refused"])
def test_a_subscription_that_vanishes_from_resource_graph_is_watched_still(how: str) -> None:
    async def story(here: Story) -> None:
        vend(here, 0)
        await here.passes(120, watching=True)
        if how == "silent":
            here.azure.graph.silent.add(SUBSCRIPTION)
        else:
            here.faults.add(effects.internal_error(), path="/providers/Microsoft.ResourceGraph")
        cluster = await here.create()
        await here.passes(7200, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert len(here.azure.store.of_type(LINKS)) == 2

    tell(story, by_group, deaf=True)


def test_an_event_of_a_subscription_that_is_never_shown_is_reported_and_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        vend(here, 10**9)
        await here.create()
        await here.passes(200)
        assert not lines(caplog, "finding")
        await here.passes(400)
        assert {line["code"] for line in lines(caplog, "finding")} == {"subscription-not-visible"}
        await here.passes(3600)
        assert here.queue.waiting() == 0
        assert not here.queue.poison
        assert not any(row.counters.pending or row.counters.look_at for row in await here.ledger.rows())
        asked = len(here.transport.asked)
        await here.passes(3600)
        assert len(here.transport.asked) == asked
        assert not here.transport.links_put()

    tell(story, by_group)
    assert {line["ended"] for line in lines(caplog, "pass")} == {"not-seen", "not-visible"}


def test_a_pass_that_waits_for_its_subscription_forgets_nothing() -> None:
    async def story(here: Story) -> None:
        vend(here, 0)
        await here.create()
        await here.passes(600, watching=True)
        (before,) = await here.ledger.rows()
        here.live.around.scopes._rows.clear()  # type: ignore[union-attr] - as a new worker
        here.azure.graph.silent.add(SUBSCRIPTION)
        await here.event(str(here.zone), cause="again")
        await here.passes(4000)
        (after,) = await here.ledger.rows()
        assert after.observed == before.observed
        assert before.observed.hubs

    tell(story, by_group)


def test_health_fails_while_an_event_waits_for_a_subscription_and_heals_when_it_is_shown() -> None:
    async def story(here: Story, caller: Caller) -> None:
        async def rounds(seconds: float) -> None:
            end = here.azure.clock.now() + seconds
            while here.azure.clock.now() < end:
                await round_of_watch(here.live, MemoryQueues(here.queue))
                await here.passes(60)

        vend(here, 700)
        await here.create()
        await rounds(240)
        assert (await caller.ask(HEALTH)).status == 200
        await rounds(240)
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["watch"]["ok"]) == (503, False)
        assert SUBSCRIPTION in told.body["watch"]["detail"]
        assert list(told.body["lastWatch"]["unseen"]) == [SUBSCRIPTION]
        await rounds(360)
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["lastWatch"]["unseen"]) == (200, {})

    call(story, by_group)


def test_health_hears_of_an_event_that_waits_on_another_worker() -> None:
    async def story(here: Story, caller: Caller) -> None:
        assert isinstance(here.live.around, Around)
        watcher = replace(here.live, around=replace(here.live.around, scopes=Scopes()))
        vend(here, 900)
        await here.create()
        for _ in range(9):
            await here.passes(60)
            await round_of_watch(watcher, MemoryQueues(here.queue))
        told = await caller.ask(HEALTH)
        assert (told.status, list(told.body["lastWatch"]["unseen"])) == (503, [SUBSCRIPTION])
        await here.passes(420)
        await round_of_watch(watcher, MemoryQueues(here.queue))
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["lastWatch"]["unseen"]) == (200, {})

    call(story, by_group)


def test_a_new_worker_takes_over_since_when_a_subscription_is_not_shown() -> None:
    async def story(here: Story, caller: Caller) -> None:
        vend(here, 0)
        await round_of_watch(here.live, MemoryQueues(here.queue))
        await here.passes(60)
        here.azure.graph.silent.add(SUBSCRIPTION)
        await round_of_watch(here.live, MemoryQueues(here.queue))
        first = (await caller.ask(HEALTH)).body["lastWatch"]["unseen"]
        await here.passes(400)
        here.live.around.scopes._missing.update({SUBSCRIPTION: here.azure.clock.now()})  # type: ignore[union-attr]
        await round_of_watch(here.live, MemoryQueues(here.queue))
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["lastWatch"]["unseen"]) == (503, first)

    call(story, by_group)


def test_what_is_asked_over_http_of_a_subscription_that_is_not_shown_is_to_be_asked_again() -> None:
    async def story(here: Story, caller: Caller) -> None:
        vend(here)
        await here.create()
        told = await caller.reconcile("team")
        assert (told.status, told.code) == (503, "subscription-not-visible")
        assert 0 < int(told.headers["retry-after"]) <= 30
        await here.passes(LATE + 30)
        assert (await caller.reconcile("team")).status == 200

    call(story, by_group)


def test_an_event_on_a_cluster_that_has_no_row_waits_for_its_subscription_too() -> None:
    async def story(here: Story) -> None:
        vend(here)
        cluster = await here.create()
        await here.event(cluster, "Microsoft.ContainerService/managedClusters/write", "early")
        await here.passes(500)
        assert ResourceId(cluster).group_id != ResourceId(str(here.zone)).group_id
        assert here.state(cluster) == "Succeeded"

    tell(story, by_group, deaf=True)
