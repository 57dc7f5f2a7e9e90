"""Every hour: the whole fleet by a survey, and a pass for whatever differs from what the policy wants (rule 7).

Nothing is written from a survey, which may be minutes old: each pass observes afresh and decides again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from functions.approval import gathered, plan_of, waiting, wanted
from functions.arm.graph import Graph
from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.asking import ask
from functions.drift import LISTED, Drift, Look, capacity, not_understood, unread
from functions.fleet.seen import NOTHING_REMEMBERED
from functions.fleet.survey import Survey, survey
from functions.fleet.survey_join import items
from functions.fleet.survey_records import read_records
from functions.handlers import not_understood_findings
from functions.handlers.verdict import Change, Finding
from functions.inquiry import Inquiry
from functions.ledger.hour import Claim, Hour
from functions.ledger.reports import DriftReport, Gap, Place, Plan, Reports, Told
from functions.ledger.state import Ledger, LedgerError, Observed
from functions.plan import Limited, claim_of, key, limit, takes
from functions.policy import Mode
from functions.queue import QueueError, WorkQueue
from functions.telling_queue import TellingQueue
from functions.work import Work

_log = logging.getLogger("tether")

# How long a survey may wait for Resource Graph's quota: 60 queries of a fleet of 10,000 clusters are 20 s of it.
_BUDGET = 240.0  # seconds

_IN_A_ROW = 100  # clusters, some 20 ms

_NOTE = (
    "Seen through Azure Resource Graph, which lags by seconds to minutes and leaves out what Tether's identity may not "
    "read. Each change is observed afresh before it is made."
)


async def sweep(
    around: Around,
    queue: WorkQueue,
    ledger: Ledger,
    reports: Reports,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> DriftReport:
    """Survey the fleet, ask for the passes that it needs, and keep a report.

    In mode observe nothing is asked for. Raises ArmError, NoAnswerError and NoTokenError when there is no whole survey,
    QueueError when a pass could not be asked for (after the report was kept), and ReportsError.
    """
    with around.session.noting_pauses() as met:
        return await _swept(around, TellingQueue(queue, lambda: around.paused(met)), ledger, reports, sleep)


async def _swept(
    around: Around,
    queue: WorkQueue,
    ledger: Ledger,
    reports: Reports,
    sleep: Callable[[float], Awaitable[None]],
) -> DriftReport:
    at = around.now()
    graph = Graph(around.session, now=around.now, sleep=sleep, budget=_BUDGET)
    found = await survey(graph, around.policy, around.scopes, at)
    remembered, odd = await _remembered(ledger)
    told = await _judged(found, around, remembered)
    told.find(odd)
    limited, plan = Limited(tuple(told.changes)), None
    if around.policy.mode is Mode.ENFORCE:
        limited, plan = await _limited(told, remembered, around, ledger, reports)
    looks = _wanted(told.looks, limited) if around.policy.mode is Mode.ENFORCE else []
    unsent = await ask(_works(looks, at), queue, ledger)
    report = msgspec.structs.replace(
        _report(told, plan, at),
        seconds=round(around.now() - at, 3),
        mode=around.policy.mode.value,
        queries=graph.queries,
        rows=graph.rows,
        zones=len(found.zones),
        unreadable=found.reach.unseen,
        queued=len(looks) - unsent,
    )
    await reports.keep(report)
    _log.info(msgspec.json.encode(_line(report)).decode())
    if unsent:
        raise QueueError(f"{unsent} of {len(looks)} passes that the sweep asks for did not reach the queue")
    return report


async def _judged(found: Survey, around: Around, remembered: Mapping[ResourceId, Observed]) -> Drift:
    """Decide for the whole fleet, and let others work in between: 10,000 clusters are seconds of computing."""
    told = Drift(around.policy, remembered, around.role)
    records = await read_records(found, around.policy, around.targets)
    seen = records.beside(items(found, around.policy, around.session.cloud.suffixes))
    inquiry, number = Inquiry(around.policy, around.asker, remembered), 0
    async for item in inquiry.answered(seen):
        told.take(item)
        number += 1
        if number % _IN_A_ROW == 0:
            await asyncio.sleep(0)
    told.owing()
    told.find(capacity(found, around.policy))
    told.find(not_understood(found))
    told.find(unread(records))
    told.find(inquiry.findings())
    return told


async def _remembered(ledger: Ledger) -> tuple[Mapping[ResourceId, Observed], list[Finding]]:
    """What the ledger knows of each row, and the rows of which it cannot be decoded.

    Without it a sweep still heals: its passes read their rows themselves.
    """
    try:
        rows = await ledger.rows()
    except LedgerError as error:
        _log.warning("a sweep goes on without its memory: %s", error)
        return {}, []
    odd = [not_understood_findings.memory_not_understood(row.subject, row.odd) for row in rows if row.odd]
    return {row.subject: row.observed for row in rows if not row.odd}, odd


async def _limited(
    told: Drift, remembered: Mapping[ResourceId, Observed], around: Around, ledger: Ledger, reports: Reports
) -> tuple[Limited, Plan | None]:
    """The changes within the limit; and what is beyond, here and in the passes since, as one plan for a person."""
    changes, at = told.changes, around.now()
    stopped_before = {held.plan for held in remembered.values() if held.plan}
    asking = any(takes(change) for change in changes)
    approvals = await reports.approvals(at) if asking or stopped_before else ()
    rows = {key(change): look.subject for look in told.looks for change in look.changes}

    def claimed(change: Change) -> Claim:
        row = rows[key(change)]
        return claim_of(row, remembered.get(row, NOTHING_REMEMBERED), at)

    limited = limit(
        changes,
        hour=await _hour(told, ledger, at) if asking else None,
        share=around.policy.max_changed_share,
        claim_of=claimed,
        approvals=approvals,
        now=at,
    )
    own = plan_of(map(wanted, limited.stopped), _places(told.looks, limited), at)
    plan = gathered([own, *await waiting(stopped_before, reports)], approvals, limited.allowed, at)
    if plan is not None:
        await reports.keep_plan(plan)
    return limited, plan


async def _hour(told: Drift, ledger: Ledger, at: float) -> Hour | None:
    """What the passes count too. None when the ledger does not answer: then nothing that counts is asked for.

    A cluster to which nothing ever happened has no row. The survey proves such a cluster as well, and knows its number.
    """
    try:
        hour = await ledger.hour(at)
    except LedgerError as error:
        _log.warning("a sweep stops all that the limit counts, which is not known: %s", error)
        return None
    return msgspec.structs.replace(hour, fleet=max(hour.fleet, told.clusters))


def _places(looks: Sequence[Look], limited: Limited) -> list[Place]:
    """Where what was stopped would be decided."""
    stopped = {key(change) for change in limited.stopped}
    held = [look for look in looks if any(key(change) in stopped for change in look.changes)]
    return [Place(target=str(look.target), subject=str(look.subject)) for look in held]


def _wanted(looks: Sequence[Look], limited: Limited) -> list[Look]:
    """Without those that could only lead to what was stopped."""
    stopped = {key(change) for change in limited.stopped}
    return [look for look in looks if not look.changes or any(key(change) not in stopped for change in look.changes)]


def _works(looks: Sequence[Look], at: float) -> list[Work]:
    cause = f"sweep-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"
    return [Work(target=look.target, subject=look.subject, why="sweep", cause=cause, since=at) for look in looks]


def _report(told: Drift, plan: Plan | None, at: float) -> DriftReport:
    changes = told.changes
    return DriftReport(
        at=at,
        clusters=told.clusters,
        excluded=told.excluded,
        changes=len(changes),
        findings=dict(sorted(told.codes.items())),
        found=tuple(_told(finding) for finding in told.findings),
        wanted=tuple(wanted(change) for change in changes[:LISTED]),
        unclear_count=told.unclear,
        unclear=tuple(Gap(target=gap.target, lacks=gap.lacks) for gap in told.gaps),
        plan=plan.id if plan else "",
        stopped=len(plan.changes) if plan else 0,
        waiting=plan.changes[:LISTED] if plan else (),
        note=_NOTE,
    )


def _told(finding: Finding) -> Told:
    return Told(
        code=finding.code,
        severity=finding.severity.value,
        target=str(finding.target),
        seen=finding.seen,
        advice=finding.advice,
    )


def _line(report: DriftReport) -> dict[str, object]:
    """The report in one line of the log: numbers and codes, no lists."""
    names = ("clusters", "zones", "changes", "queued", "stopped", "plan", "queries", "rows", "seconds", "findings")
    numbers = {name: getattr(report, name) for name in names}
    return {"event": "sweep", **numbers, "unclear": report.unclear_count, "unreadable": len(report.unreadable)}
