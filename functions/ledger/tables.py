"""The ledger on Azure Table storage."""

import asyncio
import logging
import random
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.ledger import bodies
from functions.ledger.blobs import BlobDocuments
from functions.ledger.entities import (
    COLUMNS,
    brief,
    checked,
    counted,
    counters_in,
    entry_columns,
    entry_decoder,
    entry_keys,
    has_ids,
    is_pointer,
    is_proven,
    key,
    keys,
    named,
    observed_decoder,
    page_query,
    partition,
    pointer_keys,
    remembered,
    row_in,
    text_of,
)
from functions.ledger.glances import watched_in
from functions.ledger.hour import Hour
from functions.ledger.hour_tables import hour_in
from functions.ledger.instants import NEVER, WRONG_CLOCK, is_newer
from functions.ledger.paused import Paused
from functions.ledger.state import (
    MOST_UNPROVEN,
    VERSION,
    Counters,
    Entry,
    LedgerError,
    Mark,
    NewerRowError,
    Observed,
    Row,
    UnprovenError,
    proves,
    yields,
)
from functions.ledger.storage_tables import StorageTables
from functions.settings import Storage

_log = logging.getLogger("tether")

STATE, JOURNAL = "tetherstate", "tetherjournal"

_TIMEOUT = 5.0  # seconds
_MOST_TRIES = 60  # of a counter that others keep changing
_LONGEST_PAUSE = 0.1  # seconds between two tries: of many that collide some wait, or all would collide again
# A cluster's zone is written again in each such span, so that it does not expire before its row.
_REFRESHED = 30 * 86400.0  # seconds

# Rows: what a pass proved, and what still waits for one.
_ROWS = "seq ge 0 or pending eq true or look_at gt 0.0 or plan gt ''"

_BODY_TIMEOUT = 3.0  # seconds


@dataclass(frozen=True, slots=True)
class _Told:
    """What is written beside counters: `columns`, and `unless`, of which those that have a value keep it."""

    columns: dict[str, Any] = field(default_factory=dict[str, Any])
    unless: dict[str, Any] = field(default_factory=dict[str, Any])


_NOTHING = _Told()


def _owes(entity: dict[str, Any]) -> bool:
    """Whether a row still has something to change or to remove (Observed.owes). What cannot be read may have."""
    try:
        held = observed_decoder.decode(entity["observed"]) if entity.get("observed") else Observed()
        return held.owes or not has_ids(held)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return True


def _body_of(entity: dict[str, Any]) -> str:
    """The name of the blob that holds what is too long for the table, empty where there is none, or it is no text."""
    name = entity.get("body")
    return name if isinstance(name, str) else ""


def _pointed(pointer: dict[str, Any]) -> ResourceId | None:
    """The subject that a pointer names, None where that cannot be read: the cluster tells it too."""
    try:
        return ResourceId(pointer["subject"])
    except (KeyError, TypeError, AttributeError, InvalidResourceIdError) as error:
        _log.warning("the row of a cluster is not known by the ledger: %r", error)
        return None


