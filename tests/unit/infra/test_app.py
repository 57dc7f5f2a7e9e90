"""The function apps: Easy Auth that leaves Event Grid in, no passwords, an instance that waits for newborn zones."""

import re
from pathlib import Path

import pytest

from functions.arm.clouds import BY_NAME
from functions.triggers import events
from tests.unit.infra.bicep import INFRA, data, modules, parsed, resource, resources, variable

APP = "modules/app.bicep"


def test_easy_auth_leaves_the_webhooks_out_and_lets_anybody_through_to_the_app():
    validation = resource(APP, "authentication").properties["globalValidation"]
    assert validation["excludedPaths"] == ["/runtime/webhooks/*"]
    assert validation["unauthenticatedClientAction"] == "AllowAnonymous"
    assert validation["requireAuthentication"] is False


def test_easy_auth_takes_tokens_for_the_registration_alone_and_keeps_none():
    properties = resource(APP, "authentication").properties
    entra = variable(APP, "entra")
    assert entra["registration"]["clientId"] == "authClientId"
    assert entra["validation"]["allowedAudiences"] == ["authClientId", "api://${authClientId}"]
    assert properties["login"]["tokenStore"]["enabled"] is False


def test_the_second_app_has_no_authentication_since_it_has_no_http():
    assert modules("modules/second-app.bicep")["app"].params["authClientId"] == ""


def test_nobody_deploys_with_a_password():
    policies = resources(APP, "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {one.body["name"]: one.properties["allow"] for one in policies} == {"ftp": False, "scm": False}


def test_only_tls_is_spoken():
    properties = resource(APP, "app").properties
    assert properties["httpsOnly"] is True
    assert properties["siteConfig"]["ftpsState"] == "Disabled"
    assert properties["siteConfig"]["minTlsVersion"] == properties["siteConfig"]["scmMinTlsVersion"] == "1.2"


def test_the_app_is_its_user_assigned_identity_and_nothing_else():
    assert resource(APP, "app").body["identity"] == {
        "type": "UserAssigned",
        "userAssignedIdentities": {"'${identityId}'": {}},  # the parser keeps the quotes of a key
    }
    assert variable(APP, "flexConfig")["deployment"]["storage"]["authentication"] == {
        "type": "UserAssignedIdentity",
        "userAssignedIdentityResourceId": "identityId",
    }


def test_python_is_the_version_of_the_code():
    wanted = re.search(r'requires-python = ">=([\d.]+)"', (INFRA.parent / "pyproject.toml").read_text())
    assert wanted
    assert variable(APP, "flexConfig")["runtime"] == {"name": "python", "version": wanted[1]}


def test_an_instance_of_the_event_grid_function_is_always_ready():
    text = (INFRA / "main.bicep").read_text()
    named = re.search(r"event_grid_trigger.*\nasync def (\w+)", Path(events.__file__).read_text())
    assert named
    assert f"name: 'function:{named[1]}'" in text
    assert f"/functions/{named[1]}'" in text
    assert parsed(INFRA / "main.bicep")["parameters"]["alwaysReadyInstances"]["default"] == 1


def test_the_second_app_keeps_no_instance_ready():
    assert modules("modules/second-app.bicep")["app"].params["alwaysReady"] == []


@pytest.mark.parametrize("cloud", BY_NAME)
def test_the_clouds_of_the_code_are_called_as_bicep_calls_them(cloud):
    """`environment().name` is AzureCloud, AzureUSGovernment or AzureChinaCloud (Learn, Bicep deployment functions)."""
    assert cloud in {"AzureCloud", "AzureUSGovernment", "AzureChinaCloud"}


def test_azd_is_told_the_roles_of_both_apps():
    main = modules("main.bicep")
    assert main["app"].params["settings"]["function"]["parameters"]["arg_1"]["TETHER_ROLE"] == "plain"
    assert modules("modules/second-app.bicep")["app"].params["settings"]["TETHER_ROLE"] == "privileged"
    assert data("main.parameters.json")["parameters"]["privilegedApp"] == {"value": "${TETHER_PRIVILEGED_APP=false}"}
