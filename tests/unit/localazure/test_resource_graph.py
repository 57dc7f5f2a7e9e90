"""Resource Graph at ARM's front: rows as it shows them, pages, quota, staleness and partial access."""

from typing import Any

import pytest

from localazure.fleet import many_clusters
from localazure.virtual_time import run
from localazure.world import hub_and_spoke
from tests.unit.localazure.local_arm import SUBSCRIPTION, ZONE, LocalArm

Json = dict[str, Any]
GRAPH = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
LINKS = "resources | where type =~ 'microsoft.network/privatednszones/virtualnetworklinks'"


async def ask(local: LocalArm, query: str, **body: Any) -> Any:
    return await local.call("POST", GRAPH, {"query": query, **body})


async def rows(local: LocalArm, query: str, **body: Any) -> list[Json]:
    said = await ask(local, query, **body)
    assert said.status_code == 200, said.text()
    return said.json()["data"]


def test_rows_are_printed_as_resource_graph_prints_them() -> None:
    async def story() -> None:
        local = LocalArm()
        world = hub_and_spoke(local.azure, group="Apps")
        local.azure.management_groups[world.subscription] = ("landing-zones", "root")
        local.group()
        await local.zone()
        await local.write(f"{ZONE}/A/api", {"properties": {"ttl": 60, "aRecords": [{"ipv4Address": "10.1.0.4"}]}})

        [spoke] = await rows(local, f"resources | where id =~ '{world.spoke}'")
        assert (spoke["type"], spoke["resourceGroup"]) == ("microsoft.network/virtualnetworks", "apps")
        assert (spoke["subscriptionId"], spoke["tenantId"]) == (world.subscription, local.azure.tenant)
        assert spoke["properties"]["subnets"][0]["id"] == world.node_subnet
        [peering] = spoke["properties"]["virtualNetworkPeerings"]
        assert peering["properties"]["remoteVirtualNetwork"]["id"] == world.hub
        assert peering["properties"]["peeringState"] == "Connected"

        [record] = await rows(local, "dnsresources | where type =~ 'microsoft.network/privatednszones/a'")
        assert (record["managedBy"], record["properties"]["aRecords"]) == (ZONE, [{"ipv4Address": "10.1.0.4"}])
        [zone] = await rows(local, "resources | where type =~ 'microsoft.network/privatednszones'")
        assert zone["properties"]["numberOfRecordSets"] == 2

        groups = await rows(local, "resourcecontainers | where type has 'resourcegroups' | order by id asc")
        assert [group["name"] for group in groups] == ["Apps", "rg", "hub-westeurope"]
        assert all(group["type"] == "microsoft.resources/subscriptions/resourcegroups" for group in groups)
        [chain] = await rows(
            local,
            f"resourcecontainers | where type == 'microsoft.resources/subscriptions' and name == '{SUBSCRIPTION}'"
            " | project chain = properties.managementGroupAncestorsChain",
        )
        assert [group["name"] for group in chain["chain"]] == ["landing-zones", "root"]

    run(story())


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ({}, 3),
        ({"subscriptions": [SUBSCRIPTION.upper()]}, 2),
        ({"subscriptions": []}, 0),
        ({"managementGroups": ["Landing-Zones"]}, 2),
        ({"managementGroups": ["elsewhere"]}, 0),
    ],
)
def test_a_query_sees_only_its_scope(scope: Json, found: int) -> None:
    async def story() -> None:
        local = LocalArm()
        hub_and_spoke(local.azure)
        local.group()
        local.azure.management_groups[SUBSCRIPTION] = ("landing-zones",)
        said = await rows(local, "resourcecontainers | where type endswith '/resourcegroups'", **scope)
        assert len(said) == found

    run(story())


def test_a_big_fleet_comes_in_pages_of_a_thousand() -> None:
    async def story() -> None:
        local = LocalArm()
        fleet = many_clusters(local.azure, 1100, unlinked=10)
        seen: list[str] = []
        options: Json = {"resultFormat": "objectArray"}
        pages = 0
        while True:
            said = (await ask(local, f"{LINKS} | project id | order by id asc", options=options)).json()
            seen += [row["id"] for row in said["data"]]
            pages += 1
            assert (said["totalRecords"], said["count"]) == (2190, len(said["data"]))
            if "$skipToken" not in said:
                break
            assert said["resultTruncated"] == "true"
            options["$skipToken"] = said["$skipToken"]
        assert (pages, said["resultTruncated"]) == (3, "false")
        assert seen == sorted(set(seen))
        assert len(fleet.subscriptions) == 2

    run(story())


