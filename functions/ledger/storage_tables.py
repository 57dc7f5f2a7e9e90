"""Calls of Azure Table storage: bounded in time, with the tables made when they are first missed.

Nothing of the SDK is imported before the first call, so that an event that concerns nobody costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from functions.ledger.state import LedgerError
from functions.settings import Storage

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_WHOLE_TABLE = 6  # times as long: 10,000 rows have taken 8 s of a busy emulator
_PAGE = 1000  # entities, the most that the service gives at once


class StorageTables:
    """Tables of these names. Every call raises LedgerError when storage refuses it or takes `timeout` seconds."""

    def __init__(self, storage: Storage, names: tuple[str, ...], timeout: float) -> None:
        self._storage = storage
        self._names = names
        self._timeout = timeout
        self._clients: dict[str, TableClient] = {}

    async def entity(self, table: str, where: dict[str, Any]) -> dict[str, Any] | None:
        """The entity with these keys, None where there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        client = self._client(table)

        async def get() -> dict[str, Any] | None:
            try:
                return await client.get_entity(where["PartitionKey"], where["RowKey"])
            except ResourceNotFoundError:
                return None

        return await self._asked(get)

    async def entities(
        self, table: str, asked: str, values: dict[str, Any], columns: list[str] | None, most: int | None = None
    ) -> list[dict[str, Any]]:
        """What a filter finds, in order of keys: all, or the first `most`."""
        client = self._client(table)
        page = min(most or _PAGE, _PAGE)

        async def get() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            async for entity in client.query_entities(asked, parameters=values, select=columns, results_per_page=page):
                found.append(entity)
                if most is not None and len(found) >= most:
                    break
            return found

        return await self._asked(get, patience=_WHOLE_TABLE if most is None else 1)

    async def upsert(self, table: str, entity: dict[str, Any], *, merge: bool) -> None:
        """Write an entity, whatever is there: only its columns (`merge`), or the whole."""
        from azure.data.tables import UpdateMode

        client, mode = self._client(table), UpdateMode.MERGE if merge else UpdateMode.REPLACE
        await self._asked(lambda: client.upsert_entity(entity, mode=mode))

    async def create(self, table: str, entity: dict[str, Any]) -> bool:
        """Make an entity. False, and nothing written, where there is one."""
        from azure.core.exceptions import ResourceExistsError

        client = self._client(table)
        return await self._unless(lambda: client.create_entity(entity), (ResourceExistsError,))

    async def change(self, table: str, held: dict[str, Any], entity: dict[str, Any]) -> bool:
        """Write an entity's columns. False, and nothing written, where it is no longer as it was when read (`held`)."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError
        from azure.data.tables import UpdateMode

        client = self._client(table)
        etag = getattr(held, "metadata")["etag"]  # noqa: B009 - azure-data-tables' entity is a dict with more
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        return await self._unless(
            lambda: client.update_entity(entity, mode=UpdateMode.MERGE, **condition),
            (ResourceModifiedError, ResourceNotFoundError),
        )

    async def delete(self, table: str, entity: dict[str, Any]) -> None:
        client = self._client(table)
        await self._asked(lambda: client.delete_entity(entity["PartitionKey"], entity["RowKey"]))

    async def remove(self, table: str, held: dict[str, Any]) -> bool:
        """Delete an entity. False, and nothing deleted, where it is no longer as it was when read (`held`)."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        client = self._client(table)
        etag = getattr(held, "metadata")["etag"]  # noqa: B009 - as above
        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
        return await self._unless(
            lambda: client.delete_entity(held["PartitionKey"], held["RowKey"], **condition),
            (ResourceModifiedError, ResourceNotFoundError),
        )

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _unless(self, write: Callable[[], Awaitable[Any]], lost: tuple[type[Exception], ...]) -> bool:
        """Whether a write was made, rather than `lost` to somebody who was first."""
        try:
            await self._asked(write, lost)
        except lost:
            return False
        return True

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

        for table in self._names:
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
