"""Which look-agains a pass leaves in its row."""

import asyncio

import pytest

from functions.ledger.state import Mark
from functions.passed import Pass
from functions.settle import settle
from functions.work import Work
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import MemoryQueue
from tests.unit.worlds import AT, ZONE


@pytest.mark.parametrize(
    ("look", "keeps_looks", "left"),
    [
        pytest.param(0, True, True, id="an event's pass that proves nothing leaves the look that is awaited"),
        pytest.param(1, True, True, id="so does an earlier look"),
        pytest.param(2, True, False, id="the awaited look itself is over, or watch would send it for ever"),
        pytest.param(2, False, False, id="and so it is after a pass that proves something"),
    ],
)
def test_a_pass_without_a_follow_up(look: int, keeps_looks: bool, left: bool) -> None:
    async def told() -> None:
        ledger, row = MemoryLedger(), ZONE.group_id
        for _ in range(2):
            await ledger.look_again(row, AT + 60, ZONE)
        work = Work(target=ZONE, why="look-again", cause="c", since=AT, look=look)
        done = Pass("gone", keeps_looks=keeps_looks)
        await settle(work, done, MemoryQueue(lambda: AT), ledger, AT, Mark(0, 2))
        assert bool((await ledger.read(row)).counters.look_at) is left

    asyncio.run(told())
