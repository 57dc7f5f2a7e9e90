"""What the removal limit counts: the clusters that there are, and who took or waits for its allowance (rule 9)."""

import msgspec

WINDOW = 3600.0
"""Seconds in which changes and removals are counted together."""

FRESH = 1800.0
"""Seconds for which a waiting cluster keeps its place after its last pass. A waiting row is looked at every 15 minutes,
so one that is older has no pass that would use the place."""


class Claim(msgspec.Struct, frozen=True):
    """A cluster that used the allowance within the hour (`at`: its last change), or waits for it (`at`: since when).

    `subject` is its row and `subscription` its owner's, both in lower case. `at` is in seconds since 1970.
    """

    subject: str
    subscription: str
    at: float


class Hour(msgspec.Struct, frozen=True):
    """The last hour. `fleet` counts proven clusters that live, or whose end lies within the hour."""

    fleet: int = 0
    taken: tuple[Claim, ...] = ()
    waiting: tuple[Claim, ...] = ()
