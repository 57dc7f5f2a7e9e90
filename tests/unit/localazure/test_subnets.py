"""Subnets: what a PUT keeps and takes away, whose ETag it is, and who writes in between."""

from typing import Any

import pytest

from localazure import fault_effects
from localazure.network_rules import NetworkRules
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.resources.route_tables import RouteTables
from localazure.resources.subnets import Subnets
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import HUB, NETWORK, LocalArm

NODES, OTHER = f"{HUB}/subnets/nodes", f"{HUB}/subnets/other"
TABLE = f"{NETWORK}/routeTables/table"
EVERYTHING: dict[str, Any] = {
    "addressPrefixes": ["10.0.1.0/24"],
    "networkSecurityGroup": {"id": "/nsg"},
    "natGateway": {"id": "/nat"},
    "routeTable": {"id": TABLE},
    "serviceEndpoints": [{"service": "Microsoft.Storage", "locations": ["westeurope"]}],
    "serviceEndpointPolicies": [{"id": "/policy"}],
    "delegations": [{"name": "aks", "properties": {"serviceName": "Microsoft.Web/serverFarms", "of": "later"}}],
    "privateEndpointNetworkPolicies": "NetworkSecurityGroupEnabled",
    "privateLinkServiceNetworkPolicies": "Disabled",
    "ipAllocations": [{"id": "/allocation"}],
    "defaultOutboundAccess": False,
    "sharingScope": "Tenant",
    "ofALaterVersion": {"kept": True},
}


def a_world(properties: dict[str, Any] = EVERYTHING) -> LocalArm:
    local = LocalArm()
    local.group()
    local.vnet()
    RouteTables(local.azure).place(TABLE, "westeurope")
    Subnets(local.azure).place(NODES, properties)
    return local


async def shown(local: LocalArm, subnet: str = NODES) -> dict[str, Any]:
    return (await local.call("GET", subnet)).json()


def without_etags(subnet: dict[str, Any]) -> dict[str, Any]:
    properties = dict(subnet["properties"])
    properties["delegations"] = [{**one, "etag": ""} for one in properties["delegations"]]
    return {**subnet, "etag": "", "properties": properties}


def test_a_put_of_what_was_read_changes_nothing() -> None:
    async def story() -> None:
        local = a_world()
        before = await shown(local)
        for key, value in EVERYTHING.items():
            assert key == "delegations" or before["properties"][key] == value
        await local.write(NODES, {"properties": before["properties"]}, if_match=before["etag"])
        assert without_etags(await shown(local)) == without_etags(before)

    run(story())


@pytest.mark.parametrize("key", sorted(EVERYTHING.keys() - {"addressPrefixes", "delegations"}))
def test_a_put_removes_what_it_leaves_out(key: str) -> None:
    async def story() -> None:
        local = a_world()
        sent = {name: value for name, value in EVERYTHING.items() if name != key}
        await local.write(NODES, {"properties": sent})
        assert (await shown(local))["properties"].get(key) != EVERYTHING[key]

    run(story())


def test_what_azure_itself_put_there_survives_and_nobody_else_can_set_it() -> None:
    async def story() -> None:
        links = [{"name": "AzureContainerService", "properties": {"linkedResourceType": "x"}}]
        local = a_world({**EVERYTHING, "serviceAssociationLinks": links})
        await local.write(NODES, {"properties": {"addressPrefix": "10.0.1.0/24", "serviceAssociationLinks": []}})
        await local.write(OTHER, {"properties": {"addressPrefix": "10.0.2.0/24", "serviceAssociationLinks": links}})
        assert (await shown(local))["properties"]["serviceAssociationLinks"] == links
        assert "serviceAssociationLinks" not in (await shown(local, OTHER))["properties"]

    run(story())


def test_back_references_are_gathered_and_upper_cased() -> None:
    async def story() -> None:
        local = a_world()
        await PrivateEndpoints(local.azure).create(
            f"{NETWORK}/privateEndpoints/pe", "westeurope", NODES, target="/x", member="management", fqdns=("a.b",)
        )
        await local.write(NODES, {"properties": {"addressPrefix": "10.0.1.0/24", "privateEndpoints": []}})
        subnet = (await shown(local))["properties"]
        endpoint = "/resourceGroups/RG/providers/Microsoft.Network/privateEndpoints/PE"
        assert subnet["privateEndpoints"][0]["id"].endswith(endpoint)
        assert "/ipConfigurations/PRIVATEENDPOINTIPCONFIG." in subnet["ipConfigurations"][0]["id"]

    run(story())


