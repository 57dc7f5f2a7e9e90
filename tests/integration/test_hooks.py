"""azd's hooks, run by a shell. az and azd are played (played_azure.py): nobody here has a tenant."""

import json
import os
import pty
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.played_azure import TENANT, a_topic

ROOT = Path(__file__).parents[2]
HOME = "11111111-1111-4111-8111-111111111111"
SPOKE = "22222222-2222-4222-8222-222222222222"
GROUP = "/resourceGroups/rg-prod/providers"
FUNCTION = f"/subscriptions/{HOME}{GROUP}/Microsoft.Web/sites/func-tether-x/functions/resource_event"
STORAGE = f"/subscriptions/{HOME}{GROUP}/Microsoft.Storage/storageAccounts/sttetherx"
OTHERS_FUNCTION = FUNCTION.replace("func-tether-x", "func-other")
DEPLOYED = {
    "TETHER_FUNCTION_ID": FUNCTION,
    "TETHER_STORAGE_ID": STORAGE,
    "TETHER_PRINCIPAL_ID": "cccccccc-0000-4000-8000-00000000000c",
    "TETHER_EVENT_DELIVERY": "function",
}
NAME = "Tether (prod)"


def spoke(**held: Any) -> dict[str, Any]:
    return {"topics": [], "groups": {}, "providers": ["Microsoft.EventGrid"], "deployments": {}, **held}


