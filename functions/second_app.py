"""How the plain app asks the second one, which may do more, to look at a cluster (docs/decisions/0010).

A message names a cluster and a concern, never a change: the second app observes, proves and decides by itself. So who
can write to its queue can make it look, and nothing else.
"""

from typing import Protocol

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook, encode_hook
from functions.handlers.privileged import PRIVILEGED
from functions.queue import StorageQueue
from functions.work import CLUSTERS

QUEUE = "tether-privileged"
POISON = f"{QUEUE}-poison"  # the Functions host's own name for it


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Please look at this cluster, for this concern."""

    cluster: ResourceId
    handler: str


class NotAnAskError(Exception):
    """A message that asks for nothing that the second app does. The text has nothing of the body in it."""


_decoder = msgspec.json.Decoder(Ask, dec_hook=decode_hook)
_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def encode(ask: Ask) -> bytes:
    return _encoder.encode(ask)


def decode(body: bytes) -> Ask:
    """Read a message, which anyone may have written who may write to the queue. Raises NotAnAskError."""
    try:
        ask = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise NotAnAskError(f"{len(body)} bytes that do not name a cluster and a concern") from None
    if ask.cluster.type != CLUSTERS or ask.handler not in PRIVILEGED:
        raise NotAnAskError("it names no cluster, or no concern of the second app's")
    return ask


class SecondApp(Protocol):
    """The app with more rights, as the plain one sees it."""

    async def ask(self, ask: Ask) -> None:
        """Have it look at a cluster. Raises QueueError."""
        ...


class NoSecondApp:
    """There is none, or this is it: nobody is asked."""

    async def ask(self, ask: Ask) -> None:
        raise LookupError(f"there is no second app to look at {ask.cluster}")


class QueuedSecondApp:
    """The real one: its own storage account has the queue, and Tether's plain identity may only send there."""

    def __init__(self, queue: StorageQueue) -> None:
        self._queue = queue

    async def ask(self, ask: Ask) -> None:
        await self._queue.put(QUEUE, encode(ask))
