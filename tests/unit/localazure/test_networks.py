"""Networks: what a subnet's PUT takes away, who holds a VNet, and how an endpoint shows in its subnet."""

from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import HUB, NETWORK, LocalArm

NODES = f"{HUB}/subnets/nodes"
GUARDED = {"addressPrefix": "10.0.1.0/24", "networkSecurityGroup": {"id": "/nsg", "location": "x"}}


def test_a_subnet_put_removes_what_it_leaves_out_and_moves_the_etag_of_the_vnet() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        seen = []
        for properties in (GUARDED, {"addressPrefix": "10.0.1.0/24"}):
            await local.write(NODES, {"properties": properties})
            subnet = (await local.call("GET", NODES)).json()
            seen.append(subnet["properties"].get("networkSecurityGroup"))
            assert subnet["etag"] == (await local.call("GET", HUB)).json()["etag"]
        assert seen == [{"id": "/nsg"}, None]

    run(story())


def test_a_vnet_is_held_while_one_of_its_subnets_is_written() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        first = await local.call("PUT", NODES, {"properties": GUARDED})
        second = await local.call("PUT", f"{HUB}/subnets/other", {"properties": {"addressPrefix": "10.0.2.0/24"}})
        assert (second.status_code, second.json()["error"]["code"]) == (409, "AnotherOperationInProgress")
        assert first.headers["azure-asyncoperation"] in second.json()["error"]["message"]
        await local.end_of(first)
        assert (await local.call("PUT", NODES, {"properties": GUARDED})).status_code == 200

    run(story())


def test_a_stale_etag_does_not_overwrite_a_subnet() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.write(NODES, {"properties": GUARDED})
        stale = (await local.call("GET", NODES)).json()["etag"]
        await local.write(NODES, {"properties": GUARDED}, if_match=stale)
        assert (await local.call("PUT", NODES, {"properties": GUARDED}, if_match=stale)).status_code == 412

    run(story())


def test_an_endpoint_has_an_address_of_its_subnet_and_keeps_the_subnet_alive() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.write(NODES, {"properties": GUARDED})
        endpoint = await PrivateEndpoints(local.azure).create(
            f"{NETWORK}/privateEndpoints/pe", "westeurope", NODES, target="/x", member="management", fqdns=("a.b",)
        )
        assert endpoint.properties["customDnsConfigs"] == [{"fqdn": "a.b", "ipAddresses": ["10.0.1.4"]}]
        used = await local.call("DELETE", NODES)
        assert (used.status_code, used.json()["error"]["code"]) == (400, "InUseSubnetCannotBeDeleted")
        await local.end_of(await local.call("DELETE", endpoint.id))
        assert (await local.call("DELETE", NODES)).status_code == 202

    run(story())