class Project:
    """A copy of what the hooks need, with policies of its own, and a tenant that is played."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "infra").mkdir()
        for part in ("hooks", "onboard-subscription.bicep", "onboard-management-group.bicep"):
            source = ROOT / "infra" / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / "infra" / part)
        for part in ("functions", ".venv"):
            (folder / part).symlink_to(ROOT / part)
        programs = folder / "programs"
        programs.mkdir()
        for name in ("az", "azd"):
            program = programs / name
            script = ROOT / "tests" / "integration" / "played_azure.py"
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" {name} "$@"\n')
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        self.write_policy()
        self.write_policy("privileged-policy.json")
        self.tenant(subscriptions={HOME: spoke(), SPOKE: spoke()})

    def write_policy(self, file: str = "tether-policy.json", **fields: Any) -> None:
        policy = {"owner": "prod", "scope": {"subscriptions": [HOME]}, **fields}
        (self.folder / "infra" / file).write_text(json.dumps(policy))

    def tenant(self, **fields: Any) -> None:
        empty = {
            "calls": [], "user": "user", "tenant": TENANT, "subscriptions": {}, "apps": [], "env": {}, "groups": {},
            "refused_groups": [], "unknown_for": 0,
        }  # fmt: skip
        (self.folder / "tenant.json").write_text(json.dumps({**empty, **fields}))

    @property
    def seen(self) -> dict[str, Any]:
        return json.loads((self.folder / "tenant.json").read_text())

    @property
    def kept(self) -> dict[str, Any]:
        """What is in the tenant, apart from who asked for what."""
        return {name: held for name, held in self.seen.items() if name != "calls"}

    @property
    def calls(self) -> str:
        return "\n".join(self.seen["calls"])

    def topics(self, subscription: str = HOME) -> list[dict[str, Any]]:
        return self.seen["subscriptions"][subscription]["topics"]

    def environment(self, **settings: str) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("TETHER_", "AZURE_"))}
        ours |= {"PATH": f"{self.folder / 'programs'}:{os.environ['PATH']}", "TETHER_HOOK_PAUSE": "0"}
        ours |= {"PLAYED_TENANT": str(self.folder / "tenant.json"), "AZURE_ENV_NAME": "prod"}
        ours |= {"AZURE_SUBSCRIPTION_ID": HOME, "AZURE_LOCATION": "westeurope"}
        return {**ours, **self.seen["env"], **settings}

    def run(self, hook: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Runs a hook from elsewhere, without a terminal, with what azd has in its environment."""
        script = self.folder / "infra" / "hooks" / f"{hook}.sh"
        return subprocess.run(
            ["sh", script], cwd="/", env=self.environment(**settings), stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip

    def preprovision(self, **settings: str) -> subprocess.CompletedProcess[str]:
        return self.run("preprovision", **settings)

    def postdeploy(self, **settings: str) -> subprocess.CompletedProcess[str]:
        return self.run("postdeploy", **{**DEPLOYED, **settings})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


# Before anything is made


def test_a_policy_with_an_error_stops_all_before_azure_is_asked_anything(project: Project) -> None:
    project.write_policy(mod="enforce")
    ended = project.preprovision(TETHER_AUTH_APP="create")
    assert ended.returncode == 1
    assert "`mod`" in ended.stderr
    assert "infra/tether-policy.json cannot be used" in ended.stderr
    assert project.seen["calls"] == []


def test_the_policy_is_told_in_words_with_the_subscription_that_is_deployed_to(project: Project) -> None:
    project.write_policy(scope={"subscriptions": ["00000000-0000-0000-0000-000000000000"]})
    ended = project.preprovision()
    assert ended.returncode == 0, ended.stderr
    assert f"clusters in 1 subscription: {HOME}" in ended.stdout


def test_without_a_word_nobody_may_write_over_http_and_nothing_is_changed(project: Project) -> None:
    before = project.kept
    ended = project.preprovision()
    assert ended.returncode == 0, ended.stderr
    assert "nobody can write over HTTP" in ended.stdout
    assert project.kept == before


@pytest.mark.parametrize(
    ("tenant", "settings", "said"),
    [
        pytest.param({"user": ""}, {}, "az login", id="az is not signed in"),
        pytest.param({}, {"AZURE_SUBSCRIPTION_ID": ""}, "azd env set AZURE_SUBSCRIPTION_ID", id="no target"),
        pytest.param({"subscriptions": {}}, {}, f"az does not see subscription {HOME}", id="an unknown subscription"),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(
    project: Project, tenant: dict[str, Any], settings: dict[str, str], said: str
) -> None:
    project.tenant(**tenant)
    ended = project.preprovision(**settings)
    assert ended.returncode == 1
    assert said in ended.stderr


def test_the_second_apps_policy_is_looked_at_only_where_that_app_is_deployed(project: Project) -> None:
    project.write_policy("privileged-policy.json", owner="!")
    assert project.preprovision().returncode == 0
    ended = project.preprovision(TETHER_PRIVILEGED_APP="true")
    assert ended.returncode == 1
    assert "infra/privileged-policy.json cannot be used" in ended.stderr


def test_both_policies_have_one_owner(project: Project) -> None:
    project.write_policy("privileged-policy.json", owner="test")
    ended = project.preprovision(TETHER_PRIVILEGED_APP="true")
    assert ended.returncode == 1
    assert "different owners" in ended.stderr


def test_places_that_only_one_policy_names_are_noted(project: Project) -> None:
    assert "differ in" not in project.preprovision(TETHER_PRIVILEGED_APP="true").stdout
    zone = f"/subscriptions/{HOME}/resourceGroups/dns/providers/Microsoft.Network/privateDnsZones"
    project.write_policy(customZones=[f"{zone}/privatelink.westeurope.azmk8s.io"])
    ended = project.preprovision(TETHER_PRIVILEGED_APP="true")
    assert ended.returncode == 0, ended.stderr
    assert "differ in customZones" in ended.stdout
    assert "differ in hubs" not in ended.stdout


# The app registration


def test_an_app_registration_is_made_once(project: Project) -> None:
    assert project.preprovision(TETHER_AUTH_APP="create").returncode == 0
    (app,) = project.seen["apps"]
    assert (app["displayName"], app["roles"], app["tokens"]) == (NAME, ["Tether.Operator"], "2")
    assert app["uris"] == [f"api://{app['appId']}"]
    assert app["principal"]
    assert project.seen["env"] == {"TETHER_AUTH_CLIENT_ID": app["appId"]}
    before = project.kept
    assert project.preprovision(TETHER_AUTH_APP="create").returncode == 0
    assert project.kept == before


def test_a_run_that_failed_half_way_is_taken_up(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke()}, fails_once="ad sp create")
    assert project.preprovision(TETHER_AUTH_APP="create").returncode != 0
    assert project.seen["env"] == {}
    assert project.preprovision(TETHER_AUTH_APP="create").returncode == 0
    (app,) = project.seen["apps"]
    assert app["principal"]
    assert project.seen["env"] == {"TETHER_AUTH_CLIENT_ID": app["appId"]}


@pytest.mark.parametrize("user", ["user", "servicePrincipal"])
def test_another_persons_registration_of_that_name_is_not_trusted(project: Project, user: str) -> None:
    theirs = {"appId": "dddddddd-0000-4000-8000-00000000000d", "displayName": NAME, "owner": "them"}
    project.tenant(subscriptions={HOME: spoke()}, apps=[theirs], user=user)
    ended = project.preprovision(TETHER_AUTH_APP="create")
    assert ended.returncode == 1
    assert "that is not yours" in ended.stderr
    assert project.seen["apps"] == [theirs]
    assert project.seen["env"] == {}


def test_two_of_ones_own_are_not_chosen_from(project: Project) -> None:
    ours = [{"appId": f"{n * 8}-0000-4000-8000-000000000000", "displayName": NAME, "owner": "me"} for n in "de"]
    project.tenant(subscriptions={HOME: spoke()}, apps=ours)
    ended = project.preprovision(TETHER_AUTH_APP="create")
    assert ended.returncode == 1
    assert "more than one" in ended.stderr
    assert project.seen["apps"] == ours


def test_none_is_made_in_another_tenant_than_the_deployments(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke(tenant="another")})
    ended = project.preprovision(TETHER_AUTH_APP="create")
    assert ended.returncode == 1
    assert "another tenant" in ended.stderr
    assert project.seen["apps"] == []


def test_one_that_is_given_is_taken_as_it_is(project: Project) -> None:
    ended = project.preprovision(TETHER_AUTH_CLIENT_ID="eeeeeeee-0000-4000-8000-00000000000e", TETHER_AUTH_APP="create")
    assert ended.returncode == 0
    assert " ad " not in project.calls


@pytest.mark.parametrize(("answer", "choice", "apps"), [("y", "create", 1), ("n", "none", 0), ("", "none", 0)])
def test_a_person_is_asked_once(project: Project, answer: str, choice: str, apps: int) -> None:
    ours, theirs = pty.openpty()
    script = project.folder / "infra" / "hooks" / "preprovision.sh"
    os.write(ours, f"{answer}\n".encode())
    ended = subprocess.run(
        ["sh", script],
        env=project.environment(),
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert ended.returncode == 0, ended.stderr
    assert "Make one? [y/N]" in ended.stdout
    assert project.seen["env"]["TETHER_AUTH_APP"] == choice
    assert len(project.seen["apps"]) == apps


# Events


def test_a_subscription_without_a_topic_gets_one_and_a_second_run_changes_nothing(project: Project) -> None:
    ended = project.postdeploy()
    assert ended.returncode == 0, ended.stderr
    assert "what cannot be delivered is kept" in ended.stdout
    (topic,) = project.topics()
    assert "/rg-tether-events/" in topic["id"]
    assert [one["destination"] for one in topic["delivers"]] == [{"resourceId": FUNCTION}]
    before = project.kept
    assert project.postdeploy().returncode == 0
    assert project.kept == before
    assert f"existingTopicId={topic['id']}" in project.seen["calls"][-1]


def test_every_subscription_of_the_policy_is_seen_to_and_one_that_refuses_stops_no_other(project: Project) -> None:
    project.write_policy(scope={"subscriptions": [HOME, SPOKE]})
    project.tenant(subscriptions={HOME: spoke(refuses="ERROR: (AuthorizationFailed)"), SPOKE: spoke()})
    ended = project.postdeploy()
    assert ended.returncode == 1
    assert "(AuthorizationFailed)" in ended.stderr
    assert f"do not tell Tether of their changes: {HOME}." in ended.stderr
    assert len(project.topics(SPOKE)) == 1


def test_a_right_that_was_just_given_and_is_not_known_yet_is_waited_for(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke()}, fails_once="deployment sub create")
    ended = project.postdeploy()
    assert ended.returncode == 0, ended.stderr
    (topic,) = project.topics()
    assert len(topic["delivers"]) == 1


def test_a_topic_of_others_stays_as_it_is(project: Project) -> None:
    theirs = a_topic(HOME, "rg-theirs", "their-topic", principal="p", source=f"/SUBSCRIPTIONS/{HOME.upper()}")
    theirs["delivers"] = [{"name": "theirs", "destination": {"resourceId": OTHERS_FUNCTION}}]
    project.tenant(subscriptions={HOME: spoke(topics=[theirs])})
    ended = project.postdeploy()
    assert ended.returncode == 0, ended.stderr
    assert "their-topic, which stays as it is" in ended.stdout
    (topic,) = project.topics()
    assert {**topic, "delivers": []} == {**theirs, "delivers": []}
    assert [one["name"] for one in topic["delivers"]] == ["theirs", "tether"]
    assert topic["delivers"][1]["deadLetters"]
    assert project.seen["subscriptions"][HOME]["groups"] == {}


def test_a_topic_of_another_source_is_not_the_subscriptions(project: Project) -> None:
    other = a_topic(HOME, "rg", "of-a-group", principal="p", source=f"/subscriptions/{HOME}/resourceGroups/rg")
    project.tenant(subscriptions={HOME: spoke(topics=[other])})
    project.postdeploy()
    assert "existingTopicId= " in project.seen["calls"][-1] + " "


def test_without_an_identity_on_their_topic_nothing_is_kept_and_that_is_told(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke(topics=[a_topic(HOME, "rg", "their-topic", principal=None)])})
    ended = project.postdeploy()
    assert ended.returncode == 0, ended.stderr
    assert "Add one." in ended.stdout
    assert "is NOT kept" in ended.stdout
    (topic,) = project.topics()
    assert topic["identity"] is None
    assert not topic["delivers"][0]["deadLetters"]


