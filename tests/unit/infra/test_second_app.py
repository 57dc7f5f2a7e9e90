"""The second app: only where it is enabled, with nothing of the first one's, which may only ask it."""

from tests.unit.infra.bicep import INFRA, modules, parsed, strings, variable

MAIN = modules("main.bicep")
SECOND = {symbol for symbol in MAIN if symbol.startswith("second")}


def mentions(symbol: str, name: str) -> bool:
    """Whether a module's parameters or scope name a thing."""
    return any(name in text for text in strings(MAIN[symbol].body))


def test_it_has_an_identity_a_storage_account_and_an_app_of_its_own():
    assert {"secondIdentity", "secondStorage", "secondStorageRights", "secondApp"} <= SECOND
    assert variable("main.bicep", "secondStorageName") != variable("main.bicep", "storageName")


def test_nothing_of_it_is_deployed_unless_it_is_enabled():
    for symbol in SECOND | {"senderRight"}:
        one = MAIN[symbol]
        gate = str(one.condition if one.each is None else one.each)
        assert "privilegedApp" in gate, symbol


def test_no_right_is_given_to_it_unless_it_is_enabled():
    rights = modules("roles/of-policies.bicep")
    its = {symbol for symbol, one in rights.items() if one.params.get("principalId") == "privilegedPrincipalId"}
    assert its == {"secondRights", "secondRecordZoneRights"}
    assert "privilegedApp" in str(rights["secondRights"].each)
    assert rights["secondRecordZoneRights"].each == "secondRecordZones"
    assert "privilegedApp" in str(variable("roles/of-policies.bicep", "secondRecords"))


def test_it_is_off_unless_asked_for():
    assert parsed(INFRA / "main.bicep")["parameters"]["privilegedApp"]["default"] is False


def test_the_plain_identity_may_only_send_to_one_of_its_queues():
    touching = {
        symbol for symbol in MAIN if mentions(symbol, "secondStorageName") and not mentions(symbol, "secondIdentity")
    }
    # The rest of these declare the account itself and its endpoints, and name no identity at all.
    assert {symbol for symbol in touching if mentions(symbol, "identity")} == {"senderRight"}
    assert MAIN["senderRight"].type == "modules/queue-sender.bicep"
    assert MAIN["senderRight"].params["queueName"] == "privilegedQueue"
    sender = variable("modules/queue-sender.bicep", "messageSender")
    assert sender == "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a"  # Storage Queue Data Message Sender: add, and nothing else


def test_the_second_identity_has_nothing_in_the_plain_account():
    for symbol in MAIN:
        if mentions(symbol, "secondIdentity"):
            assert not any(text == "storageName" for text in strings(MAIN[symbol].body)), symbol


def test_the_plain_app_knows_the_queue_only_where_there_is_a_second_app():
    operands = variable("main.bicep", "secondAppSettings")["operator"]["operands"]
    assert operands["condition"] == "privilegedApp"
    assert operands["false_value"] == {}


def test_it_goes_by_its_own_policy():
    assert MAIN["secondApp"].params["settings"]["TETHER_POLICY"] == "privilegedText"
    settings = MAIN["app"].params["settings"]["function"]["parameters"]["arg_1"]
    assert settings["TETHER_POLICY"] == "policyText"


def test_no_http_secret_reaches_it():
    held = set(strings(MAIN["secondApp"].params))
    assert held.isdisjoint({"authSettings", "tsigSettings", "authClientId", "secondAppSettings"})
