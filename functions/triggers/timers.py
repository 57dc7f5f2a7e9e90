"""Timers wake Tether: `watch` every minute and `sweep` every hour, the guarantee that events are not (rule 7)."""

import logging
import os
from typing import TYPE_CHECKING

import azure.functions as func

if TYPE_CHECKING:
    from functions.live import Live

bp = func.Blueprint()
_log = logging.getLogger("tether")


# When the sweep runs (NCRONTAB). Read here, since a binding cannot give a setting a default; at 17 past, for on the
# hour everybody sweeps.
_KEPT = 90 * 24 * 3600.0  # seconds for which the ledger keeps what nobody writes to any more
_SWEEP_SCHEDULE = os.environ.get("TETHER_SWEEP_SCHEDULE") or "0 17 * * * *"


# azure-functions leaves **kwargs of its decorators untyped.
@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")  # pyright: ignore[reportUnknownMemberType]
async def watch(timer: func.TimerRequest) -> None:
    """Look at clusters that are being changed, and send again what was left undone."""
    from functions.live import live

    await round_of_watch(live())


async def round_of_watch(here: "Live") -> None:
    """One round. With an invalid policy it only says so (rule 13).

    What keeps it from its work (the tables or the queue cannot be reached) is raised, so that the platform shows the
    run as failed; the next minute brings the next one.
    """
    from functions import watch as rounds
    from functions.policy import PolicyError

    if isinstance(here.around, PolicyError):
        _log.error("nothing is watched while the policy is invalid: %s", here.around)
        return
    watched = await rounds.watch(here.around, here.queue, here.ledger)
    _log.info(
        "watch: %d clusters, %d woken, %d sent again, %d subscriptions unreadable",
        watched.clusters,
        watched.woken,
        watched.resent,
        len(watched.unreadable),
    )


@bp.timer_trigger(arg_name="timer", schedule=_SWEEP_SCHEDULE)  # pyright: ignore[reportUnknownMemberType] - as above
async def sweep(timer: func.TimerRequest) -> None:
    """Compare the whole fleet with what the policy wants, and have looked at what differs."""
    from functions import settings
    from functions.ledger.blobs import BlobDocuments
    from functions.ledger.reports import Reports
    from functions.live import live
    from functions.plan import WINDOW
    from functions.policy import PolicyError
    from functions.sweep import sweep as sweep_once

    here = live()
    if isinstance(here.around, PolicyError):
        _log.error("nothing is swept while the policy is invalid: %s", here.around)
        return
    reports = Reports(BlobDocuments(settings.read(os.environ).storage))
    taken = await here.ledger.taken(here.around.now() - WINDOW)
    await sweep_once(here.around, here.queue, here.ledger, reports, done=taken)
    forgotten = await here.ledger.forget(here.around.now() - _KEPT)
    _log.info("sweep: %d rows and journal entries older than %d days forgotten", forgotten, _KEPT / 86400)
