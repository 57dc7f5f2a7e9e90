"""Documents on Azure Blob storage: drift reports, plans and approvals, and what is too long for a table."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from functions.ledger.reports import ReportsError
from functions.settings import Storage

if TYPE_CHECKING:
    from azure.storage.blob.aio import ContainerClient

CONTAINER = "tether-reports"

_TIMEOUT = 15.0  # seconds

# A body goes up in parts of this size: sent in one, a megabyte holds up everything else that the worker does.
_PART = 512 * 1024  # bytes


class BlobDocuments:
    """Documents as blobs of one container, made at first use. A call takes `timeout` seconds at most."""

    def __init__(self, storage: Storage, container: str = CONTAINER, *, timeout: float = _TIMEOUT) -> None:
        self._storage = storage
        self._name = container
        self._timeout = timeout
        self._client: ContainerClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def read(self, name: str) -> bytes | None:
        from azure.core.exceptions import ResourceNotFoundError

        async def get() -> bytes | None:
            try:
                return await (await self._container().download_blob(name)).readall()
            except ResourceNotFoundError:
                return None

        return await self._asked(get)

    async def write(self, name: str, body: bytes) -> None:
        from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
        from azure.storage.blob import ContentSettings

        async def put() -> None:
            client, settings = self._container(), ContentSettings(content_type="application/json")
            try:
                await client.upload_blob(name, body, overwrite=True, content_settings=settings)
            except ResourceNotFoundError:
                with contextlib.suppress(ResourceExistsError):  # another worker was first
                    await client.create_container()
                await client.upload_blob(name, body, overwrite=True, content_settings=settings)

        await self._asked(put)

    async def remove(self, name: str) -> None:
        """Remove a document, or see that there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        async def gone() -> None:
            with contextlib.suppress(ResourceNotFoundError):
                await self._container().delete_blob(name)

        await self._asked(gone)

    async def names(self, prefix: str) -> list[str]:
        from azure.core.exceptions import ResourceNotFoundError

        async def found() -> list[str]:
            try:
                return [name async for name in self._container().list_blob_names(name_starts_with=prefix)]
            except ResourceNotFoundError:
                return []

        return await self._asked(found)

    def _container(self) -> "ContainerClient":
        if self._client is None:
            from azure.storage.blob.aio import ContainerClient

            from functions.arm.credential import platform_credential

            how: dict[str, Any] = {"retry_total": 0, "max_single_put_size": _PART, "max_block_size": _PART}
            if self._storage.connection_string:
                self._client = ContainerClient.from_connection_string(
                    self._storage.connection_string, self._name, **how
                )
            else:
                self._client = ContainerClient(
                    self._storage.blob_service or "",
                    self._name,
                    credential=platform_credential(self._storage.client_id),
                    **how,
                )
        return self._client

    async def _asked[T](self, call: Callable[[], Awaitable[T]]) -> T:
        from azure.core.exceptions import AzureError

        try:
            async with asyncio.timeout(self._timeout):
                return await call()
        except (AzureError, TimeoutError) as error:
            # The error's text may hold the address with a signature: the type says enough.
            raise ReportsError(f"the blobs of {self._name} cannot be reached ({type(error).__name__})") from None
