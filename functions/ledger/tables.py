"""The ledger on Azure Table storage."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.ledger import bodies
from functions.ledger.blobs import BlobDocuments
from functions.ledger.entities import (
    COLUMNS,
    counted,
    entry_decoder,
    entry_keys,
    is_pointer,
    key,
    keys,
    named,
    observed_decoder,
    pointer_keys,
    row_in,
    text_of,
)
from functions.ledger.state import VERSION, Counters, Entry, LedgerError, Mark, Observed, Row
from functions.settings import Storage

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

STATE, JOURNAL = "tetherstate", "tetherjournal"

_TIMEOUT = 5.0  # seconds
_WHOLE_TABLE = 6  # times as long: 10,000 rows have taken 8 s of a busy emulator
_MOST_TRIES = 30  # of a counter that others keep changing
# A cluster's zone is written again in each such span, so that it does not expire before its row.
_REFRESHED = 30 * 86400.0  # seconds

_BODY_TIMEOUT = 3.0  # seconds


class TableLedger:
    """One table for the rows and one for the journal, made at first use (entities.py tells the columns).

    What is too long for a table goes to a blob, whose name stands in the column `body`, and is cut in the table.
    """

    def __init__(self, storage: Storage, *, timeout: float = _TIMEOUT) -> None:
        self._storage = storage
        self._timeout = timeout
        self._clients: dict[str, TableClient] = {}
        self._bodies = BlobDocuments(storage, bodies.CONTAINER, timeout=_BODY_TIMEOUT)

    async def read(self, subject: ResourceId) -> Row:
        return await self._row(subject, await self._get(subject) or {})

    async def bump(self, subject: ResourceId, at: float, cause: str = "", target: ResourceId | None = None) -> Counters:
        told = {"bumped": at, "written": at, "target": str(target or subject)}
        return await self._count(subject, lambda counters: counters.bumped(cause), told)

    async def look_again(self, subject: ResourceId, at: float) -> Counters:
        return await self._count(subject, lambda counters: counters.looking(at))

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await self._count(subject, lambda counters: counters.finished(mark, cause, looking=looking))

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        entity = await self._get(subject)
        held = (await self._row(subject, entity or {})).observed
        if held.at > observed.at:
            return
        await self._point(subject, held, observed)
        text, body = text_of(observed), ""
        if not bodies.fits(text):
            name = f"observed/{key(subject)}.json"
            body = name if await bodies.keep(self._bodies, name, text) else ""
            text = text_of(bodies.cut_observed(observed))
        elif entity and entity.get("body"):
            await bodies.forget(self._bodies, entity["body"])
        columns = {"observed": text, "body": body, "written": observed.at}
        if entity is not None or not await self._created({**named(subject), **counted(Counters()), **columns}):
            await self._upsert(STATE, {**keys(subject), **columns}, merge=True)

    async def _created(self, entity: dict[str, Any]) -> bool:
        """Make a row, unless somebody made it meanwhile: its counters must not be overwritten."""
        from azure.core.exceptions import ResourceExistsError

        client = self._client(STATE)
        try:
            await self._asked(lambda: client.create_entity(entity), (ResourceExistsError,))
        except ResourceExistsError:
            return False
        return True

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        entity = await self._entity(STATE, pointer_keys(cluster))
        return ResourceId(entity["subject"]) if entity else None

    async def _point(self, subject: ResourceId, held: Observed, observed: Observed) -> None:
        """Keep what `row_of` needs, where it is not the same as before: first, so that no later write can skip it."""
        now, then = (one.living.casefold() for one in (observed, held))
        if now:
            span = observed.at // _REFRESHED
            if now != then or span != held.at // _REFRESHED:
                told = {"subject": str(subject), "written": observed.at, "pending": False, "version": VERSION}
                await self._upsert(STATE, {**pointer_keys(ResourceId(now)), **told}, merge=False)
        elif then and await self.row_of(ResourceId(then)) == subject:
            await self._delete(STATE, pointer_keys(ResourceId(then)))

    async def overdue(self, before: float) -> tuple[Row, ...]:
        # The SDK fills in parameters word by word, so that a bracket must not touch one.
        asked = "( pending eq true and bumped lt @before ) or ( look_at gt 0.0 and look_at lt @before )"
        return await self._query(asked, {"before": before})

    async def rows(self) -> tuple[Row, ...]:
        return await self._query("seq ge 0", {})

    async def size(self) -> int:
        return len(await self._entities(STATE, "seq ge 0", {}, ["PartitionKey"]))

    async def taken(self, since: float) -> int:
        asked = "at ge @since and action ne 'create' and action ne 'continue'"
        return len(await self._entities(JOURNAL, asked, {"since": since}, ["RowKey"]))

    async def forget(self, before: float) -> int:
        removed = 0
        for table, old in ((STATE, "written lt @before and pending eq false"), (JOURNAL, "at lt @before")):
            for entity in await self._entities(table, old, {"before": before}, ["PartitionKey", "RowKey", "body"]):
                if entity.get("body"):
                    await bodies.forget(self._bodies, entity["body"])
                await self._delete(table, entity)
                removed += not is_pointer(entity)
        return removed

    async def intend(self, entry: Entry) -> None:
        await self._keep(entry)

    async def conclude(self, entry: Entry) -> None:
        await self._keep(entry)

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple[Entry, ...]:
        asked, values = "PartitionKey eq @subject", {"subject": key(subject)}
        entities = await self._entities(JOURNAL, asked, values, ["entry", "body"], most)
        return tuple([entry_decoder.decode(await self._whole(entity, "entry")) for entity in entities])

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        await self._bodies.close()

    async def _keep(self, entry: Entry) -> None:
        """Keep an entry. One too long is in the table first, cut, so that an intent waits for no blob."""
        text, entity = text_of(entry), {**entry_keys(entry), "at": entry.at, "action": entry.action}
        if bodies.fits(text):
            await self._upsert(JOURNAL, {**entity, "entry": text}, merge=False)
            return
        name = f"journal/{entity['PartitionKey']}/{entity['RowKey']}.json"
        cut = text_of(bodies.cut_entry(entry))
        await self._upsert(JOURNAL, {**entity, "entry": cut, "body": name}, merge=False)
        await bodies.keep(self._bodies, name, text)

    async def _whole(self, entity: dict[str, Any], column: str) -> str | bytes:
        """A column's text, from its blob where it did not fit."""
        text: str = entity.get(column) or ""
        return (await bodies.whole(self._bodies, entity["body"]) if entity.get("body") else None) or text

    async def _row(self, subject: ResourceId, entity: dict[str, Any]) -> Row:
        row = row_in(subject, entity)
        if not entity.get("body"):
            return row
        try:
            return msgspec.structs.replace(row, observed=observed_decoder.decode(await self._whole(entity, "observed")))
        except msgspec.MsgspecError as error:
            raise LedgerError(f"the row of {subject} cannot be read: {error}") from None

    async def _upsert(self, table: str, entity: dict[str, Any], *, merge: bool) -> None:
        from azure.data.tables import UpdateMode

        client, mode = self._client(table), UpdateMode.MERGE if merge else UpdateMode.REPLACE
        await self._asked(lambda: client.upsert_entity(entity, mode=mode))

    async def _delete(self, table: str, entity: dict[str, Any]) -> None:
        client = self._client(table)
        await self._asked(lambda: client.delete_entity(entity["PartitionKey"], entity["RowKey"]))

    async def _get(self, subject: ResourceId) -> dict[str, Any] | None:
        return await self._entity(STATE, keys(subject))

    async def _entity(self, table: str, where: dict[str, Any]) -> dict[str, Any] | None:
        from azure.core.exceptions import ResourceNotFoundError

        client = self._client(table)

        async def get() -> dict[str, Any] | None:
            try:
                return await client.get_entity(where["PartitionKey"], where["RowKey"])
            except ResourceNotFoundError:
                return None

        return await self._asked(get)

    async def _count(
        self, subject: ResourceId, change: Callable[[Counters], Counters], more: dict[str, Any] | None = None
    ) -> Counters:
        """Change the counters in one step: read, and write what was read and changed, under its ETag."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError
        from azure.data.tables import UpdateMode

        client = self._client(STATE)
        for _ in range(_MOST_TRIES):
            held = await self._get(subject)
            before = row_in(subject, held or {}).counters
            after = change(before)
            if after == before and held is not None:
                return after
            entity = {**named(subject), **counted(after), **(more or {})}

            async def write(held: dict[str, Any] | None = held, entity: dict[str, Any] = entity) -> None:
                if held is None:
                    await client.create_entity(entity)
                    return
                etag = getattr(held, "metadata")["etag"]  # noqa: B009 - azure-data-tables' entity is a dict with more
                await client.update_entity(
                    entity, mode=UpdateMode.MERGE, etag=etag, match_condition=MatchConditions.IfNotModified
                )

            try:
                await self._asked(write, (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError))
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                continue  # someone else was first: read again
            return after
        raise LedgerError(f"the row of {subject} is changed by others all the time")

    async def _query(self, asked: str, values: dict[str, Any]) -> tuple[Row, ...]:
        entities = await self._entities(STATE, asked, values, COLUMNS)
        return tuple([await self._row(ResourceId(entity["id"]), entity) for entity in entities])

    async def _entities(
        self, table: str, asked: str, values: dict[str, Any], columns: list[str] | None, most: int | None = None
    ) -> list[dict[str, Any]]:
        client = self._client(table)

        async def get() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            async for entity in client.query_entities(asked, parameters=values, select=columns):
                found.append(entity)
                if most is not None and len(found) >= most:
                    break
            return found

        return await self._asked(get, patience=_WHOLE_TABLE if most is None else 1)

    async def _asked[T](
        self, call: Callable[[], Awaitable[T]], expected: tuple[type[Exception], ...] = (), patience: int = 1
    ) -> T:
        """Carry out a call; make the tables first when they are not there. What is `expected` comes through."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            async with asyncio.timeout(self._timeout * patience):
                try:
                    return await call()
                except ResourceNotFoundError:
                    # The SDK does not always say whether the table or the entity is missing (seen with 12.7).
                    await self._create_tables()
                    return await call()
        except expected:
            raise
        except (AzureError, TimeoutError) as error:
            # The error's text may hold the address with a signature: the type says enough.
            raise LedgerError(f"the ledger cannot be reached ({type(error).__name__})") from None

    async def _create_tables(self) -> None:
        from azure.core.exceptions import ResourceExistsError

        for table in (STATE, JOURNAL):
            try:
                await self._client(table).create_table()
            except ResourceExistsError:
                continue

    def _client(self, table: str) -> Any:  # azure-data-tables leaves **kwargs untyped
        if table not in self._clients:
            from azure.data.tables.aio import TableClient

            from functions.arm.credential import platform_credential

            if self._storage.connection_string:
                client = TableClient.from_connection_string(
                    self._storage.connection_string, table, retry_total=0, logging_enable=False
                )
            else:
                client = TableClient(
                    self._storage.table_service or "",
                    table,
                    credential=platform_credential(self._storage.client_id),
                    retry_total=0,
                )
            self._clients[table] = client
        return self._clients[table]
