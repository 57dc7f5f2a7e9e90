"""Breadth-first search over everything that can happen, for models of protocols."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Searched[S]:
    """What a search found: how many states, those in which nothing more can happen, and what went wrong, in words."""

    states: int
    ends: tuple[S, ...]
    wrong: str
    trace: tuple[str, ...]


def search[S: Hashable](
    start: S, steps: Callable[[S], Iterable[tuple[str, S]]], judge: Callable[[S], str]
) -> Searched[S]:
    """Try everything. `judge` says what is wrong with an end; going in circles is wrong too.

    Being breadth-first, the trace to the first wrong end is one of the shortest.
    """
    found = {start: 0}
    states = [start]
    came: list[tuple[int, str]] = [(0, "")]
    following: list[list[int]] = []
    ends: list[S] = []
    for at, state in enumerate(states):  # grows while it is walked
        then: list[int] = []
        for word, after in steps(state):
            number = found.setdefault(after, len(states))
            if number == len(states):
                states.append(after)
                came.append((at, word))
            then.append(number)
        following.append(then)
        if not then:
            ends.append(state)
            if wrong := judge(state):
                return Searched(len(states), tuple(ends), wrong, _trace(came, at))
    if (circling := _in_a_circle(following)) is not None:
        return Searched(len(states), tuple(ends), "it goes in circles", _trace(came, circling))
    return Searched(len(states), tuple(ends), "", ())


def _trace(came: list[tuple[int, str]], at: int) -> tuple[str, ...]:
    words: list[str] = []
    while at:
        at, word = came[at]
        words.append(word)
    return tuple(reversed(words))


def _in_a_circle(following: list[list[int]]) -> int | None:
    """A state that can come back to itself, or lead to one that can; None when every way ends."""
    leading_here = [0] * len(following)
    for then in following:
        for number in then:
            leading_here[number] += 1
    free = [number for number, count in enumerate(leading_here) if not count]
    for at in free:
        for number in following[at]:
            leading_here[number] -= 1
            if not leading_here[number]:
                free.append(number)
    return next((number for number, count in enumerate(leading_here) if count), None)
