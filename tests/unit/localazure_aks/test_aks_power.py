"""Stopping and starting a cluster: its endpoint goes, another one comes, and the nodes ask for the name again."""

import asyncio

import pytest
from azure.core.exceptions import HttpResponseError

from localazure.aks import maintenance
from localazure.aks.rules import AksRules
from localazure.answers import Refused
from localazure.operations import OperationFailed
from localazure.resources.subnets import Subnets
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time, state_of, the_zone
from tests.unit.localazure_aks.moves import ENDPOINTS, NICS, a_cluster, heard, record


def test_stopping_and_starting_makes_the_endpoint_anew_in_another_subnet() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        other = f"{bench.world.spoke}/subnets/others"
        await Subnets(azure).create(other, {"addressPrefix": "10.1.7.0/24"})
        await (await bench.aks.managed_clusters.begin_stop("apps", "team")).result()
        stopped = await bench.aks.managed_clusters.get("apps", "team")
        assert (stopped.properties.provisioning_state, stopped.properties.power_state.code) == ("Succeeded", "Stopped")
        assert (azure.store.of_type(ENDPOINTS), record(azure)) == ([], [])
        assert maintenance.addresses(azure, cluster) == ()

        told = heard(azure)
        await maintenance.start(azure, cluster, subnet=other)
        started = await bench.aks.managed_clusters.get("apps", "team")
        assert (started.properties.provisioning_state, started.properties.power_state.code) == ("Succeeded", "Running")
        assert record(azure) == list(maintenance.addresses(azure, cluster)) == ["10.1.7.4"]
        assert told == [
            f"{NICS}/write",
            f"{ENDPOINTS}/write",
            f"{ZONES}/A/write",
            "Microsoft.ContainerService/managedClusters/start/action",
        ]

    in_virtual_time(story)


def test_a_restart_changes_the_address_in_the_same_subnet() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        before = maintenance.addresses(bench.azure, cluster)
        for again in (True, False):
            await maintenance.stop(bench.azure, cluster)
            await maintenance.start(bench.azure, cluster, same_address=again)
            assert (maintenance.addresses(bench.azure, cluster) == before) is again

    in_virtual_time(story)


def test_a_start_fails_while_the_hub_does_not_know_the_name() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        zone = the_zone(bench).rpartition("/")
        await (await bench.dns.virtual_network_links.begin_delete(zone[0].split("/")[4], zone[2], "hub")).result()
        await maintenance.stop(azure, cluster)
        azure.resolvers.flush(bench.world.hub_resolver)
        with pytest.raises(HttpResponseError, match="exit status=52"):
            await (await bench.aks.managed_clusters.begin_start("apps", "team")).result()
        assert await state_of(bench) == ("Failed", "VMExtensionProvisioningError")

        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        await azure.clock.sleep(300)
        mended = await bench.aks.managed_clusters.get("apps", "team")
        again = await bench.aks.managed_clusters.begin_create_or_update("apps", "team", mended)
        assert (await again.result()).properties.provisioning_state == "Succeeded"

    in_virtual_time(story)


def test_a_mended_cluster_boots_its_nodes_though_they_were_up_before_the_stop() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        await maintenance.stop(azure, cluster)
        azure.resolvers.zones[bench.world.hub_resolver] = lambda _: ()
        with pytest.raises(OperationFailed, match="exit status=52"):
            await maintenance.start(azure, cluster)
        failed = await bench.aks.managed_clusters.get("apps", "team")
        again = await bench.aks.managed_clusters.begin_create_or_update("apps", "team", failed)
        with pytest.raises(HttpResponseError, match="exit status=52"):
            await again.result()

    in_virtual_time(story)


def test_a_start_that_meets_an_old_address_for_ever_cannot_connect() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        old = maintenance.addresses(azure, cluster)
        azure.resolvers.zones[bench.world.hub_resolver] = lambda _: old
        await maintenance.stop(azure, cluster)
        with pytest.raises(OperationFailed, match="exit status=51"):
            await maintenance.start(azure, cluster)

    in_virtual_time(story)


def test_a_record_that_stays_during_the_stop_leaves_the_old_address_in_the_cache_for_its_ttl() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        azure.aks = AksRules(stopping_removes_record=False)
        await maintenance.stop(azure, cluster)
        assert len(record(azure)) == 1
        name = (await bench.aks.managed_clusters.get("apps", "team")).properties.private_fqdn
        azure.resolvers.flush(bench.world.hub_resolver)
        azure.resolvers.lookup(bench.world.spoke, name)
        began = azure.clock.now()
        await maintenance.start(azure, cluster)
        assert azure.clock.now() - began > 300

    in_virtual_time(story)


def test_a_stopped_cluster_is_not_written_and_a_busy_one_not_stopped() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        stopping = asyncio.create_task(maintenance.stop(bench.azure, cluster))
        await asyncio.sleep(1)
        assert (await state_of(bench))[0] == "Stopping"
        with pytest.raises(Refused, match="OperationNotAllowed"):
            await maintenance.start(bench.azure, cluster)
        await stopping
        with pytest.raises(HttpResponseError, match="is stopped"):
            await bench.create()

    in_virtual_time(story)
