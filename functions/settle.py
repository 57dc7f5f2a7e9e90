"""The end of a pass: keep what it saw, put what follows into the queue, and only then call its events answered.

The order is what loses nothing (docs/decisions/0004): whoever dies between two of these steps leaves a row that `watch`
finds, or a message that comes back.
"""

import logging
from dataclasses import replace

import msgspec

from functions.ledger.state import Ledger, LedgerError, Mark, Observed
from functions.passed import Pass
from functions.queue import WorkQueue
from functions.work import Work

_log = logging.getLogger("tether")


async def settle(work: Work, done: Pass, queue: WorkQueue, ledger: Ledger, at: float, mark: Mark | None) -> None:
    """End a pass. `mark` is the row's from before it observed, None when the tables did not answer then.

    A pass that could not see ends as any other that wants another one: its look-again answers for the events that it
    did not see. One that proved nothing leaves the look that an earlier pass asked for. Raises QueueError when what
    follows could not be put into the queue: the caller must not acknowledge its message.
    """
    if mark is None:
        await _without_memory(done, queue)
        return
    follow_up = None if done.follow_up is None else msgspec.structs.replace(done.follow_up, paused=done.paused)
    try:
        if done.observed is not None:
            await ledger.remember(work.row, done.observed)
        if follow_up is not None:
            counters = await ledger.look_again(work.row, at + done.delay, follow_up.target, done.paused, at)
            follow_up = msgspec.structs.replace(follow_up, look=counters.look)
    except LedgerError as error:
        _log.warning("the ledger lost sight of %s, and the message carries it: %s", work.row, error)
        await _without_memory(done, queue)
        return
    if follow_up is not None:
        await queue.send(follow_up, done.delay)
    try:
        # A pass that proved nothing leaves another's look-again. Its own is over, or `watch` would send it for ever.
        keeps = done.keeps_looks and not (work.look and work.look == mark.look)
        await ledger.finish(work.row, mark, work.cause, looking=follow_up is not None or keeps)
    except LedgerError as error:
        # The row stays as one that nobody answered, so that `watch` has it looked at once more than is needed.
        _log.warning("the pass on %s is not marked as done: %s", work.row, error)


def recalled(done: Pass, memory: Observed) -> Pass:
    """A pass that began before the tables answered, with what only they know: without it, that would be forgotten."""
    return done if done.noted is None else replace(done, observed=done.noted(memory))


async def _without_memory(done: Pass, queue: WorkQueue) -> None:
    """What follows, in a message that no row can have dropped."""
    if done.follow_up is not None:
        await queue.send(msgspec.structs.replace(done.follow_up, look=0, always=True, paused=done.paused), done.delay)
