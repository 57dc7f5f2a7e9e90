"""What waits for a person: the changes that the limit stopped, as plans, and the word that lets them go (rule 9).

A pass keeps a plan of its own changes, and its row names that. A sweep gathers what all rows wait for into one plan, so
that many clusters deleted at once are one decision and not one each. A plan never changes: its id is a hash of it.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Change
from functions.ledger.reports import OddReportError, Place, Plan, Reports, Wanted
from functions.plan import Approval, key, plan_id
from functions.work import Work

_log = logging.getLogger("tether")

_AT_ONCE = 16  # plans that are read


def wanted(change: Change) -> Wanted:
    """A change as reports and plans tell it."""
    return Wanted(
        key=key(change),
        handler=change.handler,
        action=change.action.value,
        target=str(change.target),
        place=change.place,
        reason=change.reason,
    )


def plan_of(changes: Iterable[Wanted], places: Iterable[Place], at: float) -> Plan:
    """The plan of these changes, each of them once."""
    once = {change.key: change for change in changes}
    by_row = {place.subject.casefold(): place for place in places}
    return Plan(id=plan_id(once), at=at, changes=tuple(once.values()), places=tuple(by_row.values()))


async def waiting(ids: Iterable[str], reports: Reports) -> list[Plan]:
    """The plans of these ids, without those that nobody kept. Raises ReportsError."""
    lane = asyncio.Semaphore(_AT_ONCE)

    async def read(one: str) -> Plan | None:
        async with lane:
            try:
                return await reports.plan(one)
            except OddReportError as error:
                _log.error("what the plan %s stopped waits until a pass stops it again: %s", one, error)
                return None

    return [plan for plan in await asyncio.gather(*(read(one) for one in set(ids))) if plan is not None]


def gathered(plans: Sequence[Plan], approvals: Iterable[Approval], allowed: Iterable[Change], at: float) -> Plan | None:
    """What these plans have that still waits, as one; None when nothing does.

    a change    approved    allowed by now    verdict
    of a plan   yes         any               does not wait
    of a plan   no          yes               does not wait
    of a plan   no          no                waits
    """
    freed = {key(change) for change in allowed}
    freed.update(*(approval.changes for approval in approvals if approval.holds(at)))
    left = [plan for plan in plans if any(change.key not in freed for change in plan.changes)]
    changes = [change for plan in left for change in plan.changes if change.key not in freed]
    return plan_of(changes, (place for plan in left for place in plan.places), at) if changes else None


async def approve(one: str, by: str, reports: Reports, at: float) -> Plan | None:
    """Permit the changes of a stopped plan for a day; None when there is no such plan. Raises ReportsError."""
    plan = await reports.plan(one)
    if plan is None:
        return None
    keys = frozenset(change.key for change in plan.changes)
    await reports.approve(Approval(plan=plan.id, changes=keys, at=at, by=by))
    return plan


def works(plan: Plan, by: str, at: float) -> list[Work]:
    """The passes that make what was approved, in the name of who approved it."""
    cause = f"approved-{plan.id}-{int(at)}"
    return [
        Work(
            target=ResourceId(place.target),
            subject=ResourceId(place.subject),
            why="approved",
            cause=cause,
            since=at,
            by=by,
        )
        for place in plan.places
    ]
