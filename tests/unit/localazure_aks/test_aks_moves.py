"""An API server's address moves: by maintenance, and by what befalls its private endpoint."""

import asyncio
import contextlib

import pytest
from azure.core.rest import HttpRequest
from starlette.applications import Starlette

from localazure.admin import admin_routes
from localazure.aks import maintenance
from localazure.event_grid import EventGrid
from localazure.faults import Faults
from localazure.fleet import many_clusters
from localazure.in_process import InProcessTransport
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time, the_zone
from tests.unit.localazure_aks.moves import ENDPOINTS, NICS, a_cluster, heard, record


def test_maintenance_moves_the_nic_then_the_endpoint_then_the_record() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        [old] = maintenance.addresses(azure, cluster)
        told = heard(azure)
        [new] = await maintenance.maintenance(azure, cluster)
        assert new != old
        assert told == [f"{NICS}/write", f"{ENDPOINTS}/write", f"{ZONES}/A/write"]
        [endpoint] = azure.store.of_type(ENDPOINTS)
        assert endpoint.properties["customDnsConfigs"][0]["ipAddresses"] == [new]
        assert record(azure) == [new]

    in_virtual_time(story)


def test_until_the_ttl_ends_a_hub_tells_the_old_address() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        name = (await bench.aks.managed_clusters.get("apps", "team")).properties.private_fqdn
        before = azure.resolvers.lookup(bench.world.spoke, name)
        [new] = await maintenance.maintenance(azure, cluster)
        stale = azure.resolvers.lookup(bench.world.spoke, name)
        assert (stale.addresses, stale.cached) == (before.addresses, True)
        assert before.addresses != (new,)
        await azure.clock.sleep(300)
        assert azure.resolvers.lookup(bench.world.spoke, name).addresses == (new,)

    in_virtual_time(story)


def test_a_cluster_that_is_deleted_during_its_maintenance_leaves_nothing_in_a_custom_zone() -> None:
    async def story(bench: Bench) -> None:
        name = "privatelink.westeurope.azmk8s.io"
        await (await bench.dns.private_zones.begin_create_or_update("apps", name, {"location": "global"})).result()
        zone = the_zone(bench)
        await (await bench.link(zone, bench.world.hub)).result()
        cluster = await a_cluster(bench, linked=False, private_dns_zone=zone)
        deleting = await bench.aks.managed_clusters.begin_delete("apps", "team")
        for pause in (18, 1, 2, 3):
            await asyncio.sleep(pause)
            with contextlib.suppress(LookupError):
                await maintenance.maintenance(bench.azure, cluster)
        await deleting.result()
        assert record(bench.azure) == []

    in_virtual_time(story)


def test_a_placed_fleet_moves_too() -> None:
    async def story(bench: Bench) -> None:
        placed = many_clusters(bench.azure, 2)
        before = [maintenance.addresses(bench.azure, cluster) for cluster in placed.clusters]
        await maintenance.maintenance(bench.azure, placed.clusters[1])
        first, second = (maintenance.addresses(bench.azure, cluster) for cluster in placed.clusters)
        assert (first, second != before[1]) == (before[0], True)

    in_virtual_time(story)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("maintenance", {}, 200),
        ("maintenance", {"cluster": "/no/cluster"}, 400),
        ("approval", {"status": "Disconnected"}, 204),
        ("approval", {"status": "Perhaps"}, 400),
    ],
)
def test_moves_and_approvals_can_be_asked_for_over_http(path: str, body: Json, status: int) -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        before = maintenance.addresses(azure, cluster)
        app = Starlette(routes=admin_routes(azure, EventGrid(azure), Faults(azure)))
        asked = HttpRequest("POST", f"https://x/_local/{path}", json={"cluster": cluster} | body)
        said = await InProcessTransport(app).send(asked)
        assert said.status_code == status, said.text()
        assert (maintenance.addresses(azure, cluster) != before) is (path == "maintenance" and status == 200)

    in_virtual_time(story)


def test_the_endpoint_says_whose_it_is_and_whether_it_is_approved() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        told = heard(bench.azure)
        maintenance.set_approval(bench.azure, cluster, "Rejected")
        [endpoint] = bench.azure.store.of_type(ENDPOINTS)
        [connection] = endpoint.properties["privateLinkServiceConnections"]
        said = connection["properties"]
        assert (said["privateLinkServiceId"], said["groupIds"]) == (cluster, ["management"])
        assert said["privateLinkServiceConnectionState"]["status"] == "Rejected"
        assert told == [f"{ENDPOINTS}/write"]
        await maintenance.delete_endpoint(bench.azure, cluster)
        assert bench.azure.store.of_type(ENDPOINTS) == []
        with pytest.raises(LookupError, match="is not there"):
            maintenance.set_approval(bench.azure, cluster, "Approved")

    in_virtual_time(story)


def test_resource_graph_shows_where_an_api_server_is() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        [address] = await maintenance.maintenance(bench.azure, cluster)

        async def rows(query: str) -> list[Json]:
            url = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
            said = await bench.aks.send_request(HttpRequest("POST", url, json={"query": query}))
            assert said.status_code == 200, said.text()
            return said.json()["data"]

        [endpoint] = await rows(
            "resources | where type =~ 'microsoft.network/privateendpoints' | where name =~ 'kube-apiserver' "
            "| project id, connections = properties.privateLinkServiceConnections, "
            "nics = properties.networkInterfaces, configs = properties.customDnsConfigs | order by id asc"
        )
        assert endpoint["connections"][0]["properties"]["privateLinkServiceId"] == cluster
        assert endpoint["configs"][0]["ipAddresses"] == [address]
        [nic] = await rows(
            "resources | where type =~ 'microsoft.network/networkinterfaces' "
            "| project id, endpoint = properties.privateEndpoint.id, held = properties.ipConfigurations "
            "| order by id asc"
        )
        assert (nic["id"], nic["endpoint"]) == (endpoint["nics"][0]["id"], endpoint["id"])
        assert nic["held"][0]["properties"]["privateIPAddress"] == address
        [told] = await rows(
            "dnsresources | where type in~ ('microsoft.network/privatednszones/a', "
            "'microsoft.network/privatednszones/aaaa') "
            "| project id, zone = managedBy, records = properties.aRecords | order by id asc"
        )
        assert (told["zone"], told["records"]) == (the_zone(bench), [{"ipv4Address": address}])

    in_virtual_time(story)
