"""GET /drift and POST /sweep: what the last sweep found, another one at once, and permission for a stopped plan."""

import asyncio
import logging
from typing import Annotated

from msgspec import Meta

from functions.approval import approve, works
from functions.asking import ask
from functions.http.asked import Asked, Parameters
from functions.http.desk import Desk
from functions.http.problem import Problem
from functions.http.writing import enforced, who_may_write
from functions.ledger.reports import DriftReport
from functions.queue import QueueError
from functions.sweep import sweep

_log = logging.getLogger("tether")

# A sweep of 10,000 clusters takes some 25 s, of which Resource Graph's quota is most. Less than host.json's
# functionTimeout, so that the caller gets an answer.
_DEADLINE = 100.0  # seconds


class DriftQuery(Parameters, frozen=True, kw_only=True):
    """Which report."""

    date: (
        Annotated[
            str,
            Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="The last report of a day (UTC), not the latest"),
        ]
        | None
    ) = None


class SweepQuery(Parameters, frozen=True, kw_only=True):
    """What a person permits."""

    approve: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9a-f]{16}$",
                description="The id of a stopped plan: exactly its changes are permitted for 24 h, each made only if a "
                "fresh look at it decides the same",
            ),
        ]
        | None
    ) = None


async def last_drift(asked: Asked[DriftQuery], desk: Desk) -> DriftReport:
    """The report of the latest sweep, or of a day."""
    date = asked.query.date
    report = await (desk.reports.latest() if date is None else desk.reports.of_day(date))
    if report is None:
        raise Problem(404, "no-report", "No sweep has ended yet." if date is None else f"No sweep ended on {date}.")
    return report


async def sweep_now(asked: Asked[SweepQuery], desk: Desk) -> DriftReport:
    """Sweep the fleet at once. In mode observe it only reports; a plan cannot be approved then."""
    around, plan = desk.around, asked.query.approve
    if plan is not None:
        enforced(around.policy, "approve")
    by = who_may_write(asked.principal, desk)
    if plan is not None:
        await _approve(plan, by, desk)
    _log.info("a sweep is asked for by HTTP")
    try:
        async with asyncio.timeout(_DEADLINE):
            return await sweep(around, desk.live.queue, desk.live.ledger, desk.reports)
    except TimeoutError:
        raise Problem(
            504, "sweep-unfinished", f"The sweep did not end within {_DEADLINE:g} s. The hourly one has more time."
        ) from None


async def _approve(plan: str, by: str, desk: Desk) -> None:
    """Permit a plan, and wake its passes: the survey that follows may not see yet what they would change."""
    at = desk.around.now()
    given = await approve(plan, by, desk.reports, at)
    if given is None:
        raise Problem(404, "no-such-plan", f"Nothing was stopped under a plan {plan}.")
    _log.info("the %d changes of plan %s are permitted by HTTP", len(given.changes), plan)
    unsent = await ask(works(given, by, at), desk.live.queue, desk.live.ledger)
    if unsent:
        raise QueueError(f"the plan is permitted, and {unsent} of {len(given.places)} passes did not reach the queue")
