"""How much may be changed in an hour before a person is asked (rule 9). Pure.

Additions are free: they take nothing away. So is a record of ours that follows its API server: ARM proves the address,
and each minute of waiting is an outage. Clusters that see any other change or a removal count together, whatever the
path. What goes beyond the share of the fleet is stopped, as a plan that a person may approve by its id.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fair_share import in_turn
from functions.handlers.verdict import Action, Change
from functions.ledger.hour import WINDOW, Claim, Hour
from functions.ledger.instants import SKEW
from functions.ledger.state import Observed

VALID = 24 * 3600.0
"""Seconds for which an approval holds."""

# A share of a small fleet would stop the first removal.
_FEWEST = 3

# A stopped pass runs again when its place should be free, within these bounds: a person may approve meanwhile.
_SOONEST, _LATEST = 30.0, 900.0  # seconds


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that certain changes may be made. `at` is in seconds since 1970, `by` who gave it."""

    plan: str
    changes: frozenset[str]
    at: float
    by: str

    def holds(self, now: float) -> bool:
        """Whether it is given and not a day old. The worker that kept it may have a clock that is a little ahead."""
        return self.at - SKEW <= now < self.at + VALID

    def permits(self, change: Change, now: float) -> bool:
        """Whether this very change may be made now, whatever else the hour has seen."""
        return self.holds(now) and key(change) in self.changes


class Limited(msgspec.Struct, frozen=True):
    """What may be done and what waits for a person. `plan` is the id of what was stopped, empty when nothing was.

    `again` is in how many seconds the next place should be free, None when nothing was stopped.
    """

    allowed: tuple[Change, ...]
    stopped: tuple[Change, ...] = ()
    plan: str = ""
    again: float | None = None


def limit(
    changes: Sequence[Change],
    *,
    hour: Hour | None,
    share: float,
    claim_of: Callable[[Change], Claim],
    approvals: Iterable[Approval] = (),
    now: float,
) -> Limited:
    """Divide the changes of a pass or a sweep. Clusters count, however many hubs and targets each has.

    `hour` is None where the ledger could not tell. `claim_of` gives the cluster of a change, and since when it waits.

    change    approved    its cluster                                               verdict
    free      any         any                                                       allowed
    takes     yes         any                                                       allowed
    takes     no          has a place of this hour, and the hour is not overfull    allowed
    takes     no          gets one of the free places, in turn (fair_share)         allowed
    takes     no          does not                                                  its subscription's are stopped
    takes     no          any, and the hour is not known                            stopped
    """
    given = tuple(approvals)
    asking = [change for change in changes if takes(change) and not any(one.permits(change, now) for one in given)]
    claims = {claim.subject: claim for claim in map(claim_of, asking)}
    known = hour or Hour()
    places = _places(claims, known, allowance(known.fleet, share))
    late = {claims[subject].subscription for subject, place in places.items() if place >= 0 or hour is None}
    stopped = tuple(change for change in asking if claim_of(change).subscription in late)
    if not stopped:
        return Limited(tuple(changes))
    held = {key(change) for change in stopped}
    allowed = tuple(change for change in changes if key(change) not in held)
    first = min(place for subject, place in places.items() if claims[subject].subscription in late)
    return Limited(allowed, stopped, plan_id(held), _until_free(max(0, first), known.taken, now))


def _places(claims: Mapping[str, Claim], hour: Hour, most: int) -> dict[str, int]:
    """How many places of the hour have to become free before each claim has one; negative where it has one now."""
    lacking = len(hour.taken) - most
    holders = {claim.subject for claim in hour.taken}
    waiting = {claim.subject: claim for claim in hour.waiting if claim.subject not in holders}
    new = {subject: claim for subject, claim in claims.items() if subject not in holders}
    order = in_turn(hour.taken, (waiting | new).values())
    turns = {claim.subject: nth + lacking for nth, claim in enumerate(order)}
    return {subject: turns.get(subject, lacking - 1) for subject in claims}


def _until_free(place: int, taken: Iterable[Claim], now: float) -> float:
    """In how many seconds so many places and one more are free, within the bounds of a retry."""
    ends = sorted(claim.at + WINDOW for claim in taken)
    return min(_LATEST, max(_SOONEST, ends[place] - now)) if place < len(ends) else _LATEST


def claim_of(row: ResourceId, remembered: Observed, at: float) -> Claim:
    """The claim of a cluster whose changes would count at `at`, by its row: since when it waits stands there."""
    return Claim(str(row).casefold(), row.subscription.casefold(), remembered.waits or at)


def allowance(fleet: int, share: float) -> int:
    """In how many clusters an hour may see changes or removals, in a fleet of so many."""
    return max(_FEWEST, math.floor(fleet * share))


def takes(change: Change) -> bool:
    """Whether a change counts: it alters or removes something, other than a record of ours that follows its server."""
    return change.action not in {Action.CREATE, Action.CONTINUE} and not change.follows


def key(change: Change) -> str:
    """What makes a change this one and no other: who makes it, on what, to what end. Not its reason or its ETag."""
    said = (change.handler, change.action.value, str(change.target).casefold(), change.place.casefold())
    return hashlib.sha256("\0".join((*said, change.after.casefold())).encode()).hexdigest()[:32]


def plan_id(keys: Iterable[str]) -> str:
    """The same for the same changes, by their keys, in whatever order, so that an approval cannot slip to others."""
    return hashlib.sha256("".join(sorted(set(keys))).encode()).hexdigest()[:16]
