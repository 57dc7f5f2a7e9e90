"""Load balancers over ARM: what they print, the addresses that they hold, and who is told."""

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from localazure.resources.load_balancers import LoadBalancers
from localazure.resources.subnets import Subnets
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import NETWORK, LocalArm

GRAPH = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
BALANCER = f"{NETWORK}/loadBalancers/internal"


async def with_a_subnet(*prefixes: str) -> tuple[LocalArm, str]:
    local = LocalArm()
    local.group()
    subnet = f"{local.vnet()}/subnets/api"
    await Subnets(local.azure).create(subnet, {"addressPrefixes": list(prefixes)})
    local.events.clear()
    return local, subnet


def frontend(name: str, subnet: str, **properties: Any) -> dict[str, Any]:
    return {"name": name, "properties": {"subnet": {"id": subnet}, **properties}}


def a_body(*frontends: dict[str, Any]) -> dict[str, Any]:
    return {"location": "westeurope", "properties": {"frontendIPConfigurations": list(frontends)}}


def test_it_is_written_read_listed_and_deleted() -> None:
    async def story() -> None:
        local, subnet = await with_a_subnet("10.0.1.0/24")
        poller = await local.network.load_balancers.begin_create_or_update(
            "rg", "internal", a_body(frontend("one", subnet), frontend("two", subnet))
        )
        made = await poller.result()
        assert made.provisioning_state == "Succeeded"
        assert [held.private_ip_address for held in made.frontend_ip_configurations] == ["10.0.1.4", "10.0.1.5"]
        read = await local.network.load_balancers.get("rg", "internal")
        assert (read.id, read.etag) == (made.id, made.etag)
        assert [found.name async for found in local.network.load_balancers.list("rg")] == ["internal"]
        assert [found.name async for found in local.network.load_balancers.list_all()] == ["internal"]
        await (await local.network.load_balancers.begin_delete("rg", "internal")).result()
        with pytest.raises(ResourceNotFoundError):
            await local.network.load_balancers.get("rg", "internal")
        assert local.events == [
            ("Microsoft.Network/loadBalancers/write", "ResourceWriteSuccess"),
            ("Microsoft.Network/loadBalancers/delete", "ResourceDeleteSuccess"),
        ]

    run(story())


def test_a_frontend_keeps_its_address_when_it_is_written_again_and_takes_the_one_it_asks_for() -> None:
    async def story() -> None:
        local, subnet = await with_a_subnet("10.0.1.0/24")
        await local.write(BALANCER, a_body(frontend("first", subnet), frontend("second", subnet)))
        await local.write(BALANCER, a_body(frontend("second", subnet), frontend("third", subnet)))
        asked = frontend("fixed", subnet, privateIPAddress="10.0.1.99")
        await local.write(BALANCER, a_body(frontend("second", subnet), asked))
        held = (await local.network.load_balancers.get("rg", "internal")).frontend_ip_configurations
        assert {one.name: one.private_ip_address for one in held} == {"second": "10.0.1.5", "fixed": "10.0.1.99"}

    run(story())


def test_both_versions_come_from_the_prefixes_of_the_subnet() -> None:
    async def story() -> None:
        local, subnet = await with_a_subnet("10.0.1.0/24", "fd00:1::/64")
        made = await LoadBalancers(local.azure).create(
            BALANCER, "westeurope", {"four": (subnet, "IPv4"), "six": (subnet, "IPv6")}
        )
        held = [one["properties"] for one in made.properties["frontendIPConfigurations"]]
        assert [(one["privateIPAddress"], one["privateIPAddressVersion"]) for one in held] == [
            ("10.0.1.4", "IPv4"),
            ("fd00:1::4", "IPv6"),
        ]

    run(story())


def test_its_subnet_is_in_use_and_must_exist() -> None:
    async def story() -> None:
        local, subnet = await with_a_subnet("10.0.1.0/24")
        await local.write(BALANCER, a_body(frontend("one", subnet)))
        with pytest.raises(HttpResponseError, match="InUseSubnetCannotBeDeleted"):
            await local.network.subnets.begin_delete("rg", "hub", "api")
        with pytest.raises(HttpResponseError, match="InvalidResourceReference"):
            await local.network.load_balancers.begin_create_or_update("rg", "x", a_body(frontend("a", f"{subnet}x")))
        await (await local.network.load_balancers.begin_delete("rg", "nobody")).result()

    run(story())


def test_resource_graph_shows_its_frontends() -> None:
    async def story() -> None:
        local, subnet = await with_a_subnet("10.0.1.0/24")
        await local.write(BALANCER, a_body(frontend("one", subnet)))
        query = (
            "resources | where type =~ 'Microsoft.Network/loadBalancers' | where name =~ 'INTERNAL' "
            "| project id, frontends = properties.frontendIPConfigurations | order by id asc"
        )
        [row] = (await local.call("POST", GRAPH, {"query": query})).json()["data"]
        assert row["id"] == BALANCER
        assert row["frontends"][0]["properties"]["privateIPAddress"] == "10.0.1.4"

    run(story())
