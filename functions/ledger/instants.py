"""Instants that come from outside: an event, a queue message, a row that a worker with a wrong clock wrote. Pure.

An instant in the future proves nothing. Believed, it would stop a timer, keep a row from being written, or hold back
every wait that is counted from it. All instants are in seconds since 1970.
"""

import math

import msgspec

from functions.arm.operations import Operation
from functions.ledger.state import Observed

# Clocks of two workers, and Azure's own, differ by less. Kerberos and TSIG allow as much.
SKEW = 300.0  # seconds

# The longest that anything is put off: a DNS answer's TTL counts for a day at most, and all other pauses are shorter.
LONGEST_WAIT = 24 * 3600.0  # seconds

# How far ahead of what is overdue an event was counted, and a look-again is put, that a wrong clock wrote.
WRONG_CLOCK, NEVER = 3600.0, 2 * LONGEST_WAIT  # seconds

# The longest that Event Grid, or a message in the queue, can take to bring an event (Azure Storage: 7 days).
_OLDEST_EVENT = 7 * 24 * 3600.0  # seconds

# A pass ends within an hour of its observation: an observation that is further ahead has a wrong clock.
_LONGEST_PASS = 3600.0  # seconds


def of_event(at: float | None, now: float) -> float:
    """When an event happened, `at` being what it says itself: now, where that is no instant of the last seven days."""
    return at if at is not None and now - _OLDEST_EVENT <= at <= now else now


def past(at: float, now: float) -> float:
    """An instant that cannot be ahead of now: 0 for never, `now` for one that is ahead by more than clocks differ."""
    return at if 0.0 <= at <= now + SKEW else 0.0 if at < 0.0 else now


def ahead(at: float, now: float) -> float:
    """An instant to wait for: no later than anything is ever put off. 0 for none."""
    return min(at, now + LONGEST_WAIT) if at >= 0.0 else 0.0


def is_due_later(at: float, now: float) -> bool:
    """Whether something is to come at `at`. One that is put off for longer than anything ever is will not come."""
    return now < at <= now + LONGEST_WAIT + SKEW


def is_newer(held: float, than: float) -> bool:
    """Whether a remembered observation was made after another one. One that is hours ahead has a wrong clock."""
    return than < held <= than + _LONGEST_PASS


def has_passed(since: float, seconds: float, now: float) -> bool:
    """Whether some seconds have passed since an instant; always where that is ahead of now."""
    return not now - seconds < since <= now + SKEW


def operations(held: tuple[Operation, ...], now: float) -> tuple[Operation, ...]:
    """Operations with instants that can be."""
    return tuple(
        msgspec.structs.replace(one, since=past(one.since, now), due=ahead(one.due, now))
        if not (0.0 <= one.since <= now + SKEW and 0.0 <= one.due <= now + LONGEST_WAIT)
        else one
        for one in held
    )


def remembered(held: Observed, now: float) -> Observed:
    """What a row remembers, with instants that can be: what is ahead of now happened now, and begins to age."""

    def was(at: float) -> float:
        return past(at, now)

    replace = msgspec.structs.replace
    move, making, routed = held.move, held.making, held.routed
    if move is not None:
        move = replace(
            move,
            at=was(move.at),
            served_at=was(move.served_at),
            heard=was(move.heard),
            again_at=ahead(move.again_at, now),
        )
    if making is not None:
        making = replace(
            making,
            first=was(making.first),
            last=was(making.last),
            failed=was(making.failed),
            put_at=was(making.put_at),
            linked=was(making.linked),
        )
    if routed is not None:
        wrote = tuple(replace(one, at=was(one.at)) for one in routed.wrote)
        routed = replace(routed, bare_since=was(routed.bare_since), wrote=wrote)
    return replace(
        held,
        at=was(held.at),
        operations=operations(held.operations, now),
        gone_since=was(held.gone_since),
        reversals=tuple(map(was, held.reversals)),
        born=was(held.born),
        resolved=was(held.resolved),
        answers_until=ahead(held.answers_until, now),
        waits=was(held.waits),
        move=move,
        making=making,
        routed=routed,
        left=tuple(replace(one, since=was(one.since)) for one in held.left),
        unwanted=tuple(replace(one, since=was(one.since)) for one in held.unwanted),
        node_dns=None if held.node_dns is None else replace(held.node_dns, changed=was(held.node_dns.changed)),
    )


def finite(seconds: float) -> float:
    """A number of seconds, 0 for what is none: a table's Double may be NaN or infinite."""
    return seconds if math.isfinite(seconds) else 0.0
