"""A burst of events on one cluster costs one pass or two, however many messages come to a worker side by side."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.ledger.state import Counters, LedgerError, Row
from functions.policy import Policy
from functions.queue import QueueError
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.triggers.turns import Turns
from functions.work import CLUSTERS, Work, encode
from localazure import fault_effects as effects
from localazure.world import HubAndSpoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import LINKS, ZONES, Story, a_policy, lines, tell


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
    here.ledger.held.pop(here.zone.group_id)


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


class SlowTables(MemoryLedger):
    """Tables that take longer than an event waits for them: what they were asked is done, and nobody hears of it."""

    slow = False

    async def _late(self) -> None:
        if self.slow:
            await asyncio.sleep(5)
            raise LedgerError("the ledger cannot be reached (TimeoutError)")

    async def read(self, subject: ResourceId) -> Row:
        await self._late()
        return await super().read(subject)

    async def bump(self, subject: ResourceId, at: float, cause: str = "", target: ResourceId | None = None) -> Counters:
        await self._late()
        return await super().bump(subject, at, cause, target)

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        await self._late()
        return await super().row_of(cluster)


def with_slow_tables(here: Story) -> SlowTables:
    """The story's ledger from now on, with all that it held."""
    held = here.ledger
    slow = SlowTables(held.down, held.held, held.bumped, held.entries, held.clusters)
    slow.slow = True
    around = replace(cast("Around", here.live.around), ledger=slow)
    here.live = replace(here.live, around=around, ledger=slow)
    return slow


async def in_batches(here: Story, seconds: float, at_once: int = 16) -> None:
    """The host's queue under load: no more messages at once than host.json's batch."""
    for _ in range(int(seconds)):
        taken: list[bytes] = []

        async def take(body: bytes, taken: list[bytes] = taken) -> None:
            taken.append(body)

        await here.queue.drain(take)
        for at in range(0, len(taken), at_once):
            await asyncio.gather(*(here.take(body) for body in taken[at : at + at_once]))
        await asyncio.sleep(1)


def zone(here: Story) -> tuple[str, str]:
    return str(here.zone), f"{ZONES}/write"


def gone_link(here: Story) -> tuple[str, str]:
    return f"{here.zone}/virtualNetworkLinks/x", f"{ZONES}/virtualNetworkLinks/delete"


def cluster(here: Story) -> tuple[str, str]:
    return f"/subscriptions/{here.zone.subscription}/resourcegroups/apps/providers/{CLUSTERS}/team", f"{CLUSTERS}/write"


@pytest.mark.parametrize("seconds", [0.0, 10.0], ids=["all at once", "over ten seconds"])
@pytest.mark.parametrize("alike", [True, False], ids=["the same event", "different events"])
@pytest.mark.parametrize("what", [zone, gone_link, cluster])
def test_with_tables_that_do_not_answer_a_burst_of_200_events_costs_few_passes(
    what: Callable[[Story], tuple[str, str]], alike: bool, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await settled(here)
        with_slow_tables(here)
        caplog.clear()
        subject, operation = what(here)
        kind = f"Microsoft.Resources.Resource{'Delete' if operation.endswith('delete') else 'Write'}Success"

        async def event(number: int) -> None:
            await asyncio.sleep(number / 200 * seconds)
            now = here.azure.clock.now()
            cause = "burst" if alike else f"burst-{number}"
            await receive(Event(cause, kind, subject, operation, now), now, lambda: here.live)

        bursting = asyncio.gather(*(event(number) for number in range(200)))
        await in_batches(here, 120)
        await bursting
        await in_batches(here, 60)
        passes = [line for line in lines(caplog, "pass") if line["why"] != "look-again"]
        assert 1 <= len(passes) <= (2 if alike or not seconds else 8)
        assert here.queue.waiting() == 0

    tell(story, hub_by_name)


def our_link(here: Story) -> str:
    return next(link.id for link in here.azure.store.of_type(LINKS) if "/tether-" in link.id)


def test_a_change_during_a_burst_is_seen_though_no_table_answers(caplog: pytest.LogCaptureFixture) -> None:
    """The last event is answered by a pass that began after it: what was removed meanwhile is made again."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await settled(here)
        with_slow_tables(here)
        here.faults.add(effects.latency(2.0))
        kind, link = "Microsoft.Resources.ResourceDeleteSuccess", our_link(here)

        async def event(number: int) -> None:
            await asyncio.sleep(number * 0.5)
            if number == 7:
                here.azure.store.remove(link)
            now = here.azure.clock.now()
            gone = Event(f"burst-{number}", kind, link, f"{ZONES}/virtualNetworkLinks/delete", now)
            await receive(gone, now, lambda: here.live)

        put = len(here.transport.links_put())
        bursting = asyncio.gather(*(event(number) for number in range(8)))
        await in_batches(here, 120)
        await bursting
        assert len(here.transport.links_put()) == put + 1

    tell(story, hub_by_name)


def test_a_look_again_is_never_answered_by_the_pass_that_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        with_slow_tables(here)
        cluster = await here.create()
        await in_batches(here, 900)
        assert here.links()["hub-westeurope"] == "ours"
        assert here.state(cluster) == "Succeeded"
        assert {line["ended"] for line in lines(caplog, "pass") if line["why"] == "look-again"} == {
            "look-again",
            "settled",
        }

    tell(story, hub_by_name)


async def test_calls_that_share_one_share_its_failure() -> None:
    turns, made, gate = Turns(), list[int](), asyncio.Event()

    async def fails() -> None:
        made.append(len(made))
        await gate.wait()
        if len(made) > 1:
            raise QueueError("gone")

    calls = [asyncio.create_task(turns.shared("x", fails)) for _ in range(10)]
    await asyncio.sleep(0)
    gate.set()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert ends[0] is None
    assert all(isinstance(end, QueueError) for end in ends[1:])
    assert len(made) == 2


async def test_a_worker_forgets_the_oldest_and_that_costs_a_pass() -> None:
    turns = Turns()
    for number in range(5000):
        turns.end(number, turns.begin())
        turns.handled(number)
    assert turns.answered(4999, 4999)
    assert not turns.answered(0, 0)
    assert turns.knows(4999)
    assert not turns.knows(0)
