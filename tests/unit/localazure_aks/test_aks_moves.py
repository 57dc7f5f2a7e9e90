"""An API server's address moves: by maintenance, by stopping and starting, by joining the VNet."""

import asyncio
import contextlib
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest
from starlette.applications import Starlette

from localazure.admin import admin_routes
from localazure.aks import maintenance
from localazure.aks.rules import AksRules
from localazure.answers import Refused
from localazure.azure import LocalAzure
from localazure.event_grid import EventGrid
from localazure.faults import Faults
from localazure.fleet import many_clusters
from localazure.in_process import InProcessTransport
from localazure.operations import OperationFailed
from localazure.resources.subnets import Subnets
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time, state_of, the_zone

ENDPOINTS = "Microsoft.Network/privateEndpoints"
NICS = "Microsoft.Network/networkInterfaces"
BALANCERS = "Microsoft.Network/loadBalancers"


async def a_cluster(bench: Bench, *, linked: bool = True, **said: Any) -> str:
    """A private cluster that is up, its zone linked to the hub, and its id."""

    async def link(zone: str) -> None:
        await bench.link(zone, bench.world.hub)

    if linked:
        bench.when_the_zone_is_born(link)
    return (await (await bench.create(**said)).result()).id


def record(azure: LocalAzure, kind: str = "A") -> list[str]:
    """The addresses in the only record set of a kind."""
    found = [held.properties for held in azure.store.of_type(f"{ZONES}/{kind}")]
    field, key = {"A": ("aRecords", "ipv4Address"), "AAAA": ("aaaaRecords", "ipv6Address")}[kind]
    return [entry[key] for properties in found for entry in properties[field]]


def heard(azure: LocalAzure) -> list[str]:
    """What is told from now on: `Write Microsoft.Network/…/write`, failures with a mark."""
    told: list[str] = []

    def hear(event: Json) -> None:
        failed = "" if event["eventType"].endswith("Success") else "FAILED "
        told.append(failed + event["data"]["operationName"])

    azure.listen(hear)
    return told


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


def test_a_conversion_keeps_the_name_and_moves_the_address_to_a_load_balancer() -> None:
    async def story(bench: Bench) -> None:
        azure, cluster = bench.azure, await a_cluster(bench)
        before = await bench.aks.managed_clusters.get("apps", "team")
        [old] = maintenance.addresses(azure, cluster)
        api = f"{bench.world.spoke}/subnets/api"
        await Subnets(azure).create(api, {"addressPrefix": "10.1.9.0/28"})
        told = heard(azure)
        before.properties.api_server_access_profile.enable_vnet_integration = True
        before.properties.api_server_access_profile.subnet_id = api
        after = await (await bench.aks.managed_clusters.begin_create_or_update("apps", "team", before)).result()

        assert after.properties.private_fqdn == before.properties.private_fqdn
        assert maintenance.addresses(azure, cluster) == ("10.1.9.4",) != (old,)
        assert record(azure) == ["10.1.9.4"]
        assert azure.store.of_type(ENDPOINTS) == azure.store.of_type(NICS) == []
        balancer = azure.store.of_type(BALANCERS)[0]
        assert balancer.name == "kube-apiserver"
        assert told == [
            f"{BALANCERS}/write",
            f"{ZONES}/A/write",
            f"{NICS}/delete",
            f"{ENDPOINTS}/delete",
            "Microsoft.ContainerService/managedClusters/write",
        ]
        after.properties.api_server_access_profile.enable_vnet_integration = False
        with pytest.raises(HttpResponseError, match="cannot be switched off"):
            await bench.aks.managed_clusters.begin_create_or_update("apps", "team", after)

    in_virtual_time(story)


def test_a_conversion_from_python_is_the_same() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        await maintenance.integrate(bench.azure, cluster)
        assert bench.azure.store.of_type(ENDPOINTS) == []
        assert record(bench.azure) == list(maintenance.addresses(bench.azure, cluster))
        assert len(await maintenance.maintenance(bench.azure, cluster)) == 1
        assert record(bench.azure) == list(maintenance.addresses(bench.azure, cluster))

    in_virtual_time(story)


@pytest.mark.parametrize("private", [True, False])
def test_a_cluster_may_be_born_in_its_vnet(private: bool) -> None:
    async def story(bench: Bench) -> None:
        access = {"enablePrivateCluster": private, "enableVnetIntegration": True}
        made = await (await bench.create(access=access, subnet=False)).result()
        assert maintenance.addresses(bench.azure, made.id) == ("10.226.0.4",)
        assert bench.azure.store.of_type(ENDPOINTS) == []
        assert record(bench.azure) == (["10.226.0.4"] if private else [])
        if private:
            assert ".private.westeurope." in made.properties.private_fqdn
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        assert bench.azure.store.of_type(BALANCERS) == []

    in_virtual_time(story)


@pytest.mark.parametrize("integrated", [False, True])
def test_a_dual_stack_cluster_has_both_records(integrated: bool) -> None:
    async def story(bench: Bench) -> None:
        subnet = {"addressPrefixes": ["10.1.5.0/24", "fd00:1:5::/64"]}
        await Subnets(bench.azure).create(bench.world.node_subnet, subnet)
        request: Json = {
            "location": bench.world.location,
            "properties": {
                "dnsPrefix": "team",
                "agentPoolProfiles": [{"name": "np", "count": 1, "vnetSubnetID": bench.world.node_subnet}],
                "networkProfile": {"ipFamilies": ["IPv4", "IPv6"]},
                "apiServerAccessProfile": {"enablePrivateCluster": True, "enableVnetIntegration": integrated},
            },
        }
        made = await (await bench.aks.managed_clusters.begin_create_or_update("apps", "team", request)).result()
        assert maintenance.addresses(bench.azure, made.id) == ("10.1.5.4", "fd00:1:5::4")
        assert (record(bench.azure, "A"), record(bench.azure, "AAAA")) == (["10.1.5.4"], ["fd00:1:5::4"])
        four, six = await maintenance.maintenance(bench.azure, made.id)
        assert (record(bench.azure, "A"), record(bench.azure, "AAAA")) == ([four], [six])

    in_virtual_time(story, custom_dns=False)


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
