"""What `watch` reads every minute: the CPU of its few columns against that of whole rows, in one run."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.report import Row as Figure
from functions.arm.resource_id import ResourceId
from functions.ledger.entities import counted, named, remembered, text_of
from functions.ledger.state import Counters, Observed
from functions.ledger.storage_tables import StorageTables
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite

ROWS, ROUNDS, AT_ONCE = 2000, 3, 16
_SUBSCRIPTION = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups"
_NETWORK = "/subscriptions/33333333-3333-3333-3333-333333333333/resourceGroups/hub/providers/Microsoft.Network"


def _observed(number: int) -> Observed:
    """A cluster at rest with two hubs, as most rows are."""
    group = f"{_SUBSCRIPTION}/MC_apps_team-{number}_westeurope"
    zone = f"{number:08d}-0000-4000-8000-000000000000.privatelink.westeurope.azmk8s.io"
    return Observed(
        at=1_800_000_000.0,
        cluster=f"{_SUBSCRIPTION}/apps/providers/Microsoft.ContainerService/managedClusters/team-{number}",
        zone=f"{group}/providers/Microsoft.Network/privateDnsZones/{zone}",
        location="westeurope",
        state="Succeeded",
        private_fqdn=f"team-{number}.{zone}",
        hubs=tuple(f"{_NETWORK}/virtualNetworks/hub-{hub}" for hub in range(2)),
        address="10.1.0.4",
        born=1_790_000_000.0,
        resolved=1_790_000_100.0,
    )


async def _fill(tables: StorageTables, progress: Callable[[str], None]) -> None:
    lane = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        subject, observed = ResourceId(f"{_SUBSCRIPTION}/MC_apps_team-{number}_westeurope"), _observed(number)
        counters = Counters(seq=5, done=5, causes=tuple(f"{number:08d}-cause-{nth}" for nth in range(5)))
        columns = {**named(subject, proven=True), **counted(counters, proven=True), **remembered(observed)}
        async with lane:
            told = {"observed": text_of(observed), "body": "", "target": observed.cluster, "bumped": observed.at}
            await tables.upsert(STATE, {**columns, **told}, merge=False)
            if number % 200 == 0:
                progress(f"watch: {number} of {ROWS} rows written")

    await asyncio.gather(*map(one, range(ROWS)))


async def _cpu(read: Callable[[], Awaitable[tuple[object, ...]]]) -> float:
    """The least CPU, in seconds, of some reads: of this process, the storage's own is not in it."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        assert len(await read()) == ROWS
        taken.append(time.process_time() - began)
    return min(taken)


async def measure(progress: Callable[[str], None]) -> list[Figure]:
    async with azurite() as storage:
        settings = Storage(connection_string=storage.connection_string)
        ledger, tables = TableLedger(settings), StorageTables(settings, (STATE,), 30.0)
        try:
            await _fill(tables, progress)
            progress("watch: reading")
            whole, few = await _cpu(ledger.rows), await _cpu(ledger.watched)
        finally:
            await ledger.close()
            await tables.close()
    return [
        Figure("watch's read of the rows, CPU, against whole rows", few / whole, "x", 0.6),
        Figure("watch's read of 1,000 rows, CPU", few / ROWS * 1_000_000, "ms"),
    ]
