"""Asking for a sweep, for its report, and permitting what it stopped."""

import pytest

from functions.handlers.verdict import Action
from functions.http.routes import DRIFT, HEALTH, SWEEP
from functions.ledger.reports import Plan, Reports, Wanted
from functions.policy import Mode, Policy
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy
from tests.unit.http.desks import CHECKED, PERSON, Caller, a_principal, call, keys_may_write

PLAN = "0123456789abcdef"


def observing(world: HubAndSpoke) -> Policy:
    return a_policy(world, mode=Mode.OBSERVE)


async def a_stopped_plan(here: Story, caller: Caller) -> Reports:
    reports = Reports(caller.documents)
    change = Wanted(key="k", handler="zone_links", action=Action.DELETE.value, target="/t", place="/v", reason="r")
    await reports.keep_plan(Plan(id=PLAN, at=here.azure.clock.now(), changes=(change,)))
    return reports


def test_a_sweep_reports_and_the_report_can_be_had_again() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(1500)
        nothing = await caller.ask(DRIFT)
        assert (nothing.status, nothing.code) == (404, "no-report")
        caller.easy_auth = CHECKED
        told = await caller.ask(SWEEP, "POST", principal=a_principal().header())
        assert (told.status, told.body["clusters"], told.body["changes"]) == (200, 1, 0)
        assert (await caller.ask(DRIFT)).body == told.body
        assert (await caller.ask(DRIFT, query="date=1999-12-31")).code == "no-report"
        assert (await caller.ask(DRIFT, query="date=1999-99-99")).code == "no-report"
        assert (await caller.ask(HEALTH)).body["lastSweep"] is not None

    call(story)


def test_who_permits_a_plan_is_kept_with_it() -> None:
    async def story(here: Story, caller: Caller) -> None:
        reports = await a_stopped_plan(here, caller)
        caller.easy_auth = CHECKED
        told = await caller.ask(SWEEP, "POST", f"approve={PLAN}", principal=a_principal().header())
        assert told.status == 200
        (approval,) = await reports.approvals(here.azure.clock.now())
        assert (approval.plan, approval.by) == (PLAN, f"ada@example.com ({PERSON})")

    call(story)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        pytest.param("approve=fedcba9876543210", 404, "no-such-plan", id="a plan that nobody made"),
        pytest.param("approve=../../x", 400, "query-invalid", id="a path"),
        pytest.param("approve=", 400, "query-invalid", id="no plan"),
        pytest.param("force=true", 400, "query-invalid", id="a parameter that is not there"),
    ],
)
def test_only_a_plan_that_was_stopped_can_be_permitted(query: str, status: int, code: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        reports = await a_stopped_plan(here, caller)
        told = await caller.ask(SWEEP, "POST", query)
        assert (told.status, told.code) == (status, code)
        assert await reports.approvals(here.azure.clock.now()) == ()
        assert here.transport.asked == []

    call(story, keys_may_write)


def test_in_mode_observe_nothing_can_be_permitted() -> None:
    async def story(here: Story, caller: Caller) -> None:
        reports = await a_stopped_plan(here, caller)
        caller.easy_auth = CHECKED
        told = await caller.ask(SWEEP, "POST", f"approve={PLAN}", principal=a_principal().header())
        assert (told.status, told.code) == (409, "mode-observe")
        assert await reports.approvals(here.azure.clock.now()) == ()
        assert (await caller.ask(SWEEP, "POST", principal=a_principal().header())).status == 200

    call(story, observing)


def test_a_key_alone_may_not_sweep() -> None:
    async def story(here: Story, caller: Caller) -> None:
        told = await caller.ask(SWEEP, "POST", f"approve={PLAN}")
        assert (told.status, told.code) == (403, "principal-not-checked")
        assert here.transport.asked == []

    call(story)
