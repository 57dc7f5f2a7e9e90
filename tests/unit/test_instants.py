"""An instant that comes from outside is not believed where it cannot be: each place where one comes in."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions import pace, watch
from functions.arm.errors import ArmError, retry_after
from functions.arm.operations import Operation
from functions.fleet.seen import Links
from functions.handlers.verdict import Action, Change, Linking
from functions.http.answers import known_moment, moment
from functions.ledger import instants
from functions.ledger.entities import row_in
from functions.ledger.instants import LONGEST_WAIT, SKEW, ahead, has_passed, is_due_later, is_newer, of_event, past
from functions.ledger.leaving import Unwanted
from functions.ledger.left import Left
from functions.ledger.making import Making
from functions.ledger.move import Move
from functions.ledger.node_dns import NodeDns
from functions.ledger.routed import Routed, Wrote
from functions.ledger.state import Counters, Entry, Observed, Row
from functions.plan import Approval
from functions.restraint import left_untold, tug_of_war
from functions.triggers.queued_event import event_in
from functions.triggers.triage import seconds, triage
from functions.unproven import blind
from functions.work import Work, bounded, decode, encode
from tests.unit.test_triage import an_event
from tests.unit.worlds import AT, HUB, ZONE, a_cluster, seen

DAY = 86_400.0
FAR = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC).timestamp()
HUGE = 1e308

IMPOSSIBLE = [
    pytest.param(FAR, id="the year 9999"),
    pytest.param(YEAR_ONE, id="the year 1"),
    pytest.param(-1.0, id="before 1970"),
    pytest.param(0.0, id="1970"),
    pytest.param(HUGE, id="no year at all"),
    pytest.param(AT + DAY, id="tomorrow"),
    pytest.param(AT - 8 * DAY, id="longer ago than anything brings an event"),
    pytest.param(float("nan"), id="no number"),
    pytest.param(float("inf"), id="never"),
]
AHEAD = [one for one in IMPOSSIBLE if one.id in {"the year 9999", "no year at all", "tomorrow"}]


@pytest.mark.parametrize("at", [*IMPOSSIBLE, pytest.param(None, id="not said")])
def test_an_event_that_cannot_have_been_then_happened_now(at: float | None) -> None:
    work = triage(replace(an_event(), at=at), AT)
    assert work is not None
    assert work.since == AT


@pytest.mark.parametrize("at", [AT, AT - 3, AT - DAY, AT - 6.9 * DAY])
def test_an_event_of_the_last_seven_days_is_believed(at: float) -> None:
    assert of_event(at, AT) == at


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59", "9999-12-31T23:59:59-23:59"]
)
def test_a_queued_event_of_any_year_is_read_and_happened_now(text: str) -> None:
    body = {
        "id": "a",
        "subject": str(ZONE),
        "eventType": an_event().type,
        "eventTime": text,
        "data": {"operationName": an_event().operation},
    }
    event = event_in(msgspec.json.encode(body))
    assert event is not None
    work = triage(event, AT)
    assert work is not None
    assert work.since == AT


def test_a_local_time_that_has_no_number_of_seconds_is_not_known() -> None:
    assert seconds(datetime(1, 1, 1)) is None  # noqa: DTZ001 - that is the point
    assert seconds(datetime(2026, 12, 1, tzinfo=UTC)) == datetime(2026, 12, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "since", [one for one in IMPOSSIBLE if one.id not in {"1970", "longer ago than anything brings an event"}]
)
def test_a_message_that_began_in_the_future_began_now(since: float) -> None:
    assert bounded(Work(target=ZONE, why="w", cause="c", since=since), AT).since == AT


@pytest.mark.parametrize("attempt", [-1, -(10**9), 10**15])
def test_a_count_that_cannot_be_keeps_the_pace_of_passes(attempt: int) -> None:
    work = bounded(Work(target=ZONE, why="w", cause="c", since=AT, attempt=attempt, look=-3), AT)
    assert work.look == 0
    done = blind(work, ArmError(500, "x", "x"), AT, Observed())
    assert 5.0 <= done.delay <= 900.0


@pytest.mark.parametrize("at", AHEAD)
def test_operations_and_intents_of_a_message_cannot_be_ahead(at: float) -> None:
    entry = Entry(
        subject=ZONE, id="1", at=at, cause="c", handler="h", action="create", target="t", reason="r", ended=at
    )
    sent = Work(
        target=ZONE, why="w", cause="c", since=AT, operations=(Operation(HUB, "https://a", at, at),), intents=(entry,)
    )
    work = bounded(decode(encode(sent)), AT)
    (operation,), (intent,) = work.operations, work.intents
    assert (operation.since, intent.at, intent.ended) == (AT, AT, AT)
    assert AT <= operation.due <= AT + LONGEST_WAIT, "it is looked up one day"


def test_numbers_that_can_be_are_left_as_they_are() -> None:
    work = Work(
        target=ZONE, why="w", cause="c", since=AT - 5, attempt=3, operations=(Operation(HUB, "https://a", AT, AT + 30),)
    )
    assert bounded(work, AT) == work


def everything_at(at: float) -> Observed:
    """A row in which every instant is this."""
    return Observed(
        at=at,
        operations=(Operation(HUB, "https://a", at, at),),
        gone_since=at,
        reversals=(at, at),
        born=at,
        resolved=at,
        answers_until=at,
        move=Move(id="m", at=at, old="a", new="b", ttl=1, served_at=at, heard=at, again_at=at),
        making=Making(first=at, last=at, failed=at, put_at=at, linked=at),
        routed=Routed(bare_since=at, wrote=(Wrote(subnet="s", at=at),)),
        waits=at,
        left=(Left(cluster="c", name="n", since=at),),
        unwanted=(Unwanted(link="l", since=at, reason="r"),),
        node_dns=NodeDns(changed=at),
    )


def instants_in(value: object, name: str = "") -> dict[str, float]:
    """Every float of a struct, however deep, by its path. New fields are found too."""
    if isinstance(value, float):
        return {name: value}
    if isinstance(value, msgspec.Struct):
        held = [(f"{name}.{field}", getattr(value, field)) for field in value.__struct_fields__]
    elif isinstance(value, tuple):
        held = [(f"{name}[]", one) for one in value]  # pyright: ignore[reportUnknownVariableType]
    else:
        return {}
    return {path: at for key, one in held for path, at in instants_in(one, key).items()}


@pytest.mark.parametrize("at", AHEAD)
def test_no_instant_of_a_row_is_believed_that_is_ahead(at: float) -> None:
    held = instants_in(instants.remembered(everything_at(at), AT))
    assert len(held) >= 20
    waits = {".operations[].due", ".answers_until", ".move.again_at"}
    assert {name: at for name, at in held.items() if name not in waits and at != AT} == {}
    assert {held[name] for name in waits} == {AT + min(DAY, at - AT)}


@pytest.mark.parametrize("at", [0.0, AT, AT - 10 * DAY, AT + 5])
def test_a_row_whose_instants_can_be_is_left_as_it_is(at: float) -> None:
    assert instants.remembered(everything_at(at), AT) == everything_at(at)


@given(st.floats(allow_nan=False))
def test_to_bound_twice_is_to_bound_once(at: float) -> None:
    once = instants.remembered(everything_at(at), AT)
    assert instants.remembered(once, AT) == once
    assert all(0 <= held <= AT + LONGEST_WAIT for held in instants_in(once).values())


@pytest.mark.parametrize(
    ("held", "observed", "newer"),
    [
        pytest.param(AT + 1, AT, True, id="a pass that began later has ended before"),
        pytest.param(AT, AT, False, id="the same"),
        pytest.param(AT - 1, AT, False, id="the usual"),
        pytest.param(FAR, AT, False, id="one of a worker whose clock was wrong"),
    ],
)
def test_an_observation_gives_way_to_a_newer_one_and_to_no_wrong_clock(
    held: float, observed: float, newer: bool
) -> None:
    assert is_newer(held, observed) is newer


@pytest.mark.parametrize(
    ("look_at", "awaited"),
    [(0.0, False), (AT - 1, False), (AT + 1, True), (AT + DAY, True), (AT + 3 * DAY, False), (FAR, False)],
)
def test_a_look_again_that_is_put_off_for_too_long_is_not_awaited(look_at: float, awaited: bool) -> None:
    assert is_due_later(look_at, AT) is awaited
    row = Row(ZONE.group_id, Counters(look=1, look_at=look_at), Observed(at=AT - 900, state="Creating"))
    assert watch.wants_a_look(a_cluster(), row, AT) is not awaited


@pytest.mark.parametrize("at", [FAR, HUGE, AT - 301])
def test_a_busy_cluster_that_was_seen_long_ago_or_in_the_future_is_looked_at(at: float) -> None:
    row = Row(ZONE.group_id, observed=Observed(at=at, state="Creating"))
    assert watch.wants_a_look(a_cluster(), row, AT)
    assert watch.whose_turn({ZONE.group_id: FAR}, AT) == [ZONE.group_id]


def test_a_tables_number_that_is_none_is_no_instant() -> None:
    assert row_in(ZONE, {"look_at": "NaN"}).counters.look_at == 0.0
    assert row_in(ZONE, {"look_at": float("inf")}).counters.look_at == 0.0


@pytest.mark.parametrize(
    ("at", "holds"), [(AT, True), (AT + 1, True), (AT - DAY + 1, True), (AT - DAY, False), (AT + SKEW + 1, False)]
)
def test_an_approval_holds_a_day_and_where_its_worker_was_a_little_ahead(at: float, holds: bool) -> None:
    assert Approval(plan="p", changes=frozenset(), at=at, by="x").holds(AT) is holds


@pytest.mark.parametrize("text", ["3601", "9" * 30, "9" * 400])
def test_no_pause_that_a_service_names_is_longer_than_an_hour(text: str) -> None:
    assert retry_after({"retry-after": text}) == 3600.0


def test_a_look_again_is_never_put_off_for_longer_than_a_day() -> None:
    error = ArmError(429, "x", "x", retry_after=1e12)
    assert blind(Work(target=ZONE, why="w", cause="c", since=AT), error, AT, Observed()).delay == LONGEST_WAIT
    assert pace.after_blindness(1, AT, AT, error) == 1e12, "it is the pass that bounds it, wherever it comes from"


A_LINK = Change("zone_links", ZONE, Action.CREATE, Linking(HUB), "because")


def test_what_was_undone_in_the_future_is_no_tug_of_war_for_ever() -> None:
    held = instants.remembered(Observed(at=AT, hubs=(str(HUB),), reversals=(FAR, FAR, FAR)), AT)
    restrained = tug_of_war([A_LINK], seen(remembered=held, links=Links(complete=True)))
    assert restrained.given_up
    later = Observed(hubs=held.hubs, reversals=restrained.reversals)
    world = replace(seen(remembered=later, links=Links(complete=True)), at=AT + DAY)
    assert not tug_of_war([A_LINK], world).given_up


def test_intents_of_the_future_do_not_keep_a_change_from_being_made() -> None:
    died = [
        Entry(
            subject=ZONE,
            id=str(number),
            at=FAR,
            cause="c",
            handler=A_LINK.handler,
            action="create",
            target=str(ZONE),
            reason="r",
        )
        for number in range(3)
    ]
    assert left_untold(died, A_LINK, AT) is None
    assert left_untold([msgspec.structs.replace(one, at=AT - 5) for one in died], A_LINK, AT) is not None


@pytest.mark.parametrize("at", [FAR, HUGE, -HUGE, YEAR_ONE])
def test_an_answer_tells_any_instant(at: float) -> None:
    assert moment(at).year in {1970, 9999}
    assert known_moment(0.0) is None


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (past, AT - 5, AT - 5),
        (past, AT + 5, AT + 5),
        (past, AT + SKEW + 1, AT),
        (past, -5.0, 0.0),
        (ahead, AT + 5, AT + 5),
        (ahead, FAR, AT + LONGEST_WAIT),
        (ahead, -5.0, 0.0),
    ],
)
def test_bounds(function: Callable[[float, float], float], at: float, expected: float) -> None:
    assert function(at, AT) == expected


@pytest.mark.parametrize(
    ("since", "passed"), [(AT, False), (AT - 59, False), (AT - 60, True), (AT + SKEW, False), (FAR, True)]
)
def test_time_that_has_passed(since: float, passed: bool) -> None:
    assert has_passed(since, 60.0, AT) is passed
