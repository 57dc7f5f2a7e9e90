"""What no event told of is healed by the sweep, in virtual time: the real loop, the real SDK, the local Azure."""

import asyncio

import pytest

from functions.ledger.reports import DriftReport
from functions.policy import Mode, Policy
from functions.sweep import sweep
from localazure.world import HubAndSpoke
from tests.scenarios.story import LINKS, Story, a_policy, lines, tell


async def swept(here: Story) -> DriftReport:
    assert not isinstance(here.live.around, Exception)
    return await sweep(here.live.around, here.queue, here.live.ledger, here.live.reports)


async def made(here: Story) -> str:
    """A cluster that came up, its hub linked by a sweep: no event is heard in these stories."""
    cluster = await here.create()
    await here.passes(60)
    await swept(here)
    await here.passes(600)
    assert here.state(cluster) == "Succeeded"
    return cluster


def test_a_zone_of_which_no_event_told_is_linked_by_the_sweep(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        await here.create()
        await here.passes(60)
        assert "hub-westeurope" not in here.links()
        report = await swept(here)
        assert (report.clusters, report.changes, report.queued) == (1, 1, 1)
        await here.passes(120)
        assert here.links()["hub-westeurope"] == "ours"
        (told,) = lines(caplog, "sweep")
        assert (told["changes"], told["queued"]) == (1, 1)
        report = await swept(here)
        assert (report.changes, report.queued, report.findings) == (0, 0, {})

    tell(story, deaf=True)


def test_a_link_that_someone_deleted_is_back_after_the_sweep() -> None:
    async def story(here: Story) -> None:
        await made(here)
        (link,) = [link for link in here.azure.store.of_type(LINKS) if "/virtualNetworkLinks/tether-" in link.id]
        await here.ask("DELETE", link.id)
        await here.passes(60)
        assert "hub-westeurope" not in here.links()
        assert (await swept(here)).queued == 1
        await here.passes(120)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, deaf=True)


def test_what_resource_graph_does_not_know_yet_costs_a_pass_and_no_second_link() -> None:
    async def story(here: Story) -> None:
        here.azure.graph.be_stale(600)
        await asyncio.sleep(601)
        await here.create()
        await here.passes(60)
        assert (await swept(here)).queued == 0
        here.azure.graph.be_stale(0)
        await swept(here)
        await here.passes(120)
        here.azure.graph.be_stale(3600)
        await swept(here)
        await here.passes(120)
        assert len(here.transport.links_put()) == 1

    tell(story, deaf=True)


def test_in_mode_observe_the_sweep_reports_and_asks_for_nothing() -> None:
    def observing(world: HubAndSpoke) -> Policy:
        return a_policy(world, mode=Mode.OBSERVE)

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(60)
        report = await swept(here)
        assert (report.mode, report.changes, report.queued) == ("observe", 1, 0)
        assert here.queue.sent == []
        assert [change.reason for change in report.wanted]

    tell(story, observing, deaf=True)


def test_a_sweep_reads_no_cluster_one_by_one() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(60)
        before = len(here.transport.asked)
        report = await swept(here)
        asked = set(here.transport.asked[before:])
        assert asked == {"POST /providers/Microsoft.ResourceGraph/resources"}
        assert report.queries == len(here.transport.asked) - before <= 10

    tell(story, deaf=True)
