"""The second app's queue, as the plain app writes to it: the real one, on Azurite."""

import pytest
from azure.storage.queue import BinaryBase64DecodePolicy
from azure.storage.queue.aio import QueueClient

from functions import second_app
from functions.queue import QueueError, StorageQueue
from functions.second_app import Ask, QueuedSecondApp
from functions.settings import Storage
from localazure.azurite import azurite
from tests.unit.worlds import CLUSTER_ID


async def test_the_second_app_is_asked_in_its_queue_which_the_plain_one_never_makes() -> None:
    ask = Ask(cluster=CLUSTER_ID, handler="failed_clusters")
    async with azurite() as storage:
        queue = StorageQueue(Storage(connection_string=storage.connection_string))
        second = QueuedSecondApp(queue)
        with pytest.raises(QueueError):
            await second.ask(ask)
        policy = BinaryBase64DecodePolicy()
        name = second_app.QUEUE
        async with QueueClient.from_connection_string(
            storage.connection_string, name, message_decode_policy=policy
        ) as client:
            await client.create_queue()
            await second.ask(ask)
            (message,) = [message async for message in client.receive_messages()]
        assert second_app.decode(message.content) == ask
        await queue.close()
