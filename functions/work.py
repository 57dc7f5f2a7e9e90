"""What the queue carries."""

import logging

import msgspec

from functions.arm.clouds import ALL_SUFFIXES
from functions.arm.errors import NoAnswerError
from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.arm.understood import Odd, each, fields, fitted
from functions.fleet.model import decode_hook, encode_hook
from functions.fleet.zone_name import system_zone
from functions.ledger import instants
from functions.ledger.instants import SKEW, past
from functions.ledger.paused import Paused
from functions.ledger.state import Entry, subject_of

_log = logging.getLogger("tether")

# Written into every message, so that a worker of an older version leaves a newer message to a newer worker. Messages of
# older versions are read: what was added since has defaults. 2 (2026-11): subject, look, always, intents.
VERSION = 2


# Why an event woke Tether, where that makes a difference to what is done.
URGENT = "zone-written"
DELETE_FAILED = "zone-delete-failed"
CLUSTER_DELETED = "cluster-deleted"
CLUSTER_FAILED = "cluster-write-failed"
MOVED = "endpoint-written"
ASKED = "asked-by-the-plain-app"

FOLLOWING = frozenset({MOVED, "interface-written", "record-written"})
"""Why an event concerns only a policy that follows addresses."""

CLUSTERS = "microsoft.containerservice/managedclusters"
GROUPS = "microsoft.resources/resourcegroups"


class Work(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to look at: which zone, why, and what was started there before.

    `cause` is the id of the event that began it all, carried through every pass and log line. `since` is when that
    was, in seconds since 1970. `attempt` counts the passes without progress and sets the pace.

    `subject` is the row that it belongs to, empty where the target tells. `look` is the number of the look-again that
    this is, 0 for an event. `always`: do it whatever the row says, since the row could not be written; `intents` are
    then the journal entries that could not be kept. `by` is the person who asked, for what came by HTTP.

    `paused` are reads that ARM refused to the sender and that are not to be repeated yet.

    `worker` is the one that received the event, and `begun` how many passes it had begun by then (triggers/turns.py);
    empty for a look-again, which is never answered by the pass that asks for it.
    """

    target: ResourceId
    why: str
    cause: str
    since: float
    attempt: int = 0
    operations: tuple[Operation, ...] = ()
    subject: ResourceId | None = None
    look: int = 0
    always: bool = False
    by: str = ""
    intents: tuple[Entry, ...] = ()
    worker: str = ""
    begun: int = 0
    paused: tuple[Paused, ...] = ()
    version: int = VERSION

    @property
    def row(self) -> ResourceId:
        """The ledger's row for this: the one that is named, a group's own, or a zone's by the form of its name."""
        if self.subject is not None:
            return self.subject
        if self.target.type == GROUPS:
            return self.target
        return subject_of(self.target, system=system_zone(self.target.name, ALL_SUFFIXES) is not None)

    @property
    def placed(self) -> bool:
        """Whether its row is known. The id of a cluster does not tell it: the node resource group is in its body."""
        return self.subject is not None or self.target.type != CLUSTERS


_MOST_ATTEMPTS = 10_000  # the pace is at its slowest long before


def bounded(work: Work, now: float) -> Work:
    """The Work with numbers that can be, whatever a message says: no instant ahead of `now`, no negative count.

    One that says it began in the future would be young for ever, and be tried at the pace of a newborn cluster.
    """
    return msgspec.structs.replace(
        work,
        since=work.since if 0.0 <= work.since <= now + SKEW else now,
        attempt=min(max(work.attempt, 0), _MOST_ATTEMPTS),
        look=max(work.look, 0),
        operations=instants.operations(work.operations, now),
        intents=tuple(
            msgspec.structs.replace(entry, at=past(entry.at, now), ended=past(entry.ended, now))
            for entry in work.intents
        ),
    )


def carries_more(work: Work) -> bool:
    """Whether a message carries what no other pass knows of: writes that were started, entries that were not kept."""
    return bool(work.operations or work.intents)


class NotWorkError(Exception):
    """A message that no worker of this version can read."""


_decoder = msgspec.json.Decoder(Work, dec_hook=decode_hook)
_operation = msgspec.json.Decoder(Operation, dec_hook=decode_hook)
_entry = msgspec.json.Decoder(Entry, dec_hook=decode_hook)
_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def encode(work: Work) -> bytes:
    # `version` equals its default and would be left out; a reader of the next version needs to see it.
    return _encoder.encode({**msgspec.structs.asdict(work), "version": work.version})


def decode(body: bytes) -> Work:
    """Read a message. Raises NotWorkError, whose text has nothing of the body in it.

    An operation, or a journal entry, that cannot be read is left out, with a line in the log: the pass then looks at
    the target itself.
    """
    try:
        work = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        work = _without_odd_parts(body, error)
    if work.version > VERSION:
        raise NotWorkError(f"Work of version {work.version}, and this worker reads versions up to {VERSION}")
    return work


def _without_odd_parts(body: bytes, error: Exception) -> Work:
    try:
        held = fields(body)
        operations = each({"value": held.pop("operations", [])}, "value", _operation)
        intents = each({"value": held.pop("intents", [])}, "value", _entry)
    except NoAnswerError:
        raise NotWorkError(f"{len(body)} bytes that are no Work: {error}") from None
    work = fitted(held, _decoder)
    if isinstance(work, Odd):
        raise NotWorkError(f"{len(body)} bytes that are no Work: {error}")
    for odd in (*operations.odd, *intents.odd):
        _log.warning("a part of the message on %s (%s) is left out: %s", work.target, work.cause, odd)
    return msgspec.structs.replace(work, operations=operations.items, intents=intents.items)
