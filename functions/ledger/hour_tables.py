"""The hour that the removal limit counts, read from Azure Table storage: a few columns of rows and of the journal."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from functions.ledger.entities import observed_decoder
from functions.ledger.hour import FRESH, WINDOW, Claim, Hour
from functions.ledger.instants import WRONG_CLOCK
from functions.ledger.state import TOOK_NOTHING
from functions.ledger.storage_tables import StorageTables


async def hour_in(tables: StorageTables, at: float, *, state: str, journal: str) -> Hour:
    """The hour before `at`. Raises LedgerError."""
    fleet, taken, waiting = await asyncio.gather(
        _fleet(tables, state, at - WINDOW), _taken(tables, journal, at), _waiting(tables, state, at - FRESH)
    )
    return Hour(fleet, taken, waiting)


def claims(told: Iterable[tuple[str, float]]) -> tuple[Claim, ...]:
    """A claim a subject, of the latest instant. A subject that is no id belongs to no subscription."""
    latest: dict[str, float] = {}
    for subject, at in told:
        latest[subject.casefold()] = max(at, latest.get(subject.casefold(), at))
    return tuple(Claim(subject, subscription_of(subject), at) for subject, at in latest.items())


def subscription_of(subject: str) -> str:
    _, _, after = subject.partition("/subscriptions/")
    return after.partition("/")[0]


async def _fleet(tables: StorageTables, state: str, since: float) -> int:
    entities = await tables.entities(state, "seq ge 0", {}, ["RowKey", "counts_until"])
    if any(entity.get("counts_until") is None for entity in entities):
        # Rows that no pass has written to since 2026-12 have it in their text alone.
        entities = await tables.entities(state, "seq ge 0", {}, ["RowKey", "counts_until", "observed"])
    return sum(_counts_until(entity) > since for entity in entities)


def _counts_until(entity: dict[str, Any]) -> float:
    try:
        if (until := entity.get("counts_until")) is not None:
            return float(until)
        return observed_decoder.decode(entity.get("observed") or "{}").counts_until
    except (msgspec.MsgspecError, ValueError, TypeError):
        return 0.0  # not known to be a cluster


async def _taken(tables: StorageTables, journal: str, at: float) -> tuple[Claim, ...]:
    # What is hours ahead was written by a worker with a wrong clock, and would take its place for ever.
    asked = "at ge @since and at lt @wrong and action ne 'create' and action ne 'continue'"
    columns = ["PartitionKey", "at", "result", "follows", "subject"]
    within = {"since": at - WINDOW, "wrong": at + WRONG_CLOCK}
    entities = await tables.entities(journal, asked, within, columns)
    counts = (one for one in entities if not one.get("follows") and (one.get("result") or "") not in TOOK_NOTHING)
    # Entries of before 2026-12 have no subject: their cluster counts, as no subscription's.
    return claims((str(one.get("subject") or one["PartitionKey"]), float(one["at"])) for one in counts)


async def _waiting(tables: StorageTables, state: str, since: float) -> tuple[Claim, ...]:
    entities = await tables.entities(state, "waits gt 0.0 and written ge @since", {"since": since}, ["id", "waits"])
    return claims((str(entity.get("id") or ""), float(entity["waits"])) for entity in entities)
