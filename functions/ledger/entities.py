"""How the ledger's rows stand in a table: keys, columns, and back."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.fleet.model import decode_hook, encode_hook
from functions.ledger.instants import finite
from functions.ledger.paused import Paused
from functions.ledger.state import VERSION, Counters, Entry, NewerRowError, Observed, OddRowError, Row, in_brief

_FAR = 10**13  # milliseconds, far in the future: the newest entry of the journal sorts first

# Slashes in the id of a resource that lies in a resource group, at least.
_OF_A_RESOURCE = 8

_POINTER = "cluster-"

# A row is as version 1 wrote it. A subject without proof has its count of events in a column of its own, so that no
# query for rows finds it.
_ROW_VERSION, _UNPROVEN_VERSION = 1, 2

# What row_in reads of a row. To leave out the rest halves what the SDK's decoding costs: 10,000 rows 0.9 s, not 2.1 s.
_COUNTERS = ["seq", "unproven", "done", "look", "look_at", "made", "causes", "paused"]
COLUMNS = ["id", "version", *_COUNTERS, "observed", "target", "body"]

# What `watch` reads of each row, every minute: no counters that it does not need, and of an observation a few fields.
GLANCED = ["id", "version", "pending", "look_at", "brief"]

observed_decoder = msgspec.json.Decoder(Observed, dec_hook=decode_hook)
entry_decoder = msgspec.json.Decoder(Entry, dec_hook=decode_hook)
_encode = msgspec.json.Encoder(enc_hook=encode_hook).encode


def text_of(value: Observed | Entry) -> str:
    return _encode(value).decode()


def partition(subject: ResourceId) -> str:
    """A subscription a partition, so that a scan of one is cheap."""
    return subject.subscription.casefold()


def key(subject: ResourceId) -> str:
    """A hash of the id in lower case, since table keys take no slashes. The id itself stands in a column."""
    return hashlib.sha256(str(subject).casefold().encode()).hexdigest()[:40]


def keys(subject: ResourceId) -> dict[str, Any]:
    return {"PartitionKey": partition(subject), "RowKey": key(subject)}


def named(subject: ResourceId, *, proven: bool) -> dict[str, Any]:
    """What makes an entity a row, or a subject without proof, which older workers leave alone by its version."""
    return {**keys(subject), "id": str(subject), "version": _ROW_VERSION if proven else _UNPROVEN_VERSION}


def pointer_keys(cluster: ResourceId) -> dict[str, Any]:
    """Where the zone of a cluster is kept. It has no counters, by which a query knows rows."""
    return {"PartitionKey": partition(cluster), "RowKey": f"{_POINTER}{key(cluster)}"}


def is_pointer(entity: dict[str, Any]) -> bool:
    return str(entity["RowKey"]).startswith(_POINTER)


def entry_keys(entry: Entry) -> dict[str, Any]:
    return {"PartitionKey": key(entry.subject), "RowKey": f"{_FAR - int(entry.at * 1000):014d}-{entry.id}"}


def entry_columns(entry: Entry) -> dict[str, Any]:
    """What the journal is asked by, besides its keys. An empty `result` is an intent without its outcome."""
    told = {"at": entry.at, "action": entry.action, "result": entry.result, "follows": entry.follows}
    return {**told, "subject": str(entry.subject)}


def page_query(after: ResourceId | None, subscription: str) -> tuple[str, dict[str, Any]]:
    """Asks for the rows whose keys come after a subject's, and its parameters. Rows alone have counters.

    The first clause is what the service can seek by: a filter that begins with `or` makes it read the whole table.
    """
    last = keys(after) if after is not None else {"PartitionKey": "", "RowKey": ""}
    if subscription:
        values = {"partition": subscription.casefold(), "row": last["RowKey"]}
        return "PartitionKey eq @partition and RowKey gt @row and seq ge 0", values
    values = {"partition": last["PartitionKey"], "row": last["RowKey"]}
    beyond = "( PartitionKey gt @partition or RowKey gt @row )"
    return f"PartitionKey ge @partition and {beyond} and seq ge 0", values


def counted(counters: Counters, *, proven: bool) -> dict[str, Any]:
    """The columns of counters. A row has `seq`, a subject without proof `unproven`; that is negative in a row."""
    seq = {"seq": counters.seq, "unproven": -1} if proven else {"unproven": counters.seq}
    return {
        **seq,
        "done": counters.done,
        "look": counters.look,
        "look_at": counters.look_at,
        "made": counters.made,
        "causes": _encode(counters.causes).decode(),
        "paused": _encode(counters.paused).decode(),
        "pending": counters.pending,
    }


def is_proven(entity: dict[str, Any]) -> bool:
    """Whether an entity is a row. Those of version 1 all are."""
    return entity.get("seq") is not None


def remembered(observed: Observed) -> dict[str, Any]:
    """What rows are asked by, of an observation: its instant, and what the removal limit counts."""
    return {
        "written": observed.at,
        "counts_until": observed.counts_until,
        "waits": observed.waits,
        "plan": observed.plan,
        **brief(observed),
    }


def brief(observed: Observed) -> dict[str, Any]:
    """The column that `watch` reads in place of the whole observation."""
    return {"brief": text_of(in_brief(observed))}


def glanced(subject: ResourceId, entity: dict[str, Any]) -> Row | None:
    """The row as `glance` has it, from its few columns. None for one that has no column `brief` yet, or an odd one.

    Raises NewerRowError for a row of a newer version.
    """
    try:
        if int(entity.get("version", VERSION)) > VERSION:
            raise NewerRowError(f"the row of {subject} was written by a newer version of Tether and is left alone")
        observed = observed_decoder.decode(entity.get("brief") or "")
        look_at = finite(float(entity.get("look_at") or 0.0))
    except (msgspec.MsgspecError, ValueError, TypeError):
        return None
    if _unread_id(observed):
        return None
    return Row(subject, Counters(seq=int(bool(entity.get("pending"))), look_at=look_at), observed)


def counters_in(subject: ResourceId, entity: dict[str, Any]) -> Counters:
    """The counters in an entity. Raises NewerRowError for a newer version's, OddRowError for odd ones."""
    try:
        if int(entity.get("version", VERSION)) > VERSION:
            raise NewerRowError(f"the row of {subject} was written by a newer version of Tether and is left alone")
        return Counters(
            seq=int(entity.get("seq" if is_proven(entity) else "unproven") or 0),
            done=int(entity.get("done", 0)),
            look=int(entity.get("look", 0)),
            look_at=finite(float(entity.get("look_at", 0.0))),
            made=float(entity.get("made") or 0.0),
            causes=msgspec.json.decode(entity.get("causes") or "[]", type=tuple[str, ...]),
            paused=msgspec.json.decode(entity.get("paused") or "[]", type=tuple[Paused, ...]),
        )
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise OddRowError(f"the row of {subject} cannot be read: {error}") from None


