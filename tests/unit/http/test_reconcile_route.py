"""Asking for a plan and for a pass, against a whole local Azure."""

import asyncio
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.http.routes import CLUSTER, RECONCILE, REPLAY, SWEEP
from functions.policy import Mode, Policy, Scope
from localazure.world import SUBSCRIPTION, HubAndSpoke
from tests.scenarios.story import Story, a_policy
from tests.unit.http.desks import (
    CHECKED,
    PERSON,
    TEAM,
    Caller,
    a_cluster_without_its_link,
    a_principal,
    call,
    keys_may_write,
)

ELSEWHERE = "88888888-8888-4888-8888-888888888888"


def observing(world: HubAndSpoke) -> Policy:
    return a_policy(world, mode=Mode.OBSERVE)


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
        pytest.param({"private": False}, "nothing-to-mend", id="a public cluster"),
        pytest.param({"private_dns_zone": "none"}, "nothing-to-mend", id="a cluster without a zone"),
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


def test_the_scope_is_asked_of_management_groups_too() -> None:
    def by_group(world: HubAndSpoke) -> Policy:
        return a_policy(world, scope=Scope(management_groups=("nobody",)))

    async def story(here: Story, caller: Caller) -> None:
        here.azure.management_groups[SUBSCRIPTION] = ("others", "root")
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


def test_a_cluster_without_a_row_gets_none_which_nobody_would_answer() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create(private=False)
        await here.passes(1500)
        rows = await here.ledger.rows()
        assert (await caller.reconcile("team", "dryRun=false")).body["ended"] == "nothing-to-mend"
        assert await here.ledger.rows() == rows
        assert here.queue.waiting() == 0

    call(story, keys_may_write)


def test_a_pass_that_is_asked_for_waits_for_its_turn_on_the_row() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_cluster_without_its_link(here)
        async with here.live.turns.on(here.zone.group_id):
            asking = asyncio.create_task(caller.reconcile("team", "dryRun=false"))
            await asyncio.sleep(10)
            assert here.transport.links_put() == []
        assert [change["result"] for change in (await asking).body["changes"]] == ["started"]

    call(story, keys_may_write)
