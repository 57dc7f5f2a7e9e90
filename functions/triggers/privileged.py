"""The plain app wakes the second one: a cluster to look at, and no more than that (docs/decisions/0010)."""

import logging
import time
from typing import TYPE_CHECKING

import azure.functions as func

from functions.second_app import QUEUE

if TYPE_CHECKING:
    from functions.live import Live

bp = func.Blueprint()
_log = logging.getLogger("tether")


# azure-functions leaves **kwargs of its decorators untyped.
@bp.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")  # pyright: ignore[reportUnknownMemberType]
async def privileged_ask(message: func.QueueMessage) -> None:
    """A cluster that the plain app wants looked at."""
    from functions.live import live

    await take(message.get_body(), message.id or "", time.time(), live())


async def take(body: bytes, message: str, now: float, here: "Live") -> None:
    """Count the message as an event on its cluster, and leave the rest to the work queue. `now`: seconds since 1970.

    Of what is in it only the cluster's id is used, which ARM has to confirm. A message that cannot be read goes to the
    poison queue at once. Raises QueueError: the host then shows the message again.
    """
    from functions.second_app import NotAnAskError, decode
    from functions.triggers.counting import queued
    from functions.triggers.scoping import admitted
    from functions.work import ASKED, Work

    try:
        ask = decode(body)
    except NotAnAskError as error:
        _log.error("a message goes to the poison queue: %s", error)
        await here.queue.bury(body)
        return
    work = Work(target=ask.cluster, why=ASKED, cause=f"asked-{message[:64]}", since=now)
    if await admitted(work, here):
        await queued(work, here, now)
