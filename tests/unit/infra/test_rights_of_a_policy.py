"""Which rights a policy leads to: the variables of the Bicep, computed."""

import json
from typing import Any

import pytest

from functions.policy import load
from tests.unit.infra.bicep import FILES, INFRA
from tests.unit.infra.evaluated import Evaluated, mistakes

HERE = "11111111-1111-1111-1111-111111111111"
SPOKE = "22222222-2222-2222-2222-222222222222"
HUBS = "33333333-3333-3333-3333-333333333333"
ZONES = "44444444-4444-4444-4444-444444444444"
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
HUB = f"/subscriptions/{HUBS}/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/hub-weu"
ZONE_NAME = "privatelink.westeurope.azmk8s.io"
ZONE = f"/subscriptions/{ZONES}/resourceGroups/dns/providers/Microsoft.Network/privateDnsZones/{ZONE_NAME}"
RECORDS = [{"privateZone": ZONE, "authoritative": True}]
OBSERVE = {"owner": "team", "scope": {"subscriptions": [SPOKE]}}
ENFORCE = {**OBSERVE, "mode": "enforce"}


def rights(policy: dict[str, Any], second: dict[str, Any] | None = None) -> Evaluated:
    """Of roles/of-policies.bicep, with a second app where its policy is given. The code takes both policies."""
    for one in (policy, second or OBSERVE):
        load(json.dumps(one))
    given = {
        "policyText": json.dumps(policy),
        "privilegedText": json.dumps(second or OBSERVE),
        "privilegedApp": second is not None,
    }
    return Evaluated(INFRA / "roles/of-policies.bicep", given)


@pytest.mark.parametrize(
    ("policy", "roles"),
    [
        pytest.param(OBSERVE, ["read-fleet"], id="no mode is mode observe: reading"),
        pytest.param({**OBSERVE, "mode": "observe"}, ["read-fleet"], id="mode observe: reading"),
        pytest.param(
            ENFORCE, ["read-fleet", "link-zones", "attach-route-tables"], id="mode enforce: links and route tables"
        ),
        pytest.param(
            {**ENFORCE, "routeTables": {"attach": False}}, ["read-fleet", "link-zones"], id="without route tables"
        ),
        pytest.param(
            {**ENFORCE, "routeTables": {"attach": False, "reattach": True}},
            ["read-fleet", "link-zones", "attach-route-tables"],
            id="lost route tables are attached too",
        ),
        pytest.param(
            {**ENFORCE, "failedClusters": {"reconcile": True}, "podRestarts": {"enabled": True, "namespaces": ["a"]}},
            ["read-fleet", "link-zones", "attach-route-tables"],
            id="what is near to admin is never the plain identity's",
        ),
    ],
)
def test_what_the_plain_identity_may_do_in_spokes(policy: dict[str, Any], roles: list[str]):
    assert rights(policy)["spokeRoles"] == roles


@pytest.mark.parametrize(
    ("second", "roles"),
    [
        pytest.param(OBSERVE, ["read-fleet"], id="mode observe: reading"),
        pytest.param({**OBSERVE, "failedClusters": {"reconcile": True}}, ["read-fleet"], id="even if it would put"),
        pytest.param(ENFORCE, ["read-fleet"], id="mode enforce alone: reading"),
        pytest.param(
            {**ENFORCE, "failedClusters": {"reconcile": True}}, ["read-fleet", "put-clusters"], id="it may put clusters"
        ),
        pytest.param(
            {**ENFORCE, "podRestarts": {"enabled": True, "namespaces": ["a"]}},
            ["read-fleet", "run-commands"],
            id="it may run commands",
        ),
        pytest.param(
            {**ENFORCE, "podRestarts": {"list": True, "namespaces": ["a"]}},
            ["read-fleet", "run-commands"],
            id="to list pods is to run a command",
        ),
    ],
)
def test_what_the_second_identity_may_do(second: dict[str, Any], roles: list[str]):
    assert rights(ENFORCE, second)["secondRoles"] == roles


@pytest.mark.parametrize(
    ("policy", "hubs", "discovered"),
    [
        pytest.param({**ENFORCE, "hubs": [{"vnet": HUB}]}, [HUB], [], id="a named hub, alone"),
        pytest.param({**OBSERVE, "hubs": [{"vnet": HUB}]}, [], [], id="none in mode observe"),
        pytest.param(
            {**ENFORCE, "scope": {"subscriptions": [SPOKE], "hubSubscriptions": [HUBS]}},
            [],
            [HUBS],
            id="those that may be discovered, by their subscription",
        ),
        pytest.param(
            {
                **ENFORCE,
                "discoverResolvers": False,
                "scope": {"subscriptions": [SPOKE], "hubSubscriptions": [HUBS]},
            },
            [],
            [],
            id="none where nothing is discovered",
        ),
    ],
)
def test_which_hubs_may_be_joined(policy: dict[str, Any], hubs: list[str], discovered: list[str]):
    held = rights(policy)
    assert [hub["vnet"] for hub in held["namedHubs"]] == hubs
    assert held["discoveredHubs"] == discovered


