"""The ledgers that keep one contract: the real one, on Azurite, and the one of the simulations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from functions.ledger.state import MOST_UNPROVEN, Ledger
from functions.ledger.tables import TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.scenarios.memory_ledger import MemoryLedger

KINDS = ("tables", "memory")


@asynccontextmanager
async def ledger_of(kind: str, unproven: int = MOST_UNPROVEN) -> AsyncIterator[Ledger]:
    """An empty ledger of a kind, which lets a subscription have so many subjects without proof."""
    if kind == "memory":
        yield MemoryLedger(unproven=unproven)
        return
    async with azurite() as storage:
        tables = TableLedger(Storage(connection_string=storage.connection_string), unproven=unproven)
        yield tables
        await tables.close()
