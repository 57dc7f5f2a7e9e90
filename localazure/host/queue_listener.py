"""Queue triggers: polls a storage queue and runs a function for each message, as the WebJobs SDK's listener does.

Source: Learn, "Azure Queue storage trigger for Azure Functions", and the public sources of the WebJobs extensions
(QueueListener, QueueProcessor, RandomizedExponentialBackoffStrategy).
"""

import asyncio
import base64
import logging
from datetime import datetime
from random import Random
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from localazure.clock import Clock
from localazure.host.bindings import Function
from localazure.host.host_json import QueueSettings
from localazure.host.routes import Invoke
from localazure.host.worker_process import Invoked, WorkerGone

_log = logging.getLogger(__name__)
LEASE = 600.0  # seconds of Azure's time that a message stays hidden once it was handed out
SHORTEST_LEASE = 5.0  # real seconds: less would run out in the hands of a busy laptop before it can be renewed
SHORTEST_POLL = 0.1  # seconds; what the waits grow from


class Backoff:
    """Seconds until the next poll of a queue found empty: longer and longer, from 100 ms up to `longest`."""

    def __init__(self, longest: float, random: Random) -> None:
        self._longest = longest
        self._random = random
        self._misses = 0

    def found(self) -> None:
        """Messages came: begin anew."""
        self._misses = 0

    def missed(self) -> float:
        """Doubles from the shortest interval with ±20 % of jitter, on top of that interval."""
        grown = self._random.uniform(0.8, 1.2) * 2.0 ** min(self._misses, 30) * SHORTEST_POLL
        self._misses += 1
        return min(self._longest, SHORTEST_POLL + grown)


class QueueListener:
    """Listens for one function until cancelled."""

    def __init__(
        self,
        function: Function,
        connection: str,
        settings: QueueSettings,
        clock: Clock,
        invoke: Invoke,
        random: Random,
    ) -> None:
        self.function = function
        name: str = function.trigger["queueName"]
        self._queue = QueueClient.from_connection_string(connection, name, retry_total=0)
        self._poison = QueueClient.from_connection_string(connection, f"{name}-poison", retry_total=0)
        self._settings = settings
        self._clock = clock
        self._invoke = invoke
        self._backoff = Backoff(settings.max_polling_interval, random)
        self._processing: set[asyncio.Task[None]] = set()

    @property
    def lease(self) -> int:
        """Whole seconds of real time, which is what the storage service counts in."""
        return round(max(SHORTEST_LEASE, self._clock.ours(LEASE)))

    async def run(self) -> None:
        """Poll for ever. Running invocations are let go when this is cancelled: their messages stay leased."""
        try:
            async with self._queue, self._poison:
                while True:
                    await self._poll()
        finally:
            for task in self._processing:
                task.cancel()
            await asyncio.gather(*self._processing, return_exceptions=True)

    async def _poll(self) -> None:
        try:
            messages = [message async for message in self._receive()]
        except ResourceNotFoundError:
            messages = []  # the queue is made by whoever first writes to it
        except AzureError as error:
            _log.warning("queue %s cannot be read: %s", self._queue.queue_name, error.message)
            messages = []
        for message in messages:
            task = asyncio.get_running_loop().create_task(self._process(message))
            self._processing.add(task)
            task.add_done_callback(self._ended)
        if not messages:
            await asyncio.sleep(self._backoff.missed())
            return
        self._backoff.found()
        while len(self._processing) > self._settings.new_batch_threshold:
            await asyncio.wait(self._processing, return_when=asyncio.FIRST_COMPLETED)

    def _receive(self) -> Any:
        size = self._settings.batch_size
        return self._queue.receive_messages(messages_per_page=size, max_messages=size, visibility_timeout=self.lease)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._processing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a message of queue %s was left to its lease: %r", self._queue.queue_name, error)

    async def _process(self, message: QueueMessage) -> None:
        dequeued = message.dequeue_count or 0
        if dequeued > self._settings.max_dequeue_count:
            await self._to_poison(message)
            return
        renewing = asyncio.get_running_loop().create_task(self._renew(message))
        try:
            done = await self._run(message)
        except WorkerGone as error:
            # As if the whole instance had been taken away: nobody gives the message back, its lease has to run out.
            _log.warning("%s: message %s stays hidden: %s", self.function.name, message.id, error)
            return
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
        if done.ok:
            await self._queue.delete_message(message)
            return
        _log.error("%s failed on message %s, attempt %s: %s", self.function.name, message.id, dequeued, done.error)
        if dequeued >= self._settings.max_dequeue_count:
            await self._to_poison(message)
        else:
            await self._queue.update_message(message, visibility_timeout=round(self._settings.visibility_timeout))

    async def _run(self, message: QueueMessage) -> Invoked:
        content = str(message.content)
        try:
            body = base64.b64decode(content, validate=True).decode() if self._settings.base64 else content
        except ValueError as error:
            return Invoked(False, None, {}, f"the message is not base64 text, as host.json says: {error}")
        metadata = {
            "Id": {"string": message.id},
            "DequeueCount": {"json": str(message.dequeue_count)},
            "PopReceipt": {"string": message.pop_receipt},
            "InsertionTime": _instant(message.inserted_on),
            "ExpirationTime": _instant(message.expires_on),
            "NextVisibleTime": _instant(message.next_visible_on),
        }
        return await self._invoke(self.function.name, {self.function.argument: {"string": body}}, metadata)

    async def _renew(self, message: QueueMessage) -> None:
        """Lengthen the lease at half of it for as long as the function runs, as the listener does."""
        while True:
            await asyncio.sleep(self.lease / 2)
            renewed = await self._queue.update_message(message, visibility_timeout=self.lease)
            message.pop_receipt = renewed.pop_receipt

    async def _to_poison(self, message: QueueMessage) -> None:
        _log.error("%s: message %s goes to %s", self.function.name, message.id, self._poison.queue_name)
        try:
            await self._poison.send_message(message.content)
        except ResourceNotFoundError:
            await self._make_poison_queue()
            await self._poison.send_message(message.content)
        await self._queue.delete_message(message)

    async def _make_poison_queue(self) -> None:
        try:
            await self._poison.create_queue()
        except ResourceExistsError:
            _log.info("queue %s was made meanwhile", self._poison.queue_name)


def _instant(at: datetime | None) -> dict[str, str]:
    return {"json": f'"{at.isoformat()}"' if at else "null"}
