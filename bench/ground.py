"""What the benchmarks stand on: a local Azure with clusters whose zones no hub is linked to, and its events."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from localazure.azure import Durations
from localazure.host.worker_process import WorkerProcess
from localazure.running import Running, running
from localazure.store import Json
from localazure.up import policy_for
from localazure.world import HubAndSpoke, cluster_request, hub_and_spoke

ROOT = Path(__file__).parent.parent
ZONES = "Microsoft.Network/privateDnsZones"
FUNCTION, ARGUMENT = "resource_event", "event"

# Clusters are made at once, but for the nodes, which wait (and so leave every cluster as the event finds it: Creating).
_AT_ONCE = Durations(
    zone_write=0, network_write=0, private_endpoint=0, cluster_group=0, cluster_zone=0, cluster_endpoint=0
)


class Ground:
    """A local Azure, and a note of when each write of a link was accepted."""

    def __init__(self, local: Running, world: HubAndSpoke) -> None:
        self.local = local
        self._world = world
        self._accepted: asyncio.Queue[float] = asyncio.Queue()
        start: Any = local.azure.operations.start

        def noted(*arguments: Any, **named: Any) -> Any:
            self._accepted.put_nowait(time.perf_counter())
            return start(*arguments, **named)

        self._start, self._noted = start, noted

    async def zones(self, number: int) -> list[str]:
        """Make so many clusters, and give the ids of their zones."""
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
            for n in range(number):
                cluster = f"{self._world.group}/providers/Microsoft.ContainerService/managedClusters/c{n}"
                body = cluster_request(self._world.node_subnet, self._world.location)
                url = f"{self.local.http}{cluster}?api-version=2026-08-01"
                async with person.put(url, json=body) as answer:
                    assert answer.status == 201, await answer.text()
        while len(zones := self.local.azure.store.of_type(ZONES)) < number:
            await asyncio.sleep(0.01)
        self.local.azure.operations.start = self._noted
        return [zone.id for zone in zones]

    def settings(self) -> dict[str, str]:
        """The app's settings: enforce, one hub, which the policy names."""
        policy = {**policy_for(self._world), "discoverResolvers": False}
        return self.local.app_settings(policy)

    async def first_write(self) -> float:
        """The instant (time.perf_counter) at which the next write of a link is accepted; 20 s at most."""
        async with asyncio.timeout(20):
            return await self._accepted.get()

    def forget(self) -> None:
        """Pass over writes of links that were not waited for."""
        while not self._accepted.empty():
            self._accepted.get_nowait()


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    async with running(durations=_AT_ONCE, strict_tokens=False) as local:
        yield Ground(local, hub_and_spoke(local.azure))


def event_of(subject: str, operation: str = f"{ZONES}/write") -> Json:
    """An invocation's inputs: an event as the host hands it over."""
    event = {
        "id": f"bench-{time.perf_counter_ns()}",
        "topic": "/".join(subject.split("/")[:3]),
        "subject": subject,
        "eventType": "Microsoft.Resources.ResourceWriteSuccess",
        "eventTime": "2026-11-20T12:00:00Z",
        "dataVersion": "2",
        "data": {"operationName": operation, "status": "Succeeded"},
    }
    return {ARGUMENT: {"json": json.dumps(event)}}


async def tell(worker: WorkerProcess, subject: str, operation: str = f"{ZONES}/write") -> None:
    """Have the worker take an event, to the end."""
    done = await worker.invoke(FUNCTION, event_of(subject, operation))
    if not done.ok:
        raise RuntimeError(f"the app failed: {done.error}")