def test_without_an_id_there_is_no_skip_token() -> None:
    async def story() -> None:
        local = LocalArm()
        many_clusters(local.azure, 3)
        said = (await ask(local, f"{LINKS} | project name", options={"$top": 2})).json()
        assert (said["count"], said["totalRecords"], said["resultTruncated"]) == (2, 6, "true")
        assert "$skipToken" not in said

    run(story())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "resources | join x"}, "InvalidQuery"),
        ({}, "InvalidQuery"),
        ({"query": "resources", "options": {"$top": 1001}}, "InvalidOptions"),
        ({"query": "resources", "options": {"$skip": "x"}}, "InvalidOptions"),
        ({"query": "resources", "options": {"$skipToken": "x"}}, "InvalidSkipToken"),
        ({"query": "resources", "options": {"resultFormat": "table"}}, "InvalidResultFormat"),
    ],
)
def test_what_cannot_be_answered_is_a_bad_request(body: Json, code: str) -> None:
    async def story() -> None:
        said = await LocalArm().call("POST", GRAPH, body)
        assert (said.status_code, said.json()["error"]["code"]) == (400, "BadRequest")
        assert said.json()["error"]["details"][0]["code"] == code

    run(story())


def test_the_sixteenth_query_within_five_seconds_is_throttled() -> None:
    async def story() -> None:
        local = LocalArm()
        first = await ask(local, "resources | count")
        assert (first.headers["x-ms-user-quota-remaining"], first.headers["x-ms-user-quota-resets-after"]) == (
            "14",
            "00:00:05",
        )
        assert [(await ask(local, "resources | count")).status_code for _ in range(14)] == [200] * 14
        refused = await ask(local, "resources | count")
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RateLimiting")
        assert refused.headers["retry-after"] == "5"
        await local.azure.clock.sleep(5)
        assert (await ask(local, "resources | count")).status_code == 200

    run(story())


def test_rows_can_be_as_old_as_asked_for() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        await local.zone()
        local.azure.graph.be_stale(60)
        hub = local.vnet()
        await local.link("hub", hub)
        states = f"{LINKS} | project name, state = properties.virtualNetworkLinkState"
        await local.azure.clock.sleep(1)
        [there] = await rows(local, states)
        assert there["state"] == "InProgress", "the link's birth is 60 s ago, its completion is not"
        await local.azure.clock.sleep(60)
        assert (await rows(local, states))[0]["state"] == "Completed"
        await local.call("DELETE", f"{ZONE}/virtualNetworkLinks/hub")
        await local.azure.clock.sleep(50)
        assert len(await rows(local, states)) == 1
        await local.azure.clock.sleep(50)
        assert await rows(local, states) == []
        assert len(await rows(local, "resources | where type =~ 'microsoft.network/privatednszones'")) == 1

    run(story())


def test_access_may_be_partial_without_a_word() -> None:
    async def story() -> None:
        local = LocalArm()
        world = hub_and_spoke(local.azure)
        query = "resources | where type =~ 'microsoft.network/virtualnetworks' | project id"
        assert len(await rows(local, query)) == 2
        local.azure.graph.missing.add(world.spoke.upper())
        assert [row["id"] for row in await rows(local, query)] == [world.hub]
        local.azure.graph.silent.add(world.hub.split("/")[2])
        assert await rows(local, query) == []

    run(story())


def test_a_placed_fleet_is_what_arm_shows() -> None:
    async def story() -> None:
        local = LocalArm()
        fleet = many_clusters(local.azure, 2, unlinked=1)
        zone, cluster = fleet.zones[0], fleet.clusters[0]
        assert (await local.call("GET", zone)).json()["properties"]["numberOfVirtualNetworkLinks"] == 1
        properties = (await local.call("GET", cluster)).json()["properties"]
        assert properties["privateFQDN"].endswith(zone.rpartition("/")[2])
        group = f"{cluster.partition('/resourcegroups/')[0]}/resourceGroups/{properties['nodeResourceGroup']}"
        assert (await local.call("GET", group)).json()["managedBy"] == cluster
        endpoint = f"{group}/providers/Microsoft.Network/privateEndpoints/kube-apiserver"
        nic = (await local.call("GET", endpoint)).json()["properties"]["networkInterfaces"][0]["id"]
        assert (await local.call("GET", nic)).status_code == 200
        hub = local.azure.resolvers.lookup(fleet.hubs[0], properties["privateFQDN"])
        assert hub.addresses == ()

    run(story())
