"""From the event that a kubenet cluster could not be made to the PUT of its subnet, warm, with ARM 50 ms away.

Tether cannot do with less than four round trips in a row. The cluster: only its body says that the creation failed,
and names the subnet and the node resource group. What that names: the subnet, the group's route tables, the clusters
beside it, its VNet and the zone's links, none of which needs another. The subnet once more: a PUT removes what it
leaves out, so nobody may have written since (docs/decisions/0007). The PUT. They are measured in the same run, over
one connection of their own.

The event is the local Azure's own. Tether makes the pass in the event's own invocation, so the time is that from its
arrival there, with what the tables and the queue take before the first read. All is left at its default in the policy,
and the hub is linked, so that nothing but the table is missing.
"""

import asyncio
import base64
import json
import ssl
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from azure.storage.queue.aio import QueueClient

from bench.ground import ARGUMENT, FUNCTION, ROOT, tell
from bench.report import Row, percentile
from functions.queue import QUEUE
from localazure.azure import Durations
from localazure.fault_effects import latency
from localazure.host.worker_process import WorkerProcess
from localazure.resources.zone_links import ZoneLinks
from localazure.running import Running, running
from localazure.store import Json
from localazure.up import policy_for
from localazure.world import HubAndSpoke, cluster_request, hub_and_spoke

LATENCY = 0.05  # seconds
FAILURES = 40
WARM_UP = 3
_CLUSTERS = "Microsoft.ContainerService/managedClusters"
_ZONES = "Microsoft.Network/privateDnsZones"

# Seconds in which Tether gets to see all clusters while they are made, before any of them fails.
_MAKING = 15.0
_AT_ONCE = Durations(
    zone_write=0,
    link_write=0,
    network_write=0,
    private_endpoint=0,
    cluster_group=0,
    cluster_zone=0,
    cluster_endpoint=0,
    cluster_nodes=_MAKING,
)


async def measure(progress: Callable[[str], None]) -> list[Row]:
    async with running(durations=_AT_ONCE, strict_tokens=False) as local:
        assert local.storage is not None
        worlds = [hub_and_spoke(local.azure, nth=nth) for nth in range(1, FAILURES + WARM_UP + 1)]
        worker, _ = await WorkerProcess.start(ROOT, local.app_settings(policy_for(worlds[0])))
        async with QueueClient.from_connection_string(local.storage.connection_string, QUEUE) as queue:
            here = _Clusters(local, worker, queue)
            try:
                progress("failure to subnet: clusters are made, and fail")
                events = await here.failed(worlds)
                local.faults.add(latency(LATENCY))
                taken: list[float] = []
                for number, event in enumerate(events):
                    progress(f"failure to subnet: {number} of {len(events)}")
                    taken.append(await here.attached(event))
            finally:
                await worker.stop()
        four = await _four_round_trips(local, worlds)
    taken = taken[WARM_UP:]
    return [
        Row("four ARM round trips in a row, 50 ms each (p50), once more", four * 1000, "ms"),
        Row("event of a failed creation to the subnet's PUT, warm (p50)", statistics.median(taken) * 1000, "ms"),
        Row("event of a failed creation to the subnet's PUT, warm (p99)", percentile(taken, 99) * 1000, "ms"),
        Row("the same (p50), in four round trips", statistics.median(taken) / four, "times", 1.25),
    ]


@dataclass(slots=True)
class _Clusters:
    """Kubenet clusters in subnets of their own, what Azure tells of them, and when a subnet was written."""

    local: Running
    worker: WorkerProcess
    queue: QueueClient
    failures: list[Json] = field(default_factory=list[Json])

    async def failed(self, worlds: list[HubAndSpoke]) -> list[Json]:
        """Have a cluster fail in each world, seen by Tether while it was made; the events of that."""
        hubs = worlds[0].hubs
        self.local.azure.listen(lambda event: self._happened(event, hubs))
        began = time.perf_counter()
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
            for number, world in enumerate(worlds):
                cluster = f"{world.group}/providers/{_CLUSTERS}/c{number}"
                body = cluster_request(world.node_subnet, world.location, kubenet=True)
                async with person.put(f"{self.local.http}{cluster}?api-version=2026-08-01", json=body) as answer:
                    assert answer.status == 201, await answer.text()
                await tell(self.worker, cluster, f"{_CLUSTERS}/write")
        while await self._work():
            pass
        if time.perf_counter() - began > _MAKING:
            raise RuntimeError("Tether saw some clusters too late: this machine is too busy")
        async with asyncio.timeout(_MAKING + 30):
            while len(self.failures) < len(worlds):
                await asyncio.sleep(0.1)
        return self.failures

    async def attached(self, event: Json) -> float:
        """Tell Tether of a failure, and give the seconds that it needs until ARM takes the subnet's PUT."""
        accepted: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        start: Any = self.local.azure.operations.start

        def noted(*arguments: Any, **named: Any) -> Any:
            if not accepted.done():
                accepted.set_result(time.perf_counter())
            return start(*arguments, **named)

        self.local.azure.operations.start = noted
        try:
            began = time.perf_counter()
            await self._invoke(FUNCTION, {ARGUMENT: {"json": json.dumps(event)}})
            async with asyncio.timeout(20):
                return await accepted - began
        finally:
            self.local.azure.operations.start = start

    def _happened(self, event: Json, hubs: tuple[str, ...]) -> None:
        kind, subject, operation = event["eventType"], event["subject"], event["data"]["operationName"]
        if kind.endswith("WriteFailure") and operation == f"{_CLUSTERS}/write":
            self.failures.append(event)
        if kind.endswith("WriteSuccess") and operation == f"{_ZONES}/write":
            for hub in hubs:
                ZoneLinks(self.local.azure).place(f"{subject}/virtualNetworkLinks/by-hand", hub)

    async def _work(self) -> int:
        """Have all that waits in the queue done; how much it was."""
        messages = await self._messages()
        for message in messages:
            await self._invoke("work_item", message)
        return len(messages)

    async def _messages(self) -> list[Json]:
        """The inputs of an invocation for each message that can be seen now; none is left in the queue."""
        found: list[Json] = []
        async for message in self.queue.receive_messages():
            found.append({"message": {"string": base64.b64decode(message.content).decode()}})
            await self.queue.delete_message(message)
        return found

    async def _invoke(self, function: str, inputs: Json) -> None:
        done = await self.worker.invoke(function, inputs)
        if not done.ok:
            raise RuntimeError(f"the app failed: {done.error}")


async def _four_round_trips(local: Running, worlds: list[HubAndSpoke]) -> float:
    """Seconds of four GETs in a row, the median of twenty such rows."""
    trust = ssl.create_default_context(cafile=str(local.authority))
    taken: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
        for world in worlds[:20]:
            began = time.perf_counter()
            for _ in range(4):
                async with person.get(f"{local.https}{world.spoke}?api-version=2025-03-01", ssl=trust) as answer:
                    await answer.read()
                    assert answer.status == 200
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
