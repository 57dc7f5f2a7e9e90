import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.policy import Mode, PolicyError, load, schema
from tests.unit.worlds import CUSTOM_ZONE, GUID, HUB, SPOKE_SUBSCRIPTION

SCHEMA = Path(__file__).parents[2] / "docs" / "policy.schema.json"


def a_document(**fields: Any) -> str:
    return json.dumps({"owner": "platform-prod", "scope": {"subscriptions": [SPOKE_SUBSCRIPTION]}, **fields})


def test_the_least_policy_observes_and_discovers() -> None:
    policy = load(a_document())
    assert policy.mode is Mode.OBSERVE
    assert policy.discover_resolvers
    assert not policy.prune
    assert policy.max_changed_share == 0.3
    assert policy.scope.exclude_tag == "tether=off"


def test_the_policy_of_the_design_is_read() -> None:
    policy = load(
        a_document(
            mode="enforce",
            scope={
                "subscriptions": [SPOKE_SUBSCRIPTION],
                "managementGroups": ["landing-zones"],
                "hubSubscriptions": [HUB.subscription],
                "excludeTag": "tether=off",
            },
            customZones=[str(CUSTOM_ZONE)],
            hubs=[{"vnet": str(HUB), "locations": ["westeurope"], "tags": {}}],
            records=[
                {
                    "zone": "privatelink.westeurope.azmk8s.io",
                    "authoritative": True,
                    "servers": ["10.0.0.4:53"],
                    "tsig": {"name": "tether.", "algorithm": "hmac-sha256", "secret": "@env:TSIG_SECRET"},
                }
            ],
            podRestarts={"enabled": False, "namespaces": []},
            http={"keysMayWrite": False},
        )
    )
    assert policy.mode is Mode.ENFORCE
    assert policy.hubs[0].vnet == HUB
    assert policy.records[0].ttl == 60


EXACT = "prod-1.hcp.westeurope.azmk8s.io"
GUID_ZONE = f"{GUID}.privatelink.westeurope.azmk8s.io"


def a_target(*servers: str, zone: str = EXACT, key: str = "tether.") -> str:
    tsig = {"name": key, "secret": "@env:TSIG_SECRET"}
    return a_document(records=[{"zone": zone, "servers": servers, "tsig": tsig}])


VIRTUAL_HUB = str(HUB).replace("virtualNetworks", "virtualHubs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", "TETHER_POLICY is not set", id="nothing"),
        pytest.param("{", "not JSON", id="no JSON"),
        pytest.param("[]", "Expected `object`", id="no object"),
        pytest.param("@/does/not/exist.json", "cannot be read", id="a file that is not there"),
        pytest.param("{}", "owner", id="no owner"),
        pytest.param(a_document(owner="-x"), "owner", id="an owner that no tag could hold"),
        pytest.param(a_document(hubz=[]), "hubz", id="an unknown field"),
        pytest.param(
            a_document(hubs=[{"vnet": str(HUB), "location": "x"}]), "hubs[0]", id="an unknown field further in"
        ),
        pytest.param(a_document(hubs=[{"vnet": "/nowhere"}]), "hubs[0].vnet", id="a malformed id"),
        pytest.param(a_document(hubs=[{"vnet": VIRTUAL_HUB}]), "Virtual WAN", id="a Virtual WAN hub"),
        pytest.param(a_document(hubs=[{"vnet": str(CUSTOM_ZONE)}]), "hubs[0]", id="a hub that is no VNet"),
        pytest.param(a_document(scope={"subscriptions": ["abc"]}), "scope.subscriptions[0]", id="no GUID"),
        pytest.param(a_document(scope={}), "scope", id="a scope of nothing"),
        pytest.param(a_document(mode="on"), "mode", id="an unknown mode"),
        pytest.param(a_document(maxChangedShare=1.5), "maxChangedShare", id="more than all"),
        pytest.param(a_document(customZones=[str(HUB)]), "customZones", id="a custom zone that is none"),
        pytest.param(
            a_document(customZones=[str(CUSTOM_ZONE).replace("westeurope.azmk8s.io", "azurecr.io")]),
            "customZones",
            id="a custom zone of another service",
        ),
        pytest.param(a_document(linkTags={"Tether-Owner": "me"}), "linkTags", id="Tether's own tag"),
        pytest.param(a_document(records=[{"ttl": 60}]), "records[0]", id="a target that is nowhere"),
        pytest.param(a_document(records=[{"zone": EXACT}]), "needs servers", id="a zone without servers"),
        pytest.param(a_document(records=[{"zone": EXACT, "servers": ["10.0.0.4"]}]), "needs tsig", id="no key"),
        pytest.param(a_target("ns1.corp.example"), "records[0]", id="a server's name in place of its address"),
        pytest.param(a_target("10.0.0.4:99999"), "records[0]", id="a port that is none"),
        pytest.param(a_target("10.0.0.4", zone="westeurope.azmk8s.io"), "would shadow", id="a whole region"),
        pytest.param(a_target("10.0.0.4", zone="x.example"), "no cluster's name is in", id="a zone of no cluster"),
        pytest.param(
            a_target("10.0.0.4", zone="privatelink.westeurope.azmk8s.io"), "authoritative", id="a zone that shadows"
        ),
        pytest.param(a_target("10.0.0.4", key="two words"), "records[0].tsig", id="a key whose name is none"),
        pytest.param(
            a_document(records=[{"privateZone": str(CUSTOM_ZONE)}]), "authoritative", id="an Azure zone that shadows"
        ),
        pytest.param(
            a_document(
                records=[{"zone": "x.example", "servers": ["10.0.0.4"], "tsig": {"name": "k", "secret": "c2VjcmV0"}}]
            ),
            "records[0].tsig.secret",
            id="a secret in the open",
        ),
    ],
)
def test_a_bad_policy_is_an_error_that_names_the_field(text: str, told: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(text)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("zone", "name", "covered"),
    [
        pytest.param(EXACT, EXACT, True, id="its own name"),
        pytest.param(EXACT + ".", EXACT.upper(), True, id="in another case, with the final dot"),
        pytest.param(GUID_ZONE, f"prod.{GUID_ZONE}", True, id="a name below it"),
        pytest.param(GUID_ZONE, f"evil{GUID_ZONE}", False, id="a name that only ends alike"),
        pytest.param(GUID_ZONE, "privatelink.westeurope.azmk8s.io", False, id="a name above it"),
    ],
)
def test_a_target_covers_names_label_by_label(zone: str, name: str, covered: bool) -> None:
    (target,) = load(a_target("10.0.0.4", zone=zone)).records
    assert target.covers(name) is covered


