"""From the event that an API server's endpoint was written to the new answer of a real BIND, warm, ARM 50 ms away.

Tether cannot do with less than four round trips in a row: whose group, which cluster, its endpoint, the endpoint's NIC.
AKS's own record is read beside the endpoint. They are measured in the same run, over one connection of their own.
"""

import asyncio
import ssl
import statistics
import time
from collections.abc import Callable

import aiohttp
import dns.asyncquery
import dns.message

from bench.ground import ROOT, tell
from bench.report import Row, percentile
from localazure.aks.maintenance import addresses
from localazure.azure import Durations
from localazure.bind import Bind, ServedZone, TsigKey, bind, is_installed
from localazure.fault_effects import latency
from localazure.fleet import Fleet, many_clusters
from localazure.host.worker_process import WorkerProcess
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.running import Running, running
from localazure.store import Json

LATENCY = 0.05  # seconds
MOVES = 60
WARM_UP = 3
_STEP = 0.002  # seconds between two questions to BIND
ZONE = "privatelink.westeurope.azmk8s.io"
ENDPOINTS = "Microsoft.Network/privateEndpoints"


async def measure(progress: Callable[[str], None]) -> list[Row]:
    if not is_installed():
        progress("address moves: left out, BIND is not installed")
        return []
    key = TsigKey()
    async with (
        running(durations=Durations(network_write=0), strict_tokens=False) as local,
        bind(ServedZone(ZONE, writers=(key,))) as server,
    ):
        fleet = many_clusters(local.azure, MOVES + WARM_UP)
        settings = local.app_settings(_policy(fleet, server)) | {"BENCH_TSIG": key.secret}
        local.faults.add(latency(LATENCY))
        worker, _ = await WorkerProcess.start(ROOT, settings)
        try:
            taken: list[float] = []
            for number, cluster in enumerate(fleet.clusters):
                progress(f"address moves: {number} of {len(fleet.clusters)}")
                taken.append(await _move(local, server, worker, cluster))
        finally:
            await worker.stop()
        four = await _four_round_trips(local, fleet)
    taken = taken[WARM_UP:]
    return [
        Row("four ARM round trips in a row, 50 ms each (p50)", four * 1000, "ms"),
        Row("event of a move to the new answer from BIND, warm (p50)", statistics.median(taken) * 1000, "ms"),
        Row("event of a move to the new answer from BIND, warm (p99)", percentile(taken, 99) * 1000, "ms"),
        Row(
            "the same (p50), in four round trips",
            statistics.median(taken) / four,
            "times",
            1.3,
        ),
    ]


async def _move(local: Running, server: Bind, worker: WorkerProcess, cluster: str) -> float:
    """Move one API server, tell of it, and give the seconds until BIND answers with the new address."""
    held = local.azure.store.get(cluster)
    assert held is not None
    nodes = f"/subscriptions/{cluster.split('/')[2]}/resourceGroups/{held.properties['nodeResourceGroup']}"
    endpoint = f"{nodes}/providers/{ENDPOINTS}/kube-apiserver"
    await PrivateEndpoints(local.azure).readdress(endpoint, addresses(local.azure, cluster))
    (now,) = addresses(local.azure, cluster)
    began = time.perf_counter()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(tell(worker, endpoint, f"{ENDPOINTS}/write"))
        while await _answer(server, str(held.properties["privateFQDN"])) != now:
            await asyncio.sleep(_STEP)
        answered = time.perf_counter()
    return answered - began


async def _answer(server: Bind, name: str) -> str:
    said = await dns.asyncquery.udp(dns.message.make_query(name, "A"), "127.0.0.1", port=server.port, timeout=2)
    return str(said.answer[0][0]) if said.answer else ""


def _policy(fleet: Fleet, server: Bind) -> Json:
    tsig = {"name": "tether.", "secret": "@env:BENCH_TSIG"}
    return {
        "owner": "bench",
        "mode": "enforce",
        "scope": {"subscriptions": list(fleet.subscriptions)},
        "discoverResolvers": False,
        "records": [{"zone": ZONE, "authoritative": True, "servers": [server.address], "tsig": tsig}],
        "maxChangedShare": 1.0,
    }


async def _four_round_trips(local: Running, fleet: Fleet) -> float:
    """Seconds of four GETs in a row, the median of twenty such rows."""
    trust = ssl.create_default_context(cafile=str(local.authority))
    taken: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
        for cluster in fleet.clusters[:20]:
            began = time.perf_counter()
            for _ in range(4):
                async with person.get(f"{local.https}{cluster}?api-version=2026-08-01", ssl=trust) as answer:
                    await answer.read()
                    assert answer.status == 200
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
