"""What waits for a person, gathered under one id, and the passes that an approval wakes."""

import pytest

from functions.approval import approve, gathered, plan_of, waiting, wanted, works
from functions.handlers.verdict import Action, Change, Linking
from functions.ledger.hour import Claim, Hour
from functions.ledger.reports import Place, Plan, Reports
from functions.plan import VALID, Approval, key, limit, plan_id
from tests.scenarios.memory_documents import MemoryDocuments
from tests.unit.worlds import AT, HUB, ZONE


def a_removal(nth: int) -> Change:
    return Change("zone_links", ZONE.child("virtualNetworkLinks", f"tether-{nth}"), Action.DELETE, Linking(HUB), "")


def a_plan(*numbers: int, at: float = AT) -> Plan:
    """A pass's plan, in a row named after its first change."""
    place = Place(target=str(ZONE), subject=f"/subscriptions/{ZONE.subscription}/resourceGroups/row-{numbers[0]}")
    return plan_of([wanted(a_removal(nth)) for nth in numbers], [place], at)


def an_approval(*numbers: int, at: float = AT) -> Approval:
    return Approval(plan="p", changes=frozenset(key(a_removal(nth)) for nth in numbers), at=at, by="ann")


@pytest.mark.parametrize(
    ("plans", "approvals", "allowed", "left"),
    [
        pytest.param([], [], [], [], id="nothing"),
        pytest.param([a_plan(1), a_plan(2, 3)], [], [], [1, 2, 3], id="those of all rows"),
        pytest.param([a_plan(1), a_plan(1, 2)], [], [], [1, 2], id="each once"),
        pytest.param([a_plan(1), a_plan(2, 3)], [an_approval(2)], [], [1, 3], id="but what is approved"),
        pytest.param([a_plan(1)], [an_approval(1)], [], [], id="and nothing when all is"),
        pytest.param([a_plan(1)], [an_approval(1, at=AT - VALID)], [], [1], id="an approval holds for a day"),
        pytest.param([a_plan(1), a_plan(2)], [], [a_removal(1)], [2], id="nor what is within the limit by now"),
    ],
)
def test_what_waits(plans: list[Plan], approvals: list[Approval], allowed: list[Change], left: list[int]) -> None:
    plan = gathered(plans, approvals, allowed, AT)
    keys = {key(a_removal(nth)) for nth in left}
    assert ({change.key for change in plan.changes} if plan else set()) == keys
    assert plan is None or plan.id == plan_id(keys)


def test_only_rows_that_wait_are_woken() -> None:
    plan = gathered([a_plan(1), a_plan(2)], [an_approval(2)], [], AT)
    assert plan is not None
    (work,) = works(plan, "ann", AT)
    assert (str(work.row).rpartition("/")[2], work.target, work.by) == ("row-1", ZONE, "ann")


async def test_approving_permits_exactly_the_changes_of_the_plan() -> None:
    reports = Reports(MemoryDocuments())
    await reports.keep_plan(a_plan(1, 2, 3, 4))
    assert await approve("0" * 16, "ann", reports, AT) is None
    assert await approve(a_plan(1, 2, 3, 4).id, "ann", reports, AT) == a_plan(1, 2, 3, 4)
    given = await reports.approvals(AT)
    changes = [a_removal(nth) for nth in range(10)]
    limited = limit(
        changes, hour=Hour(1), share=0.3, approvals=given, now=AT, claim_of=lambda change: Claim(key(change), "s", AT)
    )
    assert limited.allowed == tuple(a_removal(nth) for nth in (1, 2, 3, 4))


async def test_a_plan_that_nobody_kept_is_passed_over() -> None:
    reports = Reports(MemoryDocuments())
    await reports.keep_plan(a_plan(1))
    assert await waiting([a_plan(1).id, a_plan(2).id, a_plan(1).id], reports) == [a_plan(1)]


def test_an_approval_given_twice_wakes_twice() -> None:
    assert works(a_plan(1), "ann", AT)[0].cause != works(a_plan(1), "ann", AT + 60)[0].cause
