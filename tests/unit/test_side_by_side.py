"""Reads made at the same time: all end, and one failure is raised."""

import asyncio

import pytest

from functions.arm.errors import ArmError
from functions.arm.side_by_side import all_read


async def gives(value: int) -> int:
    return value


async def fails(code: str, pause: float | None = None) -> int:
    raise ArmError(429, code, "no", retry_after=pause)


def test_without_anything_to_read_it_returns() -> None:
    asyncio.run(all_read())


def test_the_failure_with_the_longest_pause_is_raised_after_all_reads_ended() -> None:
    async def read() -> None:
        tasks = [asyncio.create_task(one) for one in (fails("short", 5), gives(1), fails("long", 60))]
        with pytest.raises(ArmError, match="long"):
            await all_read(*tasks)
        assert all(task.done() for task in tasks)

    asyncio.run(read())


def test_without_a_pause_the_first_failure_is_raised() -> None:
    async def read() -> None:
        tasks = [asyncio.create_task(one) for one in (gives(1), fails("first"), fails("second"))]
        with pytest.raises(ArmError, match="first"):
            await all_read(*tasks)

    asyncio.run(read())
