"""Timers wake Tether: `watch` every minute and `sweep` every hour, the guarantee that events are not (rule 7)."""

import logging
import os
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from collections.abc import Mapping

    from functions.around import Around
    from functions.http.poison import Queues
    from functions.ledger.reports import Round
    from functions.live import Live
    from functions.watch import Watched

watch_bp = func.Blueprint()
sweep_bp = func.Blueprint()
_log = logging.getLogger("tether")


# When the sweep runs (NCRONTAB). Read here, since a binding cannot give a setting a default; at 17 past, for on the
# hour everybody sweeps.
_KEPT = 90 * 24 * 3600.0  # seconds for which the ledger keeps what nobody writes to any more
_UNPROVEN_KEPT = 3600.0  # seconds for which counters are kept of what no pass has proven
_ODD_KEPT = 20  # of what cannot be understood, for people: the log has the rest
_HOUR, _TIDIES_AT = 60, 17  # minutes
_SWEEP_SCHEDULE = os.environ.get("TETHER_SWEEP_SCHEDULE") or "0 17 * * * *"


# azure-functions leaves **kwargs of its decorators untyped.
@watch_bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")  # pyright: ignore[reportUnknownMemberType]
async def watch(timer: func.TimerRequest) -> None:
    """Look at clusters that are being changed, and send again what was left undone."""
    from functions.http.desk import desk

    here = desk()
    await round_of_watch(here.live, here.queues)


async def round_of_watch(here: "Live", queues: "Queues") -> None:
    """One round, and a word for health that it was made. With an invalid policy it only says so (rule 13).

    What keeps it from its work (the tables or the queue cannot be reached) is raised, so that the platform shows the
    run as failed; the next minute brings the next one, and health sees that none ended.
    """
    from functions import watch as rounds
    from functions.ledger.reports import Round
    from functions.policy import PolicyError
    from functions.role import Role

    await _count_poison(here, queues)
    if isinstance(here.around, PolicyError):
        _log.error("nothing is watched while the policy is invalid: %s", here.around)
        await _keep(Round(at=here.now()), here)
        return
    watched = await rounds.watch(here.around, here.queue, here.ledger, here.pauses)
    unseen = await _of_all_workers(watched.unseen, here, here.around)
    await _keep(_told(watched, unseen, here.now()), here)
    _log.info(
        "watch: %d clusters, %d woken, %d sent again, %d subscriptions unreadable, %d not visible",
        watched.clusters,
        watched.woken,
        watched.resent,
        len(watched.unreadable),
        len(unseen),
    )
    # The second app has no sweep to do it (docs/decisions/0010).
    if here.around.role is Role.PRIVILEGED and int(here.now() // 60) % _HOUR == _TIDIES_AT:
        await _tidy(here)


async def _of_all_workers(unseen: "Mapping[str, float]", here: "Live", around: "Around") -> dict[str, float]:
    """With the subscriptions that events wait for on other workers, and the instants of the round before.

    Another worker may have made that round, whose memory this one does not have.
    """
    from functions.fleet.scope import Standing
    from functions.ledger.reports import ReportsError

    at = here.now()
    if not around.policy.scope.management_groups:
        return dict(unseen)
    try:
        waiting, last = await here.reports.unseen(at), await here.reports.last_round()
    except ReportsError:
        return dict(unseen)
    hidden = {name for name in waiting if around.scopes.standing(around.policy, name, at) is Standing.NOT_SHOWN}
    before = {**(last.unseen if last else {}), **waiting}
    return {name: min(unseen.get(name, at), before.get(name, at)) for name in {*unseen, *hidden}}


def _told(watched: "Watched", unseen: dict[str, float], at: float) -> "Round":
    """A round as health shows it."""
    from functions.ledger.reports import Round

    return Round(
        at=at,
        clusters=watched.clusters,
        unreadable=watched.unreadable,
        unseen=unseen,
        odd=tuple(f"{finding.target}: {finding.seen}" for finding in watched.odd[:_ODD_KEPT]),
        odd_count=len(watched.odd),
    )


async def _count_poison(here: "Live", queues: "Queues") -> None:
    """Tell how many messages nobody could finish. Without the queue the round fails by itself, if it needs it."""
    from functions import second_app
    from functions.policy import PolicyError
    from functions.queue import POISON, QueueError
    from functions.role import Role
    from functions.telemetry import telemetry

    second = not isinstance(here.around, PolicyError) and here.around.role is Role.PRIVILEGED
    names = (POISON, second_app.POISON) if second else (POISON,)
    try:
        telemetry().poisoned(sum([await queues.depth(name) for name in names]))
    except QueueError as error:
        _log.warning("the poison queue is not counted: %s", error)


async def _keep(watched: "Round", here: "Live") -> None:
    """Keep the round for health, which misses it when that fails: the round did its work all the same."""
    from functions.ledger.reports import ReportsError

    try:
        await here.reports.keep_round(watched)
    except ReportsError as error:
        _log.warning("a round of watch is not kept for health: %s", error)


@sweep_bp.timer_trigger(arg_name="timer", schedule=_SWEEP_SCHEDULE)  # pyright: ignore[reportUnknownMemberType] - as above
async def sweep(timer: func.TimerRequest) -> None:
    """Compare the whole fleet with what the policy wants, and have looked at what differs."""
    from functions.live import live

    await round_of_sweep(live())


async def round_of_sweep(here: "Live") -> None:
    """One sweep, and what an hour leaves to be tidied up. With an invalid policy it only says so (rule 13).

    While the ledger does not answer, nothing is tidied up, and the sweep goes on without its memory.
    """
    from functions.ledger.state import LedgerError
    from functions.policy import PolicyError
    from functions.sweep import sweep as sweep_once

    if isinstance(here.around, PolicyError):
        _log.error("nothing is swept while the policy is invalid: %s", here.around)
        return
    try:
        await _tidy(here)
    except LedgerError as error:
        _log.warning("the ledger is not tidied up: %s", error)
    await sweep_once(here.around, here.queue, here.ledger, here.reports)


async def _tidy(here: "Live") -> None:
    """Close what dead workers left open, and forget what is old. Raises LedgerError."""
    from functions.ledger.journal import close_all_left_open

    closed = await close_all_left_open(here.ledger, here.now())
    forgotten = await here.ledger.forget(here.now() - _KEPT, here.now() - _UNPROVEN_KEPT)
    _log.info("ledger: %d intents closed that dead workers left without an outcome", closed)
    told = "ledger: %d rows and journal entries older than %d days forgotten, or subjects without proof"
    _log.info(told, forgotten, _KEPT / 86400)
