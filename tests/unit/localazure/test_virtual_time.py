"""Virtual time: it jumps, and it says so when there is nowhere to jump to."""

import asyncio
import time

import pytest

from localazure.clock import Clock
from localazure.virtual_time import Deadlock, run


def test_an_hour_passes_at_once() -> None:
    async def story() -> float:
        before = asyncio.get_running_loop().time()
        await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(1800))
        return asyncio.get_running_loop().time() - before

    began = time.perf_counter()
    assert run(story()) == pytest.approx(3600)
    assert time.perf_counter() - began < 60


def test_timers_fire_in_order() -> None:
    async def story() -> list[int]:
        fired: list[int] = []

        async def after(seconds: int) -> None:
            await asyncio.sleep(seconds)
            fired.append(seconds)

        await asyncio.gather(*(after(seconds) for seconds in (30, 10, 20)))
        return fired

    assert run(story()) == [10, 20, 30]


def test_waiting_for_nothing_is_a_deadlock() -> None:
    async def story() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock):
        run(story())


@pytest.mark.parametrize(("speed", "ours"), [(1, 600), (60, 10)])
def test_a_fast_clock_shortens_azures_time(speed: float, ours: float) -> None:
    async def story() -> float:
        clock = Clock(speed)
        before = asyncio.get_running_loop().time()
        await clock.sleep(600)
        return asyncio.get_running_loop().time() - before

    assert run(story()) == pytest.approx(ours)
