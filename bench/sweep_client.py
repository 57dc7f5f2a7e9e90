"""One sweep in a process of its own, as the timer would run it, told in JSON: started by bench/sweep.py.

Nothing of the local Azure is imported here, so that processor time and memory are Tether's own. Then the
clusters whose zones stdin names are read one resource at a time, for scale.
"""

import asyncio
import json
import os
import sys
import time
import uuid
from pathlib import Path

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fleet.model import decode_hook
from functions.fleet.observe import Depth, observe
from functions.ledger.blobs import BlobDocuments
from functions.ledger.reports import Reports
from functions.ledger.state import Observed, Row
from functions.ledger.tables import TableLedger
from functions.live import live
from functions.policy import PolicyError
from functions.settings import read
from functions.sweep import sweep

_GROUP = "/subscriptions/5b5c0000-0000-4000-8000-000000000001/resourceGroups/MC_apps_team-00001_westeurope"
_SPOKE = "/subscriptions/5b5c0000-0000-4000-8000-000000000001/resourceGroups/apps/providers/Microsoft.Network/spoke"
_NAME = "privatelink.westeurope.azmk8s.io"
OBSERVED = json.dumps(
    {
        "at": 1.8e9,
        "cluster": f"{_GROUP}/providers/Microsoft.ContainerService/managedClusters/team-00001",
        "zone": f"{_GROUP}/providers/Microsoft.Network/privateDnsZones/{uuid.UUID(int=1)}.{_NAME}",
        "location": "westeurope",
        "state": "Succeeded",
        "private_fqdn": f"team-12345678.{uuid.UUID(int=1)}.{_NAME}",
        "hubs": [_SPOKE, _SPOKE],
    }
)


class _Remembering(TableLedger):
    """The real ledger, which has seen a fleet of 10,000 clusters before: its rows are read from text as those are."""

    async def rows(self) -> tuple[Row, ...]:
        return tuple(
            Row(
                ResourceId(f"/subscriptions/{uuid.UUID(int=nth % 12)}/resourceGroups/MC_apps_team-{nth}_westeurope"),
                observed=msgspec.json.decode(OBSERVED, type=Observed, dec_hook=decode_hook),
            )
            for nth in range(10_000)
        )


async def main(zones: list[str]) -> dict[str, float]:
    here = live()
    if isinstance(here.around, PolicyError):
        raise here.around
    around, documents = here.around, BlobDocuments(read(os.environ).storage)
    imported = time.process_time()
    began = time.perf_counter()
    report = await sweep(around, here.queue, _Remembering(read(os.environ).storage), Reports(documents))
    took, used, peak = time.perf_counter() - began, time.process_time() - imported, _peak_memory()
    began, imported = time.perf_counter(), time.process_time()
    for zone in zones:
        await observe(around.session, ResourceId(zone), around.policy, around.now(), Depth.FULL)
    singly, singly_used = time.perf_counter() - began, time.process_time() - imported
    await documents.close()
    await around.session.close()
    return {
        "clusters": report.clusters,
        "queued": report.queued,
        "queries": report.queries,
        "rows": report.rows,
        "seconds": took,
        "cpu": used,
        "peak": peak,
        "sample": len(zones),
        "sample_seconds": singly,
        "sample_cpu": singly_used,
    }


def _peak_memory() -> float:
    """The most that this process has had resident, in MB (Linux, proc(5): VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(main(json.load(sys.stdin)))) + "\n")
