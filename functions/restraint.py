"""What Tether does not do though `decide` wants it: a change that others keep undoing, and too many removals (rule 9).

Pure: what the ledger remembers and counts comes in as values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from functions.arm.resource_id import ResourceId
from functions.dns.record import Record
from functions.fleet.seen import Seen, Unknown
from functions.fleet.subnet_model import Subnet
from functions.handlers.verdict import TAKEN, Action, Change, Finding, Linking, Recording, Routing, Severity
from functions.ledger.hour import Claim, Hour
from functions.ledger.instants import has_passed
from functions.ledger.state import TOOK_NOTHING, UNTOLD, Entry
from functions.plan import Approval, limit
from functions.role import Role

_DAY = 24 * 3600.0  # seconds
_REVERSALS = 3
_TAKEN = frozenset(result.value for result in TAKEN)


@dataclass(frozen=True, slots=True)
class Restrained:
    """The changes that may be made, why others may not, and when what was ours was found undone.

    `given_up` are the changes that are not made again; what they keep is remembered as kept: it is still undone.
    `stopped` are the changes that wait for a person to approve `plan`. `again`: in how many seconds to try what was
    stopped or could not be judged. `uncounted`: whether some wait because the ledger could not count.
    """

    changes: tuple[Change, ...]
    findings: tuple[Finding, ...] = ()
    reversals: tuple[float, ...] = ()
    given_up: tuple[Change, ...] = ()
    stopped: tuple[Change, ...] = ()
    plan: str = ""
    again: float | None = None
    remade: tuple[Change, ...] = ()
    """Those of `changes` that make again what others undid. The journal marks their intents (Entry.again)."""
    uncounted: bool = False


def tug_of_war(changes: Sequence[Change], seen: Seen) -> Restrained:
    """Stop making what was there, and is gone again, for the third time in a day: someone else wants it otherwise.

    A change counts as a reversal only where this observation proves that what the ledger remembers is not there.
    """
    remembered = seen.remembered
    routed = remembered.routed.kept if remembered.routed else ()
    held = {kept.casefold() for kept in (*remembered.hubs, *remembered.records, *routed)}
    undone = [
        change
        for change in changes
        if change.action is not Action.DELETE and change.kept.casefold() in held and _is_shown_gone(change, seen)
    ]
    reversals = tuple(moment for moment in remembered.reversals if moment > seen.at - _DAY)
    if undone and len(reversals) < _REVERSALS:
        reversals = (*reversals, seen.at)
    if not undone or len(reversals) < _REVERSALS:
        return Restrained(tuple(changes), (), reversals, remade=tuple(undone))
    findings = tuple(_undone(change) for change in undone)
    kept = tuple(change for change in changes if change not in undone)
    return Restrained(kept, findings, reversals, tuple(undone))


def _is_shown_gone(change: Change, seen: Seen) -> bool:
    """Whether the place of a change was really read: all links of the zone, that record, or that subnet."""
    match change.wants:
        case Linking():
            return seen.links.complete
        case Recording(place=place):
            records = () if isinstance(seen.records, Unknown) else seen.records
            return any(one.place == place and isinstance(one.held, Record) for one in records)
        case Routing(subnet=subnet):
            subnets = () if isinstance(seen.subnets, Unknown) else seen.subnets
            return any(one.id == subnet and isinstance(one.held, Subnet) for one in subnets)
        case _:
            return False  # of restarts and of clusters put again the ledger keeps nothing here


def remade_too_often(warred: Restrained, entries: Sequence[Entry], at: float) -> Restrained:
    """Count in the journal what the row may have lost: a worker that dies after a write leaves no reversal in the row.

    A change that was made again twice within a day, by the intents marked `again`, is given up like one whose row
    counts three reversals. Writes that took nothing do not count.
    """
    spent = [
        change
        for change in warred.remade
        if sum(one.again and _is_at(one, change) and _may_have_taken(one, at) for one in entries) >= _REVERSALS - 1
    ]
    return replace(
        warred,
        changes=tuple(change for change in warred.changes if change not in spent),
        findings=(*warred.findings, *map(_undone, spent)),
        given_up=(*warred.given_up, *spent),
        remade=tuple(change for change in warred.remade if change not in spent),
    )


def made_and_undone(entries: Iterable[Entry], change: Change, since: float) -> Finding | None:
    """Why a change is not made a fourth time: Azure took it three times since then, and it is not there.

    The row counts only what a pass found in place. A table that is taken off before a pass sees it, or whose pass ends
    without the tables, is counted here. Writes that failed later are closed as failed (journal.close_failed).
    """
    taken = [one for one in entries if one.result in _TAKEN and _is_of(one, change) and one.at > since]
    return _undone(change) if len(taken) >= _REVERSALS else None


def left_untold(entries: Iterable[Entry], change: Change, at: float) -> Finding | None:
    """Why a change is not made again whose workers keep dying over it, None where they do not.

    The row never hears of what they made and others undid. Their intents stay in the journal without an outcome.
    """
    died = [one for one in entries if _is_untold(one) and _is_of(one, change) and not has_passed(one.at, _DAY, at)]
    return _untold(change, len(died)) if len(died) >= _REVERSALS else None


def _may_have_taken(entry: Entry, at: float) -> bool:
    return not has_passed(entry.at, _DAY, at) and entry.result not in TOOK_NOTHING


def _is_untold(entry: Entry) -> bool:
    return not entry.result or entry.error == UNTOLD


def _is_at(entry: Entry, change: Change) -> bool:
    return _is_of(entry, change) and entry.place.casefold() == change.place.casefold()


def _is_of(entry: Entry, change: Change) -> bool:
    return entry.handler == change.handler and entry.target.casefold() == str(change.target).casefold()


def within_limit(
    changes: Sequence[Change],
    zone: ResourceId,
    claim: Claim,
    *,
    hour: Hour,
    share: float,
    at: float,
    approvals: Iterable[Approval] = (),
    role: Role = Role.ALONE,
) -> Restrained:
    """Stop removals beyond the share of the fleet that an hour may see, unless they are approved (plan.limit).

    `claim` is the row of these changes, and since when they wait. The second app has no HTTP to approve by.
    """
    limited = limit(changes, hour=hour, share=share, claim_of=lambda _: claim, approvals=approvals, now=at)
    if not limited.stopped:
        return Restrained(limited.allowed)
    others = sum(taken.subject != claim.subject for taken in hour.taken)
    finding = _too_many(zone, len(limited.stopped), others, limited.plan, role)
    return Restrained(limited.allowed, (finding,), stopped=limited.stopped, plan=limited.plan, again=limited.again)


def _undone(change: Change) -> Finding:
    return Finding(
        change.handler,
        Severity.WARNING,
        "tug-of-war",
        change.target,
        f"what Tether made at {change.place} was undone three times within a day, each time after it was made again",
        "Find out who does it (activity log, the DNS server's log): a pipeline, a policy, a person. If it should stay "
        "so, take the hub or the target out of the policy, or tag the cluster. Tether makes it again after a day.",
    )


def _untold(change: Change, died: int) -> Finding:
    return Finding(
        change.handler,
        Severity.WARNING,
        "tug-of-war",
        change.target,
        f"{died} workers died within a day while they made the same at {change.place}, and it is not there",
        "The log has why they ended. If it was made each time (activity log), find out who undoes it. Tether makes it "
        "again after a day.",
    )


def _too_many(zone: ResourceId, stopped: int, taken: int, plan: str, role: Role) -> Finding:
    approved = (
        f"POST /api/sweep?approve={plan} permits exactly these for 24 h, and POST /api/sweep names one plan for all "
        "that waits, to be approved the same way. Without approval they run as the hour passes: each subscription gets "
        "its share, and the cluster that waits longest goes first."
    )
    if role is Role.PRIVILEGED:
        approved = "they run as the hour passes; a larger maxChangedShare in this app's policy lets more run at once."
    return Finding(
        "zone_links",
        Severity.WARNING,
        "change-limit",
        zone,
        f"{stopped} changes or removals wait as plan {plan}: maxChangedShare leaves no place for this cluster now. "
        f"{taken} other clusters were changed within the hour, and clusters that wait longer go first",
        f"See whether so many clusters are really being deleted or changed. If they are: {approved}",
    )
