"""An event loop whose clock jumps: hours of Azure's time pass in the time the work itself needs."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, override


class Deadlock(RuntimeError):  # noqa: N818 - the word for it
    """Every task waits for something that no timer will ever bring."""


class _NeverWaits(selectors.SelectSelector):
    """Hands the time it should have waited to the loop, and looks at the sockets without waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is scheduled and nothing is ready: a task waits for ever")
        self.skipped += max(0.0, timeout)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Jumps to the next timer whenever nothing is ready. No sockets and no threads: their answers take no time here.

    Raises Deadlock out of `run_until_complete` when no timer is left.
    """

    def __init__(self) -> None:
        self._selector_that_jumps = _NeverWaits()
        super().__init__(self._selector_that_jumps)

    @override
    def time(self) -> float:
        return self._selector_that_jumps.skipped


def run[T](work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
