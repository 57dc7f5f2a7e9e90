"""Ask for passes: each is counted in its row as an event is, and then queued."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from functions.ledger.state import Ledger, LedgerError
from functions.queue import QueueError, WorkQueue
from functions.work import Work

_log = logging.getLogger("tether")

_AT_ONCE = 16  # messages on their way to the queue


async def ask(works: Sequence[Work], queue: WorkQueue, ledger: Ledger) -> int:
    """Ask for all of these, a few at a time. Gives how many could not be asked for, each of which is logged."""
    lane = asyncio.Semaphore(_AT_ONCE)

    async def one(work: Work) -> bool:
        async with lane:
            try:
                await ledger.bump(work.row, work.since, work.cause, work.target, known=True)
            except LedgerError:
                work = msgspec.structs.replace(work, always=True)
            try:
                await queue.send(work, 0)
            except QueueError as error:
                _log.error("no pass is asked for on %s: %s", work.target, error)
                return False
            return True

    # The first goes alone: a queue and tables that are not there yet are made once.
    first = [await one(work) for work in works[:1]]
    return [*first, *await asyncio.gather(*(one(work) for work in works[1:]))].count(False)
