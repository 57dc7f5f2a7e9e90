"""Each recorded subnet, put into a local Azure as it was printed: Tether gives it a route table and changes no more."""

import json
from typing import Any

import pytest

from functions.arm import subnets
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import ArmError
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.network_rules import NetworkRules
from localazure.resources.groups import ResourceGroups
from localazure.resources.route_tables import RouteTables
from localazure.resources.subnets import Subnets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.virtual_time import run
from tests.fidelity.recorded_resources import printed
from tests.scenarios.story import Token

type Json = dict[str, Any]

SUBNETS = printed("subnets")
NOT_PLACED = {"routeTable", "ipConfigurations", "privateEndpoints", "purpose"}
"""What the local Azure works out from what is in the subnet, and the table, which is to be attached."""


def world_with(body: Json) -> tuple[LocalAzure, ResourceId, ResourceId]:
    """A local Azure with the subnet, as it was before it had a table, and with AKS's table beside it."""
    azure, subnet = LocalAzure(), ResourceId(body["id"])
    group = str(subnet.group_id)
    ResourceGroups(azure).create(group, "westus")
    held = {key: value for key, value in body["properties"].items() if key != "routeTable"}
    VirtualNetworks(azure).place(str(subnet.parent), "westus", [held["addressPrefix"]])
    Subnets(azure).place(str(subnet), held)
    table = f"{group}/providers/Microsoft.Network/routeTables/aks-agentpool-12345678-routetable"
    RouteTables(azure).place(table, "westus", [])
    return azure, subnet, ResourceId(table)


def session_to(azure: LocalAzure) -> Session:
    return Session(PUBLIC, TokenSource(Token()), InProcessTransport(arm_app(azure)))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SUBNETS)
def test_before_and_after_differ_in_the_route_table_alone(name: str) -> None:
    async def story() -> None:
        azure, subnet, table = world_with(SUBNETS[name])
        session = session_to(azure)
        before = await subnets.read(session, subnet)
        assert SUBNETS[name]["properties"].keys() - NOT_PLACED <= json.loads(before)["properties"].keys()
        await subnets.attach(session, subnet, before, table)
        while azure.operations.running():
            await azure.clock.sleep(1)
        after = await subnets.read(session, subnet)
        assert subnets.changed_parts(before, after) == ("routeTable",)
        assert json.loads(after)["properties"]["routeTable"] == {"id": str(table)}
        await azure.close()

    run(story())


@pytest.mark.parametrize("name", SUBNETS)
def test_an_etag_that_is_out_of_date_is_refused_where_azure_enforces_it(name: str) -> None:
    async def story() -> None:
        azure, subnet, table = world_with(SUBNETS[name])
        azure.network = NetworkRules(judges_subnet_etags=True)
        session = session_to(azure)
        before = await subnets.read(session, subnet)
        Subnets(azure).change(str(subnet), serviceEndpoints=[{"service": "Microsoft.Storage"}])
        client = session.network(subnet.subscription)
        with pytest.raises(ArmError, match="PreconditionFailed"):
            await subnets.put(client, subnet, subnets.with_table(before, table), subnets.etag(before))
        await azure.close()

    run(story())