def test_without_an_identity_on_their_topic_nothing_can_go_into_the_queue(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke(topics=[a_topic(HOME, "rg", "their-topic", principal=None)])})
    ended = project.postdeploy(TETHER_EVENT_DELIVERY="queue")
    assert ended.returncode == 1
    assert "Add one." in ended.stdout
    assert project.topics()[0]["delivers"] == []


def test_into_the_queue_events_go_without_the_function_being_asked_for(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke()}, unknown_for=99)
    ended = project.postdeploy(TETHER_EVENT_DELIVERY="queue")
    assert ended.returncode == 0, ended.stderr
    assert project.topics()[0]["delivers"][0]["deliveryWithResourceIdentity"]["destination"]["resourceId"] == STORAGE
    before = project.kept
    assert project.postdeploy(TETHER_EVENT_DELIVERY="queue").returncode == 0
    assert project.kept == before


def test_our_own_topic_gets_back_the_identity_that_somebody_took(project: Project) -> None:
    ours = a_topic(HOME, "rg-tether-events", "evgt-tether-abc", principal=None)
    project.tenant(subscriptions={HOME: spoke(topics=[ours], groups={"rg-tether-events": "westeurope"})})
    assert project.postdeploy().returncode == 0
    assert project.topics()[0]["identity"]["principalId"]


