"""A kubenet cluster of which no event told, and a route table that somebody took off: found by the sweep."""

import pytest

from functions.ledger.reports import DriftReport
from functions.policy import FailedClusters, Policy, RouteTables
from functions.sweep import sweep
from localazure.network_rules import ARM, GRAPH, NetworkRules
from localazure.resources.subnets import Subnets
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, tell


async def swept(here: Story) -> DriftReport:
    assert not isinstance(here.live.around, Exception)
    return await sweep(here.live.around, here.queue, here.live.ledger, here.live.reports)


def table_of(here: Story) -> str:
    """The name of the subnet's table, empty without one."""
    held = here.azure.store.get(here.world.node_subnet)
    assert held is not None
    return (held.properties.get("routeTable") or {}).get("id", "").rpartition("/")[2]


def handlers(report: DriftReport) -> list[str]:
    return sorted(wanted.handler for wanted in report.wanted)


async def failed(here: Story) -> str:
    """A kubenet cluster that a sweep saw in its making, and that failed with no event heard."""
    cluster = await here.create(kubenet=True)
    await here.passes(60)
    assert handlers(await swept(here)) == ["zone_links"]
    while here.state(cluster) == "Creating":
        await here.passes(10)
    assert here.state(cluster) == "Failed"
    return cluster


async def up(here: Story) -> str:
    cluster = await failed(here)
    for _ in range(4):
        await swept(here)
        await here.passes(600)
    assert here.state(cluster) == "Succeeded"
    return cluster


def bringing_up(world: HubAndSpoke) -> Policy:
    return a_policy(world, failed_clusters=FailedClusters(reconcile=True))


def test_a_kubenet_cluster_of_which_no_event_told_comes_up_by_the_sweep() -> None:
    async def story(here: Story) -> None:
        cluster = await failed(here)
        here.queue.lose_all()
        assert table_of(here) == ""
        report = await swept(here)
        assert (handlers(report), report.queued) == (["route_tables"], 1)
        await here.passes(1200)
        assert table_of(here).startswith("aks-agentpool-")
        assert here.state(cluster) == "Succeeded"
        report = await swept(here)
        assert (report.changes, report.queued, report.findings, report.unclear) == (0, 0, {}, ())

    tell(story, bringing_up, deaf=True)


def test_a_worker_that_dies_between_the_table_and_the_put_is_made_up_for_by_the_sweep() -> None:
    async def story(here: Story) -> None:
        cluster = await failed(here)
        here.queue.lose_all()
        await swept(here)
        while not table_of(here):
            await here.passes(1)
        here.queue.lose_all()
        await here.passes(300)
        assert here.state(cluster) == "Failed"
        report = await swept(here)
        assert (handlers(report), report.queued) == (["failed_clusters"], 1)
        await here.passes(1200)
        assert here.state(cluster) == "Succeeded"

    tell(story, bringing_up, deaf=True)


def test_a_survey_that_lags_behind_leads_to_no_second_write() -> None:
    """It shows the cluster Failed and its subnet bare, long after both are mended."""

    async def story(here: Story) -> None:
        cluster = await failed(here)
        here.queue.lose_all()
        here.azure.graph.be_stale(24 * 3600)
        await swept(here)
        await here.passes(1200)
        assert here.state(cluster) == "Succeeded"
        writes = [call for call in here.transport.asked if call.startswith("PUT")]
        report = await swept(here)
        assert "route-table-missing" in report.findings
        await here.passes(1200)
        assert [call for call in here.transport.asked if call.startswith("PUT")] == writes

    tell(story, bringing_up, deaf=True)


def test_a_fleet_without_kubenet_is_asked_for_no_subnet_and_no_table() -> None:
    async def queries(here: Story, **said: bool) -> int:
        await here.create(**said)
        await here.passes(60)
        await swept(here)
        await here.passes(1800)
        return (await swept(here)).queries

    counted: list[int] = []

    async def plain(here: Story) -> None:
        counted.append(await queries(here))

    async def kubenet(here: Story) -> None:
        counted.append(await queries(here, kubenet=True))

    tell(plain, bringing_up, deaf=True)
    tell(kubenet, bringing_up, deaf=True)
    assert counted == [7, 9]


@pytest.mark.parametrize("leaves_out", [{GRAPH}, {ARM}, {ARM, GRAPH}], ids=lambda hidden: " and ".join(sorted(hidden)))
def test_a_list_of_addresses_that_the_survey_leaves_out_is_asked_of_arm_and_one_that_arm_leaves_out_stops_the_write(
    leaves_out: set[str],
) -> None:
    async def story(here: Story) -> None:
        here.azure.network = NetworkRules(lists_up_to=0, leaves_out=frozenset(leaves_out))
        cluster = await failed(here)
        here.queue.lose_all()
        report = await swept(here)
        assert ("subnet-company-unknown" in report.findings) is (GRAPH in leaves_out)
        assert report.queued == 1
        await here.passes(1200)
        assert table_of(here).startswith("aks-agentpool-") is (ARM not in leaves_out)
        assert (here.state(cluster) == "Succeeded") is (ARM not in leaves_out)

    tell(story, bringing_up, deaf=True)


@pytest.mark.parametrize("reattach", [False, True], ids=["told", "attached again after its grace"])
def test_a_table_that_somebody_took_off_a_running_cluster_is_in_the_report(reattach: bool) -> None:
    async def story(here: Story) -> None:
        await up(here)
        Subnets(here.azure).change(here.world.node_subnet, routeTable=None)
        report = await swept(here)
        assert report.changes == 0
        assert report.findings == ({} if reattach else {"route-table-missing": 1})
        assert report.queued == int(reattach)
        await here.passes(600)
        assert table_of(here) == ""
        await here.passes(600)
        assert table_of(here).startswith("aks-agentpool-") is reattach

    def policy(world: HubAndSpoke) -> Policy:
        routes = RouteTables(reattach=reattach)
        return a_policy(world, failed_clusters=FailedClusters(reconcile=True), route_tables=routes)

    tell(story, policy, deaf=True)
