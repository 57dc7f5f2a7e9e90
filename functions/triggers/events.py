"""Event Grid wakes Tether: a newborn zone, an address that moved and a cluster that failed are seen to at once; all
else is left to the queue or to nobody.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func
import msgspec

from functions.arm.resource_id import InvalidResourceIdError
from functions.triggers.counting import bumped, count, placed, queued, said
from functions.triggers.scoping import admitted
from functions.triggers.triage import Event, event_of, triage
from functions.work import CLUSTER_FAILED, FOLLOWING, MOVED, URGENT, Work

if TYPE_CHECKING:
    from functions.ledger.state import Counters, Mark, Observed, Row
    from functions.live import Live
    from functions.passed import Pass

bp = func.Blueprint()
_log = logging.getLogger("tether")

# Event Grid waits 30 s for an answer (its documentation, delivery and retry); the queue needs some of it.
_DEADLINE = 20  # seconds

# The tables count the event while ARM is read. They get a head start, in which most say whether the event is a double
# and needs no call at all; and no more than a second in all.
_HEAD_START = 0.025  # seconds

# When the queue shows what is being seen to here, and whose worker may have died over it.
_RESCUE = 30.0  # seconds, more than the deadline


@bp.event_grid_trigger(arg_name="event")  # pyright: ignore[reportUnknownMemberType] - untyped **kwargs there
async def resource_event(event: func.EventGridEvent) -> None:
    """Something in a subscription changed."""
    await receive(event_of(event), time.time(), _live)


async def receive(event: Event, now: float, live: Callable[[], "Live"]) -> None:
    """Take an event. `live` is asked only for one that concerns us.

    Returns, which acknowledges the delivery, as soon as the work is done or safe in the queue. Raises, so that Event
    Grid delivers again, only when neither could be had (rule 5).
    """
    try:
        work = triage(event, now)
    except InvalidResourceIdError as error:
        _log.warning("an event that would concern us names no resource: %s", error)
        return
    if work is None:
        return
    here = live()
    if work.why in FOLLOWING and not _follows(here):
        return
    this = (work.cause, work.target, work.why)
    if here.turns.knows(this):
        return  # delivered again, while its first delivery is safe
    work = msgspec.structs.replace(work, worker=here.turns.worker, begun=here.turns.begun)
    if not await admitted(work, here):
        return
    await _taken(work, here)
    here.turns.handled(this)


async def _taken(work: Work, here: "Live") -> None:
    """See to an event at once, or leave it to the queue. Raises QueueError."""
    # Of a burst on one zone the first is urgent: it makes what all of them ask for.
    if _urgent(work, here) and not here.turns.is_linking(work.target):
        async with here.turns.linking(work.target, work.row):
            await _at_once(work, here)
    elif work.why == CLUSTER_FAILED:
        await _begun(work, here)
    else:
        await _queued(work, here)


def _follows(here: "Live") -> bool:
    """Whether anything follows the addresses of API servers. Not known with a policy that cannot be read."""
    from functions.policy import PolicyError

    return isinstance(here.around, PolicyError) or here.around.policy.follows_addresses


def _urgent(work: Work, here: "Live") -> bool:
    """Whether somebody waits: nodes for a newborn zone's name, or everybody for records that name the old address."""
    from functions.policy import PolicyError

    if work.why == MOVED:
        return not isinstance(here.around, PolicyError) and bool(here.around.targets)
    return work.why == URGENT


async def _queued(work: Work, here: "Live") -> None:
    """Leave an event to the queue. Raises QueueError: Event Grid then brings it again."""
    from functions.policy import PolicyError

    await queued(work, here, work.since if isinstance(here.around, PolicyError) else here.around.now())


async def _begun(work: Work, here: "Live") -> None:
    """Make the queue's pass here and now; its message comes later, and finds the pass made.

    Somebody waits for this cluster, and a queue that was empty is polled only every second (host.json). The event is
    counted and its message sent while ARM is read. Raises QueueError, as above.
    """
    from functions.policy import PolicyError
    from functions.triggers.work import see_to

    if isinstance(here.around, PolicyError):
        await _queued(work, here)
        return
    item = await placed(work, here)
    if not item.placed:
        await here.queue.send(msgspec.structs.replace(item, always=True), 0)
        return
    counting = asyncio.create_task(bumped(item, here, here.around.now()))
    sending = asyncio.create_task(_rescued(item, here, counting))
    try:
        async with asyncio.timeout(_DEADLINE):
            await see_to(item, here, here.around, counting)
    except Exception:  # noqa: BLE001 - logged with its traceback, and the work goes on elsewhere
        _log.exception("the pass for %s did not end; the queue has it in %.0f s", work.target, _RESCUE)
    except asyncio.CancelledError:
        # This worker is told to stop. Where the message does not reach the queue, Event Grid brings the event again.
        await asyncio.gather(sending, return_exceptions=True)
        raise
    await sending


