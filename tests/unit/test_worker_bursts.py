"""Without any table no event is lost, and a burst costs a bounded number of passes: every interleaving."""

from dataclasses import replace

import pytest

from tests.unit.exhaustive import Searched, search
from tests.unit.worker_bursts import Budget, Rules, State, World, lost


def tried(world: World) -> Searched[State]:
    return search(world.start(), world.steps, lost)


ONE = World(events=3)
KILLED = World(events=2, left=Budget(kills=1))
FAILING = World(events=2, left=Budget(passes_fail=1, sends_fail=1))
TWO = World(events=2, workers=2, left=Budget(kills=1))
IMPATIENT = World(events=2, left=Budget(impatient=1, passes_fail=1))


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(ONE, id="three events"),
        pytest.param(KILLED, id="a worker that is killed"),
        pytest.param(FAILING, id="a pass and a send that fail"),
        pytest.param(TWO, id="two workers, one of them killed"),
        pytest.param(IMPATIENT, id="a turn that is not waited for"),
    ],
)
def test_nothing_is_lost(world: World) -> None:
    result = tried(world)
    assert not result.wrong, "\n".join((result.wrong, *result.trace))
    assert result.states > 100


@pytest.mark.parametrize(
    ("world", "rules"),
    [
        pytest.param(
            ONE, Rules(answers=lambda ended, came: ended >= came > 0), id="a pass answers what came during it"
        ),
        pytest.param(
            ONE, Rules(shares=lambda ended, asked: ended >= asked > 0), id="a message speaks for what came after it"
        ),
        pytest.param(ONE, Rules(stamped_when_it_came=True), id="a shared message is as old as its first event"),
        pytest.param(FAILING, Rules(ended_when_begun=True), id="a pass that may fail answers"),
        pytest.param(TWO, Rules(trusts_every_stamp=True), id="a number of another worker counts"),
    ],
)
def test_a_wrong_rule_is_caught(world: World, rules: Rules) -> None:
    result = tried(replace(world, rules=rules))
    assert "no pass saw" in result.wrong
    assert result.trace


@pytest.mark.parametrize("events", [2, 3, 4, 5])
def test_a_burst_that_is_there_costs_one_message_and_one_pass_however_many_events_it_has(events: int) -> None:
    result = tried(World(events=events, burst=True))
    assert not result.wrong
    assert {state.passes for state in result.ends} == {1}
    assert {state.workers[0].sends for state in result.ends} == {1}
