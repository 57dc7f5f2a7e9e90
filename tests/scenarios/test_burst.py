"""A burst of events on one cluster costs one pass or two, however many messages come to a worker side by side."""

import asyncio

import pytest

from functions.arm.resource_id import ResourceId
from functions.ledger.state import Observed
from functions.policy import Policy
from functions.work import CLUSTERS, Work, encode
from localazure import fault_effects as effects
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


async def settled(here: Story) -> str:
    """A cluster whose link is made, and an event-free world after it."""
    cluster = await here.create()
    await here.passes(600)
    here.transport.asked.clear()
    return cluster


def test_twenty_messages_on_one_row_at_once_are_one_pass(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await settled(here)
        caplog.clear()
        here.faults.add(effects.latency(0.5))  # or each pass would be over before the next message is looked at
        bodies: list[bytes] = []
        for number in range(20):
            cause = f"burst-{number}"
            await here.ledger.bump(here.zone.group_id, here.azure.clock.now(), cause, here.zone)
            bodies.append(encode(Work(target=here.zone, why="link-deleted", cause=cause, since=0.0)))
        await asyncio.gather(*(here.take(body) for body in bodies))
        assert len(lines(caplog, "pass")) == 1
        assert len(here.transport.asked) == 3, "the group, the cluster and the links"
        assert here.live.turns.rows == 0, "a row that nobody waits for is forgotten"

    tell(story, hub_by_name)


async def unknown(here: Story) -> None:
    """A settled cluster of which the ledger does not know that its zone was linked."""
    await settled(here)
    await here.ledger.remember(here.zone.group_id, Observed(at=here.azure.clock.now()))


@pytest.mark.parametrize("at_once", [True, False], ids=["all at once", "over a second"])
def test_a_burst_of_writes_on_a_zone_costs_one_urgent_pass_and_two_at_most_after_it(
    at_once: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await unknown(here)
        caplog.clear()

        async def event(number: int) -> None:
            await asyncio.sleep(0 if at_once else number * 0.05)
            await here.event(str(here.zone), cause=f"burst-{number}")

        await asyncio.gather(*(event(number) for number in range(20)))
        urgent = len(lines(caplog, "pass"))
        assert urgent == 1 if at_once else urgent <= 20
        await together(here, 300)
        assert len(lines(caplog, "pass")) - urgent <= 2

    tell(story, hub_by_name)


async def together(here: Story, seconds: float) -> None:
    """The host's queue as it is in Azure: what is due is taken side by side."""
    for _ in range(int(seconds)):
        taken: list[bytes] = []

        async def take(body: bytes, taken: list[bytes] = taken) -> None:
            taken.append(body)

        await here.queue.drain(take)
        await asyncio.gather(*(here.take(body) for body in taken))
        await asyncio.sleep(1)


def test_a_burst_on_a_cluster_whose_row_is_not_known_costs_few_passes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        here.ledger.clusters.clear()
        caplog.clear()
        await asyncio.gather(
            *(here.event(cluster, f"{CLUSTERS}/write", cause=f"burst-{number}") for number in range(20))
        )
        await together(here, 300)
        assert 1 <= len(lines(caplog, "pass")) <= 2

    tell(story, hub_by_name)


def test_a_pass_that_hangs_is_not_waited_for_forever() -> None:
    async def story(here: Story) -> None:
        await settled(here)
        held = here.live.turns.on(here.zone.group_id)
        await held.__aenter__()
        began = here.azure.clock.now()
        work = Work(target=here.zone, why="test", cause="t", since=0.0, always=True)
        await here.take(encode(work))
        assert here.transport.asked, "a lock is for cost, never for right"
        assert 30 <= here.azure.clock.now() - began < 60
        await held.__aexit__(None, None, None)

    tell(story, hub_by_name)


def test_rows_do_not_wait_for_each_other() -> None:
    async def story(here: Story) -> None:
        await settled(here)
        async with here.live.turns.on(ResourceId(here.world.group)), asyncio.timeout(5):
            await here.take(encode(Work(target=here.zone, why="test", cause="t", since=0.0, always=True)))

    tell(story, hub_by_name)


def test_a_burst_of_writes_on_a_zone_that_was_linked_before_is_left_to_the_queue(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await settled(here)
        caplog.clear()
        await asyncio.gather(*(here.event(str(here.zone), cause=f"burst-{number}") for number in range(20)))
        assert here.transport.asked == []
        await together(here, 300)
        assert 1 <= len(lines(caplog, "pass")) <= 2
        assert here.transport.links_put() == []

    tell(story, hub_by_name)


def test_an_urgent_event_waits_for_no_pass_of_the_queue() -> None:
    async def story(here: Story) -> None:
        await unknown(here)
        async with here.live.turns.on(here.zone.group_id):
            began = here.azure.clock.now()
            await here.event(str(here.zone), cause="urgent")
            assert here.azure.clock.now() - began < 1
        assert here.transport.asked

    tell(story, hub_by_name)
