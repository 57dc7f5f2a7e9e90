"""An event on a cluster that no row is known of: its body tells the row, where the event is then counted."""

import logging
from typing import TYPE_CHECKING

import msgspec

from functions import pace
from functions.arm import reads
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.understood import NotUnderstoodError
from functions.around import Around
from functions.fleet.identify import row_of
from functions.handlers import not_understood_findings
from functions.ledger import journal
from functions.triggers.counting import queued
from functions.triggers.unshown import report
from functions.work import Work

if TYPE_CHECKING:
    from functions.live import Live

_log = logging.getLogger("tether")

# By then a sweep has been by, which needs no event.
_PATIENCE = 3600.0  # seconds

# Asked again, such an answer would be the same. Who refuses us a cluster refuses `watch` its list, which tells of it.
_FINAL = frozenset({Kind.GONE, Kind.DENIED, Kind.INVALID})


async def place(work: Work, here: "Live", around: Around) -> None:
    """Find the row of a cluster's event and have it looked at there.

    A cluster that has no row (it is public, out of scope, excluded, or gone) costs one read at most, and no word.
    A read that fails for now is made again. Raises QueueError when what follows did not reach the queue.
    """
    at = around.now()
    try:
        if not await around.scopes.hold(around.session, around.policy, work.target.subscription, at):
            return
        cluster = await reads.managed_cluster(around.session, work.target)
    except NotUnderstoodError as error:
        # A row that knows the cluster has it looked at, and reported, by a pass; without one this is all there is.
        journal.found(not_understood_findings.not_understood(error.odd, work.target), work)
        await _again(work, error, here, at)
        return
    except (ArmError, NoAnswerError, NoTokenError) as error:
        await _again(work, error, here, at)
        return
    row = row_of(cluster, around.policy, around.session.cloud.suffixes)
    if row is not None:
        await queued(msgspec.structs.replace(work, subject=row, attempt=0), here, at)


async def _again(work: Work, error: ArmError | NoAnswerError | NoTokenError, here: "Live", at: float) -> None:
    attempt = work.attempt + 1
    if isinstance(error, NotUnderstoodError):
        delay = pace.after_oddity(attempt, work.since, at)
    else:
        delay = pace.after_blindness(attempt, work.since, at, error)
    await report(work, error, here, at, delay)
    final = isinstance(error, ArmError) and classify(error) in _FINAL
    if final or delay is None or at - work.since > _PATIENCE:
        _log.info("an event on %s (%s) finds no cluster: %s", work.target, work.cause, error)
        return
    # Without the number of its event: this very read does not answer for the next one (turns.py).
    again = msgspec.structs.replace(work, attempt=attempt, always=True, worker="", begun=0)
    await here.queue.send(again, delay)