def row_in(subject: ResourceId, entity: dict[str, Any], text: str | bytes | None = None) -> Row:
    """The row in an entity, odd where it cannot be decoded. Raises NewerRowError for one that a newer version wrote.

    `text` is the observation where that does not stand in the entity itself.
    """
    counters, odd = Counters(), ""
    try:
        counters = counters_in(subject, entity)
    except OddRowError as error:
        odd = str(error)
    observed = Observed()
    try:
        if text or entity.get("observed"):
            observed = observed_decoder.decode(text or entity["observed"])
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        odd = odd or f"the row of {subject} cannot be read: {error}"
    odd = odd or _unread_id(observed)
    if odd:
        observed = Observed()
    return Row(subject, counters, observed, str(entity.get("target") or ""), is_proven(entity), odd)


def _unread_id(observed: Observed) -> str:
    """Why an id in an observation is none, empty where all are: cheaply, since this is done for every row."""
    for name, text in (("cluster", observed.cluster), ("zone", observed.zone)):
        if text and not (text.startswith("/subscriptions/") and text.count("/") >= _OF_A_RESOURCE):
            return f"its {name} is no id"
    if not _are_ids(_ids_of_duties(observed)):
        return "an id of what it remembers cannot be read"
    return ""


def _ids_of_duties(observed: Observed) -> Iterator[str]:
    """The ids in what a row remembers to do, which most rows have none of: the sweep reads them of all rows."""
    for left in observed.left:
        yield left.cluster
        if left.zone:
            yield left.zone
    yield from (one.link for one in observed.unwanted)
    if observed.routed is not None:
        yield from (kept.partition(" ")[0] for kept in observed.routed.kept)
        yield from (wrote.subnet for wrote in observed.routed.wrote)


def _are_ids(texts: Iterable[str]) -> bool:
    try:
        for text in texts:
            ResourceId(text)
    except InvalidResourceIdError:
        return False
    return True


def checked(row: Row) -> Row:
    """The row, odd where an id in it cannot be read."""
    if row.odd or has_ids(row.observed):
        return row
    return msgspec.structs.replace(row, observed=Observed(), odd="an id in it cannot be read")


def has_ids(observed: Observed) -> bool:
    """Whether what should be ids in an observation are ids."""
    return _are_ids((*(text for text in (observed.cluster, observed.zone) if text), *_ids_of_duties(observed)))