def test_servers_may_be_ipv6_and_have_ports() -> None:
    (target,) = load(a_target("10.0.0.4", "[fd00::4]:5353", "fd00::5")).records
    assert target.place == f"{EXACT} on 10.0.0.4, [fd00::4]:5353, fd00::5"


def test_a_secret_in_the_open_is_not_repeated_by_its_error() -> None:
    tsig = {"name": "k", "secret": "c2VjcmV0"}
    with pytest.raises(PolicyError) as refused:
        load(a_document(records=[{"zone": "x.example", "servers": ["10.0.0.4"], "tsig": tsig}]))
    assert "c2VjcmV0" not in str(refused.value)


def test_the_policy_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(a_document(owner="from-a-file"))
    assert load(f"@{path}").owner == "from-a-file"


@pytest.mark.parametrize(
    ("tag", "tags", "excluded"),
    [
        ("tether=off", {"Tether": "OFF"}, True),
        ("tether=off", {"tether": "on"}, False),
        ("tether=off", None, False),
        ("no-tether", {"no-tether": "anything"}, True),
    ],
)
def test_a_tag_keeps_tether_away(tag: str, tags: dict[str, str] | None, excluded: bool) -> None:
    policy = load(a_document(scope={"subscriptions": [SPOKE_SUBSCRIPTION], "excludeTag": tag}))
    assert policy.scope.excludes(tags) is excluded


def test_the_committed_schema_is_the_types() -> None:
    assert SCHEMA.read_bytes() == schema(), "run `make schema`"


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=8) | st.integers(), lambda c: st.lists(c, max_size=3)))
def test_any_json_is_a_policy_or_a_policy_error(value: object) -> None:
    for document in (value, {"owner": value, "scope": value}, {"owner": "x", "hubs": value, "scope": {}}):
        with pytest.raises(PolicyError):
            load(json.dumps(document))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"scope": {"subscriptions": ["prod"]}}, "Expected a subscription's GUID (at scope.subscriptions[0])"),
        (
            {"hubs": [{"vnet": str(HUB), "locations": ["West Europe"]}]},
            "Expected a region's name in lower case and without spaces, such as westeurope (at hubs[0].locations[0])",
        ),
        (
            {"scope": {"managementGroups": ["Landing Zones"]}},
            "Expected a management group's id (not its display name) (at scope.managementGroups[0])",
        ),
        ({"scope": {"excludeTag": ""}}, "Expected name=value, or a name alone (at scope.excludeTag)"),
        ({"prune": "yes"}, "Expected `bool`, got `str` (at prune)"),
    ],
    ids=["subscription", "region", "management group", "tag", "not text"],
)
def test_a_wrong_text_is_refused_with_what_to_write(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load(a_document(**fields))
    assert str(refused.value) == f"TETHER_POLICY: {expected}"


@pytest.mark.parametrize("owner", ["", "platform prod", "-prod", "x" * 65])
def test_an_owner_that_cannot_be_a_tag_is_refused_in_words(owner: str) -> None:
    with pytest.raises(PolicyError, match="Expected 1 to 64 letters, digits, dots, hyphens and underscores"):
        load(a_document(owner=owner))
