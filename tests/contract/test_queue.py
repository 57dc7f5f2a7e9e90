"""The contract of the work queue: the real one, on Azurite, and the one that the simulation uses keep the same."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from azure.storage.queue import BinaryBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from functions.queue import POISON, QUEUE, QueueError, StorageQueue, WorkQueue
from functions.settings import Storage
from functions.work import decode
from localazure.azurite import azurite
from tests.scenarios.story import MemoryQueue
from tests.unit.test_work import WORK

pytestmark = pytest.mark.parametrize("kind", ["storage", "memory"])


@dataclass
class Seam:
    """A queue, and the other end of it."""

    queue: WorkQueue
    connection: str = ""

    async def visible(self) -> list[bytes]:
        if isinstance(self.queue, MemoryQueue):
            taken: list[bytes] = []

            async def keep(body: bytes) -> None:
                taken.append(body)

            await self.queue.drain(keep)
            return taken
        return await self._received(QUEUE)

    async def poison(self) -> list[bytes]:
        return self.queue.poison if isinstance(self.queue, MemoryQueue) else await self._received(POISON)

    async def _received(self, name: str) -> list[bytes]:
        policy = BinaryBase64DecodePolicy()
        async with QueueClient.from_connection_string(self.connection, name, message_decode_policy=policy) as client:
            return [message.content async for message in client.receive_messages()]


@pytest.fixture
async def seam(kind: str) -> AsyncIterator[Seam]:
    if kind == "memory":
        yield Seam(MemoryQueue(asyncio.get_running_loop().time))
        return
    async with azurite() as storage:
        queue = StorageQueue(Storage(connection_string=storage.connection_string))
        yield Seam(queue, storage.connection_string)
        await queue.close()


async def test_work_arrives_as_it_was_sent_even_when_the_queue_was_not_there(seam: Seam) -> None:
    await seam.queue.send(WORK, 0)
    (body,) = await seam.visible()
    assert decode(body) == WORK


async def test_a_queue_that_many_use_first_at_once_is_made_once(seam: Seam) -> None:
    await asyncio.gather(*(seam.queue.send(WORK, 0) for _ in range(5)))
    assert len([body for _ in range(5) for body in await seam.visible()]) == 5


async def test_delayed_work_is_not_seen_before_its_time(seam: Seam) -> None:
    await seam.queue.send(WORK, 0.3)  # storage knows whole seconds only, and a second early is too early
    assert await seam.visible() == []
    await asyncio.sleep(1.3)
    assert len(await seam.visible()) == 1


async def test_any_delay_is_taken(seam: Seam) -> None:
    await seam.queue.send(WORK, -5)
    await seam.queue.send(WORK, 10_000_000)
    assert len(await seam.visible()) == 1


async def test_what_is_buried_is_kept_as_it_came(seam: Seam) -> None:
    await seam.queue.bury(b"\x00junk\xff")
    assert await seam.poison() == [b"\x00junk\xff"]


async def test_a_queue_that_cannot_be_reached_says_so_without_its_key(kind: str) -> None:
    if kind == "memory":
        queue: WorkQueue = MemoryQueue(asyncio.get_running_loop().time, down=True)
    else:
        account = "AccountName=a;AccountKey=c2VjcmV0"
        connection = f"DefaultEndpointsProtocol=http;{account};QueueEndpoint=http://127.0.0.1:9/a;"
        queue = StorageQueue(Storage(connection_string=connection))
    with pytest.raises(QueueError) as failed:
        await queue.send(WORK, 0)
    assert "c2VjcmV0" not in str(failed.value)
    if isinstance(queue, StorageQueue):
        await queue.close()
