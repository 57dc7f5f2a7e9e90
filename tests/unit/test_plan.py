"""The limit of rule 9: additions are free, what takes is counted, and a person's word permits exactly what they saw."""

from dataclasses import replace

import pytest

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Action, Change, Linking
from functions.plan import VALID, Approval, allowance, key, limit, plan_id
from tests.unit.worlds import AT, HUB, OTHER_HUB, ZONE


def a_change(nth: int, action: Action) -> Change:
    target = ZONE.child("virtualNetworkLinks", f"tether-{nth}")
    return Change("zone_links", target, action, Linking(HUB), "because", after="nothing")


ADDITIONS = [a_change(nth, Action.CREATE) for nth in range(50)]
REMOVALS = [a_change(100 + nth, Action.DELETE) for nth in range(50)]


def approval(*changes: Change, at: float = AT) -> Approval:
    return Approval(plan=plan_id(map(key, changes)), changes=frozenset(map(key, changes)), at=at, by="somebody")


@pytest.mark.parametrize(
    ("fleet", "share", "most"),
    [(0, 0.3, 3), (5, 0.3, 3), (10, 0.3, 3), (11, 0.3, 3), (14, 0.3, 4), (1000, 0.3, 300), (1000, 1.0, 1000)],
)
def test_the_allowance_is_a_share_of_the_fleet_and_at_least_three(fleet: int, share: float, most: int) -> None:
    assert allowance(fleet, share) == most


@pytest.mark.parametrize(
    ("additions", "removals", "done", "stopped"),
    [
        pytest.param(50, 0, 0, 0, id="additions are never stopped"),
        pytest.param(50, 0, 99, 0, id="nor when the hour is used up"),
        pytest.param(0, 3, 0, 0, id="removals within the allowance are made"),
        pytest.param(0, 4, 0, 4, id="beyond it they are stopped, all of them"),
        pytest.param(0, 2, 1, 0, id="what the hour has seen counts"),
        pytest.param(0, 2, 2, 2, id="and may leave too little"),
        pytest.param(50, 4, 0, 4, id="additions go on beside what is stopped"),
    ],
)
def test_what_takes_is_counted_together(additions: int, removals: int, done: int, stopped: int) -> None:
    changes = [*ADDITIONS[:additions], *REMOVALS[:removals]]
    limited = limit(changes, done=done, fleet=10, share=0.3, now=AT, cluster_of=key)
    assert len(limited.stopped) == stopped
    assert len(limited.allowed) == len(changes) - stopped
    assert bool(limited.plan) == bool(stopped)


@pytest.mark.parametrize(
    ("approved", "at", "stopped"),
    [
        pytest.param(REMOVALS[:10], AT, 0, id="an approved plan is made"),
        pytest.param(REMOVALS[:10], AT - VALID + 1, 0, id="for a day"),
        pytest.param(REMOVALS[:10], AT - VALID, 10, id="and no longer"),
        pytest.param(REMOVALS[:10], AT + 301, 10, id="nor from the future, beyond what clocks differ by"),
        pytest.param(REMOVALS[:7], AT, 0, id="what was not approved may be within the allowance"),
        pytest.param(REMOVALS[:6], AT, 4, id="or beyond it, alone"),
        pytest.param(REMOVALS[20:30], AT, 10, id="an approval of others permits nothing"),
    ],
)
def test_an_approval_permits_exactly_its_changes_for_a_day(approved: list[Change], at: float, stopped: int) -> None:
    given = approval(*approved, at=at)
    limited = limit(REMOVALS[:10], done=0, fleet=10, share=0.3, approvals=[given], now=AT, cluster_of=key)
    assert len(limited.stopped) == stopped


def test_a_plan_has_one_id_whatever_the_order_and_case() -> None:
    shouted = [replace(change, target=ResourceId(str(change.target).upper())) for change in REMOVALS]
    assert plan_id(map(key, REMOVALS)) == plan_id(map(key, reversed(REMOVALS))) == plan_id(map(key, shouted))


@pytest.mark.parametrize(
    "other",
    [
        replace(REMOVALS[0], target=REMOVALS[1].target),
        replace(REMOVALS[0], wants=Linking(OTHER_HUB)),
        replace(REMOVALS[0], action=Action.CREATE),
        replace(REMOVALS[0], handler="route_tables"),
        replace(REMOVALS[0], after="something"),
    ],
)
def test_another_change_is_another_plan(other: Change) -> None:
    assert plan_id([key(REMOVALS[0])]) != plan_id([key(other)])


def test_what_was_seen_and_said_of_a_change_does_not_make_it_another() -> None:
    assert key(REMOVALS[0]) == key(
        replace(REMOVALS[0], reason="another sentence", wants=Linking(HUB, etag='"2"'), before="Completed")
    )


def test_a_cluster_counts_once_however_many_hubs_and_targets_it_has() -> None:
    assert limit(REMOVALS[:10], done=2, fleet=10, share=0.3, now=AT).stopped == ()
    assert len(limit(REMOVALS[:10], done=3, fleet=10, share=0.3, now=AT).stopped) == 10
