"""What Event Grid brings: what triage wakes on and nothing else, from the Bicep and from the Azure Policy alike."""

import re
from typing import Any

from functions.queue import QUEUE
from functions.triggers.triage import TABLE, Wake
from tests.unit.infra.bicep import INFRA, data, modules, parsed, resource, variable

EVENTS = data("events.json")
WAKING = [(operation, kind) for (_, operation, kind), (wake, _) in TABLE.items() if wake is not Wake.NOTHING_YET]
SUBSCRIPTION = "modules/event-subscription.bicep"


def rule() -> dict[str, Any]:
    return data("policy/topic-per-subscription.json")["policyRule"]


def template() -> dict[str, Any]:
    return rule()["then"]["details"]["deployment"]["properties"]["template"]


def deployed(kind: str) -> dict[str, Any]:
    """A resource of the template that the Azure Policy deploys, however deep it lies."""

    def found(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
        inner = [one["properties"]["template"]["resources"] for one in resources if "template" in one["properties"]]
        return [*resources, *(one for held in inner for one in found(held))]

    held = [one for one in template()["resources"] if "properties" in one]
    return next(one for one in found(held) if one["type"] == kind)


def test_the_operations_are_those_that_wake_tether():
    assert {operation.casefold() for operation in EVENTS["operations"]} == {operation for operation, _ in WAKING}


def test_the_event_types_are_those_that_wake_tether():
    assert {kind.casefold() for kind in EVENTS["eventTypes"]} == {kind for _, kind in WAKING}


def test_the_lists_fit_event_grids_limits():
    """25 values in all filters of a subscription, 512 characters each (Learn, "Event filtering")."""
    assert len(EVENTS["operations"]) <= 25
    assert all(len(operation) <= 512 for operation in EVENTS["operations"])
    assert EVENTS["operations"] == sorted(set(EVENTS["operations"]))


def test_the_filter_is_on_the_operations_name():
    held = resource(SUBSCRIPTION, "events").properties["filter"]
    assert [(one["operatorType"], one["key"]) for one in held["advancedFilters"]] == [
        ("StringIn", "data.operationName")
    ]


def test_events_are_tried_as_often_and_as_long_as_event_grid_does():
    properties = resource(SUBSCRIPTION, "events").properties
    assert properties["retryPolicy"] == {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440}
    assert properties["eventDeliverySchema"] == "EventGridSchema"


def test_dead_letters_are_kept_only_where_the_topic_has_an_identity():
    held = resource(SUBSCRIPTION, "events").properties["deadLetterWithResourceIdentity"]["operator"]["operands"]
    assert held == {"condition": "hasIdentity", "true_value": "toBlobs", "false_value": None}


def test_the_queue_gets_events_by_identity_and_the_function_without():
    properties = resource(SUBSCRIPTION, "events").properties
    to_function = {"condition": "intoQueue", "true_value": None, "false_value": "toFunction"}
    to_queue = {"condition": "intoQueue", "true_value": "toQueue", "false_value": None}
    assert properties["destination"]["operator"]["operands"] == to_function
    assert properties["deliveryWithResourceIdentity"]["operator"]["operands"] == to_queue
    assert variable(SUBSCRIPTION, "toQueue")["identity"] == {"type": "SystemAssigned"}


def test_a_topic_that_is_not_ours_is_never_written():
    """It is made only where no id of another is given, and the event subscription only names it."""
    held = modules("onboard-subscription.bicep")
    assert held["topic"].condition == "isOurs"
    assert variable("onboard-subscription.bicep", "isOurs")["function"]["type"] == "empty"
    assert parsed(INFRA / SUBSCRIPTION)["resources"]["topic"]["existing"] is True


def test_without_an_identity_nobody_gets_a_right_for_it():
    held = modules("onboard-subscription.bicep")
    assert held["deadLetters"].condition == "hasIdentity"
    assert "hasIdentity" in str(held["queue"].condition)
    assert held["events"].condition == "canDeliver"


def test_ours_is_global_and_has_an_identity():
    topic = resource("modules/system-topic.bicep", "topic")
    assert topic.body["location"] == "global"
    assert topic.body["identity"] == {"type": "SystemAssigned"}
    assert topic.properties["topicType"] == "Microsoft.Resources.Subscriptions"


def test_the_queue_is_the_one_that_the_code_reads():
    assert parsed(INFRA / "onboard-subscription.bicep")["parameters"]["queueName"]["default"] == QUEUE


def test_the_azure_policy_deploys_only_where_a_subscription_has_no_topic():
    assert rule()["if"] == {"field": "type", "equals": "Microsoft.Resources/subscriptions"}
    details = rule()["then"]["details"]
    assert details["type"] == "Microsoft.EventGrid/systemTopics"
    assert details["existenceScope"] == details["deploymentScope"] == "subscription"
    assert details["existenceCondition"] == {
        "field": "Microsoft.EventGrid/systemTopics/topicType",
        "equals": "Microsoft.Resources.Subscriptions",
    }


def test_the_azure_policy_deploys_the_same_topic_as_the_bicep():
    ours, bicep = deployed("Microsoft.EventGrid/systemTopics"), resource("modules/system-topic.bicep", "topic")
    assert ours["apiVersion"] == bicep.version
    assert (ours["location"], ours["identity"]) == (bicep.body["location"], bicep.body["identity"])
    assert ours["properties"]["topicType"] == bicep.properties["topicType"]


def test_the_azure_policy_deploys_the_same_event_subscription_as_the_bicep():
    ours = deployed("Microsoft.EventGrid/systemTopics/eventSubscriptions")
    bicep = resource(SUBSCRIPTION, "events")
    assert ours["apiVersion"] == bicep.version
    assert ours["properties"].keys() == bicep.properties.keys()
    for same in ("eventDeliverySchema", "retryPolicy"):
        assert ours["properties"][same] == bicep.properties[same]
    filters = ours["properties"]["filter"]["advancedFilters"]
    assert [(one["operatorType"], one["key"]) for one in filters] == [("StringIn", "data.operationName")]
    assert ours["properties"]["deadLetterWithResourceIdentity"].keys() == variable(SUBSCRIPTION, "toBlobs").keys()
    to_function = template()["variables"]["toFunction"]["properties"]
    assert to_function["maxEventsPerBatch"] == variable(SUBSCRIPTION, "toFunction")["properties"]["maxEventsPerBatch"]


def test_the_azure_policys_queue_and_container_are_the_codes():
    variables = template()["variables"]
    assert variables["toQueue"]["destination"]["properties"]["queueName"] == QUEUE
    assert f"/queues/{QUEUE}'" in variables["queueId"]
    assert "/containers/tether-dead-letters'" in variables["containerId"]


def test_every_parameter_of_the_azure_policys_template_is_given_and_used():
    deployment = rule()["then"]["details"]["deployment"]["properties"]
    assert deployment["parameters"].keys() == template()["parameters"].keys()
    named = set(re.findall(r"parameters\('(\w+)'\)", str(template())))
    assert template()["parameters"].keys() <= named


def test_the_assignment_gives_every_parameter_without_a_default():
    wanted = {
        name
        for name, one in data("policy/topic-per-subscription.json")["parameters"].items()
        if "defaultValue" not in one
    }
    given = resource("policy/topic-per-subscription.bicep", "topicAssignment").properties["parameters"]
    assert wanted <= given.keys()


def test_a_foreign_topic_that_does_not_tell_tether_is_reported_and_nothing_is_deployed():
    audit = data("policy/delivery-audit.json")
    assert audit["parameters"]["effect"]["allowedValues"] == ["AuditIfNotExists", "Disabled"]
    name = parsed(INFRA / "onboard-subscription.bicep")["parameters"]["eventSubscriptionName"]["default"]
    assert audit["parameters"]["eventSubscriptionName"]["defaultValue"] == name
    assert deployed("Microsoft.EventGrid/systemTopics/eventSubscriptions")["name"].endswith(f"'/{name}')]")


def test_the_assignments_identity_may_grant_two_roles_and_no_other():
    text = (INFRA / "policy/receiver-rights.bicep").read_text()
    variables = template()["variables"]
    granted = variable("policy/receiver-rights.bicep", "grantable").split(", ")
    assert granted == [variables["blobContributor"], variables["messageSender"]]
    assert text.count("${onlyThese}") == 2, "on what is asked for, and on what is there"
    assert text.count("${onlyIdentities}") == 2
