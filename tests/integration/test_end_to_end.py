"""The app in Microsoft's runtime, over real sockets: https to ARM, Azurite's queue, Event Grid's webhook."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from localazure import fault_effects as effects
from localazure.running import Running, running
from localazure.up import policy_for
from localazure.world import HubAndSpoke, cluster_request, hub_and_spoke

ROOT = Path(__file__).parents[2]
SPEED = 60.0
LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"


async def create(local: Running, world: HubAndSpoke) -> str:
    cluster = f"{world.group}/providers/Microsoft.ContainerService/managedClusters/team"
    url = f"{local.http}{cluster}?api-version=2026-08-01"
    body = cluster_request(world.node_subnet, world.location)
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person,
        person.put(url, json=body) as answer,
    ):
        assert answer.status == 201
    return cluster


async def until(what: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something comes true within so many real seconds."""
    try:
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True


def linked(local: Running) -> dict[str, str]:
    """The owners of the Completed links, by the name of the VNet they lead to."""
    return {
        link.properties["virtualNetwork"]["id"].rpartition("/")[2]: (link.body.get("tags") or {}).get(
            "tether-owner", ""
        )
        for link in local.azure.store.of_type(LINKS)
        if link.properties["virtualNetworkLinkState"] == "Completed"
    }


def state(local: Running, cluster: str) -> str:
    held: Any = local.azure.store.get(cluster)
    return held.properties["provisioningState"]


async def waiting(local: Running, queue: str = "tether-work") -> int:
    """How many messages a queue holds, those that are not to be seen yet included."""
    assert local.storage is not None
    async with QueueClient.from_connection_string(local.storage.connection_string, queue) as client:
        try:
            return (await client.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0


async def test_a_cluster_comes_up_and_the_queue_is_left_empty() -> None:
    async with running(speed=SPEED) as local:
        world = hub_and_spoke(local.azure, second_hub=True)
        async with local.app(ROOT, policy=policy_for(world)):
            cluster = await create(local, world)
            assert await until(lambda: state(local, cluster) == "Succeeded")
            assert linked(local) == {"hub-westeurope": "local", "agents-westeurope": "local", "spoke-1": ""}
            async with asyncio.timeout(45):  # `watch` comes every second here, and may ask for a look in 30 real ones
                while await waiting(local):
                    await asyncio.sleep(0.2)
        assert local.azure.failures == []


async def test_connections_that_drop_on_the_way_do_not_keep_it_from_coming_up() -> None:
    # Tether's pauses are real seconds, so this Azure runs slower; aiohttp sends a dropped PUT or GET once more itself.
    async with running(speed=SPEED / 2) as local:
        world = hub_and_spoke(local.azure)
        local.faults.add(effects.dropped_before(), method="GET", times=2)
        local.faults.add(effects.dropped_after(), method="PUT", path="/tether-", times=2)
        async with local.app(ROOT, policy={**policy_for(world), "discoverResolvers": False}):
            cluster = await create(local, world)
            assert await until(lambda: state(local, cluster) == "Succeeded")
            assert linked(local)["hub-westeurope"] == "local"


async def test_with_a_broken_policy_the_event_is_kept_and_nothing_is_written() -> None:
    async with running(speed=SPEED) as local:
        world = hub_and_spoke(local.azure)
        broken = json.dumps({**policy_for(world), "hubz": []})
        async with local.app(ROOT, policy=broken):
            await create(local, world)
            async with asyncio.timeout(15):
                while not await waiting(local):
                    await asyncio.sleep(0.1)
            # What is just being put back is there twice for a moment.
            kept = min([await waiting(local) for _ in range(5) if await asyncio.sleep(0.2, result=True)])
            await asyncio.sleep(2)  # the host's listener has had the messages by then, and put them back
            assert await waiting(local) >= kept
            assert not any("/tether-" in link.id for link in local.azure.store.of_type(LINKS))
            assert all(attempt.status == 202 for each in local.event_grid.subscriptions for attempt in each.attempts)


async def test_a_worker_that_is_killed_between_event_and_queue_loses_nothing() -> None:
    async with running(speed=SPEED) as local:
        world = hub_and_spoke(local.azure)
        local.faults.add(effects.latency(0.5), method="PUT", path="/tether-", times=1)
        async with local.app(ROOT, policy=policy_for(world)) as host:
            cluster = await create(local, world)
            assert await until(lambda: any("/tether-" in link.id for link in local.azure.store.of_type(LINKS)))
            host.kill()
            assert await until(lambda: state(local, cluster) == "Succeeded")
            assert linked(local)["hub-westeurope"] == "local"


async def test_a_message_of_someone_elses_is_buried() -> None:
    async with running(speed=SPEED) as local:
        world = hub_and_spoke(local.azure)
        assert local.storage is not None
        connection = local.storage.connection_string
        async with (
            QueueClient.from_connection_string(connection, "tether-work") as queue,
            QueueClient.from_connection_string(connection, "tether-work-poison") as poison,
            local.app(ROOT, policy=policy_for(world)),
        ):
            await queue.create_queue()
            await poison.create_queue()
            await queue.send_message("bm8gd29yaw==")
            async with asyncio.timeout(60):
                while not (buried := [message.content async for message in poison.receive_messages()]):
                    await asyncio.sleep(0.2)
                # The host takes the message away only after it was buried.
                while await waiting(local):
                    await asyncio.sleep(0.2)
            assert buried == ["bm8gd29yaw=="]
