"""Every recorded subnet and route table, as Tether reads it, and the PUT that Tether would make of it."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from functions.arm import reads, subnets
from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook
from functions.fleet.subnet_model import RouteTable, Subnet
from functions.handlers.route_table_proof import carries_pods, doubts_of_company, doubts_of_table, leads_elsewhere
from tests.fidelity.recorded_arm import RecordedArm, ask, shows
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import document, recording, skip_if_absent

type Json = dict[str, Any]

SUBNETS = printed("subnets")
TABLES = printed("routeTables")
SET_THEN_UNSET = "network/subnet-set-then-unset-network-security-group"
TABLE_THEN_DELEGATION = "network/subnet-attach-route-table-then-delegation"
ENDPOINTS = "network/private-endpoint-with-dns-zone-group-full-flow"
TABLE_LIST = "network/route-table-list-subscription-with-subnets"
OURS = ResourceId(
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/MC_a_b_westeurope/providers/Microsoft.Network/"
    "routeTables/aks-agentpool-12345678-routetable"
)

# All that a PUT of ours leaves out of any recorded subnet: what Azure alone writes, back references above all.
LEFT_OUT = {
    "provisioningState",
    "purpose",
    "ipConfigurations",
    "ipConfigurationProfiles",
    "privateEndpoints",
    "serviceAssociationLinks",
}


def decoded(body: Json) -> Subnet:
    return msgspec.convert(body, Subnet, dec_hook=decode_hook)


def table(body: Json) -> RouteTable:
    return msgspec.convert(body, RouteTable, dec_hook=decode_hook)


def raw(body: Json) -> bytes:
    return json.dumps(body).encode()


def without_table(body: Json) -> Json:
    """As the subnet was before it had a table: those that have one are not written."""
    return {**body, "properties": {key: value for key, value in body["properties"].items() if key != "routeTable"}}


def answer_of(name: str, nth: int) -> Json:
    return recording(name).exchanges[nth]["response"]


def body_of(name: str, nth: int) -> Json:
    return answer_of(name, nth)["body"]


def test_the_recordings_hold_subnets_and_route_tables() -> None:
    skip_if_absent()
    assert len(SUBNETS) >= 35
    assert len(TABLES) >= 12
    assert {key for body in SUBNETS.values() for key in body["properties"]} >= LEFT_OUT | {
        "addressPrefix",
        "delegations",
        "networkSecurityGroup",
        "privateEndpointNetworkPolicies",
        "privateLinkServiceNetworkPolicies",
        "routeTable",
        "serviceEndpoints",
    }


@pytest.mark.parametrize("name", SUBNETS)
def test_all_that_a_subnet_has_is_written_again_with_the_table_and_its_etag(name: str) -> None:
    body = without_table(SUBNETS[name])
    taken = answer_of(TABLE_THEN_DELEGATION, 19)
    arm, subnet = RecordedArm({"GET": [shows(body)], "PUT": [taken]}), ResourceId(body["id"])
    seen = ask(arm, lambda session: subnets.read(session, subnet))
    assert (
        ask(arm, lambda session: subnets.attach(session, subnet, seen, OURS)).address
        == (taken["headers"]["azure-asyncoperation"])
    )
    ((if_match, put),) = arm.hears
    assert if_match == body.get("etag", "")
    held = {key: value for key, value in body["properties"].items() if key not in LEFT_OUT}
    assert put["properties"] == {**held, "routeTable": {"id": str(OURS)}}
    assert {key: put[key] for key in put.keys() - {"properties"}} == {
        key: body[key] for key in body.keys() - {"properties", "etag"}
    }


@pytest.mark.parametrize("name", SUBNETS)
def test_what_the_journal_keeps_of_a_subnet_is_all_that_a_person_wrote(name: str) -> None:
    held = {key: value for key, value in SUBNETS[name]["properties"].items() if key not in LEFT_OUT}
    assert json.loads(subnets.restorable(raw(SUBNETS[name]))) == {"properties": held}


@pytest.mark.parametrize("name", SUBNETS)
def test_tether_reads_a_subnet_as_azure_meant_it(name: str) -> None:
    properties, subnet = SUBNETS[name]["properties"], decoded(SUBNETS[name])
    away = [*properties.get("delegations", []), *properties.get("serviceAssociationLinks", [])]
    assert subnet.prefixes == (properties["addressPrefix"],)
    assert subnet.settled is (properties["provisioningState"] == "Succeeded")
    assert subnet.given_away == tuple(one["name"] for one in away)
    assert str(subnet.table or "").casefold() == properties.get("routeTable", {}).get("id", "").casefold()


# What others wrote after a read, and a read that was the same with what it changed. [14] to [15] is the trap 22 case.
WRITES: list[tuple[str, int, int, set[str]]] = [
    (SET_THEN_UNSET, 6, 7, {"addressPrefix", "networkSecurityGroup"}),
    (SET_THEN_UNSET, 10, 11, {"addressPrefix"}),
    (SET_THEN_UNSET, 14, 15, {"addressPrefix", "networkSecurityGroup"}),
    (ENDPOINTS, 3, 4, {"privateEndpointNetworkPolicies"}),
    (TABLE_THEN_DELEGATION, 17, 19, {"delegations", "routeTable"}),
]


@pytest.mark.parametrize(("name", "read", "write", "changed"), WRITES)
def test_others_put_what_they_read_as_we_do_but_for_what_they_change(
    name: str, read: int, write: int, changed: set[str]
) -> None:
    ours = subnets.with_table(raw(body_of(name, read)), OURS)
    theirs = recording(name).exchanges[write]["request"]["body"]
    differ = set(subnets.changed_parts(ours, raw(theirs)))
    assert differ == changed | {"routeTable"}


@pytest.mark.parametrize(
    ("name", "before", "after", "changed"),
    [
        pytest.param(SET_THEN_UNSET, 14, 17, {"networkSecurityGroup", "addressPrefix"}, id="a PUT that left it out"),
        pytest.param(SET_THEN_UNSET, 13, 14, set(), id="nothing"),
        pytest.param(ENDPOINTS, 3, 6, {"privateEndpointNetworkPolicies"}, id="a policy"),
        pytest.param(TABLE_THEN_DELEGATION, 17, 21, {"delegations"}, id="a delegation, and the ETag of all"),
        pytest.param("network/vnet-put-resends-subnets-2025-03-01", 7, 12, set(), id="the VNet, and so the ETag"),
        pytest.param(
            TABLE_THEN_DELEGATION, 21, 22, {"delegations", "networkSecurityGroup", "routeTable"}, id="a service"
        ),
    ],
)
def test_what_others_changed_between_two_reads_is_seen_and_the_etag_alone_is_no_change(
    name: str, before: int, after: int, changed: set[str]
) -> None:
    one, other = body_of(name, before), body_of(name, after)
    assert set(subnets.changed_parts(raw(one), raw(other))) == changed
    was, now = subnets.prints(raw(one)), subnets.prints(raw(other))
    moved = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
    assert moved == changed - {"routeTable"}


def test_what_a_service_wrote_beside_our_write_is_told() -> None:
    """SQL Managed Instance changed the subnet between these two reads."""
    before, now = without_table(body_of(TABLE_THEN_DELEGATION, 21)), answer_of(TABLE_THEN_DELEGATION, 22)
    arm = RecordedArm({"GET": [shows(before), now], "PUT": [answer_of(TABLE_THEN_DELEGATION, 19)]})
    with pytest.raises(subnets.AnotherWriterError) as told:
        ask(arm, lambda session: subnets.attach(session, ResourceId(before["id"]), raw(before), OURS))
    assert told.value.parts == ("delegations", "networkSecurityGroup", "routeTable")


def test_a_subnet_that_others_changed_in_between_is_not_written() -> None:
    seen, now = body_of(TABLE_THEN_DELEGATION, 17), answer_of(TABLE_THEN_DELEGATION, 21)
    arm = RecordedArm({"GET": [now], "PUT": []})
    with pytest.raises(subnets.ChangedMeanwhileError, match="delegations"):
        ask(arm, lambda session: subnets.attach(session, ResourceId(seen["id"]), raw(seen), OURS))
    assert arm.hears == []


def api_server_subnet() -> Subnet:
    """A field note, printed by the CLI, which flattens `properties`."""
    flat = document("network/field-apiserver-subnet-cli-flattened")["body"]
    own_id = flat["id"].replace("redacts-1111", "11111111-1111")
    return decoded({"id": own_id, "etag": flat["etag"], "properties": flat})


def test_the_subnet_of_api_servers_is_given_away_and_its_upper_cased_company_is_known() -> None:
    subnet = api_server_subnet()
    assert subnet.given_away == ("aks-delegation", "AzureKubernetesService")
    assert len(subnet.properties.ip_configurations or ()) == 1


def test_an_upper_cased_back_reference_lies_in_its_group_and_in_no_other() -> None:
    skip_if_absent()
    body = SUBNETS["network/subnet-get-with-private-endpoint-back-references[0]"]
    subnet, group = decoded(body), ResourceId(body["id"]).group_id
    assert body["properties"]["ipConfigurations"]
    assert body["properties"]["privateEndpoints"]
    assert doubts_of_company(subnet, group, ()) == ()
    assert set(doubts_of_company(subnet, OURS.group_id, ())) == {
        one["id"] for key in ("ipConfigurations", "privateEndpoints") for one in body["properties"][key]
    }


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
    answer = answer_of(TABLE_LIST, 0)
    held = ask(RecordedArm({"GET": [answer]}), lambda session: reads.route_tables(session, OURS.group_id))
    assert held == tuple(table(one) for one in answer["body"]["value"])
    assert [len(one.routes) for one in held] == [0, 4]


def in_subnet(prefix: str) -> Subnet:
    return decoded({"id": str(OURS), "properties": {"addressPrefix": prefix}})


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
    held = table(body_of(TABLE_THEN_DELEGATION, 18))
    assert len(doubts_of_table(held, ("10.244.0.0/16",), in_subnet("10.0.0.0/24"))) == 2
    assert not carries_pods(held, ("10.244.0.0/16",))
    assert "0.0.0.0/0 to Internet" in leads_elsewhere(held, ("10.244.0.0/16",))


def test_the_table_of_a_kubernetes_of_ones_own_carries_pods_and_has_no_name_of_aks() -> None:
    held = table(body_of(TABLE_LIST, 0)["value"][1])
    assert carries_pods(held, ("10.244.0.0/16",))
    assert leads_elsewhere(held, ("10.244.0.0/16",)) == ()
