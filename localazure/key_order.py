"""Keys in order, for asking "what lies below this id?" of a fleet with a hundred thousand resources."""

from bisect import bisect_left, insort
from collections.abc import Iterator

_FEW = 64
"""Up to so many new keys are put in one by one; more are sorted in together, as when a fleet is placed."""


class KeyOrder:
    """A sorted set of texts that may grow by many before anyone asks."""

    def __init__(self) -> None:
        self._sorted: list[str] = []
        self._fresh: list[str] = []

    def add(self, key: str) -> None:
        """Add a key that is not there yet."""
        self._fresh.append(key)

    def remove(self, key: str) -> None:
        """Take a key out that is there."""
        self._settle()
        del self._sorted[bisect_left(self._sorted, key)]

    def below(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in order. An empty prefix is every key."""
        self._settle()
        keys = self._sorted
        index = bisect_left(keys, prefix)
        while index < len(keys) and keys[index].startswith(prefix):
            yield keys[index]
            index += 1

    def _settle(self) -> None:
        if len(self._fresh) <= _FEW:
            for key in self._fresh:
                insort(self._sorted, key)
        else:
            self._sorted.extend(self._fresh)
            self._sorted.sort()
        self._fresh.clear()
