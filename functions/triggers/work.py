"""The work queue wakes Tether: one pass, and the next one put back with the delay that it asks for."""

import asyncio
import logging
from typing import TYPE_CHECKING

import azure.functions as func
import msgspec

from functions import work
from functions.queue import QUEUE

if TYPE_CHECKING:
    from functions.around import Around
    from functions.ledger.state import Counters, Ledger, Row
    from functions.live import Live
    from functions.work import Work

bp = func.Blueprint()
_log = logging.getLogger("tether")

# How long work waits for a policy that can be used (rule 13).
_POLICY_WAIT = 300.0  # seconds

# How long work on a row of a newer version waits for a worker of that version.
_NEWER_WAIT = 300.0  # seconds


# azure-functions leaves **kwargs of its decorators untyped.
@bp.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")  # pyright: ignore[reportUnknownMemberType]
async def work_item(message: func.QueueMessage) -> None:
    """One piece of Work, as the queue carries it."""
    from functions.live import live

    await take(message.get_body(), live())


async def take(body: bytes, here: "Live") -> None:
    """Do one pass, unless another has done it, and put back what follows. An event of Event Grid's is taken as one.

    Raises when that could not be had: the host then shows the message again, and after five times keeps it in the
    poison queue. A message that cannot be read goes there at once, with one line that says why.
    """
    from functions.policy import PolicyError
    from functions.triggers.events import receive
    from functions.triggers.placing import place
    from functions.triggers.queued_event import event_in

    try:
        item = work.decode(body)
    except work.NotWorkError as error:
        if (event := event_in(body)) is not None:
            await receive(event, here.now(), lambda: here)
            return
        _log.error("a message goes to the poison queue: %s", error)
        await here.queue.bury(body)
        return
    item = work.bounded(item, here.now())
    if isinstance(here.around, PolicyError):
        _log.error("nothing is written while the policy is invalid: %s", here.around)
        await here.queue.send(item, _POLICY_WAIT)
        return
    here.around.learn_pauses(item.paused)  # before its scope, its place or anything else is asked for
    came = here.turns.came(item.worker, item.begun)
    if not item.placed:
        async with here.turns.on(item.target):
            what = (item.target, item.why)
            if not here.turns.answered(what, came):
                number = here.turns.begin()
                await place(item, here, here.around)
                here.turns.end(what, number)
        return
    async with here.turns.on(item.row):
        await _pass(item, here, here.around, came)


async def _pass(item: "Work", here: "Live", around: "Around", came: int) -> None:
    """The pass of a message whose turn on its row it is. The row is read now: most of a burst is dropped here.

    What no row counts is dropped where a pass of this worker answers for it: one that began after the event `came`.
    """
    from functions.handlers import zone_link_findings
    from functions.ledger import journal
    from functions.ledger.coalescing import drop
    from functions.ledger.state import NewerRowError
    from functions.triggers.scoping import turned_away

    answered = not item.look and not work.carries_more(item) and here.turns.answered(item.target, came)
    if answered and item.always:
        return
    try:
        row = await _row(item, here.ledger, around)
    except NewerRowError as error:
        journal.found(zone_link_findings.newer_row(item.target, str(error)), item)
        await here.queue.send(item, _NEWER_WAIT)
        return
    if answered if row is None else drop(item, row.counters):
        return
    if row is not None and await turned_away(item, here, around, row):
        return
    await _made(item, here, around, row)


async def see_to(item: "Work", here: "Live", around: "Around", counting: "asyncio.Task[Counters | None]") -> None:
    """The pass of an event that is counted meanwhile. Its message makes the pass where this one cannot."""
    from functions.ledger.coalescing import drop
    from functions.ledger.state import NewerRowError

    async with here.turns.on(item.row):
        if here.turns.answered(item.target, here.turns.came(item.worker, item.begun)):
            return
        try:
            row = await _row(item, here.ledger, around)
        except NewerRowError:
            return
        counters = counting.result() if counting.done() else None
        if row is not None:
            shown = counters is not None and counters.seq <= row.counters.seq
            if item.cause in row.counters.causes or (shown and drop(item, row.counters)):
                return
        await _made(item, here, around, row, counting)


async def _made(
    item: "Work",
    here: "Live",
    around: "Around",
    row: "Row | None",
    counting: "asyncio.Task[Counters | None] | None" = None,
) -> None:
    """The pass and its end. `counting` is that of its event, where it was not counted before the row was read."""
    from functions.events_out import happenings
    from functions.handlers import not_understood_findings
    from functions.ledger import journal
    from functions.ledger.coalescing import mark_of
    from functions.ledger.journal import close_left_open
    from functions.reconcile import reconcile
    from functions.settle import settle

    if row is not None and not item.operations:
        # What another pass started is looked up here too, rather than listed or waited for blindly.
        item = msgspec.structs.replace(item, operations=row.observed.operations)
    if row is not None and row.odd:
        journal.found(not_understood_findings.memory_not_understood(item.row, row.odd), item)
    number = here.turns.begin()
    done = await reconcile(item, around, before=row.memory if row else None)
    if row is not None:
        await close_left_open(here.ledger, item.row, around.now())  # after the pass, which need not wait for it
    at, mark = around.now(), None
    if row is not None:
        counted = None if counting is None else await asyncio.shield(counting)  # others wait for it too
        mark = mark_of(row.counters, counted, item.cause)
    await settle(item, done, here.queue, here.ledger, at, mark)
    here.turns.end(item.target, number)
    await here.publisher.publish(happenings(item, done, row.memory if row else None, at))


async def _row(item: "Work", ledger: "Ledger", around: "Around") -> "Row | None":
    """What the ledger remembers, None when it cannot be reached: then the pass is made, and remembers nothing.

    The pauses that the row keeps hold from here on, before its scope or anything else is asked for.
    """
    from functions.ledger.state import LedgerError, NewerRowError

    try:
        row = await ledger.read(item.row)
        around.learn_pauses(row.counters.paused)
        return row
    except NewerRowError:
        raise  # a newer worker is about: its messages are for it
    except LedgerError as error:
        _log.warning("a pass goes on without its memory: %s", error)
        return None
