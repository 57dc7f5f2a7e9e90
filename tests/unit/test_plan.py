"""The limit of rule 9: additions are free, what takes is counted, and a person's word permits exactly what they saw."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import NO_RECORD, Address, Owner, Record
from functions.handlers.verdict import Action, Change, Linking, Recording
from functions.ledger.hour import WINDOW, Claim, Hour
from functions.ledger.state import Observed
from functions.plan import VALID, Approval, Limited, allowance, claim_of, key, limit, plan_id, takes
from tests.unit.worlds import AT, HUB, OTHER_HUB, ZONE


def a_change(nth: int, action: Action) -> Change:
    target = ZONE.child("virtualNetworkLinks", f"tether-{nth}")
    return Change("zone_links", target, action, Linking(HUB), "because", after="nothing")


ADDITIONS = [a_change(nth, Action.CREATE) for nth in range(50)]
REMOVALS = [a_change(100 + nth, Action.DELETE) for nth in range(50)]


def of(subscription: str, nth: int, at: float = AT) -> Claim:
    return Claim(f"{subscription}-{nth}", subscription, at)


def an_hour(done: int, *waiting: Claim, fleet: int = 10, by: str = "s") -> Hour:
    """An hour in which so many clusters of a subscription were changed, the first ten seconds ago."""
    return Hour(fleet, tuple(of(by, 900 + nth, AT - 10 * (nth + 1)) for nth in range(done)), waiting)


def limited_to(changes: list[Change], hour: Hour | None, *approvals: Approval) -> Limited:
    """Each change is of a cluster of its own, all of one subscription."""
    return limit(changes, hour=hour, share=0.3, claim_of=a_cluster_each, approvals=approvals, now=AT)


def a_cluster_each(change: Change) -> Claim:
    return Claim(key(change), "s", AT)


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
    limited = limited_to(changes, an_hour(done))
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
    limited = limited_to(REMOVALS[:10], an_hour(0), given)
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


def of_one(claim: Claim, hour: Hour | None, number: int = 10) -> Limited:
    return limit(REMOVALS[:number], hour=hour, share=0.3, claim_of=lambda _: claim, now=AT)


def test_a_cluster_counts_once_however_many_hubs_and_targets_it_has() -> None:
    assert of_one(of("s", 1), an_hour(2)).stopped == ()
    assert len(of_one(of("s", 1), an_hour(3)).stopped) == 10


def test_a_cluster_that_was_changed_within_the_hour_goes_on_in_its_place() -> None:
    assert of_one(of("s", 900), an_hour(3)).stopped == ()
    assert of_one(of("s", 900), an_hour(4)).stopped, "unless more were changed than the hour allows, by approvals"


def test_while_the_hour_is_not_known_nothing_that_counts_is_done() -> None:
    limited = limited_to([*ADDITIONS[:2], *REMOVALS[:1]], None)
    assert (len(limited.allowed), len(limited.stopped)) == (2, 1)


@pytest.mark.parametrize(
    ("claim", "hour", "stopped"),
    [
        pytest.param(of("b", 1), an_hour(3), True, id="no place is free"),
        pytest.param(of("b", 1), an_hour(2), False, id="one is free, and nobody waits"),
        pytest.param(of("b", 1), an_hour(2, of("a", 1, AT - 50)), True, id="another subscription's waits longer"),
        pytest.param(of("b", 1, AT - 60), an_hour(2, of("a", 1, AT - 50)), False, id="another's waits less long"),
        pytest.param(
            of("b", 1), an_hour(2, *(of("s", nth, AT - 500) for nth in range(9))), False, id="others had two places"
        ),
        pytest.param(
            of("s", 1, AT - 900), an_hour(2, of("b", 1)), True, id="and do not get a third, however long they wait"
        ),
        pytest.param(of("b", 1), an_hour(1, of("s", 1, AT - 9)), False, id="there is a place for both"),
        pytest.param(of("b", 1), an_hour(2, of("b", 2, AT - 9)), True, id="its own subscription's waits longer"),
        pytest.param(of("b", 1), an_hour(2, of("b", 1, AT - 9)), False, id="it waits itself"),
    ],
)
def test_who_gets_the_free_places(claim: Claim, hour: Hour, *, stopped: bool) -> None:
    assert bool(of_one(claim, hour).stopped) is stopped


def test_a_subscription_beyond_its_share_is_stopped_whole_and_others_are_not() -> None:
    changes = REMOVALS[:11]
    owners = {key(change): "a" if nth < 10 else "b" for nth, change in enumerate(changes)}
    limited = limit(
        changes, hour=an_hour(0), share=0.3, claim_of=lambda one: Claim(key(one), owners[key(one)], AT), now=AT
    )
    assert limited.allowed == (changes[10],)
    assert limited.stopped == tuple(changes[:10])


@pytest.mark.parametrize(
    ("hour", "again"),
    [
        pytest.param(an_hour(3), 900.0, id="nothing of the hour ends soon: every quarter of an hour"),
        pytest.param(Hour(9, tuple(of("s", n, AT + 200 + n - WINDOW) for n in range(3))), 200.0, id="the first ends"),
        pytest.param(Hour(9, tuple(of("s", n, AT + 1 - WINDOW) for n in range(3))), 30.0, id="but not at once"),
        pytest.param(
            Hour(9, tuple(of("s", n, AT + 200 + n * 9 - WINDOW) for n in range(3)), (of("c", 1, AT - 9),)),
            209.0,
            id="another waits longer: the second",
        ),
        pytest.param(
            Hour(9, tuple(of("s", n, AT + 200 + n * 9 - WINDOW) for n in range(5))),
            218.0,
            id="two more were changed than the hour allows: the third",
        ),
    ],
)
def test_what_is_stopped_runs_again_when_its_place_should_be_free(hour: Hour, again: float) -> None:
    assert of_one(of("b", 1), hour).again == again


def test_since_when_a_change_waits_is_remembered_in_its_row() -> None:
    row = ResourceId(str(ZONE.group_id).upper())
    claim = claim_of(row, Observed(), AT)
    assert (claim.subject, claim.subscription, claim.at) == (str(row).casefold(), row.subscription.casefold(), AT)
    assert claim_of(row, Observed(waits=AT - 70), AT).at == AT - 70


OURS = Owner("platform-test", ResourceId(f"{ZONE.group_id}/providers/Microsoft.ContainerService/managedClusters/team"))
OLD, NEW = frozenset({ip_address("10.1.0.4")}), frozenset({ip_address("10.1.0.9")})


@pytest.mark.parametrize(
    ("action", "before", "addresses", "counts"),
    [
        pytest.param(Action.UPDATE, Record(OLD, 60, (OURS.text,)), NEW, False, id="ours follows to another address"),
        pytest.param(Action.UPDATE, Record(OLD, 300, (OURS.text,)), NEW, False, id="with another TTL too"),
        pytest.param(Action.UPDATE, Record(OLD, 300, (OURS.text,)), OLD, True, id="ours gets another TTL alone"),
        pytest.param(Action.UPDATE, Record(OLD, 60), NEW, True, id="nobody's is adopted"),
        pytest.param(
            Action.UPDATE,
            Record(OLD, 60, (replace(OURS, deployment="other").text,)),
            NEW,
            True,
            id="another deployment's",
        ),
        pytest.param(Action.DELETE, Record(OLD, 60, (OURS.text,)), frozenset(), True, id="ours is removed"),
        pytest.param(Action.CREATE, NO_RECORD, NEW, False, id="one is added"),
    ],
)
def test_what_counts_of_records(action: Action, before: Record, addresses: frozenset[Address], *, counts: bool) -> None:
    wants = Recording("servers", "team.example", before, addresses, 60, OURS)
    assert takes(Change("api_server_records", OURS.cluster, action, wants, "because")) is counts
