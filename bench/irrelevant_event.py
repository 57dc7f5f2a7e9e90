"""An event that does not concern Tether: what each of the many costs."""

import statistics
import time
from collections.abc import Callable

from bench.ground import ROOT, tell
from bench.report import Row, percentile
from localazure.host.worker_process import WorkerProcess

EVENTS = 2000
SUBJECT = (
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/apps/providers/Microsoft.Storage/"
    "storageAccounts/logs"
)
OPERATION = "Microsoft.Storage/storageAccounts/write"


async def measure(progress: Callable[[str], None]) -> list[Row]:
    """Through the runtime library and the pipe to its process, so that nothing of an invocation is left out."""
    worker, _ = await WorkerProcess.start(ROOT, {})
    taken: list[float] = []
    try:
        for number in range(EVENTS):
            if number % 100 == 0:
                progress(f"irrelevant event: {number} of {EVENTS}")
            began = time.perf_counter()
            await tell(worker, SUBJECT, OPERATION)
            taken.append(time.perf_counter() - began)
    finally:
        await worker.stop()
    return [
        Row("irrelevant event, whole invocation (p50)", statistics.median(taken) * 1000, "ms", 1.0),
        Row("irrelevant event, whole invocation (p99)", percentile(taken, 99) * 1000, "ms"),
    ]
