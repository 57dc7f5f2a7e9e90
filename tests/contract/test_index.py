"""The app as Microsoft's Functions runtime library indexes it, in a process of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localazure.host.worker_process import WorkerProcess
from tests.unit.worlds import SPOKE_SUBSCRIPTION

ROOT = Path(__file__).parents[2]
GOOD = json.dumps({"owner": "contract", "scope": {"subscriptions": [SPOKE_SUBSCRIPTION]}})
STORAGE = {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}
HTTP = ("clusters", "cluster", "cluster_reconcile", "drift", "sweep_now", "health", "poison_replay", "openapi")


async def indexed(settings: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Function names and their bindings."""
    worker, functions = await WorkerProcess.start(ROOT, settings)
    await worker.stop()
    return {function["name"]: function["bindings"] for function in functions}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({**STORAGE, "TETHER_POLICY": GOOD}, id="a good policy"),
        pytest.param({**STORAGE, "TETHER_POLICY": '{"hubs": 1}'}, id="a broken policy"),
        pytest.param({}, id="no settings at all"),
        pytest.param({**STORAGE, "TETHER_ROLE": "plain", "TETHER_POLICY": GOOD}, id="the plain app of two"),
        pytest.param({**STORAGE, "TETHER_ROLE": "plian", "TETHER_POLICY": GOOD}, id="a role that is none"),
    ],
)
async def test_the_app_always_indexes_with_the_same_functions(settings: dict[str, str]) -> None:
    functions = await indexed(settings)
    assert {name: [binding["type"] for binding in bindings] for name, bindings in functions.items()} == {
        "resource_event": ["eventGridTrigger"],
        "work_item": ["queueTrigger"],
        "watch": ["timerTrigger"],
        "sweep": ["timerTrigger"],
        **{name: ["httpTrigger", "http"] for name in HTTP},
    }
    assert {functions[name][0]["authLevel"].casefold() for name in HTTP} == {"function"}
    (queue,) = functions["work_item"]
    assert (queue["queueName"], queue["connection"]) == ("tether-work", "AzureWebJobsStorage")


async def test_the_second_app_has_no_http_no_event_grid_and_no_sweep() -> None:
    functions = await indexed({**STORAGE, "TETHER_POLICY": GOOD, "TETHER_ROLE": "privileged"})
    assert {name: [binding["type"] for binding in bindings] for name, bindings in functions.items()} == {
        "privileged_ask": ["queueTrigger"],
        "work_item": ["queueTrigger"],
        "watch": ["timerTrigger"],
    }
    (asked,) = functions["privileged_ask"]
    assert (asked["queueName"], asked["connection"]) == ("tether-privileged", "AzureWebJobsStorage")


def test_the_hosts_settings_are_those_that_the_design_relies_on() -> None:
    queues = json.loads((ROOT / "host.json").read_text())["extensions"]["queues"]
    assert queues["maxPollingInterval"] == "00:00:01"
    assert queues["maxDequeueCount"] == 5
    assert queues["messageEncoding"] == "base64"
    assert queues["visibilityTimeout"] != "00:00:00"
