"""What `watch` reads of the rows every minute: five columns each, and no whole observation.

8,000 rows cost 1.2 s of CPU a minute when each was decoded wholly. Rows that an earlier version wrote lack the column
`brief`: they are read wholly, and get it, some of them each round.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.ledger.entities import GLANCED, brief, glanced, keys
from functions.ledger.state import LedgerError, NewerRowError, Row, glance
from functions.ledger.storage_tables import StorageTables

_log = logging.getLogger("tether")

# How many rows of an earlier version get the column in one round, and how many of them at once.
_A_ROUND, _AT_ONCE = 200, 16

type Whole = Callable[[], Awaitable[tuple[Row, ...]]]
type ReadOne = Callable[[ResourceId, dict[str, object]], Awaitable[Row]]


async def watched_in(tables: StorageTables, table: str, asked: str, whole: Whole, read: ReadOne) -> tuple[Row, ...]:
    """The rows that a filter finds, as state.glance has them. `whole` reads them all, `read` decodes one entity.

    Raises LedgerError.
    """
    found: dict[ResourceId, Row | None] = {}
    for entity in await tables.entities(table, asked, {}, GLANCED):
        try:
            subject = ResourceId(entity["id"])
            found[subject] = glanced(subject, entity)
        except NewerRowError as error:
            _log.warning("%s", error)
        except (KeyError, TypeError, AttributeError, InvalidResourceIdError) as error:
            _log.error("a row of the ledger is left out, since its id cannot be read: %r", error)
    old = sorted(subject for subject, row in found.items() if row is None)
    if old:
        found.update((row.subject, glance(row)) for row in await whole() if found.get(row.subject, row) is None)
        await _briefed(tables, table, old[:_A_ROUND], read)
    return tuple(row for row in found.values() if row is not None)


async def _briefed(tables: StorageTables, table: str, subjects: Sequence[ResourceId], read: ReadOne) -> None:
    """Write the column into rows of an earlier version, unless they change meanwhile. An odd row stays as it is."""
    lane = asyncio.Semaphore(_AT_ONCE)

    async def one(subject: ResourceId) -> None:
        async with lane:
            held = await tables.entity(table, keys(subject))
            if held is None:
                return
            try:
                row = await read(subject, held)
            except LedgerError as error:
                _log.warning("%s", error)
                return
            if row.memory is not None:
                await tables.change(table, held, {**keys(subject), **brief(row.memory)})

    await asyncio.gather(*map(one, subjects))
