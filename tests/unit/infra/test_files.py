"""What holds for every file of infra/."""

import re

import pytest

from functions.policy import Mode, load
from tests.unit.infra.bicep import FILES, INFRA, Declared, data, modules, parsed

EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(INFRA)))
PREVIEW = {"Microsoft.Insights/diagnosticSettings"}  # Azure has no newer version of it than 2021-05-01-preview


@EACH_FILE
def test_every_file_can_be_parsed(path):
    assert parsed(path)


@EACH_FILE
def test_every_file_says_what_it_is(path):
    assert path.read_text().startswith("// ")


@EACH_FILE
def test_every_parameter_is_described(path):
    for name, parameter in parsed(path).get("parameters", {}).items():
        assert "description" in {one["type"] for one in parameter["decorators"]}, name


@EACH_FILE
def test_api_versions_are_stable(path):
    for one in parsed(path).get("resources", {}).values():
        if one["type"] not in PREVIEW:
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", one["api_version"]), one


@EACH_FILE
def test_modules_are_files_here_and_no_outside_registrys(path):
    for symbol, module in parsed(path).get("modules", {}).items():
        assert (path.parent / module["detail"]["path"]).is_file(), symbol


@EACH_FILE
def test_nothing_asks_for_a_key(path):
    """Nor for a signature: identities alone open what is deployed."""
    assert not re.search(r"listKeys|listAccountSas|listServiceSas|AccountKey=|SharedAccessSignature", path.read_text())


@EACH_FILE
def test_nothing_is_used_that_the_offline_scanner_cannot_read(path):
    text = path.read_text()
    assert not re.search(r"^\s*(func|import|type|assert|provider|extension)\s", text, re.MULTILINE)
    assert not re.search(r"^param \w+ (\{|'|\()", text, re.MULTILINE), "an inline type"


@pytest.mark.parametrize("name", ["tether-policy.json", "privileged-policy.json"])
def test_the_policies_that_come_along_only_observe_the_subscription_that_is_deployed_to(name):
    policy = load((INFRA / name).read_text())
    assert policy.mode is Mode.OBSERVE
    assert policy.scope.subscriptions == ("00000000-0000-0000-0000-000000000000",)
    assert policy.scope.subscriptions[0] in (INFRA / "main.bicep").read_text()


def test_both_policies_have_one_owner():
    assert data("tether-policy.json")["owner"] == data("privileged-policy.json")["owner"]


def test_azd_sets_parameters_that_there_are():
    known = parsed(INFRA / "main.bicep")["parameters"]
    assert data("main.parameters.json")["parameters"].keys() <= known.keys()


def test_what_has_no_default_is_set_by_azd():
    needed = {name for name, one in parsed(INFRA / "main.bicep")["parameters"].items() if one["default"] is None}
    assert needed == {"environmentName", "location"}
    assert needed <= data("main.parameters.json")["parameters"].keys()


def test_the_services_of_azure_yaml_are_the_apps():
    manifest = (INFRA.parent / "azure.yaml").read_text()
    services = re.findall(r"^  ([a-z-]+):\n    project: ", manifest, re.MULTILINE)
    apps = [modules(name)["app"] for name in ("main.bicep", "modules/second-app.bicep")]
    plain, second = (app.params["serviceName"] for app in apps)
    assert services == [plain, second]
    assert re.search(rf"^  {second}:(\n    .+)*\n    condition: \$\{{TETHER_PRIVILEGED_APP\}}$", manifest, re.MULTILINE)


def own(path) -> dict[str, Declared]:
    return modules(str(path.relative_to(INFRA)))


def parameters_of(path, module: Declared) -> dict[str, bool]:
    """The parameters of a module's file, and whether each has to be given."""
    held = parsed((path.parent / module.type).resolve()).get("parameters", {})
    return {name: one["default"] is None for name, one in held.items()}


@EACH_FILE
def test_modules_get_what_they_ask_for_and_nothing_else(path):
    for symbol, module in own(path).items():
        asked = parameters_of(path, module)
        assert module.params.keys() <= asked.keys(), symbol
        assert {name for name, needed in asked.items() if needed} <= module.params.keys(), symbol


@EACH_FILE
def test_outputs_that_are_used_are_there(path):
    held = own(path)
    for symbol, output in re.findall(r"\b(\w+)\.outputs\.(\w+)", path.read_text()):
        assert output in parsed((path.parent / held[symbol].type).resolve())["outputs"], f"{symbol}.{output}"


@EACH_FILE
def test_every_parameter_and_variable_is_used(path):
    text = re.sub(r"^\s*(//|@description).*$", "", path.read_text(), flags=re.MULTILINE)
    for kind in ("parameters", "variables"):
        for name in parsed(path).get(kind, {}):
            assert len(re.findall(rf"\b{name}\b", text)) > 1, name
