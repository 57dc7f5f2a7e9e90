"""A read that ARM refused with a Retry-After is not sent again before its pause is over, by any path (issue 12)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.ledger.paused import Paused
from functions.policy import Policy, Scope
from functions.work import Work
from localazure import fault_refusals as effects
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke
from tests.scenarios.story import ZONES, Story, Token, a_policy, tell

PAUSE = 58


async def by_zone_event(here: Story) -> None:
    await here.event(str(here.zone), cause="tags")


async def by_cluster_event(here: Story) -> None:
    (cluster,) = here.azure.store.of_type("Microsoft.ContainerService/managedClusters")
    await here.event(cluster.id, "Microsoft.ContainerService/managedClusters/write", cause="written")


async def by_message(here: Story) -> None:
    await here.ledger.bump(here.zone.group_id, here.azure.clock.now(), "sweep", here.zone)
    await here.queue.send(Work(target=here.zone, why="sweep", cause="sweep", since=here.azure.clock.now()), 0)


async def by_another_worker(here: Story) -> None:
    around = here.live.around
    assert isinstance(around, Around)
    session = Session(PUBLIC, TokenSource(Token()), here.transport)  # type: ignore[arg-type]
    here.live = replace(here.live, around=replace(around, session=session, scopes=Scopes()))
    await by_message(here)


@pytest.mark.parametrize("path", [by_zone_event, by_cluster_event, by_message, by_another_worker])
def test_a_refused_list_of_links_waits_for_its_pause(path: Callable[[Story], Awaitable[None]]) -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        await here.event(str(here.zone), cause="first")
        here.faults.add(effects.too_many_requests(PAUSE), method="GET", path=r"/virtualNetworkLinks$", times=1)
        before = len(here.transport.asked)
        await here.passes(5)
        refused = listed(here, before)
        assert len(refused) == 1
        await path(here)
        await here.passes(PAUSE + 30)
        asked = listed(here, before)
        assert len(asked) > 1, "and then it is read"
        assert asked[1] - asked[0] >= PAUSE

    tell(story, by_name)


def listed(here: Story, since: int) -> list[float]:
    """When the links were listed."""
    asked = zip(here.transport.asked[since:], here.transport.asked_at[since:], strict=True)
    return [at for call, at in asked if call.startswith("GET") and call.endswith("/virtualNetworkLinks")]


def by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


def below_groups(world: HubAndSpoke) -> Policy:
    scope = Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))
    return a_policy(world, world.hub, scope=scope)


def queries(here: Story) -> list[float]:
    """When Resource Graph was asked."""
    asked = zip(here.transport.asked, here.transport.asked_at, strict=True)
    return [at for call, at in asked if call.startswith("POST /providers/Microsoft.ResourceGraph")]


def test_a_subscriptions_place_that_resource_graph_refuses_to_tell_is_not_asked_again_yet() -> None:
    async def story(here: Story) -> None:
        here.azure.management_groups = {SUBSCRIPTION: ("landing-zones", "root")}
        here.faults.add(effects.too_many_requests(PAUSE), method="POST", times=1)
        await here.create()
        for number in range(20):
            group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_{number}"
            zone = f"{group}/providers/{ZONES}/{number:08}-0000-4000-8000-000000000000.privatelink.westeurope.azmk8s.io"
            await here.event(zone, cause=str(number))
            await here.passes(10)
        posts = queries(here)
        assert posts[1] - posts[0] >= PAUSE
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, below_groups)


def test_a_message_says_what_was_refused_to_the_round_of_watch_that_sent_it() -> None:
    async def story(here: Story) -> None:
        here.azure.management_groups = {SUBSCRIPTION: ("landing-zones", "root")}
        await here.create()
        await here.passes(900)
        await here.ledger.bump(here.zone.group_id, here.azure.clock.now() - 100, "lost", here.zone)
        here.faults.add(effects.too_many_requests(PAUSE), method="GET", path=r"/managedClusters$", times=1)
        await here.watch()
        (sent,) = [item for item in here.queue.sent if item.why == "overdue"]
        (paused,) = sent.paused
        assert paused.path.endswith("/managedclusters")
        assert paused.until - here.azure.clock.now() == PAUSE

    tell(story, by_name)


def test_the_pauses_of_a_message_hold_before_its_scope_is_asked_for() -> None:
    async def story(here: Story) -> None:
        began, now = asyncio.get_running_loop().time(), here.azure.clock.now()
        paused = (Paused("/providers/microsoft.resourcegraph/resources", now + PAUSE),)
        group = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_team")
        item = Work(target=group, why="overdue", cause="told", since=now, paused=paused, always=True)
        await here.queue.send(item, 0)
        await here.passes(PAUSE + 60)
        assert queries(here)[0] - began >= PAUSE

    tell(story, below_groups)


def test_a_pass_hands_on_the_pauses_that_its_message_brought() -> None:
    """The pass itself need not ask what its sender was refused; the worker that makes the next one may have to."""

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        here.faults.add(effects.internal_error(), method="GET", path=r"/managedClusters/", times=1)
        now, sent = here.azure.clock.now(), len(here.queue.sent)
        paused = Paused("/providers/microsoft.resourcegraph/resources", now + PAUSE)
        item = Work(target=here.zone, why="overdue", cause="told", since=now, paused=(paused,), always=True)
        await here.queue.send(item, 0)
        await here.passes(3)
        follow_up = here.queue.sent[sent + 1]
        assert follow_up.why == "look-again"
        assert paused in follow_up.paused

    tell(story, by_name)


def test_a_read_that_is_throttled_without_a_pause_is_left_alone_for_five_seconds() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        here.faults.add(effects.throttled(), method="GET", path=r"/virtualNetworkLinks$", times=1)
        before = len(here.transport.asked)
        await by_message(here)
        await here.passes(2)
        assert len(listed(here, before)) == 1
        await by_zone_event(here)
        await here.passes(60)
        asked = listed(here, before)
        assert len(asked) > 1
        assert asked[1] - asked[0] >= 5

    tell(story, by_name)
