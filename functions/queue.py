"""The work queue: Azure Storage, since a message there can be sent to be seen later."""

import asyncio
import contextlib
import math
from typing import TYPE_CHECKING, Protocol

from functions import work
from functions.settings import Storage
from functions.work import Work

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient

QUEUE = "tether-work"
POISON = f"{QUEUE}-poison"  # the Functions host's own name for it

# The longest that a message may stay hidden (Azure Storage, Put Message: 7 days).
_LONGEST_DELAY = 7 * 24 * 3600
_TIMEOUT = 5  # seconds


class QueueError(Exception):
    """The queue could not be reached, so that the caller must not say that the work is safe."""


class WorkQueue(Protocol):
    """What the loop needs of a queue. A message that was sent is never lost, and may come twice."""

    async def send(self, item: Work, delay: float) -> None:
        """Let `item` be worked on after `delay` seconds. Raises QueueError."""
        ...

    async def bury(self, body: bytes) -> None:
        """Put a message that no worker can read where a person will find it. Raises QueueError."""
        ...


class StorageQueue:
    """The work queue on Azure Storage, made at first use if it is not there."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._clients: dict[str, QueueClient] = {}

    async def send(self, item: Work, delay: float) -> None:
        await self.put(QUEUE, work.encode(item), delay, makes=True)

    async def bury(self, body: bytes) -> None:
        await self.put(POISON, body, makes=True)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def put(self, queue: str, body: bytes, delay: float = 0.0, *, makes: bool = False) -> None:
        """Put a message into any queue of the account; `makes` one that is not there. Raises QueueError."""
        from azure.core.exceptions import AzureError, ResourceNotFoundError

        hidden = min(max(0, math.ceil(delay)), _LONGEST_DELAY)  # whole seconds, and never too early
        client = self._client(queue)
        try:
            async with asyncio.timeout(_TIMEOUT):
                try:
                    await client.send_message(body, visibility_timeout=hidden, time_to_live=-1)
                except ResourceNotFoundError:
                    if not makes:
                        raise
                    await _create(client)
                    await client.send_message(body, visibility_timeout=hidden, time_to_live=-1)
        except (AzureError, TimeoutError) as error:
            # The error's text may hold the address with a signature: the type says enough.
            raise QueueError(f"the queue {queue} cannot be reached ({type(error).__name__})") from None

    def _client(self, queue: str) -> "QueueClient":
        if queue not in self._clients:
            from azure.storage.queue import BinaryBase64DecodePolicy, BinaryBase64EncodePolicy
            from azure.storage.queue.aio import QueueClient

            from functions.arm.credential import platform_credential

            # base64 is what the Functions host expects (host.json, extensions.queues.messageEncoding).
            encode, decode = BinaryBase64EncodePolicy(), BinaryBase64DecodePolicy()
            if self._storage.connection_string:
                client = QueueClient.from_connection_string(
                    self._storage.connection_string,
                    queue,
                    message_encode_policy=encode,
                    message_decode_policy=decode,
                    retry_total=0,
                )
            else:
                client = QueueClient(
                    self._storage.queue_service or "",
                    queue,
                    credential=platform_credential(self._storage.client_id),
                    message_encode_policy=encode,
                    message_decode_policy=decode,
                    retry_total=0,
                )
            self._clients[queue] = client
        return self._clients[queue]


async def _create(client: "QueueClient") -> None:
    """Make the queue, or find that someone else just did."""
    from azure.core.exceptions import ResourceExistsError

    with contextlib.suppress(ResourceExistsError):
        await client.create_queue()
