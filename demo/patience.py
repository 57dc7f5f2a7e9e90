"""Waiting for something that should come true."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable

_LOOK = 0.05  # seconds


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
