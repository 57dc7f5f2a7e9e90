"""The scope comes before anything is written: who can send an event can name any subscription."""

import logging
from typing import TYPE_CHECKING

import msgspec

from functions import pace
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.triggers.unshown import report
from functions.work import Work

if TYPE_CHECKING:
    from functions.around import Around
    from functions.ledger.state import Row
    from functions.live import Live

_log = logging.getLogger("tether")


async def admitted(work: Work, here: "Live") -> bool:
    """Whether an event's subscription is in scope, so that its counters may be written.

    the scope               verdict
    holds it                admitted
    does not hold it        dropped: no row, no message
    is not known now        left to the queue, in a message that no row counts
    of an invalid policy    the same

    Raises QueueError: Event Grid then delivers the event again.
    """
    from functions.policy import PolicyError

    if isinstance(here.around, PolicyError):
        _log.error("nothing is written while the policy is invalid: %s", here.around)
        await here.queue.send(msgspec.structs.replace(work, always=True), 0)
        return False
    return await _holds(work, here, here.around)


async def turned_away(work: Work, here: "Live", around: "Around", row: "Row") -> bool:
    """Whether a message waits for its scope, or is dropped. One with counters was in scope when they were written."""
    if row.proven or row.counters.made or row.counters.seq or row.counters.look:
        return False
    return not await _holds(work, here, around)


async def _holds(work: Work, here: "Live", around: "Around") -> bool:
    """Whether the scope holds a subscription. Where that is not known now, the queue brings the message later."""
    from functions.ledger import journal

    at = around.now()
    try:
        holds = await around.scopes.hold(around.session, around.policy, work.target.subscription, at)
    except (ArmError, NoAnswerError, NoTokenError) as error:
        attempt = work.attempt + 1
        delay = pace.after_blindness(attempt, work.since, at, error)
        await report(work, error, here, at, delay)
        _log.warning("whether %s is in scope is not known now: %s", work.target, error)
    else:
        if not holds:
            journal.passed(work, "out-of-scope", None, changes=0, findings=0)
        return holds
    if delay is not None:
        await here.queue.send(msgspec.structs.replace(work, attempt=attempt, always=True), delay)
    return False
