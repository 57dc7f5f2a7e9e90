"""Reads of a row's passes that ARM refused with a Retry-After, for workers that did not hear it themselves."""

from collections.abc import Iterable

import msgspec

# A pass reads some ten paths. More are not kept: each worker hears of the rest by itself.
_MOST = 20

# The longest pause that a row can ask for, whatever clock wrote it.
_LONGEST = 3600.0  # seconds


class Paused(msgspec.Struct, frozen=True):
    """A path of ARM's, in lower case, that is not to be read before `until` (seconds since 1970)."""

    path: str
    until: float


def merged(held: Iterable[Paused], new: Iterable[Paused], now: float) -> tuple[Paused, ...]:
    """What a row keeps after a pass that met `new`: the longest pauses, without those that are over."""
    longest: dict[str, Paused] = {}
    for one in (*held, *new):
        if one.until > now and (one.path not in longest or one.until > longest[one.path].until):
            longest[one.path] = one
    return tuple(sorted(longest.values(), key=lambda one: -one.until)[:_MOST])


def left(held: Iterable[Paused], now: float) -> list[tuple[str, float]]:
    """The paths that are not to be read yet, and for how many seconds."""
    return [(one.path, min(one.until - now, _LONGEST)) for one in held if one.until > now]
