"""Asking for a plan and for a pass, against a whole local Azure."""

import asyncio
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.http import remediation
from functions.http.routes import CLUSTER, CLUSTERS, HEALTH, OPENAPI, RECONCILE, REPLAY, SWEEP
from functions.policy import Mode, Policy, PolicyError, Scope
from localazure import fault_effects as effects
from localazure import fault_refusals as refusals
from localazure.world import SUBSCRIPTION, HubAndSpoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import Story, a_policy
from tests.unit.http.desks import CHECKED, PERSON, Caller, a_principal, call, keys_may_write

ELSEWHERE = "88888888-8888-4888-8888-888888888888"
TEAM = {"subscription": SUBSCRIPTION, "group": "apps", "name": "team"}


def observing(world: HubAndSpoke) -> Policy:
    return a_policy(world, mode=Mode.OBSERVE)


async def a_cluster_without_its_link(here: Story, **said: Any) -> None:
    """A cluster that is up, and whose link to the hub someone removed."""
    await here.create(**said)
    await here.passes(1500)
    for link in list(here.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")):
        if link.name.startswith("tether-"):
            here.azure.store.remove(link.id)
    here.transport.asked.clear()


def writes(here: Story) -> list[str]:
    return [asked for asked in here.transport.asked if not asked.startswith(("GET", "POST /providers"))]


@pytest.mark.parametrize("policy", [a_policy, observing, keys_may_write])
def test_a_dry_run_is_the_plan_and_writes_nothing(policy: Any) -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here) if policy is not observing else await here.create()
        held = dict(here.live.ledger.held)  # type: ignore[attr-defined]
        before = writes(here)
        if policy is observing:
            await asyncio.sleep(120)
            before = writes(here)
            held = dict(here.live.ledger.held)  # type: ignore[attr-defined]
        told = await caller.reconcile("team")
        assert (told.status, told.body["dryRun"], told.body["ended"]) == (200, True, "decided")
        (change,) = told.body["changes"]
        assert (change["action"], change["result"]) == ("create", "planned")
        assert "/virtualNetworkLinks/tether-hub-westeurope-" in change["target"]
        assert writes(here) == before
        assert here.live.ledger.held == held  # type: ignore[attr-defined]

    call(story, policy)


def test_a_pass_is_done_at_once_and_goes_on_until_the_link_is_there() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        caller.easy_auth = CHECKED
        told = await caller.reconcile("team", "dryRun=false", principal=a_principal().header())
        assert (told.status, told.body["dryRun"]) == (202, False)
        assert [change["result"] for change in told.body["changes"]] == ["started"]
        assert told.headers["location"] == f"/api/clusters/{SUBSCRIPTION}/apps/team" == told.body["status"]
        assert told.body["looksAgainIn"] > 0
        await here.passes(300)
        assert here.links()["hub-westeurope"] == "ours"
        page = (await caller.ask(CLUSTER, **TEAM)).body
        assert page["journal"][0]["by"] == f"ada@example.com ({PERSON})"
        assert page["journal"][0]["cause"] == told.body["cause"]
        assert page["changes"] == []
        assert not page["remembered"]["eventWaits"]
        assert here.queue.waiting() == 0

        again = await caller.reconcile("team", "dryRun=false", principal=a_principal().header())
        assert (again.status, again.body["changes"], again.body["looksAgainIn"]) == (200, [], None)

    call(story)


def test_a_key_may_write_where_the_policy_says_so_and_the_journal_tells() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        assert (await caller.reconcile("team", "dryRun=false")).status == 202
        assert (await caller.ask(CLUSTER, **TEAM)).body["journal"][0]["by"] == "a function key"

    call(story, keys_may_write)


