"""The work queue wakes Tether: one pass, and the next one put back with the delay that it asks for."""

import logging

import azure.functions as func

from functions import work
from functions.queue import QUEUE

bp = func.Blueprint()
_log = logging.getLogger("tether")

# How long work waits for a policy that can be used (rule 13).
_POLICY_WAIT = 300.0  # seconds


# azure-functions leaves **kwargs of its decorators untyped.
@bp.queue_trigger(arg_name="message", queue_name=QUEUE, connection="AzureWebJobsStorage")  # pyright: ignore[reportUnknownMemberType]
async def work_item(message: func.QueueMessage) -> None:
    """One piece of Work.

    Returns when its pass is over and what follows is in the queue. Raises when that could not be had: the host then
    shows the message again, and after five times keeps it in the poison queue.
    """
    from functions.live import live
    from functions.policy import PolicyError
    from functions.reconcile import reconcile

    here = live()
    body = message.get_body()
    try:
        item = work.decode(body)
    except work.NotWorkError as error:
        _log.error("a message goes to the poison queue: %s", error)
        await here.queue.bury(body)
        return
    if isinstance(here.around, PolicyError):
        _log.error("nothing is written while the policy is invalid: %s", here.around)
        await here.queue.send(item, _POLICY_WAIT)
        return
    done = await reconcile(item, here.around)
    if done.follow_up is not None:
        await here.queue.send(done.follow_up, done.delay)
