"""Every recorded subnet, as Tether reads it, and the PUT that Tether would make of it."""

import json
from typing import Any

import msgspec
import pytest

from functions.arm import subnets
from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook
from functions.fleet.subnet_model import Subnet
from functions.handlers.route_table_proof import doubts_of_company
from tests.fidelity.recorded_arm import RecordedArm, ask, shows
from tests.fidelity.recorded_resources import printed
from tests.fidelity.recorded_traffic import document, recording, skip_if_absent

type Json = dict[str, Any]

SUBNETS = printed("subnets")
SET_THEN_UNSET = "network/subnet-set-then-unset-network-security-group"
TABLE_THEN_DELEGATION = "network/subnet-attach-route-table-then-delegation"
ENDPOINTS = "network/private-endpoint-with-dns-zone-group-full-flow"
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


def raw(body: Json) -> bytes:
    return json.dumps(body).encode()


def without_table(body: Json) -> Json:
    """As the subnet was before it had a table: those that have one are not written."""
    return {**body, "properties": {key: value for key, value in body["properties"].items() if key != "routeTable"}}


def answer_of(name: str, nth: int) -> Json:
    return recording(name).exchanges[nth]["response"]


def body_of(name: str, nth: int) -> Json:
    return answer_of(name, nth)["body"]


def test_the_recordings_hold_subnets() -> None:
    skip_if_absent()
    assert len(SUBNETS) >= 35
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
