"""Messages that nobody could finish: how many there are, and putting them back."""

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from functions import work
from functions.http.answers import Replayed
from functions.queue import POISON, QueueError, WorkQueue
from functions.settings import Storage

if TYPE_CHECKING:
    from azure.storage.queue import QueueMessage
    from azure.storage.queue.aio import QueueClient

_TIMEOUT = 5.0  # seconds a call

# So that one request ends in time: the rest is for another one.
MOST_REPLAYED = 256

# How long a message that was looked at stays hidden. It is back by then when it was not put back or removed.
_HIDDEN = 60  # seconds
_BATCH = 32  # the most that one read takes (Azure Storage, Get Messages)


class Queues(Protocol):
    """The storage queues as a person sees them. Every call may raise QueueError."""

    async def depth(self, queue: str) -> int:
        """About how many messages there are, those that are not to be seen yet included. 0 where there is no queue."""
        ...

    async def replay(self, onto: WorkQueue, by: str) -> Replayed:
        """Put the poison queue's messages back to be worked on; those that no worker can read stay where they are."""
        ...


class PoisonQueue:
    """The real ones, on Azure Storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._clients: dict[str, QueueClient] = {}

    async def depth(self, queue: str) -> int:
        client = self._client(queue)
        properties = await _there(queue, client.get_queue_properties)
        return 0 if properties is None else properties.approximate_message_count or 0

    async def replay(self, onto: WorkQueue, by: str) -> Replayed:
        client = self._client(POISON)
        replayed = left = 0
        while replayed + left < MOST_REPLAYED and (messages := await self._received(client)):
            for message in messages:
                item = readable(message.content)
                if item is None:
                    left += 1
                    continue
                # First sent and then removed: whoever dies in between leaves it twice, never lost.
                await onto.send(anew(item, by), 0)
                await _there(POISON, lambda message=message: client.delete_message(message))
                replayed += 1
        return Replayed(replayed=replayed, left=left)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _received(self, client: "QueueClient") -> "list[QueueMessage]":
        async def receive() -> "list[QueueMessage]":
            pages = client.receive_messages(max_messages=_BATCH, messages_per_page=_BATCH, visibility_timeout=_HIDDEN)
            return [message async for message in pages]

        return await _there(POISON, receive) or []

    def _client(self, queue: str) -> "QueueClient":
        """Without a policy that decodes: a message that is no base64 would make the whole read fail."""
        if queue not in self._clients:
            from azure.storage.queue.aio import QueueClient

            from functions.arm.credential import platform_credential

            if self._storage.connection_string:
                client = QueueClient.from_connection_string(self._storage.connection_string, queue, retry_total=0)
            else:
                client = QueueClient(
                    self._storage.queue_service or "",
                    queue,
                    credential=platform_credential(self._storage.client_id),
                    retry_total=0,
                )
            self._clients[queue] = client
        return self._clients[queue]


def readable(content: Any) -> work.Work | None:
    """The Work in a message as it lies in the queue, None for what no worker of this version can read."""
    try:
        return work.decode(base64.b64decode(content, validate=True))
    except (work.NotWorkError, binascii.Error, TypeError, ValueError):
        return None


def anew(item: work.Work, by: str) -> work.Work:
    """The Work as it is put back: from the first attempt, whatever its row says by now, in the name of who asked."""
    return msgspec.structs.replace(item, attempt=0, always=True, by=by)


async def _there[T](queue: str, call: Callable[[], Awaitable[T]]) -> T | None:
    """Carry out a call; None when there is no such queue (or message). Raises QueueError."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError

    try:
        async with asyncio.timeout(_TIMEOUT):
            return await call()
    except ResourceNotFoundError:
        return None
    except (AzureError, TimeoutError) as error:
        # The error's text may hold the address with a signature: the type says enough.
        raise QueueError(f"the queue {queue} cannot be reached ({type(error).__name__})") from None