def test_another_deployments_event_subscription_is_not_taken_over(project: Project) -> None:
    topic = a_topic(HOME, "rg-tether-events", "evgt-tether-abc", principal="p")
    topic["delivers"] = [{"name": "tether", "destination": {"resourceId": OTHERS_FUNCTION}}]
    project.tenant(subscriptions={HOME: spoke(topics=[topic])})
    ended = project.postdeploy()
    assert ended.returncode == 1
    assert "azd env set TETHER_EVENT_SUBSCRIPTION" in ended.stdout
    assert project.topics() == [topic]
    assert project.postdeploy(TETHER_EVENT_SUBSCRIPTION="tether-test").returncode == 0
    assert [one["name"] for one in project.topics()[0]["delivers"]] == ["tether", "tether-test"]


def test_a_resource_group_for_topics_that_lies_elsewhere_is_used(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke(groups={"rg-tether-events": "northeurope"})})
    assert project.postdeploy().returncode == 0
    assert project.seen["subscriptions"][HOME]["deployments"] == {"tether-events-northeurope": "northeurope"}


def test_event_grid_is_registered_where_it_is_not(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke(providers=[])})
    assert project.postdeploy().returncode == 0
    assert project.seen["subscriptions"][HOME]["providers"] == ["Microsoft.EventGrid"]


