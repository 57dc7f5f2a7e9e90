"""Stands in for `az` and `azd`: plays the answers of a tenant in a JSON file, and keeps there what was written.

No Azure and no az is here, so this is what its author knows of them: it takes the options that it is given, evaluates
`--query` and prints `tsv` as az does (jmespath, knack's output.py), and deploys the two onboarding files by doing what
they say. A command or an option that it does not know is an error.

    python played_azure.py az account show --query id -o tsv       (TENANT names the file)
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jmespath

type Json = dict[str, Any]

TENANT = "aaaaaaaa-0000-4000-8000-00000000000a"


class RefusedError(Exception):
    """What az says on stderr, with exit code 1."""


class Azure:
    """The commands that the hooks use. Every method is a command; its keywords are the options."""

    def __init__(self, state: Json) -> None:
        self.state = state

    def spoke(self, subscription: str) -> Json:
        for name, held in self.state["subscriptions"].items():
            if name.lower() == subscription.lower():
                if "refuses" in held:
                    raise RefusedError(held["refuses"])
                return held
        raise RefusedError(f"ERROR: Subscription '{subscription}' not found.")

    def account_show(self, subscription: str | None = None) -> Json:
        if not self.state["user"]:
            raise RefusedError("ERROR: Please run 'az login' to setup account.")
        tenant = self.state["tenant"]
        if subscription is not None:
            tenant = self.spoke(subscription).get("tenant", TENANT)
        return {"id": subscription or "default", "tenantId": tenant, "user": {"type": self.state["user"]}}

    def ad_app_list(self, show_mine: bool = False, where: str | None = None) -> list[Json]:
        apps = self.state["apps"]
        if show_mine:
            return [app for app in apps if app["owner"] == "me"]
        assert where is not None
        name = re.fullmatch(r"displayName eq '([^']*)'", where)
        assert name is not None
        return [app for app in apps if app["displayName"] == name[1]]

    def ad_app_create(
        self, display_name: str, sign_in_audience: str, requested_access_token_version: str, app_roles: str
    ) -> Json:
        assert sign_in_audience == "AzureADMyOrg"
        app = {
            "appId": f"bbbbbbbb-0000-4000-8000-{len(self.state['apps']):012}",
            "displayName": display_name,
            "owner": "me",
            "tokens": requested_access_token_version,
            "roles": [role["value"] for role in json.loads(Path(app_roles.removeprefix("@")).read_text())],
        }
        self.state["apps"].append(app)
        return app

    def ad_app_update(self, client: str, identifier_uris: str) -> None:
        self._app(client)["uris"] = [identifier_uris]

    def ad_sp_list(self, where: str) -> list[Json]:
        match = re.fullmatch(r"appId eq '([^']*)'", where)
        assert match is not None
        return [{"id": f"sp-{match[1]}"}] if self._app(match[1]).get("principal") else []

    def ad_sp_create(self, client: str) -> None:
        self._fail_once("ad sp create")
        self._app(client)["principal"] = True

    def _fail_once(self, command: str) -> None:
        if self.state.get("fails_once") == command:
            del self.state["fails_once"]
            raise RefusedError("ERROR: Service unavailable.")

    def _app(self, client: str) -> Json:
        return next(app for app in self.state["apps"] if app["appId"] == client)

    def env_set(self, name: str, value: str) -> None:
        self.state["env"][name] = value

    def resource_show(self, ids: str) -> Json:
        if self.state["unknown_for"] > 0:
            self.state["unknown_for"] -= 1
            raise RefusedError("ERROR: (NotFound) The resource was not found.")
        return {"id": ids}

    def provider_show(self, subscription: str, namespace: str) -> Json:
        registered = namespace in self.spoke(subscription)["providers"]
        return {"registrationState": "Registered" if registered else "NotRegistered"}

    def provider_register(self, subscription: str, namespace: str, wait: bool) -> None:
        self.spoke(subscription)["providers"].append(namespace)

    def eventgrid_system_topic_list(self, subscription: str) -> list[Json]:
        return self.spoke(subscription)["topics"]

    def eventgrid_system_topic_event_subscription_list(
        self, subscription: str, resource_group: str, system_topic_name: str
    ) -> list[Json]:
        topics = [one for one in self.spoke(subscription)["topics"] if one["name"] == system_topic_name]
        assert f"/{resource_group}/" in topics[0]["id"]
        return topics[0]["delivers"]

    def group_exists(self, subscription: str, name: str) -> bool:
        return name in self.spoke(subscription)["groups"]

    def group_show(self, subscription: str, name: str) -> Json:
        return {"location": self.spoke(subscription)["groups"][name]}

    def deployment_sub_create(
        self, subscription: str, location: str, name: str, template_file: str, parameters: list[str]
    ) -> Json:
        """onboard-subscription.bicep."""
        given, spoke = _given(template_file, parameters), self.spoke(subscription)
        assert template_file == "infra/onboard-subscription.bicep"
        assert len(name) <= 64
        assert spoke["deployments"].setdefault(name, location) == location, "a deployment's name has one location"
        ours = given["existingTopicId"] == ""
        if ours:
            group = given["resourceGroupName"]
            assert spoke["groups"].setdefault(group, location) == location, "a resource group has one location"
            made = a_topic(subscription, group, "evgt-tether-abc", principal=f"topic-of-{subscription[:4]}")
            if not any(one["id"] == made["id"] for one in spoke["topics"]):
                assert spoke["topics"] == [], "a source has one system topic"
                spoke["topics"].append(made)
            topic = spoke["topics"][0]
            topic["identity"] = made["identity"]
        else:
            topic = next(one for one in spoke["topics"] if one["id"] == given["existingTopicId"])
            assert given["existingTopicPrincipalId"] == (topic["identity"] or {"principalId": ""})["principalId"]
        self._fail_once("deployment sub create")
        kept = ours or given["existingTopicPrincipalId"] != ""
        delivering = given["delivery"] == "function" or kept
        if delivering:
            others = [one for one in topic["delivers"] if one["name"] != given["eventSubscriptionName"]]
            target = {"resourceId": given["functionId"]}, None
            if given["delivery"] == "queue":
                target = None, {"destination": {"resourceId": given["storageAccountId"]}}
            one = {"name": given["eventSubscriptionName"], "deadLetters": kept}
            topic["delivers"] = [*others, {**one, "destination": target[0], "deliveryWithResourceIdentity": target[1]}]
        outputs = {
            "isDelivering": delivering,
            "isDeadLettering": delivering and kept,
            "advice": "" if kept else "Add one.",
        }
        return {"properties": {"outputs": {key: {"value": value} for key, value in outputs.items()}}}

    def deployment_mg_create(
        self, management_group_id: str, location: str, name: str, template_file: str, parameters: list[str]
    ) -> Json:
        """onboard-management-group.bicep."""
        given = _given(template_file, parameters)
        if management_group_id in self.state["refused_groups"]:
            raise RefusedError("ERROR: (AuthorizationFailed)")
        self.state["groups"][management_group_id] = given
        return {}


def a_topic(subscription: str, group: str, name: str, principal: str | None, source: str | None = None) -> Json:
    """A system topic as az lists it."""
    return {
        "id": f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.EventGrid/systemTopics/{name}",
        "name": name,
        "source": source or f"/subscriptions/{subscription}",
        "identity": {"principalId": principal} if principal else None,
        "delivers": [],
    }


def _given(template: str, parameters: list[str]) -> dict[str, str]:
    """The parameters, if the file takes them and lacks none."""
    given = dict(part.split("=", 1) for part in parameters)
    declared = dict(re.findall(r"^param (\w+) \w+( =.*)?$", Path(template).read_text(), re.MULTILINE))
    assert given.keys() <= declared.keys(), given.keys() - declared.keys()
    assert {name for name, default in declared.items() if not default} <= given.keys()
    return given


def _options(arguments: list[str]) -> tuple[str, Json]:
    """The command's name as a method's, and its options; `--parameters` takes several."""
    words, options, several = [], {}, ("--parameters",)
    short = {"-o": "--output", "-n": "--name", "-g": "--resource-group"}
    renamed = {"--id": "--client", "--filter": "--where"}  # what Python has names of its own for
    rest = [short.get(one, one) for one in arguments]
    while rest and not rest[0].startswith("-"):
        words.append(rest.pop(0))
    while rest:
        option, values = rest.pop(0), []
        while rest and not (rest[0].startswith("--")):
            values.append(rest.pop(0))
        value: Any = values if option in several else values[0] if values else True
        option = renamed.get(option, option)
        options[option.removeprefix("--").replace("-", "_")] = value
    if words[:2] == ["env", "set"]:
        words, options = words[:2], {"name": words[2], "value": words[3]}
    return "_".join(words).replace("-", "_"), options


def _cell(value: Any) -> str:
    """As knack's output.py writes one."""
    return str(len(value)) if isinstance(value, list) else "" if isinstance(value, dict) else str(value)


def _tsv(value: Any) -> str:
    rows = value if isinstance(value, list) else [value]
    plain = [str(row).lower() if isinstance(row, bool) else row for row in rows]
    lines = ("\t".join(map(_cell, row)) if isinstance(row, list) else _cell(row) for row in plain)
    return "".join(f"{line}\n" for line in lines)


def main(program: str, arguments: list[str]) -> int:
    file = Path(os.environ["PLAYED_TENANT"])
    state = json.loads(file.read_text())
    state["calls"].append(" ".join([program, *arguments]))
    command, options = _options(arguments)
    query, form = options.pop("query", None), options.pop("output", None)
    try:
        answer = getattr(Azure(state), command)(**options)
    except RefusedError as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    finally:
        file.write_text(json.dumps(state))
    if query is not None:
        answer = jmespath.search(query, answer)
    if answer is not None and form != "none":
        assert form == "tsv", "the hooks read tsv"
        sys.stdout.write(_tsv(answer))
    elif answer is not None:
        assert form == "none"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
