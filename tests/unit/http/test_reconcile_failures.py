"""Asking for a plan and for a pass when ARM, the tables, the queue or the policy are not as they should be."""

import asyncio
from typing import Any

import pytest

from functions.http import remediation
from functions.http.routes import CLUSTER, CLUSTERS, HEALTH, OPENAPI, RECONCILE, REPLAY
from functions.policy import PolicyError
from localazure import fault_effects as effects
from localazure import fault_refusals as refusals
from localazure.world import HubAndSpoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import Story
from tests.unit.http.desks import (
    TEAM,
    Caller,
    a_cluster_without_its_link,
    call,
    keys_may_write,
)


@pytest.mark.parametrize(
    ("effect", "status", "code"),
    [
        pytest.param(refusals.not_authorised, 502, "arm-refused", id="ARM refuses our identity"),
        pytest.param(effects.dropped_before, 504, "arm-no-answer", id="ARM does not answer"),
        pytest.param(refusals.too_many_requests, 503, "arm-busy", id="ARM is throttled"),
    ],
)
def test_what_is_wrong_with_arm_is_told(effect: Any, status: int, code: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(100)
        here.faults.add(effect(), method="GET", path="/managedClusters/team")
        told = await caller.reconcile("team")
        assert (told.status, told.code) == (status, code)

    call(story)


def test_the_rest_is_shown_when_a_part_cannot_be_read() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(1500)
        here.faults.add(effects.dropped_before(), method="GET", path="/privateEndpoints/")
        ledger = here.live.ledger
        assert isinstance(ledger, MemoryLedger)
        ledger.down = True
        told = await caller.ask(CLUSTER, **TEAM)
        assert told.status == 200
        assert [unread["part"] for unread in told.body["unread"]] == ["privateEndpoint", "ledger"]
        assert told.body["record"]["addresses"] == ["10.1.0.4"]
        assert told.body["privateEndpoint"] is None

    call(story)


def test_without_tables_a_pass_is_made_all_the_same() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        ledger = here.live.ledger
        assert isinstance(ledger, MemoryLedger)
        ledger.down = True
        assert (await caller.reconcile("team", "dryRun=false")).status == 202
        assert len(here.transport.links_put()) == 1
        assert here.queue.sent[-1].always
        assert [entry.by for entry in here.queue.sent[-1].intents] == ["a function key"]

    call(story, keys_may_write)


def test_a_pass_that_takes_long_goes_on_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(*_: Any, **__: Any) -> None:
        await asyncio.sleep(3600)

    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        with monkeypatch.context() as patched:
            patched.setattr(remediation, "reconcile", endless)
            told = await caller.reconcile("team", "dryRun=false")
        assert (told.status, told.body["ended"]) == (202, "goes-on")
        await here.passes(300)
        assert here.links()["hub-westeurope"] == "ours"

    call(story, keys_may_write)


def test_without_a_queue_it_says_that_nobody_will_look_again() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        here.queue.down = True
        told = await caller.reconcile("team", "dryRun=false")
        assert (told.status, told.code) == (503, "queue-unreachable")

    call(story, keys_may_write)


def invalid(_: HubAndSpoke) -> PolicyError:
    return PolicyError("TETHER_POLICY: Object contains unknown field `hubz`")


def test_with_an_invalid_policy_only_health_and_the_document_answer() -> None:
    async def story(here: Story, caller: Caller) -> None:
        for route, method in ((CLUSTERS, "GET"), (CLUSTER, "GET"), (RECONCILE, "POST"), (REPLAY, "POST")):
            told = await caller.ask(route, method, **(TEAM if "{" in route else {}))
            assert (told.status, told.code) == (503, "policy-invalid")
            assert "hubz" in told.body["detail"]
        health = await caller.ask(HEALTH)
        assert (health.status, health.body["status"], health.body["policy"]["ok"]) == (503, "failing", False)
        assert "hubz" in health.body["policy"]["detail"]
        assert (await caller.ask(OPENAPI)).status == 200

    call(story, invalid)


def test_a_pass_that_cannot_see_says_why_and_is_made_again() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        here.faults.add(refusals.not_authorised(), method="GET", path="/virtualNetworkLinks", times=1)
        told = await caller.reconcile("team", "dryRun=false")
        assert (told.status, told.body["ended"], told.body["changes"]) == (202, "not-seen", [])
        assert "AuthorizationFailed" in told.body["error"]
        assert [finding["code"] for finding in told.body["findings"]] == ["not-readable"]
        await here.passes(300)
        assert here.links()["hub-westeurope"] == "ours"

    call(story, keys_may_write)
