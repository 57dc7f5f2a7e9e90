"""A thousand records brought up to date on a real BIND, beside `nsupdate` sending the same conditional updates.

BIND keeps its journal on disk, as a server does: it waits for the disk at every update, and several that come at once
wait together. `nsupdate` sends one message after another.
"""

import asyncio
import base64
import shutil
import time
from collections.abc import Callable
from ipaddress import ip_address

import dns.name

from bench.report import Row
from functions.arm.resource_id import ResourceId
from functions.dns.record import NO_RECORD, Owner
from functions.dns.rfc2136 import Rfc2136Target
from functions.dns.signing import SigningKey
from localazure.bind import Bind, ServedZone, TsigKey, bind, is_installed

RECORDS = 1000
ZONE = "privatelink.westeurope.azmk8s.io"
OLD, NEW = frozenset({ip_address("10.1.0.4")}), frozenset({ip_address("10.1.0.5")})
CLUSTER = ResourceId(
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/apps/providers/"
    "Microsoft.ContainerService/managedClusters/team"
)

OWNER = Owner("bench", CLUSTER)


async def measure(progress: Callable[[str], None]) -> list[Row]:
    if not is_installed() or shutil.which("nsupdate") is None:
        progress("bulk records: left out, BIND and nsupdate are not installed")
        return []
    progress(f"bulk records: {RECORDS} by Tether")
    ours = await _ours()
    progress(f"bulk records: {RECORDS} by nsupdate")
    theirs = await _nsupdates()
    return [
        Row(f"{RECORDS} records on BIND by nsupdate, one message each", theirs, "s"),
        Row(f"{RECORDS} records on BIND by Tether, each read and swapped", ours, "s"),
        Row("records on BIND, in nsupdate's time", ours / theirs, "times", 1.0),
    ]


async def _ours() -> float:
    """Seconds to read and swap every record, after they were made."""
    key = TsigKey()
    async with bind(ServedZone(ZONE, writers=(key,)), on_disk=True) as server:
        signing = SigningKey(key.name, key.algorithm, _bytes(key))
        target = Rfc2136Target(dns.name.from_text(ZONE), (("127.0.0.1", server.port),), signing)
        names = [f"c{nth}.{ZONE}" for nth in range(RECORDS)]
        await asyncio.gather(*(target.swap(name, NO_RECORD, OLD, 60, OWNER) for name in names))

        async def move(name: str) -> None:
            await target.swap(name, await target.read(name), NEW, 60, OWNER)

        began = time.perf_counter()
        await asyncio.gather(*(move(name) for name in names))
        return time.perf_counter() - began


async def _nsupdates() -> float:
    key = TsigKey()
    records = tuple(
        line for nth in range(RECORDS) for line in (f"c{nth} 60 IN A 10.1.0.4", f'c{nth} 60 IN TXT "{OWNER.text}"')
    )
    async with bind(ServedZone(ZONE, writers=(key,), records=records), on_disk=True) as server:
        began = time.perf_counter()
        await _nsupdate(server, key)
        return time.perf_counter() - began


async def _nsupdate(server: Bind, key: TsigKey) -> None:
    """The same updates, each with what Tether asks of the name before. Raises RuntimeError when one did not hold."""
    each = (
        f"prereq yxrrset c{nth}.{ZONE}. IN A 10.1.0.4\nprereq nxrrset c{nth}.{ZONE}. IN AAAA\n"
        f'prereq yxrrset c{nth}.{ZONE}. IN TXT "{OWNER.text}"\nprereq nxrrset c{nth}.{ZONE}. IN CNAME\n'
        f"update delete c{nth}.{ZONE}. A\nupdate add c{nth}.{ZONE}. 60 A 10.1.0.5\n"
        f'update delete c{nth}.{ZONE}. TXT\nupdate add c{nth}.{ZONE}. 60 TXT "{OWNER.text}"\nsend\n'
        for nth in range(RECORDS)
    )
    said = f"server 127.0.0.1 {server.port}\nzone {ZONE}.\n" + "".join(each)
    program = await asyncio.create_subprocess_exec(
        *("nsupdate", "-v", "-y", f"{key.algorithm}:{key.name}:{key.secret}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await program.communicate(said.encode())
    if program.returncode:
        raise RuntimeError(f"nsupdate: {output.decode()[:500]}")


def _bytes(key: TsigKey) -> bytes:
    return base64.b64decode(key.secret)
