"""Nothing that was asked for is lost, whatever comes in between: every interleaving, with the real counters and rules.

Each world below is small and is tried whole. The wrong protocols show that the model would notice.
"""

from dataclasses import replace

import pytest

from functions.ledger.coalescing import drop, resent
from functions.ledger.state import Counters
from tests.unit.coalescing import Budget, Message, Rules, State, World, lost
from tests.unit.exhaustive import Searched, search

KILLS = World(events=2, left=Budget(kills=2))
DOUBLES = World(events=2, left=Budget(kills=1, doubles=1))
LOOKS = World(events=1, left=Budget(kills=1, doubles=1, asks=1))
LONE = World(events=2, workers=1, left=Budget(kills=1, doubles=1, asks=1))
BLIND = World(events=2, left=Budget(kills=1, blind=1))
TABLES = World(events=2, left=Budget(kills=1, no_tables=1))
WATCH = World(events=1, left=Budget(kills=1, asks=1, early_watches=1))
URGENT = World(events=2, urgent=1, workers=1, left=Budget(kills=1, no_tables=1))
IN_HAND = World(events=2, urgent=1, in_hand=True, workers=1, left=Budget(kills=1, no_tables=1))
FORGETS = World(events=2, left=Budget(kills=1, doubles=1, forgets=1))
URGENT_LOOKS = World(events=2, urgent=1, workers=1, left=Budget(kills=1, asks=1))


def tried(world: World) -> Searched[State]:
    return search(world.start(), world.steps, lost)


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(KILLS, id="two events, and two kills at any step"),
        pytest.param(World(events=3, left=Budget(kills=1)), id="three events and a kill"),
        pytest.param(DOUBLES, id="a message that comes twice"),
        pytest.param(World(events=2, workers=1, left=Budget(kills=1, redeliveries=1)), id="an event delivered again"),
        pytest.param(LOOKS, id="passes that ask for another one"),
        pytest.param(World(events=2, left=Budget(asks=2)), id="two events and two look-agains"),
        pytest.param(World(events=2, left=Budget(kills=1, asks=1)), id="a kill, two events and a look-again"),
        pytest.param(BLIND, id="a blind pass that leaves its events to the look-again it asks for"),
        pytest.param(LONE, id="a lone worker that wants to look again"),
        pytest.param(TABLES, id="tables that do not answer"),
        pytest.param(WATCH, id="a watch that comes too early"),
        pytest.param(FORGETS, id="idle counters that are forgotten while a pass is under way"),
        pytest.param(replace(IN_HAND, left=Budget(forgets=1)), id="while one in hand is"),
        pytest.param(replace(URGENT, left=Budget(kills=1, forgets=1)), id="while an urgent one is"),
        pytest.param(URGENT, id="an urgent pass that counts while it reads"),
        pytest.param(URGENT_LOOKS, id="an urgent pass that asks for another one"),
        pytest.param(World(events=2, urgent=2, left=Budget(kills=1)), id="two urgent passes at once"),
        pytest.param(IN_HAND, id="a pass in hand that counts while it reads ARM"),
        pytest.param(replace(IN_HAND, left=Budget(asks=1)), id="one in hand that asks for another one"),
        pytest.param(World(events=2, urgent=2, in_hand=True), id="two in hand at once"),
    ],
)
def test_nothing_is_lost(world: World) -> None:
    result = tried(world)
    assert not result.wrong, "\n".join((result.wrong, *result.trace))
    assert result.states > 1000


