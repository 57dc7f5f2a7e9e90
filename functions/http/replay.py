"""POST /poison/replay: put what nobody could finish back to be worked on."""

import logging

from functions.http.answers import Replayed
from functions.http.asked import Asked, NoParameters
from functions.http.desk import Desk
from functions.http.writing import who_may_write

_log = logging.getLogger("tether")


async def replay(asked: Asked[NoParameters], desk: Desk) -> Replayed:
    """Put back what a worker can read; the rest is left for a person to look at."""
    by = who_may_write(asked.principal, desk)
    done = await desk.queues.replay(desk.live.queue, by)
    _log.info("%d messages of the poison queue are put back by HTTP, %d are left", done.replayed, done.left)
    return done
