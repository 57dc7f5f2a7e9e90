"""A sweep of 10,000 clusters: what it asks of Azure, and what it costs Tether's own process.

The local Azure runs here, the sweep in a process beside it, over https, with the real queue, tables and blobs in
Azurite. Resource Graph's quota is on, in a time ten times as fast. The way that the sweep spares, one GET for each
resource, is tried on 200 clusters one after another and multiplied; ARM's own limits (25 reads a second in a
subscription, 500 of private DNS in 5 minutes) would make it far longer in Azure. At last a tenth of the fleet is
kubenet, with ten nodes each: a query for each 150 of their subnets.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable

from bench.ground import ROOT
from bench.report import Row
from localazure.fleet import many_clusters
from localazure.fleet_routes import become_kubenet
from localazure.running import running
from localazure.world import HUB_SUBSCRIPTION

CLUSTERS = 10_000
UNLINKED, SAMPLE = 20, 200
KUBENET = 1000
SPEED = 10


async def measure(progress: Callable[[str], None]) -> list[Row]:
    progress(f"sweep: placing {CLUSTERS:,} clusters")
    async with running(speed=SPEED) as local:
        fleet = many_clusters(local.azure, CLUSTERS, unlinked=UNLINKED)
        policy = {
            "owner": "bench",
            "mode": "enforce",
            "scope": {"subscriptions": list(fleet.subscriptions), "hubSubscriptions": [HUB_SUBSCRIPTION]},
        }
        progress(f"sweep: surveying {CLUSTERS:,} clusters, then reading {SAMPLE} of them one by one")
        told = await _client(local.app_settings(policy), fleet.zones[:SAMPLE])
        progress(f"sweep: surveying {CLUSTERS:,} clusters with their addresses")
        restarts = {"podRestarts": {"enabled": True, "namespaces": ["apps"]}}
        located = await _client(local.app_settings(policy | restarts), [])
        progress(f"sweep: surveying {CLUSTERS:,} clusters of which {KUBENET:,} are kubenet")
        for cluster in fleet.clusters[-KUBENET:]:
            become_kubenet(local.azure, cluster)
        routed = await _client(local.app_settings(policy), [])
    for each in (told, located, routed):
        if each["clusters"] != CLUSTERS or each["queued"] != UNLINKED:
            raise RuntimeError(f"the sweep did not see what is there: {each}")
    times = CLUSTERS / told["sample"]
    return [
        Row(f"sweep of {CLUSTERS:,} clusters: rows read", told["rows"], "rows"),
        Row("sweep: queries of Resource Graph", told["queries"], "queries", told["rows"] / 1000 + 10),
        Row("sweep: Tether's own processor time", told["cpu"], "s", 5),
        Row("sweep: peak memory of its process", told["peak"], "MB", 200),
        Row("sweep: from start to report, the quota's pauses 10 times as fast", told["seconds"], "s"),
        Row("sweep that follows addresses: rows read", located["rows"], "rows"),
        Row("sweep that follows addresses: queries", located["queries"], "queries", located["rows"] / 1000 + 10),
        Row("sweep that follows addresses: processor time", located["cpu"], "s"),
        Row("sweep that follows addresses: peak memory", located["peak"], "MB"),
        Row(f"sweep with {KUBENET:,} kubenet clusters: rows read", routed["rows"], "rows"),
        Row("sweep with kubenet clusters: queries", routed["queries"], "queries", routed["rows"] / 1000 + 20),
        Row("sweep with kubenet clusters: processor time", routed["cpu"], "s"),
        Row("sweep with kubenet clusters: peak memory", routed["peak"], "MB"),
        Row("the same by one GET a resource: processor time (from 200)", told["sample_cpu"] * times, "s"),
        Row("the same by one GET a resource, one after another (from 200)", told["sample_seconds"] * times, "s"),
    ]


async def _client(settings: dict[str, str], sample: list[str]) -> dict[str, float]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.sweep_client"),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(sample).encode())
    if process.returncode:
        raise RuntimeError(f"the sweep ended with {process.returncode}")
    return json.loads(out)