def test_records_are_written_where_they_are_enforced_and_read_where_they_are_observed():
    assert rights({**ENFORCE, "records": RECORDS})["recordRole"] == "write-records"
    assert rights({**OBSERVE, "records": RECORDS})["recordRole"] == "read-records"


@pytest.mark.parametrize(("policy", "linked"), [(OBSERVE, []), (ENFORCE, [ZONE])], ids=["observe", "enforce"])
def test_custom_zones_are_read_in_any_mode_and_linked_in_mode_enforce(policy: dict[str, Any], linked: list[str]):
    held = rights({**policy, "customZones": [ZONE]})
    assert held["customZones"] == [ZONE]
    assert held["linkedCustomZones"] == linked


def test_records_on_servers_need_no_right():
    tsig = {"name": "tether.", "secret": "@env:TSIG_SECRET"}
    server = {
        "zone": ZONE_NAME,
        "authoritative": True,
        "servers": ["10.0.0.4:53"],
        "tsig": tsig,
    }
    assert rights({**ENFORCE, "records": [server, *RECORDS]})["recordZones"] == RECORDS


def test_roles_are_defined_once_in_each_subscription_where_they_are_given():
    policy = {
        **ENFORCE,
        "scope": {"subscriptions": [SPOKE, HUBS], "hubSubscriptions": [HUBS]},
        "hubs": [{"vnet": HUB}],
        "customZones": [ZONE],
        "records": RECORDS,
    }
    held = rights(policy, {**ENFORCE, "records": RECORDS})
    assert held["rightsIn"] == [SPOKE, HUBS, ZONES]
    assert set(held["definedRoles"]) == {
        *("read-fleet", "link-zones", "attach-route-tables", "join-hub", "write-records", "read-records")
    }


def test_whoever_has_no_second_app_has_none_of_its_roles():
    held = rights({**ENFORCE, "failedClusters": {"reconcile": True}})
    assert not {"put-clusters", "run-commands"} & set(held["definedRoles"])


def test_ids_are_the_same_in_whatever_case_the_policy_has_them():
    upper = SPOKE.replace("2222", "ABCD")
    held = rights({**OBSERVE, "scope": {"subscriptions": [upper]}})
    assert held["spokes"] == [upper.lower()]


@pytest.mark.parametrize(("given", "text"), [("tetherPolicy", "policyText"), ("privilegedPolicy", "privilegedText")])
def test_the_placeholder_stands_for_the_subscription_that_is_deployed_to(given: str, text: str):
    policy = json.dumps({**OBSERVE, "scope": {"subscriptions": [PLACEHOLDER]}})
    held = Evaluated(INFRA / "main.bicep", {given: policy})
    assert json.loads(held[text])["scope"]["subscriptions"] == [HERE]


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(OBSERVE, id="observe"),
        pytest.param(ENFORCE, id="enforce"),
        pytest.param({**ENFORCE, "routeTables": {"attach": False}}, id="without route tables"),
        pytest.param({**ENFORCE, "routeTables": {"attach": False, "reattach": True}}, id="with lost route tables"),
        pytest.param({**ENFORCE, "failedClusters": {"reconcile": True}}, id="putting clusters"),
        pytest.param({**ENFORCE, "podRestarts": {"list": True, "namespaces": ["a"]}}, id="listing pods"),
        pytest.param({**ENFORCE, "podRestarts": {"enabled": True, "namespaces": ["a"]}}, id="restarting pods"),
        pytest.param({**OBSERVE, "failedClusters": {"reconcile": True}}, id="putting no clusters yet"),
    ],
)
def test_a_management_group_gets_the_same_roles_as_a_subscription(policy: dict[str, Any]):
    given = {"tetherPolicy": json.dumps(policy), "privilegedPolicy": json.dumps(policy)}
    group = Evaluated(INFRA / "onboard-management-group.bicep", given)
    subscription = rights(policy, policy)
    assert group["plainRoles"] == subscription["spokeRoles"]
    assert group["secondRoles"] == subscription["secondRoles"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
def test_the_other_parser_knows_every_file_too(path):
    assert not list(mistakes(path))