async def _rescued(item: Work, here: "Live", counting: "asyncio.Task[Counters | None]") -> None:
    """Have the queue show an event once it is counted, after whoever sees to it here may have died over it."""
    message = said(item, await counting)
    if message is not None:
        await here.queue.send(message, _RESCUE)


async def _at_once(work: Work, here: "Live") -> None:
    """Prove, then link or record, within the deadline; then let the queue carry on (rule 6)."""
    from functions.events_out import happenings
    from functions.ledger.state import TOO_LATE
    from functions.policy import PolicyError
    from functions.reconcile import Depth, reconcile
    from functions.settle import recalled

    if isinstance(here.around, PolicyError):
        _log.error("nothing is written while the policy is invalid: %s", here.around)
        await here.queue.send(msgspec.structs.replace(work, always=True), 0)
        return
    bumping = asyncio.create_task(count(work, here, here.around.now()))
    await asyncio.wait({bumping}, timeout=_HEAD_START)
    early = bumping.result() if bumping.done() else None
    number = here.turns.begin()
    if early is not None and work.cause in early.counters.causes:
        return  # the same event, delivered again after its work was done
    if early is not None and work.why == URGENT and _was_linked(early.observed, work):
        # Who writes first would have to guess whether a link was undone, and nobody waits for this zone's name.
        await here.queue.send(work, 0)
        return
    if early is not None:
        here.around.learn_pauses(early.counters.paused)
    try:
        async with asyncio.timeout(_DEADLINE):
            depth = Depth.URGENT if work.why == URGENT else Depth.MOVED
            done = await reconcile(
                work, here.around, depth, early.memory if early else None, lambda: _linked_by_now(bumping, work)
            )
    except Exception:  # noqa: BLE001 - logged with its traceback, and the work goes on elsewhere
        # Whatever went wrong, a mistake of ours included, the queue's worker gets to see it too.
        _log.exception("the urgent pass for %s did not end; the queue takes over", work.target)
        counted = await bumping is not None
        await here.queue.send(msgspec.structs.replace(work, always=not counted), 0)
        return
    counted = await bumping
    if early is None and counted is not None and done.shows_nothing and counted.observed.cluster:
        # Only the tables knew what was there: a pass that remembers it looks what of ours it has left elsewhere.
        await here.queue.send(work, 0)
        return
    # What was counted while ARM was read may be an event that this pass did not see.
    mark = early.counters.mark if early is not None else TOO_LATE if counted is not None else None
    if early is None and counted is not None:
        done = recalled(done, counted.observed)
    at = here.around.now()
    if (
        await _settled(work, done, here, at, mark) and done.follow_up is not None
    ):  # an urgent pass sees little: what follows it sees all
        here.turns.end(work.target, number)
    if work.why == URGENT or early is None:
        here.turns.linked(work.target)
    await here.publisher.publish(happenings(work, done, early.memory if early else None, at))


async def _settled(work: Work, done: "Pass", here: "Live", at: float, mark: "Mark | None") -> bool:
    """End an urgent pass. Whether what follows is in the queue. Raises QueueError where no link is asked for either."""
    from functions.queue import QueueError
    from functions.settle import settle

    try:
        await settle(work, done, here.queue, here.ledger, at, mark)
    except QueueError:
        if not done.links_are_asked_for:
            raise
        _log.exception(
            "the links for %s are asked for; without the queue, `watch` looks what became of them", work.target
        )
        return False
    return True


def _linked_by_now(counting: "asyncio.Task[Row | None]", work: Work) -> tuple[str, ...]:
    """The hubs that are linked to the zone, if the tables have answered while ARM was read: none is put again."""
    row = counting.result() if counting.done() else None
    return row.observed.hubs if row is not None and _was_linked(row.observed, work) else ()


def _was_linked(remembered: "Observed", work: Work) -> bool:
    """Whether this very zone was linked before: it was written, and not born. One made anew has another name."""
    return bool(remembered.hubs) and remembered.zone.casefold() == str(work.target).casefold()


def _live() -> "Live":
    from functions.live import live

    return live()
