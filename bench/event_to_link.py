"""From an event to the link's PUT, warm, with ARM 50 ms away: how near to the three round trips it cannot do without?

Those are the resource group, the cluster and the PUT (rule 6); they are measured in the same run, as three requests in
a row over one connection of their own.
"""

import ssl
import statistics
import time
from collections.abc import Callable

import aiohttp

from bench.ground import ROOT, Ground, ground, tell
from bench.report import Row, percentile
from localazure.fault_effects import latency
from localazure.host.worker_process import WorkerProcess

LATENCY = 0.05  # seconds
EVENTS = 100
WARM_UP = 3


async def measure(progress: Callable[[str], None]) -> list[Row]:
    async with ground() as here:
        zones = await here.zones(EVENTS + WARM_UP)
        here.local.faults.add(latency(LATENCY))
        worker, _ = await WorkerProcess.start(ROOT, here.settings())
        try:
            taken: list[float] = []
            for number, zone in enumerate(zones):
                progress(f"event to link: {number} of {len(zones)}")
                here.forget()
                began = time.perf_counter()
                await tell(worker, zone)
                taken.append(await here.first_write() - began)
        finally:
            await worker.stop()
        three = await _three_round_trips(here, zones)
    taken = taken[WARM_UP:]
    return [
        Row("three ARM round trips in a row, 50 ms each (p50)", three * 1000, "ms"),
        Row("event to link PUT, warm (p50)", statistics.median(taken) * 1000, "ms"),
        Row("event to link PUT, warm (p99)", percentile(taken, 99) * 1000, "ms"),
        Row("event to link PUT, warm (p50), in three round trips", statistics.median(taken) / three, "times", 1.2),
        Row("event to link PUT, warm (p99), in three round trips", percentile(taken, 99) / three, "times"),
    ]


async def _three_round_trips(here: Ground, zones: list[str]) -> float:
    """Seconds of three GETs in a row, the median of twenty such rows."""
    trust = ssl.create_default_context(cafile=str(here.local.authority))
    taken: list[float] = []
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
        for zone in zones[:20]:
            began = time.perf_counter()
            for _ in range(3):
                async with person.get(f"{here.local.https}{zone}?api-version=2024-06-01", ssl=trust) as answer:
                    await answer.read()
                    assert answer.status == 200
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)
