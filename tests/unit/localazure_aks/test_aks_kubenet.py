"""Kubenet: who attaches the route table, how a creation fails without it, and how it is brought up."""

import re
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.containerservice.models import ManagedCluster

from localazure.aks.rules import AksRules
from localazure.resources.route_tables import RouteTables, route
from localazure.resources.subnets import Subnets
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import Bench, in_virtual_time, state_of
from tests.unit.localazure_aks.moves import heard

TABLES = "Microsoft.Network/routeTables"


def link_the_hub(bench: Bench) -> None:
    async def link(zone: str) -> None:
        await bench.link(zone, bench.world.hub)

    bench.when_the_zone_is_born(link)


async def a_failed_creation(bench: Bench) -> HttpResponseError:
    link_the_hub(bench)
    with pytest.raises(HttpResponseError) as failed:
        await (await bench.create(kubenet=True)).result()
    return failed.value


def the_table(bench: Bench) -> Json:
    (table,) = bench.azure.store.of_type(TABLES)
    return RouteTables(bench.azure).shown(table)


def subnet(bench: Bench, subnet_id: str = "") -> Json:
    found = bench.azure.store.get(subnet_id or bench.world.node_subnet)
    assert found is not None
    return Subnets(bench.azure).shown(found)["properties"]


async def put_again(bench: Bench, name: str = "team") -> Any:
    """PUT the cluster as it was read."""
    read: ManagedCluster = await bench.aks.managed_clusters.get("apps", name)
    return await bench.aks.managed_clusters.begin_create_or_update("apps", name, read)


def test_a_private_cluster_with_custom_dns_fails_until_its_table_is_attached_and_it_is_put_again() -> None:
    async def story(bench: Bench) -> None:
        assert "ExistingRouteTableNotAssociatedWithSubnet" in str(await a_failed_creation(bench))
        assert await state_of(bench) == ("Failed", "ExistingRouteTableNotAssociatedWithSubnet")
        table = the_table(bench)
        assert "/MC_apps_team_westeurope/" in table["id"]
        assert table["name"].startswith("aks-agentpool-")
        assert table["properties"]["routes"] == []
        assert "routeTable" not in subnet(bench)
        with pytest.raises(HttpResponseError) as early:
            await put_again(bench)
        assert early.value.status_code == 400
        Subnets(bench.azure).change(bench.world.node_subnet, routeTable={"id": table["id"]})
        cluster = await (await put_again(bench)).result()
        assert cluster.properties.provisioning_state == "Succeeded"
        assert bench.azure.resumed == []

    in_virtual_time(story)


@pytest.mark.parametrize("code", [50, 51, 52])
def test_or_its_nodes_tell_by_their_exit_code(code: Any) -> None:
    async def story(bench: Bench) -> None:
        bench.azure.aks = AksRules(unrouted=code)
        assert f"exit status={code}" in str(await a_failed_creation(bench))

    in_virtual_time(story)


def test_attaching_the_table_during_the_creation_saves_it() -> None:
    async def story(bench: Bench) -> None:
        link_the_hub(bench)
        poller = await bench.create(kubenet=True)
        await bench.azure.clock.sleep(30)
        Subnets(bench.azure).change(bench.world.node_subnet, routeTable={"id": the_table(bench)["id"]})
        assert (await poller.result()).properties.provisioning_state == "Succeeded"

    in_virtual_time(story)


def test_with_azure_dns_aks_attaches_its_table_while_it_creates_and_keeps_the_rest_of_the_subnet() -> None:
    async def story(bench: Bench) -> None:
        Subnets(bench.azure).change(bench.world.node_subnet, natGateway={"id": "/nat"}, ofALaterVersion=1)
        told = heard(bench.azure)
        await (await bench.create(kubenet=True)).result()
        table, seen = the_table(bench), subnet(bench)
        assert (seen["routeTable"], seen["natGateway"], seen["ofALaterVersion"]) == (
            {"id": table["id"]},
            {"id": "/nat"},
            1,
        )
        assert f"{TABLES}/write" in told
        assert told.index("Microsoft.Network/virtualNetworks/subnets/write") < told.index(
            "Microsoft.ContainerService/managedClusters/write"
        )

    in_virtual_time(story, custom_dns=False)


def test_every_node_has_a_route_inside_the_pods_range_that_leads_into_the_subnet() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create(kubenet=True, count=2)).result()
        routes = [one["properties"] for one in the_table(bench)["properties"]["routes"]]
        assert [one["addressPrefix"] for one in routes] == ["10.244.0.0/24", "10.244.1.0/24"]
        assert {one["nextHopType"] for one in routes} == {"VirtualAppliance"}
        assert all(one["nextHopIpAddress"].startswith("10.1.0.") for one in routes)
        shown = [one["id"] for one in subnet(bench)["ipConfigurations"]]
        machines = [one for one in shown if "/virtualMachineScaleSets/AKS-TEAM-VMSS/" in one]
        assert len(machines) == 2
        assert all("/resourceGroups/MC_APPS_TEAM_WESTEUROPE/" in one for one in shown)

    in_virtual_time(story, custom_dns=False)


def test_a_table_of_the_owner_is_left_where_it_is_and_gets_the_nodes_routes() -> None:
    async def story(bench: Bench) -> None:
        theirs = f"{bench.world.group}/providers/{TABLES}/theirs"
        RouteTables(bench.azure).place(theirs, "westeurope", [route("default", "0.0.0.0/0", "10.0.0.4")])
        Subnets(bench.azure).change(bench.world.node_subnet, routeTable={"id": theirs})
        await (await bench.create(kubenet=True)).result()
        assert the_table(bench)["id"] == theirs
        assert [one["name"] for one in the_table(bench)["properties"]["routes"]][-1] == "default"
        assert len(the_table(bench)["properties"]["routes"]) == 3

    in_virtual_time(story, custom_dns=False)


def test_a_vnet_that_aks_makes_has_the_table_too() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create(kubenet=True, subnet=False)).result()
        table = the_table(bench)
        (used,) = table["properties"]["subnets"]
        assert re.search(r"/virtualNetworks/aks-vnet-\d{8}/subnets/aks-subnet$", used["id"])
        assert len(table["properties"]["routes"]) == 2

    in_virtual_time(story)


def test_a_deleted_cluster_leaves_no_table_on_the_subnet() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create(kubenet=True)).result()
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        assert bench.azure.store.of_type(TABLES) == []
        assert "routeTable" not in subnet(bench)
        assert "ipConfigurations" not in subnet(bench)

    in_virtual_time(story, custom_dns=False)
