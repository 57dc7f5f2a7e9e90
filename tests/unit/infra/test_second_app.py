"""The second app: only where it is enabled, with nothing of the first one's, which may only ask it."""

from tests.unit.infra.bicep import INFRA, modules, parsed, strings, variable

FILE = "modules/second-app.bicep"
RIGHTS = "roles/of-policies.bicep"
MAIN = modules("main.bicep")
SECOND = modules(FILE)


def naming(name: str) -> set[str]:
    """The second app's modules that name a thing."""
    return {symbol for symbol, one in SECOND.items() if any(name in text for text in strings(one.body))}


def test_it_has_an_identity_a_storage_account_and_an_app_of_its_own():
    assert {"identity", "storage", "storageRights", "app"} <= SECOND.keys()
    assert MAIN["second"].params["storageAccountName"] == "secondStorageName"
    assert variable("main.bicep", "secondStorageName") != variable("main.bicep", "storageName")


def test_nothing_of_it_is_deployed_unless_it_is_enabled():
    assert MAIN["second"].condition == "privilegedApp"
    assert [symbol for symbol, one in MAIN.items() if one.type == FILE] == ["second"]
    assert parsed(INFRA / "main.bicep")["parameters"]["privilegedApp"]["default"] is False


def test_no_right_is_given_to_it_unless_it_is_enabled():
    rights = modules(RIGHTS)
    its = {symbol for symbol, one in rights.items() if one.params.get("principalId") == "privilegedPrincipalId"}
    assert its == {"secondRights", "secondRecordZoneRights"}
    assert "privilegedApp" in str(rights["secondRights"].each)
    assert rights["secondRecordZoneRights"].each == "secondRecordZones"
    assert "privilegedApp" in str(variable(RIGHTS, "secondRecords"))


def test_the_plain_identity_may_only_send_to_one_of_its_queues():
    assert MAIN["second"].params["senderPrincipalId"] == MAIN["storageRights"].params["principalId"]
    assert naming("senderPrincipalId") == {"senderRight"}
    assert SECOND["senderRight"].type == "modules/queue-sender.bicep".removeprefix("modules/")
    assert SECOND["senderRight"].params["queueName"] == "queueName"
    sender = variable("modules/queue-sender.bicep", "messageSender")
    assert sender == "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"  # Storage Queue Data Message Sender: add, and nothing else


def test_no_other_module_touches_its_account():
    named = {symbol for symbol, one in MAIN.items() if any("secondStorageName" in text for text in strings(one.body))}
    assert named == {"second"}


def test_its_identity_has_nothing_in_the_plain_account():
    """It is not handed to a module that knows the plain account, and its own modules do not know that one."""
    assert not any(text == "storageName" for text in strings(MAIN["second"].body))
    named = {symbol for symbol, one in MAIN.items() if any(text == "second" for text in strings(one.body))}
    assert named == {"rights"}


def test_the_plain_app_knows_the_queue_only_where_there_is_a_second_app():
    operands = variable("main.bicep", "secondAppSettings")["operator"]["operands"]
    assert operands["condition"] == "privilegedApp"
    assert operands["false_value"] == {}


def test_it_goes_by_its_own_policy():
    assert MAIN["second"].params["policyText"] == "privilegedText"
    assert SECOND["app"].params["settings"]["TETHER_POLICY"] == "policyText"
    settings = MAIN["app"].params["settings"]["function"]["parameters"]["arg_1"]
    assert settings["TETHER_POLICY"] == "policyText"


def test_no_http_secret_reaches_it():
    held = set(strings(MAIN["second"].params)) | set(strings(SECOND["app"].params))
    assert held.isdisjoint({"authSettings", "tsigSettings", "authClientId", "secondAppSettings"})