def test_a_function_that_azure_does_not_know_yet_is_waited_for(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke()}, unknown_for=3)
    assert project.postdeploy().returncode == 0
    assert project.calls.count("resource show") == 4


def test_a_function_that_never_comes_is_told(project: Project) -> None:
    project.tenant(subscriptions={HOME: spoke()}, unknown_for=99)
    ended = project.postdeploy()
    assert ended.returncode == 1
    assert "does not know the function" in ended.stderr
    assert project.topics() == []


def test_events_cannot_come_before_the_app(project: Project) -> None:
    ended = project.postdeploy(TETHER_FUNCTION_ID="")
    assert ended.returncode == 1
    assert "azd provision" in ended.stderr
    assert project.seen["calls"] == []


def test_a_subscription_below_a_management_group_can_be_named_besides(project: Project) -> None:
    assert project.postdeploy(TETHER_ALSO_SUBSCRIPTIONS=SPOKE).returncode == 0
    assert len(project.topics(SPOKE)) == 1


# Management groups


def test_a_management_group_is_left_to_its_owner_with_the_command(project: Project) -> None:
    project.write_policy(scope={"managementGroups": ["corp"]})
    ended = project.postdeploy()
    assert ended.returncode == 0, ended.stderr
    assert "az deployment mg create --management-group-id corp --location westeurope" in ended.stdout
    assert "az policy remediation create --management-group corp --name tether-topics" in ended.stdout
    assert project.seen["groups"] == {}


def test_a_management_group_is_onboarded_where_that_is_wanted(project: Project) -> None:
    project.write_policy(scope={"managementGroups": ["corp", "labs"]})
    ended = project.postdeploy(TETHER_ONBOARD_MANAGEMENT_GROUPS="true", TETHER_PRIVILEGED_PRINCIPAL_ID="second")
    assert ended.returncode == 0, ended.stderr
    assert project.seen["groups"].keys() == {"corp", "labs"}
    assert project.seen["groups"]["corp"]["privilegedPrincipalId"] == "second"
    before = project.kept
    project.postdeploy(TETHER_ONBOARD_MANAGEMENT_GROUPS="true", TETHER_PRIVILEGED_PRINCIPAL_ID="second")
    assert project.kept == before


def test_a_management_group_that_refuses_is_told(project: Project) -> None:
    project.write_policy(scope={"managementGroups": ["corp", "labs"]})
    project.tenant(refused_groups=["corp"])
    ended = project.postdeploy(TETHER_ONBOARD_MANAGEMENT_GROUPS="true")
    assert ended.returncode == 1
    assert "changes: corp." in ended.stderr
    assert project.seen["groups"].keys() == {"labs"}
