"""What no event told of is healed by the sweep, in virtual time: the real loop, the real SDK, the local Azure."""

import asyncio
from ipaddress import ip_address

import pytest

from functions.dns.target import Trouble
from functions.ledger.reports import DriftReport
from functions.policy import Mode, Policy
from functions.sweep import sweep
from functions.triggers.timers import round_of_sweep
from localazure.aks import maintenance
from localazure.resources.private_zones import PrivateZones
from localazure.world import HubAndSpoke, hub_and_spoke
from tests.scenarios.record_stories import (
    HUB_ZONE,
    deploy,
    in_azure,
    in_hub_zone,
    keeping,
    name_of,
    on_servers,
    server,
    told,
    true,
    written_in_hub_zone,
)
from tests.scenarios.story import LINKS, Story, a_policy, lines, tell
from tests.scenarios.test_resolution import asking, listening


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


async def heard_of(here: Story, *clusters: str) -> None:
    """The sweep finds what no event told of, until nothing is left to do."""
    await here.passes(600)
    await swept(here)
    await here.passes(600)
    assert all(here.state(cluster) == "Succeeded" for cluster in clusters)
    report = await swept(here)
    assert (report.changes, report.queued, report.findings) == (0, 0, {})


def test_a_record_that_someone_changed_by_hand_is_right_again_after_the_sweep() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await heard_of(here, cluster)
        assert told(here, cluster) == true(here, cluster) != ()
        server(here).others_put(name_of(here, cluster), ip_address("10.9.9.9"))
        report = await swept(here)
        assert (report.changes, report.queued) == (1, 1)
        await here.passes(120)
        assert told(here, cluster) == true(here, cluster)
        assert (await swept(here)).changes == 0

    tell(story, keeping(), deaf=True)


@pytest.mark.parametrize("records", [(), (on_servers(), in_azure())], ids=["one target", "two targets"])
def test_an_address_that_moved_while_nobody_heard_is_followed_by_the_sweep(records: tuple[object, ...]) -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(HUB_ZONE)
        cluster = await here.create()
        await heard_of(here, cluster)
        [old] = told(here, cluster)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(600)
        assert told(here, cluster) == (old,)
        assert (await swept(here)).queued == 1
        await here.passes(120)
        assert told(here, cluster) == true(here, cluster) != (old,)
        if records:
            assert in_hub_zone(here, cluster)["aRecords"] == [{"ipv4Address": true(here, cluster)[0]}]

    tell(story, keeping(*records), deaf=True)


def test_of_two_clusters_the_sweep_mends_the_one_whose_record_in_an_azure_zone_is_wrong() -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(HUB_ZONE)
        first, second = await two_clusters(here)
        await heard_of(here, first, second)
        mine = in_hub_zone(here, second)
        written_in_hub_zone(here, second, "10.9.9.9", metadata=mine["metadata"])
        before = len(here.transport.asked)
        assert (await swept(here)).queued == 1
        asked = [call for call in here.transport.asked[before:] if "ResourceGraph" not in call]
        assert asked == [f"GET {HUB_ZONE}/ALL"]
        await here.passes(120)
        assert in_hub_zone(here, second)["aRecords"] == mine["aRecords"]

    tell(story, keeping(in_azure()), deaf=True)


async def two_clusters(here: Story) -> tuple[str, str]:
    """Two that came up side by side, each in its own spoke."""
    first = await here.create("first")
    here.world = hub_and_spoke(here.azure, nth=2)
    return first, await here.create("second")


def test_a_target_that_is_down_is_told_once_and_heals_by_itself_when_it_is_up() -> None:
    async def story(here: Story) -> None:
        first, second = await two_clusters(here)
        await heard_of(here, first, second)
        await maintenance.maintenance(here.azure, first)
        server(here).trouble = Trouble.UNREACHABLE
        report = await swept(here)
        assert report.findings == {"record-target-unreachable": 1}
        assert report.found[0].seen.endswith("(names that could not be read: 2)")
        # The move is not known to the ledger either, which is the pass that is asked for.
        assert report.queued == 1
        server(here).trouble = None
        await here.passes(600)
        assert "record-target-unreachable" not in (await swept(here)).findings
        assert [told(here, cluster) for cluster in (first, second)] == [true(here, first), true(here, second)]

    tell(story, keeping(), deaf=True)


def test_a_cluster_without_a_zone_gets_its_record_by_the_sweep_and_loses_it_after_its_end() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create(private_dns_zone="none")
        name = name_of(here, cluster)
        deploy(here, on_servers(name))
        await heard_of(here, cluster)
        zone = server(here, name)
        assert tuple(map(str, zone.held[name].addresses)) == true(here, cluster) != ()
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(900)
        assert here.state(cluster) == ""
        # A survey that does not show the cluster proves nothing: its row is watched.
        assert (await swept(here)).queued == 0
        await here.passes(1800, watching=True)
        assert not zone.held[name].addresses

    tell(story, keeping(), deaf=True)


def test_where_resource_graph_lags_behind_a_move_that_was_heard_no_answer_is_called_wrong() -> None:
    async def story(here: Story) -> None:
        listening(here)
        here.azure.graph.be_stale(900)
        cluster = await here.create()
        await here.passes(1800)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(600)
        report = await swept(here)
        assert "wrong-address" not in report.findings
        assert report.queued == 1  # it might as well be the ledger that is behind
        await here.passes(60)
        here.azure.graph.be_stale(0)
        assert (await swept(here)).queued == 0

    tell(story, asking)


def test_a_sweep_heals_while_the_tables_do_not_answer() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        (link,) = [one for one in here.azure.store.of_type(LINKS) if "/tether-" in one.id]
        assert (await here.ask("DELETE", link.id)).status_code in {200, 202}
        await here.passes(120)
        assert "hub-westeurope" not in here.links()
        here.ledger.down = True
        await round_of_sweep(here.live)
        await here.passes(300)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, deaf=True)
