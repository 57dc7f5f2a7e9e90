"""host.json against our own list of what Azure's host takes: it ignores a wrong name without a word."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from localazure.host import host_json
from tests.unit.listed_settings import Rule, between, objections, one_of, span, text

ROOT = Path(__file__).parents[2]

# Sources. [host] Learn, "host.json reference for Azure Functions 2.x and later"; [queue] Learn, "Azure Queue storage
# trigger and bindings for Azure Functions", host.json settings; [otel] Learn, "Use OpenTelemetry with Azure
# Functions", host; [levels] Learn, "Configure monitoring for Azure Functions", log levels; [bundle] Learn, "Azure
# Functions extension bundles"; [timeout] Learn, "Azure Functions hosting options", function app time-out.
ALLOWED: dict[str, Rule] = {
    "version": one_of("2.0"),  # [host] the only one of runtime 2.x to 4.x
    "extensionBundle/id": one_of("Microsoft.Azure.Functions.ExtensionBundle"),  # [bundle] the one that is supported
    "extensionBundle/version": text(
        r"\[4\.(\d+\.\d+|\*), 5\.0\.0\)"
    ),  # [bundle] 4.x for queue extension 5.x and Event Grid 3.x
    "telemetryMode": one_of("OpenTelemetry"),  # [otel] without it the host sends in Application Insights' own form
    "functionTimeout": span(1, 600),  # [timeout] Flex Consumption allows more; Event Grid and a queue's lease do not
    "logging/logLevel/*": one_of("Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"),  # [levels]
    "extensions/queues/maxPollingInterval": span(0.1, 60),  # [queue] at least 100 ms
    "extensions/queues/visibilityTimeout": span(
        0, 7 * 24 * 3600
    ),  # [queue] the pause before a failed message comes back
    "extensions/queues/batchSize": between(1, 32),  # [queue] at most 32, which is what one read gives
    "extensions/queues/newBatchThreshold": between(1, 32),  # [queue] batchSize/2 unless set
    "extensions/queues/maxDequeueCount": between(1, 100),  # [queue] then the message goes to <queue>-poison
    "extensions/queues/messageEncoding": one_of("base64", "none"),  # [queue] extension 5.0.0 and later
}


@pytest.fixture
def document() -> dict[str, Any]:
    held: dict[str, Any] = json.loads((ROOT / "host.json").read_text())
    return held


def test_host_json_says_nothing_but_what_the_host_takes(document: dict[str, Any]) -> None:
    assert objections(document, ALLOWED) == []


@pytest.mark.parametrize(
    ("path", "value", "objection"),
    [
        pytest.param("telemetrymode", "OpenTelemetry", "is not in the list", id="another case of a name"),
        pytest.param("extensions/queues/maxDequeues", 5, "is not in the list", id="a name that the host does not know"),
        pytest.param("queues/batchSize", 16, "is not in the list", id="where version 1 had it"),
        pytest.param("extensions/queues/batchSize", 64, "may not be 64", id="more than a read gives"),
        pytest.param(
            "extensions/queues/maxPollingInterval", 1000, "may not be 1000", id="milliseconds, as version 1 had"
        ),
        pytest.param("functionTimeout", "2 minutes", "may not be", id="no time span"),
        pytest.param("functionTimeout", "00:30:00", "may not be", id="longer than a queue's lease"),
        pytest.param("version", 2.0, "may not be 2.0", id="a number for a text"),
        pytest.param("logging/logLevel/default", "Info", "may not be 'Info'", id="no log level"),
        pytest.param("extensionBundle/version", "[3.*, 4.0.0)", "may not be", id="an older bundle"),
    ],
)
def test_a_mistake_would_be_seen(document: dict[str, Any], path: str, value: object, objection: str) -> None:
    wrong = copy.deepcopy(document)
    place = wrong
    *parents, name = path.split("/")
    for parent in parents:
        place = place.setdefault(parent, {})
    place[name] = value
    assert [said for said in objections(wrong, ALLOWED) if objection in said]


def test_one_instance_has_no_more_messages_in_hand_than_it_can_finish_in_a_lease(document: dict[str, Any]) -> None:
    # The host renews a lease of ten minutes while a function runs; what waits in hand is not counted against it.
    read = host_json.read(ROOT)
    assert read.queues.new_batch_threshold <= read.queues.batch_size <= 32
    assert read.queues.max_dequeue_count == document["extensions"]["queues"]["maxDequeueCount"]
