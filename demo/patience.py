"""Waiting for something that should come true."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

_LOOK = 0.05  # seconds


class WentWrong(Exception):  # noqa: N818 - a step that did not come, which the demo tells of
    """What should have happened and did not; the steps after it make no sense."""


async def until[T](what: Callable[[], T | Awaitable[T]], seconds: float = 20.0) -> T | None:
    """The first true answer of `what`, None when there was none within so many real seconds."""
    end = time.monotonic() + seconds
    while True:
        said = what()
        answer = await said if isawaitable(said) else said
        if answer:
            return answer
        if time.monotonic() > end:
            return None
        await asyncio.sleep(_LOOK)


async def come[T](awaited: Awaitable[T | None], what: str) -> T:
    """The answer that is waited for. Raises WentWrong when it does not come."""
    answer = await awaited
    if answer is None:
        raise WentWrong(f"this did not happen: {what}")
    return answer
