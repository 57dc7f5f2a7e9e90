"""Reads that ARM refused with a Retry-After: none is sent again before its pause is over, whatever path asks for it.

A worker keeps them in its Session, so that events, messages, `watch`, HTTP and the sweep share them. A pass also leaves
those that it met in its row (ledger/paused.py), so that another worker does not repeat them.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from functions.arm.allowance import NoTurnError

_REFUSED = 429

# From so many on, those that are over are removed.
_MANY = 1000

type Met = dict[str, float]
"""Paths in lower case, and until when each pauses."""

# What the pass that is running has met. Tasks that it starts share it, since they inherit its context.
_met: ContextVar[Met | None] = ContextVar("_met", default=None)


@dataclass(slots=True)
class ReadPauses:
    """The pauses of a worker, by path. Instants are seconds of one clock that never goes back."""

    _until: dict[str, float] = field(default_factory=dict[str, float])

    def __len__(self) -> int:
        return len(self._until)

    def check(self, path: str, now: float) -> None:
        """Raises NoTurnError for a read that is not to be sent yet."""
        left = self._until.get(path.casefold(), 0.0) - now
        if left > 0:
            self._note(path.casefold(), now + left)
            raise NoTurnError(
                _REFUSED, "ReadPaused", f"not asked: ARM refused it, and its pause is over in {left:.1f} s", (), left
            )

    def refused(self, path: str, pause: float, now: float) -> None:
        """A read was refused, with a pause in seconds."""
        self._until[path.casefold()] = now + pause
        self._note(path.casefold(), now + pause)
        if len(self._until) > _MANY:
            self._until = {held: until for held, until in self._until.items() if until > now}

    def learn(self, left: Iterable[tuple[str, float]], now: float) -> None:
        """What another worker met: paths, and for how many seconds each still pauses. A longer pause stands."""
        for path, seconds in left:
            self._until[path] = max(now + seconds, self._until.get(path, 0.0))

    @contextmanager
    def noting(self) -> Generator[Met]:
        """What the pass inside meets: paths, and until when each pauses."""
        met: Met = {}
        token = _met.set(met)
        try:
            yield met
        finally:
            _met.reset(token)

    @staticmethod
    def _note(path: str, until: float) -> None:
        met = _met.get()
        if met is not None:
            met[path] = until
