"""What holds for every file of infra/."""

import re

import pytest

from functions.policy import Mode, load
from tests.unit.infra.bicep import FILES, INFRA, data, parsed

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
    main = parsed(INFRA / "main.bicep")["modules"]
    second = main["secondApp"]["config"]["config"]["params"]["serviceName"]
    assert services == [main["app"]["config"]["params"]["serviceName"], second]
    assert re.search(rf"^  {second}:(\n    .+)*\n    condition: \$\{{TETHER_PRIVILEGED_APP\}}$", manifest, re.MULTILINE)
