"""The record of an API server's address follows it, whatever moves it, and whatever fails meanwhile."""

import asyncio
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner
from functions.dns.target import Trouble
from functions.work import CLUSTERS
from localazure.aks import maintenance
from localazure.resources.private_zones import PrivateZones
from localazure.resources.subnets import Subnets
from localazure.store import Json
from localazure.world import cluster_request
from tests.scenarios.record_stories import (
    LISTED,
    SERVED,
    deploy,
    in_azure,
    in_hub_zone,
    keeping,
    name_of,
    on_servers,
    owner,
    placed_hub_zone,
    server,
    settled,
    shown,
    told,
    true,
)
from tests.scenarios.story import Story, lines, tell


def test_a_new_clusters_record_says_its_address_and_whose_it_is() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        record = server(here).held[name_of(here, cluster)]
        assert shown(record) == true(here, cluster) != ()
        assert (record.ttl, record.owner) == (60, owner(cluster))
        assert here.queue.waiting() == 0

    tell(story, keeping())


def test_the_record_is_written_while_the_cluster_is_being_created() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        while not told(here, cluster):
            await here.passes(1)
        assert here.state(cluster) == "Creating"

    tell(story, keeping())


def test_when_maintenance_moves_the_address_the_record_follows_within_the_event_by_five_reads() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        [old] = told(here, cluster)
        here.transport.asked.clear()
        await maintenance.maintenance(here.azure, cluster)
        for _ in range(60):  # the queue rests: what is done is done within the delivery of the event
            await asyncio.sleep(1)
        assert told(here, cluster) == true(here, cluster) != (old,)
        kinds = [call.split()[0] for call in here.transport.asked]
        assert 1 <= len(kinds) <= 5
        assert set(kinds) == {"GET"}

    tell(story, keeping())


def test_after_a_move_the_row_rests_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(900, watching=True)
        caplog.clear()
        await here.passes(3600, watching=True)
        assert here.queue.waiting() == 0
        assert lines(caplog, "pass") == []
        assert len(server(here).written) == 2

    tell(story, keeping())


async def restarted_in_another_subnet(here: Story, cluster: str) -> None:
    other = f"{here.world.spoke}/subnets/other"
    await Subnets(here.azure).create(other, {"addressPrefix": "10.1.8.0/24"})
    await maintenance.stop(here.azure, cluster)
    starting = asyncio.ensure_future(maintenance.start(here.azure, cluster, subnet=other))
    while not starting.done():
        await here.passes(1)
    await starting


async def restarted(here: Story, cluster: str) -> None:
    await maintenance.stop(here.azure, cluster)
    await here.passes(120, watching=True)
    starting = asyncio.ensure_future(maintenance.start(here.azure, cluster))
    while not starting.done():
        await here.passes(1)
    await starting


async def integrated(here: Story, cluster: str) -> None:
    api = f"{here.world.spoke}/subnets/api"
    await Subnets(here.azure).create(api, {"addressPrefix": "10.1.9.0/28"})
    converting = asyncio.ensure_future(maintenance.integrate(here.azure, cluster, api))
    while not converting.done():
        await here.passes(1)
    await converting


async def integrated_and_moved(here: Story, cluster: str) -> None:
    await integrated(here, cluster)
    await maintenance.maintenance(here.azure, cluster)


MOVES = [maintenance.maintenance, restarted, restarted_in_another_subnet, integrated, integrated_and_moved]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
def test_the_record_follows_every_sort_of_move(move: Any) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        await move(here.azure if move is maintenance.maintenance else here, cluster)
        await here.passes(60)
        assert told(here, cluster) == true(here, cluster) != before
        assert here.state(cluster) == "Succeeded"
        await here.passes(900)
        assert here.queue.waiting() == 0

    tell(story, keeping())


def test_while_a_cluster_is_stopped_its_record_stays(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        await maintenance.stop(here.azure, cluster)
        await here.passes(3600, watching=True)
        assert told(here, cluster) == before != ()
        assert here.queue.waiting() == 0
        assert lines(caplog, "finding") == []

    tell(story, keeping())


def test_a_cluster_without_a_zone_is_kept_in_the_zone_that_is_its_exact_name() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here, private_dns_zone="none")
        zone = name_of(here, cluster)
        deploy(here, on_servers(zone))
        await here.event(cluster, f"{CLUSTERS}/write")
        await here.passes(120)
        before = told(here, cluster, zone)
        assert before == true(here, cluster)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(120)
        assert told(here, cluster, zone) == true(here, cluster) != before

    tell(story, keeping())


