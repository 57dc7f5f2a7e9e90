"""Reports events that wait for a subscription that Resource Graph does not show, though no row counts them yet."""

import logging
from typing import TYPE_CHECKING

from functions.work import Work

if TYPE_CHECKING:
    from functions.live import Live

_log = logging.getLogger("tether")


async def report(work: Work, error: Exception, here: "Live", at: float, delay: float | None) -> None:
    """The finding and the line of the log that a pass would write, and a word for health.

    `watch` may run on another worker, which hears of the event by nothing else. Does nothing for any other error.
    """
    from functions.fleet.scope import NotShownError
    from functions.handlers import scope_findings
    from functions.ledger import journal
    from functions.ledger.reports import ReportsError

    if not isinstance(error, NotShownError):
        return
    findings = scope_findings.not_shown(work.target, work.since, at, delay)
    for finding in findings:
        journal.found(finding, work)
    ended = "not-seen" if delay is not None else "not-visible"
    journal.passed(work, ended, delay, error=str(error), changes=0, findings=len(findings))
    if not findings:
        return
    try:
        await here.reports.note_unseen(error.subscription.casefold(), work.since, at)
    except ReportsError as trouble:
        _log.warning("health does not hear of %s: %s", work.target, trouble)