@pytest.mark.parametrize(
    ("checked", "principal", "code"),
    [
        pytest.param(False, None, "principal-not-checked", id="a key alone"),
        pytest.param(False, a_principal().header(), "principal-not-checked", id="a header that nobody vouches for"),
        pytest.param(True, None, "principal-required", id="nobody signed in"),
        pytest.param(True, a_principal(roles=()).header(), "role-missing", id="someone without the role"),
    ],
)
def test_who_may_not_write_is_refused_before_anything_is_read(checked: bool, principal: str | None, code: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        if checked:
            caller.easy_auth = CHECKED
        for told in (
            await caller.reconcile("team", "dryRun=false", principal=principal),
            await caller.ask(REPLAY, "POST", principal=principal),
        ):
            assert (told.status, told.code) == (403, code)
        assert here.transport.asked == []

    call(story)


def test_in_mode_observe_a_pass_is_refused_whoever_asks() -> None:
    async def story(here: Story, caller: Caller) -> None:
        caller.easy_auth = CHECKED
        told = await caller.reconcile("team", "dryRun=false", principal=a_principal().header())
        assert (told.status, told.code) == (409, "mode-observe")
        assert here.transport.asked == []

    call(story, observing)


@pytest.mark.parametrize("route", [CLUSTER, RECONCILE])
def test_a_cluster_outside_the_scope_is_refused_before_anything_is_read(route: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        method = "POST" if route == RECONCILE else "GET"
        told = await caller.ask(route, method, **{**TEAM, "subscription": ELSEWHERE})
        assert (told.status, told.code) == (403, "out-of-scope")
        assert here.transport.asked == []

    call(story)


@pytest.mark.parametrize("route", [CLUSTER, RECONCILE])
def test_a_cluster_that_is_not_there_is_not_found(route: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        told = await caller.ask(route, "POST" if route == RECONCILE else "GET", **{**TEAM, "name": "nobody"})
        assert (told.status, told.code) == (404, "not-found")

    call(story)


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        pytest.param({"private": False}, "nothing-to-link", id="a public cluster"),
        pytest.param({"private_dns_zone": "none"}, "nothing-to-link", id="a cluster without a zone"),
        pytest.param({"tags": {"tether": "off"}}, "excluded-by-tag", id="a cluster that wants to be let alone"),
    ],
)
def test_a_cluster_that_needs_nothing_is_told_so(said: dict[str, Any], ended: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create(**said)
        await here.passes(1500)
        here.transport.asked.clear()
        assert (await caller.reconcile("team")).body["ended"] == ended
        told = await caller.reconcile("team", "dryRun=false")
        assert (told.status, told.body["ended"], told.body["changes"]) == (200, ended, [])
        assert (await caller.ask(CLUSTER, **TEAM)).body["ended"] == ended
        assert writes(here) == []

    call(story, keys_may_write)


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


def test_the_scope_is_asked_of_management_groups_too() -> None:
    def by_group(world: HubAndSpoke) -> Policy:
        return a_policy(world, scope=Scope(management_groups=("nobody",)))

    async def story(here: Story, caller: Caller) -> None:
        assert (await caller.reconcile("team")).code == "out-of-scope"

    call(story, by_group)


def test_what_is_replayed_is_worked_on_in_the_name_of_who_asked() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(60)
        here.queue.poison.append(work_about(here.zone))
        told = await caller.ask(REPLAY, "POST")
        assert (told.status, told.body) == (200, {"replayed": 1, "left": 0})
        assert (here.queue.sent[-1].by, here.queue.sent[-1].always) == ("a function key", True)

    call(story, keys_may_write)


def work_about(zone: ResourceId) -> bytes:
    from functions.work import Work, encode

    return encode(Work(target=zone, why="zone-written", cause="c", since=1.0, attempt=7))


def test_what_is_being_made_is_not_planned_again() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        assert (await caller.reconcile("team", "dryRun=false")).status == 202
        plan = (await caller.reconcile("team")).body
        assert (plan["changes"], plan["looksAgainIn"] is not None) == ([], True)
        again = await caller.reconcile("team", "dryRun=false")
        assert (again.status, again.body["changes"]) == (202, [])
        assert len(here.transport.links_put()) == 1

    call(story, keys_may_write)


def test_the_log_names_no_people(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story, caller: Caller) -> None:
        caplog.set_level("INFO", "tether")
        await a_cluster_without_its_link(here)
        caller.easy_auth = CHECKED
        for route in (RECONCILE, SWEEP, REPLAY):
            query, path = ("dryRun=false", TEAM) if route == RECONCILE else ("", {})
            assert (await caller.ask(route, "POST", query, principal=a_principal().header(), **path)).status < 300
        assert "ada@" not in caplog.text
        assert PERSON not in caplog.text

    call(story)
