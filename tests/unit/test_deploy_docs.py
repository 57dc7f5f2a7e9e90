"""What docs/deploy.md names is there: files, make targets, parameters, settings, sections and fields of the policy."""

import json
import re
from pathlib import Path

import pytest

from functions.policy import load

ROOT = Path(__file__).parents[2]
DEPLOY = (ROOT / "docs" / "deploy.md").read_text()
README = (ROOT / "README.md").read_text()
INFRA = ROOT / "infra"
HOOKS = "".join(hook.read_text() for hook in sorted((INFRA / "hooks").glob("*.sh")))
AZD = json.dumps(json.loads((INFRA / "main.parameters.json").read_text()))
OUTPUTS = set(re.findall(r"^output (\w+) ", (INFRA / "main.bicep").read_text(), re.MULTILINE))
SETTINGS = set(re.findall(r"\bTETHER_[A-Z_]+\b", DEPLOY))


def anchors(document: Path) -> set[str]:
    """The sections of a document, as GitHub names them in links."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("text", [DEPLOY, README], ids=["deploy.md", "README.md"])
def test_every_file_that_is_named_is_there(text: str) -> None:
    named = set(re.findall(r"\binfra/[\w./-]+\b", text)) - {"infra/"}
    assert len(named) > 0
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", DEPLOY):
        file, _, section = target.partition("#")
        document = ROOT / "docs" / (file or "deploy.md")
        assert document.exists(), target
        assert not section or section in anchors(document), target


def test_every_make_target_is_there() -> None:
    code = "\n".join(re.findall(r"```sh\n.+?```|`make [^`]+`", DEPLOY, re.DOTALL))
    targets = set(re.findall(r"\bmake ([a-z-]+)", code))
    assert {"smoke", "check", "package-check"} <= targets
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_every_parameter_of_a_command_is_one_of_the_file() -> None:
    for command in re.findall(r"^az deployment .+$", DEPLOY, re.MULTILINE):
        template = re.search(r"--template-file (\S+)", command)
        assert template is not None
        given = set(re.findall(r" (\w+)=<", command))
        declared = dict(re.findall(r"^param (\w+) \w+( =.*)?$", (ROOT / template[1]).read_text(), re.MULTILINE))
        assert given <= declared.keys()
        assert {name for name, default in declared.items() if not default} <= given


def test_every_setting_that_is_named_is_read_by_azd_or_a_hook() -> None:
    assert {name for name in SETTINGS - OUTPUTS if name not in AZD and name not in HOOKS} == set()


def test_every_setting_that_azd_or_a_hook_reads_is_explained() -> None:
    read = set(re.findall(r"\$\{(TETHER_[A-Z_]+)", AZD + HOOKS)) - OUTPUTS - {"TETHER_HOOK_PAUSE"}
    explained = set(re.findall(r"`(TETHER_[A-Z_]+)`", "\n".join(re.findall(r"^\| `TETHER.+$", DEPLOY, re.MULTILINE))))
    assert read == explained


def test_the_role_of_the_app_registration_is_the_one_that_is_made() -> None:
    (role,) = json.loads((INFRA / "hooks" / "app-roles.json").read_text())
    assert f'"appRoleId": "{role["id"]}"' in DEPLOY
    assert role["value"] == "Tether.Operator"


def test_the_example_of_a_policy_can_be_used() -> None:
    (example,) = re.findall(r"```json\n(.+?)```", DEPLOY, re.DOTALL)
    assert not load(example).discover_resolvers


def test_the_quick_start_is_five_lines() -> None:
    (block,) = re.findall(r"^## Into your Azure\n.+?```sh\n(.+?)```", README, re.DOTALL | re.MULTILINE)
    assert len(block.splitlines()) == 5
