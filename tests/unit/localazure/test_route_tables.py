"""Route tables and routes: what moves their ETag, who must wait, and who may not go."""

from localazure.resources.route_tables import RouteTables, route
from localazure.resources.subnets import Subnets
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import HUB, NETWORK, LocalArm

TABLE = f"{NETWORK}/routeTables/aks-agentpool-1-routetable"
NODES = f"{HUB}/subnets/nodes"
FIREWALL = route("default", "0.0.0.0/0", "10.9.0.4")


def a_world() -> LocalArm:
    local = LocalArm()
    local.group()
    local.vnet()
    Subnets(local.azure).place(NODES, {"addressPrefix": "10.0.1.0/24"})
    return local


def test_a_table_is_written_with_its_routes_and_told_of() -> None:
    async def story() -> None:
        local = a_world()
        await local.write(TABLE, {"location": "West Europe", "properties": {"routes": [FIREWALL]}})
        shown = (await local.call("GET", TABLE)).json()
        assert (shown["location"], shown["properties"]["disableBgpRoutePropagation"]) == ("westeurope", False)
        assert [(one["name"], one["etag"]) for one in shown["properties"]["routes"]] == [("default", shown["etag"])]
        await local.write(f"{TABLE}/routes/pods", {"properties": route("", "10.244.0.0/24", "10.0.1.4")["properties"]})
        listed = (await local.call("GET", f"{TABLE}/routes")).json()["value"]
        assert [one["name"] for one in listed] == ["default", "pods"]
        assert (await local.call("GET", TABLE)).json()["etag"] != shown["etag"]
        assert local.events[-2:] == [
            ("Microsoft.Network/routeTables/write", "ResourceWriteSuccess"),
            ("Microsoft.Network/routeTables/routes/write", "ResourceWriteSuccess"),
        ]

    run(story())


def test_a_put_of_a_table_removes_the_routes_that_it_leaves_out() -> None:
    async def story() -> None:
        local = a_world()
        RouteTables(local.azure).place(TABLE, "westeurope", [FIREWALL])
        await local.write(TABLE, {"location": "westeurope", "properties": {}})
        assert (await local.call("GET", TABLE)).json()["properties"]["routes"] == []

    run(story())


def test_a_subnet_must_wait_for_the_table_that_it_names() -> None:
    async def story() -> None:
        local = a_world()
        attached = {"properties": {"addressPrefix": "10.0.1.0/24", "routeTable": {"id": TABLE}}}
        missing = await local.call("PUT", NODES, attached)
        assert (missing.status_code, missing.json()["error"]["code"]) == (400, "InvalidResourceReference")
        started = await local.call("PUT", TABLE, {"location": "westeurope"})
        early = await local.call("PUT", NODES, attached)
        assert early.status_code == 429
        assert early.json()["error"]["details"][0]["code"] == "ReferencedResourceNotProvisioned"
        assert "retry-after" not in early.headers
        await local.end_of(started)
        await local.write(NODES, attached)
        assert (await local.call("GET", TABLE)).json()["properties"]["subnets"] == [{"id": NODES}]

    run(story())


def test_a_table_in_use_stays() -> None:
    async def story() -> None:
        local = a_world()
        RouteTables(local.azure).place(TABLE, "westeurope")
        Subnets(local.azure).change(NODES, routeTable={"id": TABLE})
        used = await local.call("DELETE", TABLE)
        assert (used.status_code, used.json()["error"]["code"]) == (400, "InUseRouteTableCannotBeDeleted")
        Subnets(local.azure).change(NODES, routeTable=None)
        await local.end_of(await local.call("DELETE", TABLE))
        assert (await local.call("GET", TABLE)).status_code == 404

    run(story())


def test_two_routes_are_written_side_by_side_but_not_deleted() -> None:
    async def story() -> None:
        local = a_world()
        RouteTables(local.azure).place(TABLE, "westeurope")
        body = {"properties": FIREWALL["properties"]}
        written = [await local.call("PUT", f"{TABLE}/routes/{name}", body) for name in ("a", "b")]
        assert [one.status_code for one in written] == [201, 201]
        for one in written:
            await local.end_of(one)
        first = await local.call("DELETE", f"{TABLE}/routes/a")
        second = await local.call("DELETE", f"{TABLE}/routes/b")
        assert (first.status_code, second.status_code) == (202, 429)
        assert second.json()["error"]["details"][0]["code"] == "RetryableErrorDueToAnotherOperation"
        await local.azure.clock.sleep(float(second.headers["retry-after"]))
        assert (await local.call("DELETE", f"{TABLE}/routes/b")).status_code == 202

    run(story())


def test_resource_graph_shows_routes_and_subnets_of_a_table_and_who_sits_in_a_subnet() -> None:
    async def story() -> None:
        local = a_world()
        RouteTables(local.azure).place(TABLE, "westeurope", [FIREWALL])
        Subnets(local.azure).change(NODES, routeTable={"id": TABLE})
        tables = list(local.azure.graph.rows("resources", ["microsoft.network/routetables"], None))
        assert [one["properties"]["subnets"] for one in tables] == [[{"id": NODES}]]
        assert tables[0]["properties"]["routes"][0]["properties"]["nextHopIpAddress"] == "10.9.0.4"
        vnets = list(local.azure.graph.rows("resources", ["microsoft.network/virtualnetworks"], None))
        subnet = vnets[0]["properties"]["subnets"][0]
        assert subnet["properties"]["routeTable"] == {"id": TABLE}
        assert subnet["etag"] == (await local.call("GET", NODES)).json()["etag"]

    run(story())
