"""Faults: which requests a rule hits, and what becomes of a request, its work and its operation."""

import asyncio
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError, ServiceResponseTimeoutError
from azure.core.rest import HttpRequest

from localazure import fault_effects
from localazure.azure import LocalAzure
from localazure.fault import Effect
from localazure.faults import Faults, Rule
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, HUB, LINK, ZONE, LocalArm

ZONES = "Microsoft.Network/privateDnsZones"


@pytest.mark.parametrize(
    ("where", "hit"),
    [
        pytest.param({}, [1, 2, 3], id="a bare rule hits everything"),
        pytest.param({"method": "put"}, [1, 2, 3], id="a method compares without case"),
        pytest.param({"method": "GET"}, [], id="another method is left alone"),
        pytest.param({"resource_type": ZONES.lower()}, [1, 2, 3], id="a type compares without case"),
        pytest.param({"resource_type": ZONES + "/A"}, [], id="a type is not its child"),
        pytest.param({"path": "zones/zone"}, [1, 2, 3], id="a path is searched"),
        pytest.param({"path": "^/zones"}, [], id="a path may be anchored"),
        pytest.param({"nth": 2}, [2], id="one call can be picked"),
        pytest.param({"times": 2}, [1, 2], id="a rule can wear out"),
        pytest.param({"probability": 0.0}, [], id="a rule can be all but impossible"),
    ],
)
def test_a_rule_hits_what_it_names(where: dict[str, Any], hit: list[int]) -> None:
    faults = Faults(LocalAzure())
    faults.add(fault_effects.internal_error(), **where)
    planned = {call: faults.plan("PUT", ZONES, ZONE) for call in (1, 2, 3)}
    assert [call for call, plan in planned.items() if plan.effects] == hit


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param({"effect": "thrown"}, "no effect is called", id="an unknown effect"),
        pytest.param({"effect": "latency"}, "missing a required argument", id="a setting that is missing"),
        pytest.param({"effect": "stuck", "with": {"hard": 1}}, "unexpected keyword", id="a setting too many"),
        pytest.param({"effect": "stuck", "wen": 1}, "unknown fields", id="a field too many"),
        pytest.param({"effect": "stuck", "nth": "2"}, "nth must be", id="a wrong type"),
        pytest.param({"effect": "stuck", "path": "("}, "path:", id="a broken expression"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(data: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Rule.from_json(data)


def test_a_rule_can_be_written_as_data() -> None:
    rule = Rule.from_json({"effect": "throttled", "with": {"retry_after": 7}, "method": "PUT", "times": 1})
    assert (rule.effect.name, rule.method, rule.times) == ("throttled", "PUT", 1)


@pytest.mark.parametrize(
    ("effect", "raises", "done"),
    [
        pytest.param(fault_effects.dropped_before(), ServiceRequestError, False, id="dropped before the work"),
        pytest.param(fault_effects.dropped_after(), ServiceResponseError, True, id="dropped after the work"),
        pytest.param(fault_effects.silent(), ServiceResponseTimeoutError, False, id="never answered"),
    ],
)
def test_a_write_without_an_answer_may_be_done_or_not(effect: Effect, raises: type[Exception], done: bool) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.faults.add(effect, method="PUT")
        body = {"location": "global"}
        with pytest.raises(raises):
            await local.dns.send_request(HttpRequest("PUT", f"{ZONE}?api-version=2024-06-01", json=body))
        await local.azure.clock.sleep(60)
        assert ((await local.call("GET", ZONE)).status_code == 200) is done

    run(story())


@pytest.mark.parametrize(
    ("effect", "polls", "exists"),
    [
        pytest.param(
            fault_effects.fails_late("X", "x"), [(202, "InProgress"), (200, "Failed")], False, id="fails late"
        ),
        pytest.param(fault_effects.stuck(), [(202, "InProgress"), (202, "InProgress")], True, id="stays in progress"),
        pytest.param(fault_effects.forgotten(), [(404, ""), (404, "")], True, id="is forgotten"),
    ],
)
def test_an_operation_meets_its_fate(effect: Effect, polls: list[tuple[int, str]], exists: bool) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        local.faults.add(effect, method="PUT")
        body = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}}}
        said = await local.call("PUT", LINK, body)
        seen = []
        for _ in range(2):
            poll = await local.call("GET", said.headers["azure-asyncoperation"])
            seen.append((poll.status_code, poll.json().get("status", "")))
            await local.azure.clock.sleep(120)
        assert seen == polls
        assert ((await local.call("GET", LINK)).status_code == 200) is exists
        await local.azure.close()

    run(story())


def test_an_operation_address_can_lie_elsewhere() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.faults.add(fault_effects.foreign_address("https://evil.example"), method="PUT")
        said = await local.call("PUT", ZONE, {"location": "global"})
        assert said.headers["azure-asyncoperation"].startswith("https://evil.example/subscriptions/")

    run(story())


def test_what_was_just_made_can_be_hidden_for_a_while() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.faults.add(fault_effects.hidden_after_create(30), method="PUT")
        await local.zone()
        assert (await local.call("GET", ZONE)).status_code == 404
        await local.azure.clock.sleep(30)
        assert (await local.call("GET", ZONE)).status_code == 200

    run(story())


def test_latency_is_ours_and_not_scaled() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.faults.add(fault_effects.latency(2))
        before = asyncio.get_running_loop().time()
        await local.call("GET", GROUP)
        assert asyncio.get_running_loop().time() - before == pytest.approx(2)

    run(story())
