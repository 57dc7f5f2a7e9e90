"""From the start of a worker's process to its first link's PUT, over https and without injected latency.

The worker holds Microsoft's runtime library and the app and nothing of the local Azure's, which runs in this process
on the same two cores. Each start is a process of its own; byte code is there from the first, which is not counted.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.ground import ROOT, ground, tell
from bench.report import Row
from localazure.host.worker_process import WorkerProcess

STARTS = 7


async def measure(progress: Callable[[str], None]) -> list[Row]:
    taken, peaks = await starts(progress, "cold start")
    return [
        Row("cold start: process start to first link PUT (median)", statistics.median(taken[1:]), "s", 1.0),
        Row("cold start: the slowest", max(taken[1:]), "s"),
        Row("peak memory of that process (largest)", max(peaks[1:]), "MB", 90),
    ]


async def starts(
    progress: Callable[[str], None], what: str, app: Path = ROOT, settings: Mapping[str, str] | None = None
) -> tuple[list[float], list[float]]:
    """Start an app eight times: the seconds to the first link's PUT, and the most memory in MB, of each."""
    taken: list[float] = []
    peaks: list[float] = []
    async with ground() as here:
        for number, zone in enumerate(await here.zones(STARTS + 1)):
            progress(f"{what}: {number} of {STARTS + 1}")
            here.forget()
            began = time.perf_counter()
            worker, _ = await WorkerProcess.start(app, {**here.settings(), **(settings or {})})
            told = asyncio.ensure_future(tell(worker, zone))
            taken.append(await here.first_write() - began)
            await told
            peaks.append(_peak_memory(worker.pid))
            await worker.stop()
    return taken, peaks


def _peak_memory(pid: int) -> float:
    """The most that a process has had resident, in MB (Linux, proc(5): VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024
