"""POST /clusters/{subscription}/{group}/{name}/reconcile: the plan of a pass, or a pass at once."""

import asyncio
import logging
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta

from functions.arm.resource_id import ResourceId
from functions.arm.understood import NotUnderstoodError
from functions.events_out import happenings
from functions.fleet.identify import row_of
from functions.http import pieces
from functions.http.answers import Reconciliation, ShownChange, ShownFinding
from functions.http.asked import Asked, Parameters
from functions.http.desk import Desk
from functions.http.problem import Problem
from functions.http.subject import in_scope, known_row, remembered, work_for
from functions.http.writing import enforced, who_may_write
from functions.ledger.state import LedgerError, NewerRowError, Observed, Row
from functions.passed import Pass
from functions.queue import QueueError
from functions.reconcile import consider, reconcile
from functions.settle import settle
from functions.work import Work

_log = logging.getLogger("tether")

# A pass takes seconds. What is not through by then goes on in the queue: the caller's connection may not last longer
# (230 s at the platform's load balancer), nor the function (host.json, functionTimeout).
_DEADLINE = 60.0  # seconds


class ReconcileQuery(Parameters, frozen=True, kw_only=True):
    """Whether anything is written."""

    dry_run: Annotated[bool, Meta(description="true: only the plan; false: do it")] = True


async def reconcile_cluster(asked: Asked[ReconcileQuery], desk: Desk) -> Reconciliation:
    """Look at a cluster and say, or do, what has to be done. `looksAgainIn` is set while work goes on."""
    around, target = desk.around, asked.cluster
    by = ""
    if not asked.query.dry_run:
        enforced(around.policy, "dryRun=false")
        by = who_may_write(asked.principal, desk)
    await in_scope(around, target)
    row = await _row(target, desk)
    work = work_for(target, row, around.now(), by)
    if asked.query.dry_run:
        return await _plan(work, asked.address, desk)
    _log.info("a pass on %s is asked for by HTTP (%s)", target, work.cause)
    return await _done(work, asked.address, desk)


async def _row(target: ResourceId, desk: Desk) -> ResourceId | None:
    """The cluster's row in the ledger. The pass itself tells of one that cannot be understood."""
    around = desk.around
    try:
        cluster = await pieces.cluster(around.session, target)
    except NotUnderstoodError:
        return await known_row(target, desk.live.ledger)
    return row_of(cluster, around.policy, around.session.cloud.suffixes)


def status_address(address: str) -> str:
    """Where to see how it goes on: the cluster's own page, under whatever prefix the request came by."""
    return quote(address.rstrip("/").rpartition("/")[0], safe="/%()")


async def _plan(work: Work, address: str, desk: Desk) -> Reconciliation:
    held = await remembered(work.row, desk.live.ledger)
    considered = await consider(_going_on(work, held), desk.around, before=held)
    verdict = considered.verdict
    return Reconciliation(
        cluster=str(work.target),
        dry_run=True,
        ended=considered.ended,
        changes=tuple(ShownChange.of(change) for change in verdict.changes) if verdict else (),
        findings=tuple(ShownFinding.of(finding) for finding in considered.findings),
        looks_again_in=verdict.look_again if verdict else None,
        cause=work.cause,
        status=status_address(address),
    )


async def _done(work: Work, address: str, desk: Desk) -> Reconciliation:
    """One pass, when it is its turn on the row, as a message's is (triggers/turns.py)."""
    async with desk.live.turns.on(work.row):
        return await _pass(work, address, desk)


async def _pass(work: Work, address: str, desk: Desk) -> Reconciliation:
    """A pass, counted in the row as an event is, so that nothing that comes meanwhile is taken for answered.

    A cluster that has no row (it is public, say) gets none: nothing would ever answer it.
    """
    row = await _counted(work, desk) if work.placed else None
    held, mark = (row.memory, row.counters.mark) if row else (None, None)
    work = _going_on(work, held)
    if row is not None:
        desk.around.learn_pauses(row.counters.paused)
    try:
        async with asyncio.timeout(_DEADLINE):
            done = await reconcile(work, desk.around, before=held)
    except TimeoutError:
        _log.warning("the pass on %s takes long; the queue goes on with it", work.target)
        done = Pass("goes-on", follow_up=work)
    at = desk.around.now()
    try:
        await settle(work, done, desk.live.queue, desk.live.ledger, at, mark)
    except QueueError as error:
        made = f"{len(done.outcomes)} changes were asked for (see the journal), and what follows is left to `watch`"
        raise Problem(503, "queue-unreachable", f"{error}: {made}.") from None
    await desk.live.publisher.publish(happenings(work, done, held, at))
    return Reconciliation(
        cluster=str(work.target),
        dry_run=False,
        ended=done.ended,
        error=done.error or "",
        changes=tuple(
            ShownChange.of(outcome.change, outcome.result.value, str(outcome.error or "")) for outcome in done.outcomes
        ),
        findings=tuple(ShownFinding.of(finding) for finding in done.findings),
        looks_again_in=done.delay if done.follow_up else None,
        cause=work.cause,
        status=status_address(address),
    )


def _going_on(work: Work, held: Observed | None) -> Work:
    """The Work with what other passes started, which is looked up rather than asked for again."""
    return work if held is None else msgspec.structs.replace(work, operations=held.operations)


async def _counted(work: Work, desk: Desk) -> Row | None:
    """The row with this request counted in, None when the tables do not answer: the pass is made all the same."""
    try:
        counters = await desk.live.ledger.bump(work.row, work.since, work.cause, work.target, known=True)
        held = await desk.live.ledger.read(work.row)
    except NewerRowError:
        raise  # a newer worker is about, and the row is for it
    except LedgerError as error:
        _log.warning("a pass goes on without its memory: %s", error)
        return None
    return msgspec.structs.replace(held, counters=counters)
