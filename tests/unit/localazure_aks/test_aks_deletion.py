"""Clusters that go away, with and without what others hung on them, and lists of those that stay."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from localazure.aks.rules import AksRules
from localazure.operations import OperationFailed
from localazure.resources.groups import ResourceGroups
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time, state_of, the_zone


def test_deleting_a_cluster_takes_its_node_group_along() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create()).result()
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        poller = await bench.aks.managed_clusters.begin_delete("apps", "team")
        assert (await state_of(bench))[0] == "Deleting"
        await poller.result()
        with pytest.raises(ResourceNotFoundError):
            await bench.aks.managed_clusters.get("apps", "team")
        assert bench.azure.store.of_type(ZONES) == []
        assert bench.azure.store.of_type("Microsoft.Network/networkInterfaces") == []

    in_virtual_time(story, custom_dns=False)


def test_a_foreign_link_may_hold_the_deletion_up() -> None:
    async def story(bench: Bench) -> None:
        bench.azure.aks = AksRules(deletes_foreign_links=False)
        told = events_of(bench)
        await (await bench.create()).result()
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        with pytest.raises(HttpResponseError, match="CannotDeleteResource"):
            await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        assert (await state_of(bench))[0] == "Failed"
        assert ("privateDnsZones/delete", "ResourceDeleteFailure") in told
        assert ("managedClusters/delete", "ResourceDeleteFailure") in told

        zone = the_zone(bench).split("/")
        await (await bench.dns.virtual_network_links.begin_delete(zone[4], zone[-1], "hub")).result()
        told.clear()
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        deletions = ["privateDnsZones/delete", "resourceGroups/delete", "managedClusters/delete"]
        assert [what for what, how in told if how == "ResourceDeleteSuccess" and what in deletions] == deletions

    in_virtual_time(story, custom_dns=False)


def test_deleting_a_group_deletes_its_clusters_and_their_node_groups() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create()).result()
        node_group = the_zone(bench).partition("/providers/")[0]
        told = events_of(bench)
        bench.azure.spawn(ResourceGroups(bench.azure).remove(bench.world.group))
        await bench.azure.clock.sleep(40)
        assert (await state_of(bench))[0] == "Deleting"
        await bench.azure.clock.sleep(300)
        assert bench.azure.store.get(node_group) is None
        assert bench.azure.store.get(bench.world.group) is None
        assert told.index(("managedClusters/delete", "ResourceDeleteSuccess")) < len(told) - 1

    in_virtual_time(story, custom_dns=False)


def test_a_group_stays_while_a_cluster_in_it_cannot_be_deleted() -> None:
    async def story(bench: Bench) -> None:
        bench.azure.aks = AksRules(deletes_foreign_links=False)
        await (await bench.create()).result()
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        with pytest.raises(OperationFailed, match="CannotDeleteResource"):
            await ResourceGroups(bench.azure).remove(bench.world.group)
        assert bench.azure.store.get(bench.world.group) is not None
        assert (await state_of(bench))[0] == "Failed"

    in_virtual_time(story, custom_dns=False)


def test_clusters_are_listed_in_pages() -> None:
    async def story(bench: Bench) -> None:
        bench.azure.aks = AksRules(list_page=2)
        for name in ("five", "four", "one", "three", "two"):
            await bench.create(name)
        pages = bench.aks.managed_clusters.list().by_page()
        assert [[cluster.name async for cluster in page] async for page in pages] == [
            ["five", "four"],
            ["one", "three"],
            ["two"],
        ]

    in_virtual_time(story)


def events_of(bench: Bench) -> list[tuple[str, str]]:
    """What is told from now on: the last of the type with the verb, and the kind of event."""
    told: list[tuple[str, str]] = []

    def hear(event: dict[str, Any]) -> None:
        what = "/".join(event["data"]["operationName"].split("/")[-2:])
        told.append((what, event["eventType"].rpartition(".")[2]))

    bench.azure.listen(hear)
    return told
