"""The ledger on Azure Table storage."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook, encode_hook
from functions.ledger.state import VERSION, Counters, Entry, LedgerError, Mark, NewerRowError, Observed, Row
from functions.settings import Storage

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

STATE, JOURNAL = "tetherstate", "tetherjournal"

_TIMEOUT = 5.0  # seconds
_MOST_TRIES = 30  # of a counter that others keep changing
_FAR = 10**13  # milliseconds, far in the future: the newest entry of the journal sorts first

_observed = msgspec.json.Decoder(Observed, dec_hook=decode_hook)
_entry = msgspec.json.Decoder(Entry, dec_hook=decode_hook)
_encode = msgspec.json.Encoder(enc_hook=encode_hook).encode


class TableLedger:
    """One table for the rows and one for the journal, made at first use.

    A row's partition is its subscription, so that a scan of one is cheap; a key is a hash of the id in lower case,
    since table keys take no slashes, and the id itself stands in a column.
    """

    def __init__(self, storage: Storage, *, timeout: float = _TIMEOUT) -> None:
        self._storage = storage
        self._timeout = timeout
        self._clients: dict[str, TableClient] = {}

    async def read(self, subject: ResourceId) -> Row:
        return _row(subject, await self._get(subject) or {})

    async def bump(self, subject: ResourceId, at: float, cause: str = "", target: ResourceId | None = None) -> Counters:
        told = {"bumped": at, "written": at, "target": str(target or subject)}
        return await self._count(subject, lambda counters: counters.bumped(cause), told)

    async def look_again(self, subject: ResourceId, at: float) -> Counters:
        return await self._count(subject, lambda counters: counters.looking(at))

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        await self._count(subject, lambda counters: counters.finished(mark, cause, looking=looking))

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        held = _row(subject, await self._get(subject) or {})
        if held.observed.at > observed.at:
            return
        columns = {"observed": _encode(observed).decode(), "written": observed.at}
        await self._merge(subject, columns)

    async def overdue(self, before: float) -> tuple[Row, ...]:
        # The SDK fills in parameters word by word, so that a bracket must not touch one.
        asked = "( pending eq true and bumped lt @before ) or ( look_at gt 0.0 and look_at lt @before )"
        return await self._query(asked, {"before": before})

    async def rows(self) -> tuple[Row, ...]:
        return await self._query("seq ge 0", {})

    async def taken(self, since: float) -> int:
        asked = "at ge @since and action ne 'create'"
        return len(await self._entities(JOURNAL, asked, {"since": since}, ["RowKey"]))

    async def forget(self, before: float) -> int:
        removed = 0
        for table, old in ((STATE, "written lt @before and pending eq false"), (JOURNAL, "at lt @before")):
            client = self._client(table)
            for entity in await self._entities(table, old, {"before": before}, ["PartitionKey", "RowKey"]):
                await self._asked(lambda entity=entity, client=client: client.delete_entity(entity))
                removed += 1
        return removed

    async def intend(self, entry: Entry) -> None:
        await self._keep(entry)

    async def conclude(self, entry: Entry) -> None:
        await self._keep(entry)

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple[Entry, ...]:
        entities = await self._entities(
            JOURNAL, "PartitionKey eq @subject", {"subject": _key(subject)}, ["entry"], most
        )
        return tuple(_entry.decode(entity["entry"]) for entity in entities)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _keep(self, entry: Entry) -> None:
        from azure.data.tables import UpdateMode

        key = f"{_FAR - int(entry.at * 1000):014d}-{entry.id}"
        entity = {
            "PartitionKey": _key(entry.subject),
            "RowKey": key,
            "at": entry.at,
            "action": entry.action,
            "entry": _encode(entry).decode(),
        }
        client = self._client(JOURNAL)
        await self._asked(lambda: client.upsert_entity(entity, mode=UpdateMode.REPLACE))

    async def _get(self, subject: ResourceId) -> dict[str, Any] | None:
        from azure.core.exceptions import ResourceNotFoundError

        client = self._client(STATE)

        async def get() -> dict[str, Any] | None:
            try:
                return await client.get_entity(_partition(subject), _key(subject))
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
            before = _row(subject, held or {}).counters
            after = change(before)
            if after == before and held is not None:
                return after
            entity = {**_named(subject), **_counted(after), **(more or {})}

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

    async def _merge(self, subject: ResourceId, columns: dict[str, Any]) -> None:
        from azure.data.tables import UpdateMode

        client = self._client(STATE)
        fresh = await self._get(subject) is None
        entity = {**_named(subject), **_counted(Counters()), **columns} if fresh else columns
        keys = {"PartitionKey": _partition(subject), "RowKey": _key(subject)}
        await self._asked(lambda: client.upsert_entity({**keys, **entity}, mode=UpdateMode.MERGE))

    async def _query(self, asked: str, values: dict[str, Any]) -> tuple[Row, ...]:
        entities = await self._entities(STATE, asked, values, None)
        return tuple(_row(ResourceId(entity["id"]), entity) for entity in entities)

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

        return await self._asked(get)

    async def _asked[T](self, call: Callable[[], Awaitable[T]], expected: tuple[type[Exception], ...] = ()) -> T:
        """Carry out a call; make the tables first when they are not there. What is `expected` comes through."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        try:
            async with asyncio.timeout(self._timeout):
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


def _partition(subject: ResourceId) -> str:
    return subject.subscription.casefold()


def _key(subject: ResourceId) -> str:
    return hashlib.sha256(str(subject).casefold().encode()).hexdigest()[:40]


def _named(subject: ResourceId) -> dict[str, Any]:
    return {"PartitionKey": _partition(subject), "RowKey": _key(subject), "id": str(subject), "version": VERSION}


def _counted(counters: Counters) -> dict[str, Any]:
    return {
        "seq": counters.seq,
        "done": counters.done,
        "look": counters.look,
        "look_at": counters.look_at,
        "causes": _encode(counters.causes).decode(),
        "pending": counters.pending,
    }


def _row(subject: ResourceId, entity: dict[str, Any]) -> Row:
    """The row in an entity. Raises NewerRowError for one that a newer version wrote."""
    if int(entity.get("version", VERSION)) > VERSION:
        raise NewerRowError(f"the row of {subject} was written by a newer version of Tether and is left alone")
    try:
        counters = Counters(
            seq=int(entity.get("seq", 0)),
            done=int(entity.get("done", 0)),
            look=int(entity.get("look", 0)),
            look_at=float(entity.get("look_at", 0.0)),
            causes=msgspec.json.decode(entity.get("causes") or "[]", type=tuple[str, ...]),
        )
        observed = _observed.decode(entity["observed"]) if entity.get("observed") else Observed()
    except (msgspec.MsgspecError, ValueError) as error:
        raise LedgerError(f"the row of {subject} cannot be read: {error}") from None
    return Row(subject, counters, observed, str(entity.get("target", "")))
