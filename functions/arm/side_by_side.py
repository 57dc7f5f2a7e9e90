"""Reads that do not depend on one another, made at the same time."""

import asyncio
from typing import Any

from functions.arm.errors import ArmError, NoAnswerError


async def all_read(*reading: asyncio.Task[Any]) -> None:
    """Wait until every one has ended, so that no answer is lost. Without any, return at once.

    Raises the failure that asks for the longest pause, or the first in order where none does: whoever comes back after
    it repeats none of the others too early.
    """
    if not reading:
        return  # asyncio.wait raises ValueError for an empty set
    try:
        await asyncio.wait(reading)
    except asyncio.CancelledError:
        for task in reading:
            task.cancel()
        raise
    failed = [error for task in reading if (error := task.exception()) is not None]
    if failed:
        raise max(failed, key=_pause)


def _pause(error: BaseException) -> float:
    return (error.retry_after or 0.0) if isinstance(error, ArmError | NoAnswerError) else 0.0
