"""The records of 10,000 clusters read from a real BIND as a sweep does, beside `dig` asking one question after another.

Each name is three questions: its addresses of both versions, and whose it is.
"""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable

import dns.name

from bench.report import Row
from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner
from functions.dns.rfc2136 import Rfc2136Target
from functions.fleet.model import AccessProfile
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Reach
from functions.fleet.survey import Survey, key_of
from functions.fleet.survey_records import read_records
from functions.fleet.survey_rows import ClusterRow
from functions.policy import Policy, RecordTarget, Scope, Tsig
from localazure.bind import Bind, ServedZone, bind, is_installed

CLUSTERS, SAMPLE = 10_000, 1000
ZONE = "privatelink.westeurope.azmk8s.io"
SUBSCRIPTION = "5b5c0000-0000-4000-8000-000000000001"
_KINDS = ("A", "AAAA", "TXT")


async def measure(progress: Callable[[str], None]) -> list[Row]:
    if not is_installed() or shutil.which("dig") is None:
        progress("sweep of records: left out, BIND and dig are not installed")
        return []
    survey = _survey()
    async with bind(ServedZone(ZONE, records=tuple(_lines(survey)))) as server:
        progress(f"sweep of records: {CLUSTERS:,} checks by Tether")
        ours, ours_cpu = await _ours(survey, server)
        progress(f"sweep of records: {SAMPLE:,} by dig")
        theirs = await _digs(survey, server) * CLUSTERS / SAMPLE
    return [
        Row(f"{CLUSTERS:,} record checks in a sweep, on BIND", ours, "s", 10),
        Row("record checks in a sweep: Tether's own processor time", ours_cpu, "s"),
        Row(f"the same {3 * CLUSTERS:,} questions by dig, one after another (from {3 * SAMPLE:,})", theirs, "s"),
        Row("record checks in a sweep, in dig's time", ours / theirs, "times"),
    ]


async def _ours(survey: Survey, server: Bind) -> tuple[float, float]:
    """Seconds by the clock and of the processor. Raises RuntimeError when not every record was found right."""
    target = RecordTarget(
        zone=ZONE, servers=(server.address,), tsig=Tsig(name="t.", secret="@env:T"), authoritative=True
    )
    policy = Policy(owner="bench", scope=Scope(subscriptions=(SUBSCRIPTION,)), records=(target,))
    store = Rfc2136Target(dns.name.from_text(ZONE), (("127.0.0.1", server.port),), None)
    began, used = time.perf_counter(), time.process_time()
    read = await read_records(survey, policy, Targets(policy.records, lambda _: store))
    took, cpu = time.perf_counter() - began, time.process_time() - used
    owned = [cluster for cluster, (seen,) in (read.of_clusters or {}).items() if _is_owned(cluster, seen.held)]
    if len(owned) != CLUSTERS:
        raise RuntimeError(f"{len(owned)} of {CLUSTERS} records were read: {read.unread}")
    return took, cpu


def _is_owned(cluster: ResourceId, held: object) -> bool:
    return getattr(held, "owner", None) == Owner("bench", cluster)


async def _digs(survey: Survey, server: Bind) -> float:
    """Seconds for the questions about a sample. Raises RuntimeError when they were not all answered."""
    names = [row.private_fqdn for row in survey.clusters.values()][:SAMPLE]
    with tempfile.NamedTemporaryFile("w", suffix=".dig") as batch:
        batch.write("".join(f"{name} {kind}\n" for name in names for kind in _KINDS))
        batch.flush()
        began = time.perf_counter()
        program = await asyncio.create_subprocess_exec(
            *("dig", "@127.0.0.1", "-p", str(server.port), "+short", "+norecurse", "-f", batch.name),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await program.communicate()
        took = time.perf_counter() - began
    if program.returncode or said.count(b"\n") != 2 * SAMPLE:
        raise RuntimeError(f"dig ended with {program.returncode} after {said.count(b'\n')} answers")
    return took


def _survey() -> Survey:
    access = AccessProfile(enable_private_cluster=True, private_dns_zone="system")
    rows = [
        ClusterRow(
            id=f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/"
            f"Microsoft.ContainerService/managedClusters/team-{nth:05d}",
            location="westeurope",
            provisioning_state="Succeeded",
            private_fqdn=f"team-{nth:05d}.{ZONE}",
            node_resource_group=f"MC_apps_team-{nth:05d}",
            api_server_access_profile=access,
        )
        for nth in range(CLUSTERS)
    ]
    return Survey(
        at=time.time(),
        reach=Reach((SUBSCRIPTION,), ()),
        clusters={key_of(row.id): row for row in rows},
        groups={},
        zones={},
        links={},
        vnets=None,
        whereabouts=None,
        kubenet=None,
        crowded_hubs={},
    )


def _lines(survey: Survey) -> list[str]:
    """Each cluster's record, as Tether keeps it."""
    return [
        line
        for nth, row in enumerate(survey.clusters.values())
        for line in (
            f"team-{nth:05d} 60 IN A 10.{nth // 65536}.{nth // 256 % 256}.{nth % 256}",
            f'team-{nth:05d} 60 IN TXT "{Owner("bench", ResourceId(row.id)).text}"',
        )
    ]