class TableLedger:
    """One table for the rows and one for the journal, made at first use (entities.py tells the columns).

    What is too long for a table goes to a blob, whose name stands in the column `body`, and is cut in the table.
    """

    def __init__(self, storage: Storage, *, timeout: float = _TIMEOUT, unproven: int = MOST_UNPROVEN) -> None:
        self._unproven = unproven
        self._tables = StorageTables(storage, (STATE, JOURNAL), timeout)
        self._bodies = BlobDocuments(storage, bodies.CONTAINER, timeout=_BODY_TIMEOUT)

    async def read(self, subject: ResourceId) -> Row:
        return checked(await self._row(subject, await self._get(subject) or {}))

    async def bump(
        self,
        subject: ResourceId,
        at: float,
        cause: str = "",
        target: ResourceId | None = None,
        *,
        known: bool = False,
    ) -> Counters:
        told = _Told({"bumped": at, "written": at, "target": str(target or subject)})
        return await self._begun(subject, lambda counters: counters.bumped(cause), at, told, known=known)

    async def look_again(
        self, subject: ResourceId, at: float, target: ResourceId, paused: tuple[Paused, ...] = (), now: float = 0.0
    ) -> Counters:
        told = _Told(unless={"target": str(target), "written": at})
        return await self._begun(subject, lambda counters: counters.looking(at, paused, now), at, told, known=False)

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await self._count(subject, lambda counters: counters.finished(mark, cause, looking=looking))

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        entity = await self._get(subject)
        row = checked(await self._row(subject, entity or {}))
        held = row.observed
        if row.odd:
            _log.warning("what was seen of %s is not kept: %s", subject, row.odd)
            return
        if is_newer(held.at, observed.at) or yields(observed, held):
            return
        proven = proves(subject, observed)
        if entity is None and not proven and await self._is_crowded(subject):
            return  # as `bump` refuses it
        await self._point(subject, held, observed)
        text, body = text_of(observed), ""
        if not bodies.fits(text):
            name = f"observed/{key(subject)}.json"
            body = name if await bodies.keep(self._bodies, name, text) else ""
            text = text_of(bodies.cut_observed(observed))
        elif entity and (held_in := _body_of(entity)):
            await bodies.forget(self._bodies, held_in)
        columns = {"observed": text, "body": body, **remembered(observed)}
        # Counters that another worker begins meanwhile stay: they are not overwritten.
        new = {**named(subject, proven=proven), **counted(Counters(), proven=proven), **columns}
        if entity is not None or not await self._tables.create(STATE, new):
            await self._tables.upsert(STATE, {**keys(subject), **columns}, merge=True)
            if proven and (entity is None or not is_proven(entity)):
                # The counters go on in the row. A worker that dies before this has not finished its event.
                await self._count(subject, lambda counters: counters, proven=True)

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        entity = await self._tables.entity(STATE, pointer_keys(cluster))
        return _pointed(entity) if entity else None

    async def _point(self, subject: ResourceId, held: Observed, observed: Observed) -> None:
        """Keep what `row_of` needs, where it is not the same as before: first, so that no later write can skip it."""
        now, then = (one.living.casefold() for one in (observed, held))
        if now:
            span = observed.at // _REFRESHED
            if now != then or span != held.at // _REFRESHED:
                told = {"subject": str(subject), "written": observed.at, "pending": False, "version": VERSION}
                await self._tables.upsert(STATE, {**pointer_keys(ResourceId(now)), **told}, merge=False)
        elif then and await self.row_of(ResourceId(then)) == subject:
            await self._tables.delete(STATE, pointer_keys(ResourceId(then)))

    async def overdue(self, before: float) -> tuple[Row, ...]:
        # The SDK fills in parameters word by word, so that a bracket must not touch one.
        # An instant that is too far ahead was written by a worker with a wrong clock: nothing would ever come then.
        asked = (
            "( pending eq true and bumped lt @before ) or ( pending eq true and bumped gt @wrong ) "
            "or ( look_at gt 0.0 and look_at lt @before ) or look_at gt @never"
        )
        values = {"before": before, "wrong": before + WRONG_CLOCK, "never": before + NEVER}
        return await self._query(asked, values)

    async def rows(self) -> tuple[Row, ...]:
        return await self._query(_ROWS, {})

    async def watched(self) -> tuple[Row, ...]:
        return await watched_in(self._tables, STATE, _ROWS, self.rows, self._row)

    async def page(self, after: ResourceId | None, most: int, subscription: str = "") -> tuple[Row, ...]:
        asked, values = page_query(after, subscription)
        return await self._query(asked, values, most)

    async def hour(self, at: float) -> Hour:
        return await hour_in(self._tables, at, state=STATE, journal=JOURNAL)

    async def left_open(self, before: float) -> tuple[Entry, ...]:
        asked = "result eq '' and at lt @before"
        return await self._entries(asked, {"before": before})

    async def forget(self, before: float, unproven: float) -> int:
        idle = "pending eq false and look_at eq 0.0"
        old = await self._old(STATE, "written lt @before and pending eq false", before, ["observed", "subject"])
        stays = {entity["RowKey"] for entity in old if not is_pointer(entity) and _owes(entity)}
        rows = [entity for entity in old if not is_pointer(entity) and entity["RowKey"] not in stays]
        # The pointer to a row that stays is kept with it: without it, no event on the cluster would find the row.
        pointers = [entity for entity in old if is_pointer(entity) and not await self._is_needed(entity, stays)]
        return (
            await self._forgotten(STATE, [*rows, *pointers])
            + await self._forgotten(
                STATE, await self._old(STATE, f"unproven ge 0 and written lt @before and {idle}", unproven)
            )
            + await self._forgotten(JOURNAL, await self._old(JOURNAL, "at lt @before", before))
        )

    async def _forgotten(self, table: str, entities: Sequence[dict[str, Any]]) -> int:
        """Remove entities; how many rows or entries there were. One that was written to meanwhile stays."""
        removed = 0
        for entity in entities:
            if not await self._tables.remove(table, entity):
                continue
            if name := _body_of(entity):
                await bodies.forget(self._bodies, name)
            removed += not is_pointer(entity)
        return removed

    async def _old(self, table: str, asked: str, before: float, columns: Sequence[str] = ()) -> list[dict[str, Any]]:
        named = ["PartitionKey", "RowKey", "body", *columns]
        return list(await self._tables.entities(table, asked, {"before": before}, named))

    async def _is_needed(self, pointer: dict[str, Any], stays: Container[str]) -> bool:
        """Whether the row that a pointer names stays: one that was written since, or that owes something."""
        subject = _pointed(pointer)
        if subject is None:
            return True  # what cannot be read is not forgotten
        return key(subject) in stays or _owes(await self._get(subject) or {})

    async def intend(self, entry: Entry) -> None:
        await self._keep(entry)

    async def conclude(self, entry: Entry) -> None:
        await self._keep(entry)

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple[Entry, ...]:
        return await self._entries("PartitionKey eq @subject", {"subject": key(subject)}, most)

    async def _entries(self, asked: str, values: dict[str, Any], most: int | None = None) -> tuple[Entry, ...]:
        columns = ["PartitionKey", "RowKey", "entry", "body"]
        found: list[Entry] = []
        for entity in await self._tables.entities(JOURNAL, asked, values, columns, most):
            try:
                found.append(entry_decoder.decode(await self._whole(entity, "entry")))
            except (msgspec.MsgspecError, ValueError, TypeError) as error:
                _log.warning("a journal entry (%s %s) is left out: %s", entity["PartitionKey"], entity["RowKey"], error)
        return tuple(found)

    async def close(self) -> None:
        await self._tables.close()
        await self._bodies.close()

    async def _keep(self, entry: Entry) -> None:
        """Keep an entry. One too long is in the table first, cut, so that an intent waits for no blob."""
        text, entity = text_of(entry), {**entry_keys(entry), **entry_columns(entry)}
        if bodies.fits(text):
            await self._tables.upsert(JOURNAL, {**entity, "entry": text}, merge=False)
            return
        name = f"journal/{entity['PartitionKey']}/{entity['RowKey']}.json"
        cut = text_of(bodies.cut_entry(entry))
        await self._tables.upsert(JOURNAL, {**entity, "entry": cut, "body": name}, merge=False)
        await bodies.keep(self._bodies, name, text)

    async def _whole(self, entity: dict[str, Any], column: str) -> str | bytes:
        """A column's text, from its blob where it did not fit."""
        text: str = entity.get(column) or ""
        name = _body_of(entity)
        return (await bodies.whole(self._bodies, name) if name else None) or text

    async def _row(self, subject: ResourceId, entity: dict[str, Any]) -> Row:
        text = await self._whole(entity, "observed") if _body_of(entity) else None
        return row_in(subject, entity, text)

    async def _get(self, subject: ResourceId) -> dict[str, Any] | None:
        return await self._tables.entity(STATE, keys(subject))

    async def _count(
        self,
        subject: ResourceId,
        change: Callable[[Counters], Counters],
        told: _Told = _NOTHING,
        *,
        proven: bool = False,
    ) -> Counters | None:
        """Change the counters in one step: read, and write what was read and changed, under its ETag. None without any.

        `proven` makes a row of them.
        """
        for tried in range(_MOST_TRIES):
            if tried > 1:
                await asyncio.sleep(random.uniform(0.0, min(_LONGEST_PAUSE, 0.005 * tried)))  # noqa: S311 - no secret
            held = await self._get(subject)
            if held is None:
                return None
            before = counters_in(subject, held)
            after, is_row = change(before), proven or is_proven(held)
            if after == before and is_row == is_proven(held):
                return after
            lacking = {name: value for name, value in told.unless.items() if not held.get(name)}
            columns = {**counted(after, proven=is_row), **told.columns, **lacking}
            if await self._tables.change(STATE, held, {**named(subject, proven=is_row), **columns}):
                return after
        raise LedgerError(f"the row of {subject} is changed by others all the time")

    async def _begun(
        self, subject: ResourceId, change: Callable[[Counters], Counters], at: float, told: _Told, *, known: bool
    ) -> Counters:
        """Change the counters as `_count` does, and begin them where there are none: a subject without proof."""
        for _ in range(_MOST_TRIES):
            if (counters := await self._count(subject, change, told)) is not None:
                return counters
            if not known and await self._is_crowded(subject):
                raise UnprovenError(f"no counters for {subject}: its subscription has too many subjects without proof")
            first = change(Counters(made=at))
            counters = counted(first, proven=False)
            entity = {**named(subject, proven=False), **counters, **brief(Observed()), **told.unless, **told.columns}
            if await self._tables.create(STATE, entity):
                return first
        raise LedgerError(f"the row of {subject} is changed by others all the time")

    async def _is_crowded(self, subject: ResourceId) -> bool:
        asked, values = "PartitionKey eq @partition and unproven ge 0", {"partition": partition(subject)}
        return len(await self._tables.entities(STATE, asked, values, ["RowKey"], self._unproven)) >= self._unproven

    async def _query(self, asked: str, values: dict[str, Any], most: int | None = None) -> tuple[Row, ...]:
        entities = await self._tables.entities(STATE, asked, values, COLUMNS, most)
        found: list[Row] = []
        for entity in entities:
            try:
                found.append(await self._row(ResourceId(entity["id"]), entity))
            except NewerRowError as error:
                _log.warning("%s", error)
            except (KeyError, TypeError, InvalidResourceIdError, AttributeError) as error:
                _log.error("a row of the ledger is left out, since its id cannot be read: %r", error)
        return tuple(found)
