"""The storage accounts: what the code uses is there, and no key opens it."""

from functions import queue, second_app
from functions.ledger import blobs, bodies, tables
from tests.unit.infra.bicep import modules, resource, resources, variable

MAIN = modules("main.bicep")
SECOND = modules("modules/second-app.bicep")
QUEUES = {queue.QUEUE, queue.POISON}
TABLES = {tables.STATE, tables.JOURNAL}
CONTAINERS = {blobs.CONTAINER, bodies.CONTAINER, "tether-package"}


def test_no_key_and_no_anonymous_caller_opens_an_account():
    properties = resource("modules/storage.bicep", "account").properties
    assert properties["allowSharedKeyAccess"] is False
    assert properties["allowBlobPublicAccess"] is False
    assert properties["allowCrossTenantReplication"] is False
    assert properties["minimumTlsVersion"] == "TLS1_2"
    assert properties["supportsHttpsTrafficOnly"] is True


def test_the_plain_account_has_what_the_code_uses_and_the_dead_letters():
    params = MAIN["storage"].params
    assert set(params["queues"]) == QUEUES
    assert set(params["tables"]) == TABLES
    assert set(params["containers"]) == CONTAINERS | {"tether-dead-letters"}


def test_the_second_account_has_the_same_of_its_own_and_the_queue_where_it_is_asked():
    params = SECOND["storage"].params
    assert variable("modules/second-app.bicep", "queueName") == second_app.QUEUE
    assert set(params["queues"]) == QUEUES | {"queueName", "${queueName}-poison"}
    assert set(params["tables"]) == TABLES
    assert set(params["containers"]) == CONTAINERS


def test_both_apps_get_their_package_from_their_own_account():
    for held, account in ((MAIN, "storageName"), (SECOND, "storageAccountName")):
        assert held["app"].params["storageAccountName"] == account
        assert held["storage"].params["name"] == account
        assert held["app"].params["packageContainer"] == "tether-package"


def test_each_service_of_the_account_tells_who_removes_things():
    logs = resources("modules/storage.bicep", "Microsoft.Insights/diagnosticSettings")
    assert {one.body["scope"] for one in logs} == {"blobs", "queueService", "tableService"}
    for one in logs:
        assert "StorageDelete" in {log["category"] for log in one.properties["logs"]}


def test_writes_to_blobs_are_told_since_an_alert_asks_for_dead_letters_there():
    logs = resource("modules/storage.bicep", "blobLogs").properties["logs"]
    assert {"category": "StorageWrite", "enabled": True} in logs


def test_the_lifecycle_removes_dead_letters_and_old_reports_and_never_the_package_or_the_ledgers_bodies():
    rules = resource("modules/storage.bicep", "lifecycle").properties["policy"]["rules"]
    prefixes = {prefix for rule in rules for prefix in rule["definition"]["filters"]["prefixMatch"]}
    assert {prefix.partition("/")[0] for prefix in prefixes} == {"tether-dead-letters", blobs.CONTAINER}
    assert not any(prefix in {f"{blobs.CONTAINER}/", f"{blobs.CONTAINER}/watch/"} for prefix in prefixes)


def test_private_endpoints_serve_what_is_used_and_close_the_rest():
    assert variable("modules/private-endpoints.bicep", "services") == ["blob", "queue", "table"]
    default = resource("modules/storage.bicep", "account").properties["networkAcls"]["defaultAction"]
    assert default["operator"]["operands"] == {"condition": "isPrivate", "true_value": "Deny", "false_value": "Allow"}
