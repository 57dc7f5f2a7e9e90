"""Sixteen workers at one row, on the real tables: what docs/decisions/0004 promises of the counters.

The model in tests/unit tries every order of a few steps; here the steps are real calls, and the order is the tables'.
"""

import asyncio
import random
from typing import Any

import pytest

from functions.ledger.state import Counters, Ledger, LedgerError, Observed
from functions.ledger.storage_tables import StorageTables
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.scenarios.memory_ledger import MemoryLedger
from tests.unit.worlds import AT, ZONE

GROUP = ZONE.group_id
WORKERS, STEPS = 16, 4


class Race:
    """Workers that count events, make passes and ask for look-agains, and what they know of it."""

    def __init__(self, ledger: Ledger, dice: random.Random) -> None:
        self.ledger = ledger
        self.dice = dice
        self.bumps = 0
        self.looks: list[int] = []
        self.seen: list[Counters] = []

    async def worker(self, number: int) -> None:
        for step in range(STEPS):
            await asyncio.sleep(self.dice.uniform(0, 0.02))
            if self.dice.random() < 0.5:
                self.bumps += 1
                self.seen.append(await self.ledger.bump(GROUP, AT, f"e-{number}-{step}", ZONE))
            else:
                await self.one_pass(f"p-{number}-{step}")

    async def one_pass(self, cause: str) -> None:
        """Remember, observe, write what was seen, ask for another pass or not, and finish."""
        row = await self.ledger.read(GROUP)
        self.seen.append(row.counters)
        await asyncio.sleep(self.dice.uniform(0, 0.02))
        await self.ledger.remember(GROUP, Observed(at=AT + self.dice.random(), state="Updating"))
        looking = self.dice.random() < 0.5
        if looking:
            self.looks.append((await self.ledger.look_again(GROUP, AT + 30, ZONE)).look)
        await self.ledger.finish(GROUP, row.counters.mark, cause, looking=looking)


async def raced(ledger: Ledger, seed: int) -> None:
    race = Race(ledger, random.Random(seed))
    await asyncio.gather(*(race.worker(number) for number in range(WORKERS)))
    counters = (await ledger.read(GROUP)).counters
    assert counters.seq == race.bumps, "no event is lost, none counted twice"
    assert sorted(race.looks) == list(range(1, len(race.looks) + 1)), "each look-again has a number of its own"
    assert counters.look == len(race.looks)
    assert all(0 <= seen.done <= seen.seq <= race.bumps for seen in [*race.seen, counters])
    # Passes end in any order: only one that began after the last look-again was asked for may say that none is awaited.
    mark = counters.mark
    await ledger.finish(GROUP, mark, "late", looking=False)
    ended = (await ledger.read(GROUP)).counters
    assert (ended.done, ended.pending, ended.look_at) == (race.bumps, False, 0.0)


async def asked_while_another_ends(ledger: Ledger) -> None:
    """A look-again that is asked for while other passes end without one is never lost."""
    await ledger.bump(GROUP, AT, "e", ZONE)
    mark = (await ledger.read(GROUP)).counters.mark
    await asyncio.gather(
        *(ledger.finish(GROUP, mark, f"p-{number}", looking=False) for number in range(WORKERS // 2)),
        ledger.look_again(GROUP, AT + 30, ZONE),
        *(ledger.finish(GROUP, mark, f"q-{number}", looking=False) for number in range(WORKERS // 2)),
    )
    assert (await ledger.read(GROUP)).counters.look_at == AT + 30


@pytest.mark.parametrize("seed", [1, 2])
async def test_sixteen_workers_at_one_row_lose_nothing_on_tables(seed: int) -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await raced(ledger, seed)
        await ledger.close()


@pytest.mark.parametrize("seed", range(20))
async def test_sixteen_workers_at_one_row_lose_nothing_in_memory(seed: int) -> None:
    await raced(MemoryLedger(), seed)


async def test_a_look_again_survives_passes_that_end_meanwhile() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await asked_while_another_ends(ledger)
        await ledger.close()
    await asked_while_another_ends(MemoryLedger())


async def test_a_row_that_others_never_leave_alone_is_given_up_in_the_end() -> None:
    class Contended(StorageTables):
        async def entity(self, table: str, where: dict[str, Any]) -> dict[str, Any] | None:
            return None

        async def entities(self, *_: Any) -> list[dict[str, Any]]:
            return []

        async def create(self, table: str, entity: dict[str, Any]) -> bool:
            return False

    account = "AccountName=a;AccountKey=c2VjcmV0"
    connection = f"DefaultEndpointsProtocol=http;{account};TableEndpoint=http://127.0.0.1:9/a;"
    storage = Storage(connection_string=connection)
    ledger = TableLedger(storage)
    ledger._tables = Contended(storage, (STATE,), 5.0)
    with pytest.raises(LedgerError, match="changed by others"):
        await ledger.bump(GROUP, AT)
    await ledger.close()
