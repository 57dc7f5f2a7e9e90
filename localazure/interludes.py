"""What others do between two requests of the same caller: right after a read was answered, before its next write."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Interlude:
    """One thing to do when the `nth` request of a kind has been answered. `done` tells that it was."""

    method: str
    path: str
    act: Callable[[], Awaitable[None]]
    nth: int
    seen: int = 0
    done: bool = False


class Interludes:
    """All that is to be done in between. Paths compare without case; each interlude is played once."""

    def __init__(self) -> None:
        self._waiting: list[Interlude] = []

    def add(self, interlude: Interlude) -> Interlude:
        self._waiting.append(interlude)
        return interlude

    async def answered(self, method: str, path: str) -> None:
        """Play what waits for this request, whose answer is settled but not yet on its way."""
        if not self._waiting:
            return
        for interlude in [one for one in self._waiting if _same(one, method, path)]:
            interlude.seen += 1
            if interlude.seen == interlude.nth:
                self._waiting.remove(interlude)
                await interlude.act()
                interlude.done = True


def _same(interlude: Interlude, method: str, path: str) -> bool:
    return interlude.method == method and interlude.path.rstrip("/").casefold() == path.rstrip("/").casefold()
