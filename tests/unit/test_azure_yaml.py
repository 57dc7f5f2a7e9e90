"""azure.yaml against our own list of what azd takes: its schema allows any further name, and azd ignores it."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from package.build import BUILD
from tests.unit.listed_settings import Rule, objections, one_of, text

ROOT = Path(__file__).parents[2]

# Sources. [schema] Azure/azure-dev, schemas/v1.0/azure.yaml.json; [code] its cli/azd/pkg/project/service_config.go and
# service_target_functionapp.go, for what the schema does not list.
_SHELL = one_of("sh", "pwsh")
_YES_OR_NO = one_of(True, False)
ALLOWED: dict[str, Rule] = {
    "name": text(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"),  # [schema] name
    "metadata/template": text(r"\S+@\S+"),  # [schema] metadata
    "requiredVersions/azd": text(r">= \d+\.\d+\.\d+"),  # [schema] requiredVersions
    "infra/provider": one_of("bicep"),  # [schema] infra
    "infra/path": text(r"[\w/-]+"),
    "infra/module": text(r"[\w-]+"),
    "services/*/project": text(r"\.|[\w/-]+"),  # [schema] services: where the service is
    "services/*/dist": text(r"[\w/-]+"),  # [schema] services: what of it is deployed
    "services/*/language": one_of("py", "python"),
    "services/*/host": one_of("function"),  # [schema] services: Azure Functions
    "services/*/remoteBuild": one_of(
        False
    ),  # [schema] the package is whole; left out, azd has it built in Azure [code]
    "services/*/condition": text(r"\$\{[A-Z_]+\}"),  # [code] whether a service is deployed
    "services/*/resourceName": text(r"\$\{[A-Z_]+\}"),  # [schema] instead of the tag azd-service-name
    "services/*/resourceGroup": text(r"\$\{[A-Z_]+\}"),
    **{
        f"{where}/{when}/{name}": rule  # [schema] hooks; of commands here, of services below
        for where in ("hooks", "services/*/hooks")
        for when in (
            "preup",
            "preprovision",
            "postprovision",
            "prepackage",
            "predeploy",
            "postdeploy",
            "postup",
            "predown",
            "postdown",
        )
        for name, rule in {
            "run": text(r"\S.*"),
            "shell": _SHELL,
            "continueOnError": _YES_OR_NO,
            "interactive": _YES_OR_NO,
            "windows/run": text(r"\S.*"),
            "windows/shell": _SHELL,
            "posix/run": text(r"\S.*"),
            "posix/shell": _SHELL,
        }.items()
    },
}


@pytest.fixture
def document() -> dict[str, Any]:
    path = ROOT / "azure.yaml"
    if not path.exists():
        pytest.skip("azure.yaml is not there")
    held: dict[str, Any] = yaml.safe_load(path.read_text())
    return held


def test_azure_yaml_says_nothing_but_what_azd_takes(document: dict[str, Any]) -> None:
    assert objections(document, ALLOWED) == []


@pytest.mark.parametrize(
    ("service", "objection"),
    [
        pytest.param({"remotebuild": False}, "is not in the list", id="another case of a name"),
        pytest.param({"remoteBuild": True}, "may not be True", id="a build in Azure"),
        pytest.param({"host": "functionapp"}, "may not be 'functionapp'", id="a host that azd does not know"),
        pytest.param({"hooks": {"prepublish": {"run": "x"}}}, "is not in the list", id="a hook that is not ours"),
    ],
)
def test_a_mistake_would_be_seen(document: dict[str, Any], service: dict[str, Any], objection: str) -> None:
    wrong = copy.deepcopy(document)
    wrong["services"]["tether"].update(service)
    assert [said for said in objections(wrong, ALLOWED) if objection in said]


def test_every_service_is_the_package_and_is_deployed_as_it_is(document: dict[str, Any]) -> None:
    for name, service in document["services"].items():
        folder = ROOT / service["project"] / service.get("dist", "")
        assert folder.resolve() == (BUILD / "package").resolve(), name
        assert service["remoteBuild"] is False, name


def test_the_package_is_built_before_it_is_deployed_and_what_fails_stops_azd(document: dict[str, Any]) -> None:
    hooks: dict[str, dict[str, Any]] = document["hooks"]
    for when in ("preup", "prepackage", "predeploy"):
        assert hooks[when]["run"] == "make package"
    assert [name for name, hook in hooks.items() if hook.get("continueOnError")] == []


def test_the_files_that_it_names_are_there(document: dict[str, Any]) -> None:
    assert (ROOT / document["infra"]["path"] / f"{document['infra']['module']}.bicep").is_file()
