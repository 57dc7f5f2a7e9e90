"""What a pass may do of what it wants: rule 9, and the turns that restarts and second creations wait for."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

from functions import pace
from functions.approval import plan_of, wanted
from functions.around import Around
from functions.fleet.creation import created_at
from functions.fleet.seen import Seen
from functions.handlers import failed_clusters, pod_restarts
from functions.handlers.verdict import (
    Change,
    Reputting,
    Restarting,
    Routing,
    Verdict,
    soonest,
)
from functions.ledger.reports import Place, ReportsError
from functions.ledger.state import Entry, LedgerError
from functions.plan import claim_of, takes
from functions.policy import Mode
from functions.restraint import (
    Restrained,
    left_untold,
    made_and_undone,
    remade_too_often,
    tug_of_war,
    within_limit,
)
from functions.role import Role
from functions.work import Work

# How long a removal waits for those of other passes: ARM takes one in a second, and a function has two minutes in all.
_PATIENCE = 30.0  # seconds

# Within which what was made and undone is counted.
_DAY = 24 * 3600.0  # seconds


async def permitted(verdict: Verdict, seen: Seen, work: Work, around: Around, turn: AsyncExitStack) -> Restrained:
    """The changes that may be made now, why others may not, and when to try those again. See _restrained for `turn`."""
    allowed = await _restrained(verdict, seen, work, around, turn)
    allowed = await _in_turn(allowed, seen, around)
    return await _seldom(allowed, seen, work, around)


async def _restrained(verdict: Verdict, seen: Seen, work: Work, around: Around, turn: AsyncExitStack) -> Restrained:
    """What may be done of what is wanted (rule 9). Removals, and they alone, wait for a ledger that can count them.

    Until `turn` is over no other pass of this worker counts: what this one removes is in the journal by then.
    """
    warred = await _counted(tug_of_war(verdict.changes, seen), seen, work, around)
    if around.policy.mode is Mode.OBSERVE or not any(takes(change) for change in warred.changes):
        return warred
    try:
        await turn.enter_async_context(_alone(around.removing))
        limited = await _limited(warred.changes, seen, work, around)
    except (LedgerError, ReportsError, TimeoutError):
        kept = tuple(change for change in warred.changes if not takes(change))
        return replace(warred, changes=kept, again=pace.LEDGER_WAIT, uncounted=True)
    return replace(
        limited,
        findings=(*warred.findings, *limited.findings),
        reversals=warred.reversals,
        given_up=warred.given_up,
        remade=warred.remade,
    )


async def _counted(warred: Restrained, seen: Seen, work: Work, around: Around) -> Restrained:
    """Without what was made again too often by the journal. A new link or record costs no read.

    A ledger that does not answer leaves the row's count, which a dead worker may have left too low.
    """
    if not warred.remade or around.policy.mode is Mode.OBSERVE:
        return warred
    try:
        return remade_too_often(warred, await around.ledger.journal(work.row), seen.at)
    except LedgerError:
        return warred


async def _in_turn(allowed: Restrained, seen: Seen, around: Around) -> Restrained:
    """Restarts wait while others run in a few clusters, and for a ledger that can tell.

    Two workers may count at the same time: then there is one cluster more.
    """
    asking = [change for change in allowed.changes if isinstance(change.wants, Restarting)]
    if not asking or around.policy.mode is Mode.OBSERVE:
        return allowed
    try:
        rows = await around.ledger.watched()
        held = [change for change in asking if pod_restarts.is_crowded(rows, change, seen.at)]
    except LedgerError:
        held = asking
    if not held:
        return allowed
    kept = tuple(change for change in allowed.changes if change not in held)
    return replace(allowed, changes=kept, again=soonest(allowed.again, pod_restarts.TURN))


async def _seldom(allowed: Restrained, seen: Seen, work: Work, around: Around) -> Restrained:
    """Clusters and subnets are put as seldom as the journal says, and wait for a ledger that can tell."""
    asking = [change for change in allowed.changes if isinstance(change.wants, Reputting | Routing)]
    if not asking or around.policy.mode is Mode.OBSERVE:
        return allowed
    kept = tuple(change for change in allowed.changes if change not in asking)
    try:
        entries = await around.ledger.journal(work.row)
    except LedgerError:
        return replace(allowed, changes=kept, again=soonest(allowed.again, pace.LEDGER_WAIT))
    for change in asking:
        if (held := _spent(entries, change, seen)) is None:
            kept = (*kept, change)
        else:
            again = soonest(allowed.again, held.look_again)
            allowed = replace(allowed, findings=(*allowed.findings, *held.findings), again=again)
    return replace(allowed, changes=kept)


def _spent(entries: Sequence[Entry], change: Change, seen: Seen) -> Verdict | None:
    """Why the journal does not permit a change now, None where it does."""
    if isinstance(change.wants, Reputting):
        return failed_clusters.spent(entries, change, seen.at)
    since = max(seen.at - _DAY, created_at(seen.cluster) if seen.cluster else 0.0)
    finding = left_untold(entries, change, seen.at) or made_and_undone(entries, change, since)
    return None if finding is None else Verdict(findings=(finding,))


@asynccontextmanager
async def _alone(lock: asyncio.Lock) -> AsyncGenerator[None]:
    """Hold the lock. Raises TimeoutError when others hold it for too long."""
    async with asyncio.timeout(_PATIENCE):
        await lock.acquire()
    try:
        yield
    finally:
        lock.release()


async def _limited(changes: tuple[Change, ...], seen: Seen, work: Work, around: Around) -> Restrained:
    """The changes within the limit, and those that a person permits. Others are kept as a plan, under its id."""
    limited = await counted(changes, seen, work, around, seen.at)
    if limited.stopped:
        place = Place(target=str(work.target), subject=str(work.row))
        await around.plans.keep_plan(plan_of(map(wanted, limited.stopped), [place], seen.at))
    return limited


async def counted(changes: tuple[Change, ...], seen: Seen, work: Work, around: Around, at: float) -> Restrained:
    """What the limit allows of a pass's changes at `at`, by the tables. Raises LedgerError or ReportsError.

    Approvals are read only where the limit stops something: a usual pass costs no call.
    """
    hour = await around.ledger.hour(at)
    claim = claim_of(work.row, seen.remembered, seen.at)
    share = around.policy.max_changed_share
    known = partial(within_limit, changes, seen.place, claim, hour=hour, share=share, at=at)
    limited = known(role=around.role)
    if limited.stopped and around.role is not Role.PRIVILEGED:
        limited = known(approvals=await around.plans.approvals(at))
    return limited
