"""host.json, bindings, routes, keys and the pace of polling."""

import json
from pathlib import Path
from random import Random

import pytest

from localazure.host import host_json
from localazure.host.bindings import BindingError, Function, functions
from localazure.host.queue_listener import Backoff
from localazure.host.routes import Keys, paths

KEYS = Keys(function="f", master="m", event_grid="e")
QUEUE_TRIGGER = {"type": "queueTrigger", "name": "msg", "queueName": "%NAME%", "direction": "IN"}


def test_without_a_host_json_the_documented_defaults_hold(tmp_path: Path) -> None:
    assert host_json.read(tmp_path) == host_json.HostJson()


def test_what_host_json_says_is_followed_and_the_rest_let_be(tmp_path: Path) -> None:
    queues = {
        "maxPollingInterval": "00:00:01.5",
        "visibilityTimeout": "1.00:00:10",
        "batchSize": 4,
        "messageEncoding": "none",
    }
    document = {"version": "2.0", "novel": {}, "extensions": {"queues": queues, "http": {"routePrefix": ""}}}
    (tmp_path / "host.json").write_text(json.dumps(document))
    read = host_json.read(tmp_path)
    assert read.queues == host_json.QueueSettings(1.5, 86410, 4, 2, 5, base64=False)
    assert read.route_prefix == ""


@pytest.mark.parametrize("queues", [{"batchSize": 33}, {"visibilityTimeout": "soon"}])
def test_a_host_json_that_azure_would_refuse_is_refused(tmp_path: Path, queues: dict[str, object]) -> None:
    (tmp_path / "host.json").write_text(json.dumps({"extensions": {"queues": queues}}))
    with pytest.raises(ValueError, match=r"host\.json"):
        host_json.read(tmp_path)


def test_percent_signs_name_an_app_setting() -> None:
    found = functions([{"name": "OnQueue", "bindings": [QUEUE_TRIGGER]}], {"NAME": "work"})
    assert found["onqueue"].trigger["queueName"] == "work"


@pytest.mark.parametrize(
    ("bindings", "says"),
    [
        pytest.param([QUEUE_TRIGGER], "NAME, which is not set", id="a setting that is missing"),
        pytest.param([{"type": "serviceBusTrigger", "name": "m"}], "serviceBusTrigger", id="a trigger we do not have"),
        pytest.param(
            [{"type": "httpTrigger", "name": "r"}, {"type": "queue", "name": "o"}],
            "queue",
            id="an output we do not have",
        ),
    ],
)
def test_a_binding_that_cannot_be_served_is_said_so(bindings: list[dict[str, str]], says: str) -> None:
    with pytest.raises(BindingError, match=says):
        functions([{"name": "f", "bindings": bindings}], {})


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        pytest.param("", ["/api/health"], id="no route: the function's name"),
        pytest.param("fleet/{name}", ["/api/fleet/{name}"], id="a parameter"),
        pytest.param("fleet/{number:int}", ["/api/fleet/{number:int}"], id="a typed parameter"),
        pytest.param("fleet/{name?}", ["/api/fleet/{name}", "/api/fleet"], id="an optional parameter"),
        pytest.param("files/{*rest}", ["/api/files/{rest:path}"], id="the rest of the path"),
    ],
)
def test_routes_are_those_of_the_binding(route: str, expected: list[str]) -> None:
    assert paths(route, Function("health", {"type": "httpTrigger", "name": "req"}), "api") == expected


@pytest.mark.parametrize(
    ("level", "key", "allowed"),
    [
        ("ANONYMOUS", None, True),
        ("FUNCTION", None, False),
        ("FUNCTION", "f", True),
        ("FUNCTION", "m", True),
        ("FUNCTION", "e", False),
        ("ADMIN", "f", False),
        ("ADMIN", "m", True),
    ],
)
def test_a_key_opens_what_its_level_allows(level: str, key: str | None, allowed: bool) -> None:
    assert KEYS.allow(level, key) is allowed


@pytest.mark.parametrize(("key", "allowed"), [(None, False), ("f", False), ("e", True), ("m", True)])
def test_only_the_system_key_or_the_master_key_delivers_events(key: str | None, allowed: bool) -> None:
    assert KEYS.allow_event_grid(key) is allowed


def test_polling_an_empty_queue_slows_down_to_the_longest_interval_and_starts_anew_with_a_message() -> None:
    backoff = Backoff(1.0, Random(0))
    waits = [backoff.missed() for _ in range(8)]
    assert waits == sorted(waits)
    assert 0.1 < waits[0] <= 0.22
    assert waits[-1] == 1.0
    backoff.found()
    assert backoff.missed() <= 0.22
