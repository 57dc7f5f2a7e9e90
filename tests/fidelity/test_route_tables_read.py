"""Every recorded route table, as Tether reads it and judges whether it is AKS's."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from functions.arm import reads
from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook
from functions.fleet.subnet_model import RouteTable, Subnet
from functions.handlers.route_table_proof import carries_pods, doubts_of_table, leads_elsewhere
from tests.fidelity.recorded_arm import RecordedArm, ask
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import document, recording, skip_if_absent

type Json = dict[str, Any]

TABLES = printed("routeTables")
TABLE_LIST = "network/route-table-list-subscription-with-subnets"
TO_THE_INTERNET = "network/subnet-attach-route-table-then-delegation"
GROUP = ResourceId("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/MC_a_b_westeurope")


def table(body: Json) -> RouteTable:
    return msgspec.convert(body, RouteTable, dec_hook=decode_hook)


def test_the_recordings_hold_route_tables() -> None:
    skip_if_absent()
    assert len(TABLES) >= 12


@pytest.mark.parametrize("name", TABLES)
def test_tether_reads_a_route_table_as_azure_meant_it(name: str) -> None:
    held = TABLES[name]["properties"]
    read = table(TABLES[name])
    assert [
        (one.name, one.properties.address_prefix, one.properties.next_hop_type, one.properties.next_hop_ip_address)
        for one in read.routes
    ] == list(_routes(held))
    assert bool(read.properties.disable_bgp_route_propagation) is held.get("disableBgpRoutePropagation", False)
    assert not read.of_aks, "none of them was made by AKS"


def _routes(held: Json) -> Iterator[tuple[Any, ...]]:
    for route in held.get("routes", []):
        said = route["properties"]
        yield route["name"], said["addressPrefix"], said["nextHopType"], said.get("nextHopIpAddress")


def test_a_list_of_route_tables_is_read_whole() -> None:
    answer = recording(TABLE_LIST).exchanges[0]["response"]
    held = ask(RecordedArm({"GET": [answer]}), lambda session: reads.route_tables(session, GROUP))
    assert held == tuple(table(one) for one in answer["body"]["value"])
    assert [len(one.routes) for one in held] == [0, 4]


def in_subnet(prefix: str) -> Subnet:
    subnet = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
    return msgspec.convert({"id": subnet, "properties": {"addressPrefix": prefix}}, Subnet, dec_hook=decode_hook)


def aks_table() -> RouteTable:
    """The body of AKS's own write, from an activity log whose author blotted out the subscription."""
    request = document("network/field-activity-log-route-table-write")["body"]["properties"]["requestbody"]
    body = json.loads(request)
    return table({**body, "id": body["id"].replace("#" * 37, "11111111-1111-1111-1111-111111111111")})


@pytest.mark.parametrize(
    ("pods", "nodes", "doubts"),
    [
        pytest.param("10.244.0.0/16", "192.168.1.0/24", 0, id="its own pods and nodes"),
        pytest.param("10.244.0.0/24", "192.168.1.0/24", 1, id="a route beyond the pods"),
        pytest.param("10.244.0.0/16", "192.168.2.0/24", 2, id="nodes of another subnet"),
    ],
)
def test_the_table_that_aks_writes_is_proven_by_its_own_cluster_alone(pods: str, nodes: str, doubts: int) -> None:
    assert aks_table().of_aks
    assert len(doubts_of_table(aks_table(), (pods,), in_subnet(nodes))) == doubts
    assert carries_pods(aks_table(), (pods,))


def test_a_table_that_leads_to_the_internet_is_told_by_what_is_in_it() -> None:
    held = table(recording(TO_THE_INTERNET).exchanges[18]["response"]["body"])
    assert len(doubts_of_table(held, ("10.244.0.0/16",), in_subnet("10.0.0.0/24"))) == 2
    assert not carries_pods(held, ("10.244.0.0/16",))
    assert "0.0.0.0/0 to Internet" in leads_elsewhere(held, ("10.244.0.0/16",))


def test_the_table_of_a_kubernetes_of_ones_own_carries_pods_and_has_no_name_of_aks() -> None:
    held = table(recording(TABLE_LIST).exchanges[0]["response"]["body"]["value"][1])
    assert carries_pods(held, ("10.244.0.0/16",))
    assert leads_elsewhere(held, ("10.244.0.0/16",)) == ()