def test_a_cluster_in_a_listed_custom_zone_is_kept_on_the_servers_too() -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        cluster = await settled(here, private_dns_zone=LISTED)
        before = told(here, cluster)
        assert before == true(here, cluster)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(120)
        assert told(here, cluster) == true(here, cluster) != before

    tell(story, keeping(custom_zones=(ResourceId(LISTED),)))


def test_a_custom_zone_that_is_a_target_is_left_to_aks() -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        await settled(here, private_dns_zone=LISTED)
        records = [call for call in here.transport.asked if "/A/" in call]
        assert not [call for call in records if not call.startswith("GET")]

    listed = (ResourceId(LISTED),)
    target = in_azure()
    policy = keeping(type(target)(private_zone=ResourceId(LISTED), authoritative=True), custom_zones=listed)
    tell(story, policy)


def test_an_azure_zone_in_the_hub_follows_too() -> None:
    async def story(here: Story) -> None:
        placed_hub_zone(here)
        cluster = await settled(here)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(120)
        held = in_hub_zone(here, cluster)
        assert [record["ipv4Address"] for record in held["aRecords"]] == list(true(here, cluster))
        said = held["metadata"]
        assert (said["heritage"], Owner(said["owner"], ResourceId(said["cluster"]))) == ("tether", owner(cluster))

    tell(story, keeping(in_azure()))


def test_a_target_that_is_down_waits_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        placed_hub_zone(here)
        cluster = await settled(here)
        before = told(here, cluster)
        server(here).trouble = Trouble.UNREACHABLE
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(1200)
        assert [record["ipv4Address"] for record in in_hub_zone(here, cluster)["aRecords"]] == list(true(here, cluster))
        assert told(here, cluster) == before != true(here, cluster)
        assert "record-target-unreachable" in {finding["code"] for finding in lines(caplog, "finding")}
        server(here).trouble = None
        await here.passes(120)
        assert told(here, cluster) == true(here, cluster)
        await here.passes(1800)
        assert here.queue.waiting() == 0

    tell(story, keeping(on_servers(), in_azure()))


def test_two_targets_written_at_one_moment_have_an_entry_each_in_the_journal() -> None:
    async def story(here: Story) -> None:
        placed_hub_zone(here)
        await settled(here)
        entries = [entry for entry in here.ledger.entries.values() if entry.handler == "api_server_records"]
        assert len(entries) == 2
        assert {entry.result for entry in entries} == {"applied"}

    tell(story, keeping(on_servers(), in_azure()))


def test_a_write_that_was_made_and_not_answered_is_not_made_again() -> None:
    async def story(here: Story) -> None:
        server(here).mute = 1
        cluster = await settled(here)
        assert told(here, cluster) == true(here, cluster)
        assert len(server(here).written) == 1

    tell(story, keeping())


@pytest.mark.parametrize("integrated", [False, True])
def test_a_dual_stack_cluster_has_an_address_of_each_version(integrated: bool) -> None:
    zone = "private.westeurope.azmk8s.io" if integrated else SERVED

    async def story(here: Story) -> None:
        cluster = await dual_stack(here, integrated=integrated)
        await here.passes(900)
        for _ in range(2):
            assert told(here, cluster, zone) == true(here, cluster)
            assert {":" in address for address in told(here, cluster, zone)} == {False, True}
            await maintenance.maintenance(here.azure, cluster)
            await here.passes(300)

    tell(story, keeping(on_servers(zone)))


def test_an_azure_zone_has_a_record_set_for_each_version() -> None:
    async def story(here: Story) -> None:
        placed_hub_zone(here)
        cluster = await dual_stack(here)
        await here.passes(900)
        for _ in range(2):
            [four], [six] = in_hub_zone(here, cluster)["aRecords"], in_hub_zone(here, cluster, "AAAA")["aaaaRecords"]
            assert (four["ipv4Address"], six["ipv6Address"]) == true(here, cluster)
            await maintenance.maintenance(here.azure, cluster)
            await here.passes(300)

    tell(story, keeping(in_azure()))


async def dual_stack(here: Story, *, integrated: bool = False) -> str:
    subnet = {"addressPrefixes": ["10.1.5.0/24", "fd00:1:5::/64"]}
    await Subnets(here.azure).create(here.world.node_subnet, subnet)
    cluster = f"{here.world.group}/providers/Microsoft.ContainerService/managedClusters/dual"
    access = {"enableVnetIntegration": True} if integrated else {}
    request: Json = cluster_request(here.world.node_subnet, here.world.location, access=access)
    request["properties"]["networkProfile"]["ipFamilies"] = ["IPv4", "IPv6"]
    assert (await here.ask("PUT", cluster, "2026-08-01", request)).status_code == 201
    return cluster
