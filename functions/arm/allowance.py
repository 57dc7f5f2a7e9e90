"""How many reads a subscription still lets us have, so that a pass is not begun that ARM would refuse half-way.

ARM refuses nothing for long, but what it lets through of a pass that it then refuses is spent for nothing: of many
zones born at once each would read half of its proof, again and again. So a worker keeps count, corrected by what ARM
says is left in each answer, and gives whoever comes too early a turn of his own, as far apart as the bucket fills.
Other workers and people take from the same bucket; what they took shows in the next answer.

Figures: Learn, "Understand how Azure Resource Manager throttles requests": 250 reads at once, then 25 a second, for a
subscription and a principal. Where ARM says that more is left, more it is.
"""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from functions.arm.errors import ArmError

_SIZE, _REFILL = 250.0, 25.0
_REFUSED = 429

# What is left, in ARM's answers: the token buckets' header, and that of the older limits by the hour.
_LEFT = ("x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-subscription-global-reads")

_OF_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)


class NoTurnError(ArmError):
    """Not asked, since ARM would refuse it. `retry_after` is when it is this pass's turn."""


@dataclass(slots=True)
class _Bucket:
    """`left` at the instant `since`, `held` of it by passes under way. The next turn to give is not before `turns`."""

    since: float
    left: float = _SIZE
    held: int = 0
    turns: float = 0.0

    def fill(self, now: float) -> None:
        self.left = max(self.left, min(_SIZE, self.left + (now - self.since) * _REFILL))
        self.since = now

    def wait(self, reads: int, now: float) -> float:
        """Seconds until so many reads can be had after all those that were given a turn before; 0 for now."""
        self.fill(now)
        lacking = reads - (self.left - self.held)
        if lacking <= 0:
            return 0.0
        after_others = self.turns + reads / _REFILL if self.turns > now else 0.0
        self.turns = max(after_others, now + lacking / _REFILL)
        return self.turns - now


@dataclass(slots=True)
class _Hold:
    """What a pass still has to come of the reads that it holds."""

    bucket: _Bucket
    reads: int


# The hold of the pass that is running. Tasks that it starts share it, since they inherit its context.
_mine: ContextVar[_Hold | None] = ContextVar("_mine", default=None)


@dataclass(slots=True)
class Allowance:
    """The buckets of all subscriptions. Instants are seconds of one clock that never goes back."""

    _buckets: dict[str, _Bucket] = field(default_factory=dict[str, _Bucket])

    @contextmanager
    def held(self, subscription: str, reads: int, now: float) -> Generator[None]:
        """Hold so many reads for a pass. Raises NoTurnError if they are not there.

        A pass that wants more than a full bucket has is let through when that is full.
        """
        bucket = self._bucket(subscription, now)
        wait = bucket.wait(min(reads, int(_SIZE)), now)
        if wait > 0:
            message = f"not asked: the subscription's reads are spent, and it is this pass's turn in {wait:.1f} s"
            raise NoTurnError(429, "ReadsSpent", message, retry_after=wait)
        hold = _Hold(bucket, reads)
        bucket.held += reads
        token = _mine.set(hold)
        try:
            yield
        finally:
            _mine.reset(token)
            bucket.held -= hold.reads

    def answered(self, url: str, status: int, headers: Mapping[str, str], now: float) -> None:
        """Learn from the answer to a read: what is left, or that one more is gone.

        A 429 says that nothing is left, unless it may be of private DNS, whose own bucket is the smaller one.
        """
        subscription = _OF_SUBSCRIPTION.search(url)
        if subscription is None:
            return
        bucket = self._bucket(subscription[1], now)
        bucket.fill(now)
        hold = _mine.get()
        if hold is not None and hold.bucket is bucket and hold.reads:
            hold.reads, bucket.held = hold.reads - 1, bucket.held - 1
        told = next((headers[name] for name in _LEFT if name in headers), "")
        if told.isascii() and told.isdigit():
            bucket.left = float(told)
        elif status != _REFUSED:
            bucket.left = max(0.0, bucket.left - 1)
        elif "/privatedns" not in url.casefold():
            bucket.left = 0.0

    def _bucket(self, subscription: str, now: float) -> _Bucket:
        return self._buckets.setdefault(subscription.casefold(), _Bucket(now))
