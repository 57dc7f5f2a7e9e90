"""`python -m functions.policy check`: what it says of a policy, and with what it ends."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from functions.policy import Policy, parse
from functions.policy_check import main, told
from functions.policy_doubts import doubts
from functions.policy_words import meaning
from tests.unit.worlds import CUSTOM_ZONE, HUB, OTHER_HUB, an_id

ROOT = Path(__file__).parents[2]
SPOKES, HUBS = "2f9a7c41-6d3e-4b85-9c10-5e7d8a6b4c3f", "3b1c9d52-7e4f-4a96-8d21-6f8e9b7c5d40"
ZONE = an_id("Microsoft.Network/privateDnsZones", "privatelink.westeurope.azmk8s.io", "dns")
ON_SERVERS: dict[str, Any] = {
    "zone": "privatelink.westeurope.azmk8s.io",
    "authoritative": True,
    "servers": ["10.0.0.4:53", "10.0.0.5"],
    "tsig": {"name": "tether.", "secret": "@env:TSIG_SECRET"},
}
IN_AZURE: dict[str, Any] = {"privateZone": str(ZONE), "authoritative": True}


def hub(vnet: object = HUB, **more: Any) -> dict[str, Any]:
    return {"vnet": str(vnet).replace(HUB.subscription, HUBS), **more}


def a_document(**fields: Any) -> dict[str, Any]:
    """A policy about which there is nothing to say but what `fields` give."""
    return {
        "owner": "platform-prod",
        "mode": "enforce",
        "scope": {"subscriptions": [SPOKES], "hubSubscriptions": [HUBS]},
        "hubs": [hub()],
        **fields,
    }


def a_policy(**fields: Any) -> Policy:
    return parse(json.dumps(a_document(**fields)), "policy.json")


def words(**fields: Any) -> str:
    return "\n".join(f"{label}: {sentence}" for label, sentence in meaning(a_policy(**fields)))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({}, f"looks after: clusters in 1 subscription: {SPOKES}", id="the scope"),
        pytest.param(
            {"scope": {"managementGroups": ["corp", "online"]}},
            "looks after: clusters below 2 management groups, at any depth: corp, online",
            id="management groups",
        ),
        pytest.param({}, "leaves alone: clusters with the tag tether=off", id="the tag that keeps Tether away"),
        pytest.param(
            {"scope": {"subscriptions": [SPOKES], "excludeTag": "no-tether"}},
            "leaves alone: clusters with the tag no-tether, whatever its value",
            id="a tag of any value",
        ),
        pytest.param(
            {"mode": "observe"}, "mode: observe: decides and logs what it would do, and writes nothing", id="mode"
        ),
        pytest.param(
            {"hubs": [hub(locations=["westeurope"])]},
            f"hub: hub-weu (group network, subscription {HUBS}) serves clusters in westeurope",
            id="a hub for a region",
        ),
        pytest.param({"hubs": [hub()]}, "serves clusters in every region", id="a hub for every region"),
        pytest.param(
            {"hubs": [hub(tags={"env": "prod", "tier": "1"})]},
            "serves clusters in every region with the tags env=prod, tier=1",
            id="a hub for tags",
        ),
        pytest.param(
            {"hubs": [hub(locations=["westeurope"]), hub(OTHER_HUB, locations=["northeurope"])]},
            "No hub is named for clusters outside northeurope, westeurope.",
            id="regions that no hub is named for",
        ),
        pytest.param({"hubs": []}, "hubs: none are named", id="no hubs"),
        pytest.param({}, "discovered hubs: the VNet that is peered with a cluster's", id="discovery"),
        pytest.param(
            {"discoverResolvers": False}, "discovered hubs: none: discoverResolvers is false", id="no discovery"
        ),
        pytest.param(
            {"scope": {"subscriptions": [SPOKES]}},
            "discovered hubs: none: a hub is discovered only in scope.hubSubscriptions",
            id="discovery that may find nothing",
        ),
        pytest.param(
            {"customZones": [str(CUSTOM_ZONE)]},
            "custom zone: privatelink.westeurope.azmk8s.io (group dns, subscription",
            id="a custom zone",
        ),
        pytest.param({"linkTags": {"cost": "42"}}, "link tags: cost=42", id="tags of links"),
        pytest.param(
            {"records": [ON_SERVERS]},
            "records: in privatelink.westeurope.azmk8s.io on 10.0.0.4:53, 10.0.0.5, signed with the key tether. "
            "(hmac-sha256; its secret is in the app setting TSIG_SECRET); TTL 60 s; leaves others' records alone",
            id="records on servers",
        ),
        pytest.param(
            {"records": [{**IN_AZURE, "adopt": True, "ttl": 30}]},
            "TTL 30 s; takes over records of clusters' names that nobody owns",
            id="records in an Azure zone",
        ),
        pytest.param(
            {"resolution": {"enabled": True, "servers": ["10.9.0.4"]}},
            "resolution: is checked: asked are the custom DNS servers of each cluster's VNets, and 10.9.0.4 for every",
            id="resolution",
        ),
        pytest.param({"routeTables": {"attach": False}}, "route tables: are left alone", id="no route tables"),
        pytest.param({"routeTables": {"reattach": True}}, "and for any other that has lost it", id="lost route tables"),
        pytest.param({}, "failed clusters: are told to a person", id="failed clusters are left"),
        pytest.param(
            {"failedClusters": {"reconcile": True}}, "failed clusters: are put again as they are", id="failed clusters"
        ),
        pytest.param({}, "pod restarts: none: nothing is ever run in a cluster", id="no restarts"),
        pytest.param(
            {"podRestarts": {"enabled": True, "namespaces": ["logs"]}},
            "are restarted by a command in the cluster, in 1 namespace: logs",
            id="restarts",
        ),
        pytest.param(
            {"podRestarts": {"list": True, "namespaces": ["logs", "web"]}},
            "are listed by a command in the cluster, in 2 namespaces: logs, web",
            id="a list of what would be restarted",
        ),
        pytest.param({"http": {"keysMayWrite": True}}, "HTTP: whoever has a function key may write", id="keys"),
        pytest.param(
            {"prune": True}, "links of its own go too when two looks show that nothing needs their hub", id="prune"
        ),
        pytest.param({}, "a link of its own whose hub leaves this policy stays, and is told", id="no prune"),
        pytest.param(
            {"maxChangedShare": 0.05}, "limit: changes and removals in at most 5 % of the fleet", id="the limit"
        ),
    ],
)
def test_it_says_in_words_what_each_part_means(fields: dict[str, Any], said: str) -> None:
    assert said in words(**fields)


def test_every_field_of_the_policy_changes_what_it_says() -> None:
    full: dict[str, Any] = {
        "owner": "somebody-else",
        "mode": "observe",
        "scope": {"subscriptions": [HUBS]},
        "customZones": [str(CUSTOM_ZONE)],
        "hubs": [],
        "discoverResolvers": False,
        "linkTags": {"a": "b"},
        "records": [IN_AZURE],
        "routeTables": {"reattach": True},
        "failedClusters": {"reconcile": True},
        "podRestarts": {"list": True, "namespaces": ["a"]},
        "resolution": {"enabled": True},
        "http": {"keysMayWrite": True},
        "prune": True,
        "maxChangedShare": 0.1,
    }
    assert set(full) == {field.encode_name for field in msgspec.structs.fields(Policy)}
    assert [name for name, value in full.items() if words(**{name: value}) == words()] == []


def test_of_a_policy_that_is_complete_there_is_nothing_to_look_at() -> None:
    assert list(doubts(a_policy())) == []
    assert "Look at this" not in told(a_policy(), "policy.json")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        pytest.param({"mode": "observe"}, "mode is observe", id="nothing is written"),
        pytest.param(
            {"scope": {"subscriptions": ["00000000-0000-0000-0000-000000000000"], "hubSubscriptions": [HUBS]}},
            "scope.subscriptions: 00000000-0000-0000-0000-000000000000 stands for the subscription that azd deploys to",
            id="the subscription that Bicep puts in",
        ),
        pytest.param(
            {"scope": {"subscriptions": ["11111111-1111-1111-1111-111111111111"]}},
            "scope.subscriptions: 11111111-1111-1111-1111-111111111111 looks like a placeholder",
            id="a subscription of an example",
        ),
        pytest.param({"hubs": [{"vnet": str(HUB)}]}, f"hubs: {HUB.subscription} looks like", id="a hub of an example"),
        pytest.param({"hubs": [], "discoverResolvers": False}, "No zone will ever be linked", id="no hub at all"),
        pytest.param(
            {"hubs": [], "scope": {"subscriptions": [SPOKES]}}, "No zone will ever be linked", id="none may be found"
        ),
        pytest.param({"scope": {"subscriptions": [SPOKES]}}, "discoverResolvers finds no hub", id="discovery in vain"),
        pytest.param({"discoverResolvers": False}, "scope.hubSubscriptions does nothing", id="no discovery"),
        pytest.param(
            {"hubs": [hub(), hub(locations=["westeurope"])]}, "hubs names hub-weu more than once", id="a hub twice"
        ),
        pytest.param(
            {"customZones": [str(CUSTOM_ZONE)], "hubs": [hub(tags={"a": "b"})], "discoverResolvers": False},
            "customZones: no hub serves privatelink.westeurope.azmk8s.io",
            id="a custom zone without a hub",
        ),
        pytest.param({"records": [ON_SERVERS]}, "needs VNet integration", id="records on servers need a path"),
        pytest.param({"resolution": {"enabled": True}}, "needs VNet integration", id="resolution needs a path"),
        pytest.param({"records": [ON_SERVERS]}, "needs the setting TSIG_SECRET", id="where the secret is"),
        pytest.param({"records": [{**IN_AZURE, "ttl": 3600}]}, "records[0].ttl is 3600", id="a long TTL"),
        pytest.param({"records": [{**IN_AZURE, "adopt": True}]}, "records[0].adopt", id="taking over"),
        pytest.param(
            {"resolution": {"servers": ["10.0.0.4"]}}, "resolution.servers does nothing", id="servers in vain"
        ),
        pytest.param(
            {"routeTables": {"attach": False, "reattach": True}},
            "routeTables.reattach does nothing",
            id="reattach in vain",
        ),
        pytest.param(
            {"failedClusters": {"reconcile": True}}, "waits a quarter of an hour", id="puts without asking resolvers"
        ),
        pytest.param(
            {"failedClusters": {"reconcile": True}, "podRestarts": {"list": True, "namespaces": ["a"]}},
            "failedClusters.reconcile and podRestarts: the rights for that are close to being admin",
            id="strong rights",
        ),
        pytest.param({"podRestarts": {"namespaces": ["a"]}}, "podRestarts.namespaces does nothing", id="no restarts"),
        pytest.param(
            {"podRestarts": {"enabled": True, "list": True, "namespaces": ["a"]}},
            "podRestarts.list does nothing",
            id="a list beside restarts",
        ),
        pytest.param({"http": {"keysMayWrite": True}}, "http.keysMayWrite", id="keys"),
        pytest.param({"maxChangedShare": 1}, "maxChangedShare is 1", id="no limit"),
    ],
)
def test_it_warns_of_what_is_probably_not_meant(fields: dict[str, Any], said: str) -> None:
    assert [look for look in doubts(a_policy(**fields)) if said in look]


@pytest.mark.parametrize(
    ("fields", "unsaid"),
    [
        pytest.param({"hubs": []}, "No zone will", id="hubs may be discovered"),
        pytest.param({"records": [IN_AZURE]}, "VNet integration", id="an Azure zone is reached through ARM"),
        pytest.param(
            {"customZones": [str(CUSTOM_ZONE)], "hubs": [hub(locations=["westeurope"])], "discoverResolvers": False},
            "customZones",
            id="a custom zone in the hub's region",
        ),
        pytest.param({"records": [{**IN_AZURE, "ttl": 300}]}, "ttl", id="a TTL that is over before nodes give up"),
        pytest.param(
            {"failedClusters": {"reconcile": True}, "resolution": {"enabled": True}},
            "quarter",
            id="resolvers are asked",
        ),
    ],
)
def test_it_does_not_warn_of_what_is_well(fields: dict[str, Any], unsaid: str) -> None:
    assert not [look for look in doubts(a_policy(**fields)) if unsaid in look]


def test_a_file_that_is_valid_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(a_document()))
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out.startswith(f"{file} can be used. What it means:\n\n  owner            platform-prod")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(json.dumps(a_document(hubz=[])), "unknown field `hubz`", id="an unknown field"),
        pytest.param(json.dumps(a_document(hubs=[{"vnet": "hub"}])), "hubs[0].vnet", id="a field of a wrong form"),
        pytest.param(json.dumps(a_document(scope={})), "scope needs subscriptions", id="no scope"),
        pytest.param(
            json.dumps(a_document(podRestarts={"enabled": True})), "podRestarts needs namespaces", id="no namespaces"
        ),
        pytest.param("{", "is not JSON", id="no JSON"),
        pytest.param("@policy.json", "is not JSON", id="a path in place of a policy"),
        pytest.param("", "is not JSON", id="nothing"),
    ],
)
def test_one_that_is_not_names_the_field_and_ends_with_1(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(str(file))
    assert says in said.err
    assert "TETHER_POLICY" not in said.err


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().err == f"{tmp_path / 'none.json'} cannot be read: No such file or directory\n"


def test_a_policy_can_be_piped_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(a_document())))
    assert main(["check", "-"]) == 0
    assert capsys.readouterr().out.startswith("the policy can be used.")


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"]])
def test_help_says_what_it_is_for(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "in words what it means" in " ".join(capsys.readouterr().out.split())


def test_it_is_a_command_of_the_module_and_costs_the_app_nothing() -> None:
    command = [sys.executable, "-m", "functions.policy", "check", "-"]
    done = subprocess.run(
        command, input=json.dumps(a_document()), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    script = "import sys, function_app; print(*(n for n in sys.modules if n.startswith('functions.policy_')))"
    seen = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert seen.stdout.strip() == ""