@pytest.mark.parametrize(
    ("world", "wrong"),
    [
        pytest.param(
            replace(KILLS, rules=Rules(finish_before_observing=True)),
            "after the last event",
            id="an event is called done before its pass observes",
        ),
        pytest.param(
            replace(KILLS, rules=Rules(finish_with_the_row_of_now=True)),
            "after the last event",
            id="a pass answers the events that were counted after it observed",
        ),
        pytest.param(
            replace(
                LOOKS, rules=Rules(drop=lambda message, counters: drop(message, counters) or _equal(message, counters))
            ),
            "circles",
            id="a look-again is dropped when its number equals the row's",
        ),
        pytest.param(
            replace(TABLES, rules=Rules(uncounted_is_always=False)),
            "after the last event",
            id="the message of an event that could not be counted is not marked",
        ),
        pytest.param(
            replace(URGENT, rules=Rules(uncounted_is_always=False)),
            "after the last event",
            id="nor is that of an urgent pass that saw nothing",
        ),
        pytest.param(
            replace(LOOKS, rules=Rules(resent=lambda counters: 0 if counters.pending else None)),
            "look-again",
            id="watch ignores look_at",
        ),
        pytest.param(
            replace(KILLS, rules=Rules(resent=lambda counters: counters.look if counters.look_at else None)),
            "after the last event",
            id="watch ignores events that nobody answered",
        ),
        pytest.param(
            replace(LONE, rules=Rules(finish_before_asking=True)),
            "look-again",
            id="a pass calls its event done before it asks to look again",
        ),
        pytest.param(
            replace(LOOKS, rules=Rules(forget_what_others_asked=True)),
            "look-again",
            id="a pass that needs no other one forgets what another asked for meanwhile",
        ),
        pytest.param(
            replace(BLIND, rules=Rules(forget_what_others_asked=True)),
            "look-again",
            id="nor may it forget what a blind one asked for",
        ),
        pytest.param(
            replace(URGENT, rules=Rules(remember_a_late_count=True)),
            "after the last event",
            id="an urgent pass answers events that were counted after it began to read",
        ),
        pytest.param(
            replace(IN_HAND, rules=Rules(mark_of=lambda read, counted, _: (counted or read).mark)),
            "after the last event",
            id="a pass in hand answers all that was counted before its own event",
        ),
        pytest.param(
            replace(IN_HAND, rules=Rules(uncounted_is_always=False)),
            "after the last event",
            id="nor is the message of a pass in hand marked",
        ),
        pytest.param(
            replace(FORGETS, rules=Rules(any_made=True)),
            "after the last event",
            id="a pass answers for events in counters that were begun after it observed",
        ),
    ],
)
def test_a_wrong_protocol_is_caught(world: World, wrong: str) -> None:
    result = tried(world)
    assert wrong in result.wrong
    assert result.trace


def _equal(message: Message, counters: Counters) -> bool:
    return 0 < message.look == counters.look


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_burst_costs_no_more_passes_than_workers_take_it_up_at_once(workers: int) -> None:
    result = tried(World(events=3, workers=workers, burst=True))
    assert not result.wrong
    assert {state.observations for state in result.ends} == set(range(1, workers + 1))


@pytest.mark.parametrize(
    ("message", "counters", "dropped"),
    [
        pytest.param(Message(), Counters(seq=2, done=1), False, id="an event that nobody answered"),
        pytest.param(Message(), Counters(seq=2, done=2), True, id="an event that a pass answered"),
        pytest.param(Message(always=True), Counters(seq=2, done=2), False, id="one that could not be counted"),
        pytest.param(Message(look=3), Counters(seq=2, done=2, look=3), False, id="the last look-again"),
        pytest.param(Message(look=3), Counters(seq=2, done=1, look=4), True, id="a look-again before the last"),
        pytest.param(Message(look=3), Counters(), False, id="a look-again whose row is gone"),
    ],
)
def test_messages_that_need_no_pass(message: Message, counters: Counters, *, dropped: bool) -> None:
    assert drop(message, counters) is dropped


@pytest.mark.parametrize(
    ("counters", "look"),
    [
        pytest.param(Counters(seq=2, done=2), None, id="nothing is awaited"),
        pytest.param(Counters(seq=2, done=1, look=4, look_at=1.0), 0, id="an event comes first"),
        pytest.param(Counters(seq=2, done=2, look=4, look_at=1.0), 4, id="else the look-again"),
    ],
)
def test_what_watch_sends(counters: Counters, look: int | None) -> None:
    assert resent(counters) == look