@pytest.mark.parametrize("who", [NODES, OTHER, HUB], ids=["itself", "a sibling", "the VNet"])
def test_the_etag_moves_when_the_vnet_or_a_sibling_is_written(who: str) -> None:
    async def story() -> None:
        local = a_world()
        await local.write(OTHER, {"properties": {"addressPrefix": "10.0.2.0/24"}})
        etag = (await shown(local))["etag"]
        written = (await local.call("GET", who)).json()
        await local.write(who, {key: written[key] for key in ("location", "properties") if key in written})
        said = await local.call("PUT", NODES, {"properties": EVERYTHING}, if_match=etag)
        assert (said.status_code, said.json()["error"]["code"]) == (412, "PreconditionFailed")

    run(story())


@pytest.mark.parametrize(
    ("judges", "status", "survives"),
    [pytest.param(True, 412, True, id="judged"), pytest.param(False, 200, False, id="ignored")],
)
def test_a_writer_between_read_and_put(judges: bool, status: int, survives: bool) -> None:
    async def story() -> None:
        local = a_world()
        local.azure.network = NetworkRules(judges_subnet_etags=judges)

        async def someone_else() -> None:
            Subnets(local.azure).change(NODES, natGateway={"id": "/theirs"})

        interlude = local.azure.between(NODES, someone_else)
        read = await shown(local)
        assert interlude.done
        assert read["properties"]["natGateway"] == {"id": "/nat"}
        said = await local.call("PUT", NODES, {"properties": read["properties"]}, if_match=read["etag"])
        assert said.status_code == status
        assert ((await shown(local))["properties"]["natGateway"] == {"id": "/theirs"}) is survives

    run(story())


def test_an_interlude_waits_for_its_turn_and_is_played_once() -> None:
    async def story() -> None:
        local = a_world()
        played: list[str] = []

        async def play() -> None:
            played.append("now")

        local.azure.between(NODES.upper().replace("/SUBSCRIPTIONS/", "/subscriptions/"), play, nth=2)
        counts = []
        for _ in range(3):
            await shown(local)
            counts.append(len(played))
        assert counts == [0, 1, 1]

    run(story())


def test_a_write_that_cannot_match_makes_no_subnet() -> None:
    async def story() -> None:
        local = a_world()
        said = await local.call("PUT", OTHER, {"properties": {"addressPrefix": "10.0.2.0/24"}}, if_match="*")
        assert said.status_code == 412
        assert (await local.call("GET", OTHER)).status_code == 404

    run(story())


@pytest.mark.parametrize(
    ("level", "status"), [pytest.param("ReadOnly", 409, id="read-only"), pytest.param("CanNotDelete", 200, id="delete")]
)
def test_a_lock_on_the_subnet(level: Any, status: int) -> None:
    async def story() -> None:
        local = a_world()
        local.azure.access.lock(NODES, level)
        said = await local.call("PUT", NODES, {"properties": EVERYTHING})
        assert said.status_code == status
        assert (status == 200) or said.json()["error"]["code"] == "ScopeLocked"

    run(story())


@pytest.mark.parametrize(
    ("kind", "key"),
    [("routeTables", "routeTable"), ("networkSecurityGroups", "networkSecurityGroup"), ("natGateways", "natGateway")],
)
def test_a_subnet_may_only_name_what_its_writer_may_join(kind: str, key: str) -> None:
    async def story() -> None:
        local = a_world()
        local.azure.access.deny(f"Microsoft.Network/{kind}/join/action")
        said = await local.call("PUT", NODES, {"properties": EVERYTHING})
        assert (said.status_code, said.json()["error"]["code"]) == (403, "LinkedAuthorizationFailed")
        assert f"{kind}/join/action" in said.json()["error"]["message"]
        without = {name: value for name, value in EVERYTHING.items() if name != key}
        assert (await local.call("PUT", NODES, {"properties": without})).status_code == 200

    run(story())


def test_a_lock_that_lifts_after_its_retry_after() -> None:
    async def story() -> None:
        local = a_world()
        local.faults.add(fault_effects.throttled(11), method="PUT", times=1)
        said = await local.call("PUT", NODES, {"properties": EVERYTHING})
        assert (said.status_code, said.headers["retry-after"]) == (429, "11")
        assert (await local.call("PUT", NODES, {"properties": EVERYTHING})).status_code == 200

    run(story())


def test_back_references_follow_who_comes_and_goes() -> None:
    async def story() -> None:
        local = a_world()
        seen = ["ipConfigurations" in (await shown(local))["properties"]]
        endpoint = await PrivateEndpoints(local.azure).create(
            f"{NETWORK}/privateEndpoints/pe", "westeurope", NODES, target="/x", member="management"
        )
        seen.append("ipConfigurations" in (await shown(local))["properties"])
        await local.end_of(await local.call("DELETE", endpoint.id))
        seen.append("ipConfigurations" in (await shown(local))["properties"])
        assert seen == [False, True, False]

    run(story())
