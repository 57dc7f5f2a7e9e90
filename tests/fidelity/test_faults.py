"""The faults against recorded refusals: status, headers and the form of the body."""

from typing import Any

import pytest

from localazure import fault_effects
from localazure.fault import Effect
from localazure.fault_effects import EFFECTS
from localazure.resources.groups import ResourceGroups
from localazure.virtual_time import run
from tests.fidelity.recorded_traffic import Recording, recording, skip_if_absent
from tests.fidelity.replay import Replay
from tests.fidelity.shapes import unlike

LINK = (
    "https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/"
    "Microsoft.Network/privateDnsZones/zone.example/virtualNetworkLinks/link?api-version=2024-06-01"
)

RECORDED_REFUSALS = {
    "errors/429-retryable-error-retry-after-route-delete": fault_effects.throttled(retry_after=11),
    "errors/429-retryable-error-no-retry-after-network-interface-put": fault_effects.throttled(),
    "errors/429-numeric-code-identity-put": fault_effects.too_many_requests(retry_after=2),
    "errors/409-another-operation-in-progress-subnet-put": fault_effects.another_operation(),
    "errors/500-internal-server-error": fault_effects.internal_error(),
    "errors/503-server-timeout": fault_effects.server_timeout(),
    "errors/503-html-body-operation-poll": fault_effects.unavailable_html(),
    "errors/403-authorization-failed-role-assignment-write": fault_effects.not_authorised(),
    "errors/403-linked-authorization-failed-subnet": fault_effects.not_authorised_on_linked("/subscriptions/x"),
    "errors/409-scope-locked-write": fault_effects.locked(),
    "privatedns/a-record-put-if-none-match-412": fault_effects.precondition_failed(),
}


@pytest.mark.parametrize(("name", "effect"), RECORDED_REFUSALS.items())
def test_a_fault_refuses_as_recorded(name: str, effect: Effect) -> None:
    """A field note has no headers and no request; then any request will do."""
    found = recording(name)
    request, expected = found.exchanges[-1]["request"], found.exchanges[-1]["response"]
    said = run(_refused(found, effect, request or {"method": "PUT", "url": LINK, "body": {}}))
    assert said.status_code == expected["status"]
    for header in ("content-type", "retry-after", "x-ms-failure-cause"):
        if expected["headers"]:
            assert said.headers.get(header) == expected["headers"].get(header), header
    if isinstance(expected["body"], str):
        assert said.text().startswith("<!DOCTYPE html")
    else:
        assert not list(unlike(expected["body"], said.json(), frozenset()))


async def _refused(found: Recording, effect: Effect, request: dict[str, Any]) -> Any:
    replay = Replay(found, frozenset())
    replay.faults.add(effect)
    return await replay.send(request["method"], request["url"], body=request["body"])


RECORDED_ENDS = {
    "errors/poll-200-failed-privatedns-precondition": ("PreconditionFailed", "a link was changed meanwhile"),
    "privatedns/link-put-if-none-match-conflict": ("PreconditionFailed", "a link exists"),
}


@pytest.mark.parametrize(("name", "error"), RECORDED_ENDS.items())
def test_an_operation_that_fails_late_ends_as_recorded(name: str, error: tuple[str, str]) -> None:
    skip_if_absent()
    expected = recording(name).exchanges[-1]["response"]

    async def looked_up() -> Any:
        replay = Replay(recording(name), frozenset())
        ResourceGroups(replay.azure).create(LINK[28:].split("/providers", maxsplit=1)[0], "westus")
        replay.faults.add(fault_effects.fails_late(*error), method="PUT")
        zone = LINK.replace("/virtualNetworkLinks/link", "")
        started = await replay.send("PUT", zone, body={"location": "global"})
        await replay.settle()
        return await replay.send("GET", started.headers["azure-asyncoperation"])

    said = run(looked_up())
    assert said.status_code == expected["status"]
    assert not list(unlike(expected["body"], said.json(), frozenset()))


def test_every_effect_can_be_asked_for_by_name() -> None:
    settings = {"latency": {"seconds": 1}, "not_authorised_on_linked": {"scope": "/subscriptions/x"}}
    for name in EFFECTS:
        assert fault_effects.effect_named(name, settings.get(name, {})).name == name
