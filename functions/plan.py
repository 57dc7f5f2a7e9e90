"""How much may be changed in an hour before a person is asked (rule 9). Pure.

Additions are free: they take nothing away. Clusters that see changes or removals count together, whatever the path, and
what goes beyond the share of the fleet is stopped whole, as a plan that a person may approve by its id.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence

import msgspec

from functions.handlers.verdict import Action, Change
from functions.ledger.instants import SKEW

WINDOW = 3600.0
"""Seconds in which changes and removals are counted together."""

VALID = 24 * 3600.0
"""Seconds for which an approval holds."""

# A share of a small fleet would stop the first removal.
_FEWEST = 3


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
    """What may be done and what waits for a person. `plan` is the id of what was stopped, empty when nothing was."""

    allowed: tuple[Change, ...]
    stopped: tuple[Change, ...] = ()
    plan: str = ""


def _of_one(_: Change) -> object:
    return None


def limit(
    changes: Sequence[Change],
    *,
    done: int,
    fleet: int,
    share: float,
    approvals: Iterable[Approval] = (),
    now: float,
    cluster_of: Callable[[Change], object] = _of_one,
) -> Limited:
    """Divide the changes of a pass or a sweep. Clusters count, however many hubs and targets each has.

    `done` counts the other clusters that saw a change or a removal within the last hour. `cluster_of` tells whose a
    change is; where it is not given all are one cluster's.

    change      approved    done + clusters of all that takes and is not approved    verdict
    addition    any         any                                                      allowed
    takes       yes         any                                                      allowed
    takes       no          within the allowance                                     allowed
    takes       no          beyond it                                                stopped, all of them
    """
    given = tuple(approvals)
    asking = [change for change in changes if takes(change) and not any(one.permits(change, now) for one in given)]
    if not asking or done + len({cluster_of(change) for change in asking}) <= allowance(fleet, share):
        return Limited(tuple(changes))
    held = {key(change) for change in asking}
    return Limited(tuple(change for change in changes if key(change) not in held), tuple(asking), plan_id(held))


def allowance(fleet: int, share: float) -> int:
    """In how many clusters an hour may see changes or removals, in a fleet of so many."""
    return max(_FEWEST, math.floor(fleet * share))


def takes(change: Change) -> bool:
    """Whether a change alters or removes something, rather than adds or goes on with what was counted."""
    return change.action not in {Action.CREATE, Action.CONTINUE}


def key(change: Change) -> str:
    """What makes a change this one and no other: who makes it, on what, to what end. Not its reason or its ETag."""
    said = (change.handler, change.action.value, str(change.target).casefold(), change.place.casefold())
    return hashlib.sha256("\0".join((*said, change.after.casefold())).encode()).hexdigest()[:32]


def plan_id(keys: Iterable[str]) -> str:
    """The same for the same changes, by their keys, in whatever order, so that an approval cannot slip to others."""
    return hashlib.sha256("".join(sorted(set(keys))).encode()).hexdigest()[:16]
