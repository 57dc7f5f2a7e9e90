"""An event that is left to the queue: counted in its row first, then sent (docs/decisions/0004)."""

import asyncio
import logging
from typing import TYPE_CHECKING

import msgspec

from functions.ledger.state import Counters, LedgerError, Row
from functions.work import CLUSTER_DELETED, Work

if TYPE_CHECKING:
    from functions.live import Live

_log = logging.getLogger("tether")

# The tables count an event within this, or its message says that they did not.
_PATIENCE = 1.0  # seconds


async def queued(work: Work, here: "Live", at: float) -> None:
    """Count an event, then leave it to the queue; one that is done with is dropped.

    Events of a burst that come while one of them is being counted and sent share the next count and message: it is
    sent after all of them came. Raises QueueError: who brought the event then brings it again.
    """

    async def send() -> None:
        # Stamped now, since the message also speaks for events that came after the first.
        stamped = msgspec.structs.replace(work, worker=here.turns.worker, begun=here.turns.begun)
        item = await counted(stamped, here, at)
        if item is not None:
            await here.queue.send(item, 0)

    await here.turns.shared((work.target, work.subject, work.why), send)


async def counted(work: Work, here: "Live", at: float) -> Work | None:
    """The Work of an event that was counted in its row, or that says that it could not be; None if it is done with."""
    item = await placed(work, here)
    return said(item, await bumped(item, here, at) if item.placed else None)


def said(item: Work, counters: Counters | None) -> Work | None:
    """What the message of an event says, its row's counters being these after it; None if the event is done with."""
    if counters is not None and item.cause in counters.causes:
        return None
    return msgspec.structs.replace(item, always=counters is None)


async def bumped(work: Work, here: "Live", at: float) -> Counters | None:
    """Count the event, within a second. None when the tables did not answer."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await here.ledger.bump(work.row, at, work.cause, work.target)
    except (LedgerError, TimeoutError) as error:
        _log.warning("an event on %s is not counted, and its message says so: %s", work.target, error)
        return None


async def count(work: Work, here: "Live", at: float) -> Row | None:
    """Count the event and read its row, within a second. None when the tables did not answer."""
    try:
        async with asyncio.timeout(_PATIENCE):
            counting = here.ledger.bump(work.row, at, work.cause, work.target)
            counters, row = await asyncio.gather(counting, here.ledger.read(work.row))
            return msgspec.structs.replace(row, counters=counters)
    except (LedgerError, TimeoutError) as error:
        _log.warning("an event on %s is not counted, and its message says so: %s", work.target, error)
        return None


async def placed(work: Work, here: "Live") -> Work:
    """The Work with the row of its cluster, where the ledger has seen that. Else a worker finds it (placing.py).

    What a deleted cluster leaves is looked at from its node resource group: the cluster can tell nothing any more.
    """
    if work.placed:
        return work
    try:
        async with asyncio.timeout(_PATIENCE):
            row = await here.ledger.row_of(work.target)
    except (LedgerError, TimeoutError) as error:
        _log.warning("the row of %s is looked for later: %s", work.target, error)
        return work
    if row is None:
        return work
    target = row if work.why == CLUSTER_DELETED else work.target
    return msgspec.structs.replace(work, target=target, subject=row)
