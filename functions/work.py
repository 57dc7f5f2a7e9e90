"""What the queue carries."""

import msgspec

from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook, encode_hook

# Written into every message, so that a worker of an older version leaves a newer message to a newer worker.
VERSION = 1


class Work(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to look at: which zone, why, and what was started there before.

    `cause` is the id of the event that began it all, carried through every pass and log line. `since` is when that
    was, in seconds since 1970. `attempt` counts the passes without progress and sets the pace.
    """

    target: ResourceId
    why: str
    cause: str
    since: float
    attempt: int = 0
    operations: tuple[Operation, ...] = ()
    version: int = VERSION


class NotWorkError(Exception):
    """A message that no worker of this version can read."""


_decoder = msgspec.json.Decoder(Work, dec_hook=decode_hook)
_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def encode(work: Work) -> bytes:
    # `version` equals its default and would be left out; a reader of the next version needs to see it.
    return _encoder.encode({**msgspec.structs.asdict(work), "version": work.version})


def decode(body: bytes) -> Work:
    """Read a message. Raises NotWorkError, whose text has nothing of the body in it."""
    try:
        work = _decoder.decode(body)
    except msgspec.MsgspecError as error:
        raise NotWorkError(f"{len(body)} bytes that are no Work: {error}") from None
    if work.version != VERSION:
        raise NotWorkError(f"Work of version {work.version}, and this worker reads version {VERSION}")
    return work
