import msgspec
import pytest
from azure.core import AzureClouds
from azure.mgmt.core.tools import get_arm_endpoints

from functions.arm.clouds import BY_NAME, CHINA, PUBLIC, US_GOVERNMENT, Cloud
from functions.policy import Policy, PolicyError
from functions.role import Role
from functions.settings import SettingsError, Storage, read


def of_account(name: str, client_id: str | None = None) -> Storage:
    urls = (f"https://{name}.{kind}.core.windows.net" for kind in ("queue", "table", "blob"))
    return Storage(None, *urls, client_id)


STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}


@pytest.mark.parametrize(
    ("cloud", "sdks"),
    [
        (PUBLIC, AzureClouds.AZURE_PUBLIC_CLOUD),
        (US_GOVERNMENT, AzureClouds.AZURE_US_GOVERNMENT),
        (CHINA, AzureClouds.AZURE_CHINA_CLOUD),
    ],
)
def test_a_clouds_endpoint_and_scope_are_the_sdks(cloud: Cloud, sdks: AzureClouds) -> None:
    endpoints = get_arm_endpoints(sdks)
    assert f"{cloud.arm}/" == endpoints["resource_manager"]
    assert [cloud.scope] == endpoints["credential_scopes"]


@pytest.mark.parametrize("name", list(BY_NAME))
def test_a_cloud_is_chosen_by_name(name: str) -> None:
    assert read({**STORAGE, "TETHER_CLOUD": name}).cloud.name == name


@pytest.mark.parametrize(
    ("environment", "storage"),
    [
        pytest.param(STORAGE, Storage(connection_string="UseDevelopmentStorage=true"), id="a connection string"),
        pytest.param(
            {"AzureWebJobsStorage__accountName": "tether"},
            of_account("tether"),
            id="an account's name",
        ),
        pytest.param(
            {"AzureWebJobsStorage__queueServiceUri": "https://t.queue.x/", "AzureWebJobsStorage__clientId": "c"},
            Storage(
                queue_service="https://t.queue.x",
                table_service="https://t.table.x",
                blob_service="https://t.blob.x",
                client_id="c",
            ),
            id="a queue service and an identity of its own",
        ),
        pytest.param(
            {"AzureWebJobsStorage__accountName": "t", "AZURE_CLIENT_ID": "c"},
            of_account("t", "c"),
            id="the app's identity serves storage too",
        ),
    ],
)
def test_storage_is_had_in_both_documented_forms(environment: dict[str, str], storage: Storage) -> None:
    assert read(environment).storage == storage


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "AzureWebJobsStorage"),
        ({**STORAGE, "TETHER_CLOUD": "Moon"}, "TETHER_CLOUD"),
        ({**STORAGE, "TETHER_ARM_ENDPOINT": "http://127.0.0.1:1"}, "TETHER_ARM_ENDPOINT"),
        ({**STORAGE, "TETHER_ARM_ENDPOINT": "https://host/path"}, "TETHER_ARM_ENDPOINT"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        read(environment)


def test_an_invalid_policy_is_kept_as_its_error_so_that_the_app_can_say_it() -> None:
    assert isinstance(read(STORAGE).policy, PolicyError)


EXACT = "prod-1.hcp.westeurope.azmk8s.io"
WITH_RECORDS = (
    '{"owner": "o", "scope": {"subscriptions": ["22222222-2222-2222-2222-222222222222"]}, "records": [{"zone": "'
    + EXACT
    + '", "servers": ["10.0.0.4"], "tsig": {"name": "tether.", "secret": "@env:TSIG_SECRET"}}]}'
)


@pytest.mark.parametrize(
    ("secret", "told"),
    [
        pytest.param({}, "TSIG_SECRET", id="not set"),
        pytest.param({"TSIG_SECRET": "hunter2-hunter2"}, "base64", id="not base64"),
    ],
)
def test_a_secret_that_cannot_be_used_makes_the_policy_invalid_and_is_not_told(
    secret: dict[str, str], told: str
) -> None:
    policy = read({**STORAGE, "TETHER_POLICY": WITH_RECORDS, **secret}).policy
    assert isinstance(policy, PolicyError)
    assert told in str(policy)
    assert "records[0].tsig.secret" in str(policy)
    assert "hunter2" not in str(policy)


def test_with_its_secret_the_policy_is_valid() -> None:
    policy = read({**STORAGE, "TETHER_POLICY": WITH_RECORDS, "TSIG_SECRET": "c2VjcmV0"}).policy
    assert not isinstance(policy, PolicyError)


SECOND = "PRIVILEGED_QUEUE__queueServiceUri"


@pytest.mark.parametrize(
    ("environment", "role", "second"),
    [
        pytest.param({}, Role.ALONE, None, id="one app that does everything"),
        pytest.param({"TETHER_ROLE": "plain"}, Role.PLAIN, None, id="the plain app, and no other"),
        pytest.param(
            {"TETHER_ROLE": "plain", SECOND: "https://second.queue.x/", "AZURE_CLIENT_ID": "c"},
            Role.SHARING,
            Storage(queue_service="https://second.queue.x", client_id="c"),
            id="the plain app of two",
        ),
        pytest.param(
            {"TETHER_ROLE": "privileged", SECOND: "https://x.queue.x"}, Role.PRIVILEGED, None, id="the second app"
        ),
    ],
)
def test_the_settings_say_which_of_two_apps_it_is(
    environment: dict[str, str], role: Role, second: Storage | None
) -> None:
    known = read({**STORAGE, **environment})
    assert (known.role, known.second) == (role, second)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"TETHER_ROLE": "plian"}, id="a role that is none"),
        pytest.param({"TETHER_ROLE": "plain", SECOND: "http://x.queue.x"}, id="a token sent in the clear"),
    ],
)
def test_a_role_that_cannot_be_used_is_named(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=list(wrong)[-1]):
        read({**STORAGE, **wrong})


def test_the_second_app_needs_no_key_of_a_dns_server() -> None:
    scope, tsig = {"managementGroups": ["all"]}, {"name": "k", "secret": "@env:NO"}
    target = {"zone": "privatelink.westeurope.azmk8s.io", "servers": ["10.0.0.4"], "tsig": tsig, "authoritative": True}
    policy = msgspec.json.encode({"owner": "x", "scope": scope, "records": [target]}).decode()
    plain = read({**STORAGE, "TETHER_POLICY": policy}).policy
    assert isinstance(plain, PolicyError)
    assert "records[0].tsig.secret" in str(plain)
    assert isinstance(read({**STORAGE, "TETHER_POLICY": policy, "TETHER_ROLE": "privileged"}).policy, Policy)
