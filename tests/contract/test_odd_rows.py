"""A row, an entry, a plan or an approval that cannot be decoded: the others are read, and it is left as it is."""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from functions.approval import waiting
from functions.ledger.entities import entry_keys, keys, pointer_keys
from functions.ledger.reports import Plan, Reports
from functions.ledger.state import Entry, LedgerError, Mark, Observed, OddRowError
from functions.ledger.storage_tables import StorageTables
from functions.ledger.tables import JOURNAL, STATE, TableLedger
from functions.plan import Approval
from functions.settings import Storage
from localazure.azurite import azurite
from tests.scenarios.memory_documents import MemoryDocuments
from tests.unit.worlds import AT, CLUSTER_ID, CUSTOM_ZONE, ZONE

GROUP, OTHER = ZONE.group_id, CUSTOM_ZONE.group_id
SEEN = Observed(at=AT, cluster=str(CLUSTER_ID), zone=str(ZONE), state="Succeeded")


@dataclass
class Kept:
    """The real ledger on Azurite, with a good row and another that a test spoils."""

    ledger: TableLedger
    tables: StorageTables

    async def spoil(self, **columns: Any) -> None:
        await self.tables.upsert(STATE, {**keys(GROUP), **columns}, merge=True)


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    async with azurite() as storage:
        where = Storage(connection_string=storage.connection_string)
        ledger, tables = TableLedger(where), StorageTables(where, (STATE, JOURNAL), 5.0)
        for subject in (GROUP, OTHER):
            await ledger.bump(subject, AT, "e-1")
            await ledger.remember(subject, SEEN)
            await ledger.finish(subject, Mark(1, 0), "e-1", looking=False)
        yield Kept(ledger, tables)
        await tables.close()
        await ledger.close()


OBSERVED = [
    "no JSON",
    "[]",
    "null",
    '{"at": "yesterday"}',
    '{"hubs": [7]}',
    '{"operations": [{"target": "no id"}]}',
    '{"cluster": "no id"}',
    '{"zone": "/subscriptions/none/resourceGroups/a/providers/b/c/d"}',
    '{"left": [{"cluster": "no id", "name": "a.example"}]}',
    '{"left": [{"cluster": "/subscriptions/none/resourceGroups/a/providers/b/c/d", "name": "a.example"}]}',
    f'{{"left": [{{"cluster": "{CLUSTER_ID}", "name": "a.example", "zone": "no id"}}]}}',
    '{"unwanted": [{"link": "no id", "since": 1, "reason": "r"}]}',
    '{"routed": {"kept": ["no id, and no table"]}}',
    '{"routed": {"kept": [""]}}',
]


@pytest.mark.parametrize(
    "text", [text for text in OBSERVED if "left" in text or "unwanted" in text or "routed" in text]
)
async def test_an_id_that_cannot_be_read_is_found_where_all_rows_are_read(kept: Kept, text: str) -> None:
    """The sweep and `watch` read them so: such a row must end neither."""
    await kept.spoil(observed=text)
    rows = await kept.ledger.rows()
    assert {row.subject: bool(row.odd) for row in rows} == {GROUP: True, OTHER: False}


@pytest.mark.parametrize("text", OBSERVED)
async def test_an_observation_that_cannot_be_decoded_is_unknown_and_stays_as_it_is(kept: Kept, text: str) -> None:
    await kept.spoil(observed=text)
    row = await kept.ledger.read(GROUP)
    assert (row.memory, row.observed) == (None, Observed())
    assert row.odd
    await kept.ledger.remember(GROUP, msgspec.structs.replace(SEEN, at=AT + 60))
    held = await kept.tables.entity(STATE, keys(GROUP))
    assert held is not None
    assert held["observed"] == text
    assert (await kept.ledger.bump(GROUP, AT + 60, "e-2")).pending  # events are still counted
    await kept.ledger.finish(GROUP, Mark(2, 0), "e-2", looking=False)
    assert not (await kept.ledger.read(GROUP)).counters.pending
    await kept.ledger.forget(AT + 10**8, AT)
    assert (await kept.ledger.read(GROUP)).odd


@pytest.mark.parametrize(
    "columns",
    [{"observed": "no JSON"}, {"causes": "no JSON"}, {"seq": "many"}, {"look_at": "soon"}, {"version": "two"}],
    ids=lambda columns: next(iter(columns)),
)
async def test_the_other_rows_are_read_beside_it(kept: Kept, columns: dict[str, Any]) -> None:
    await kept.spoil(**columns)
    assert OTHER in {row.subject for row in await kept.ledger.watched() if not row.odd}
    for rows in (await kept.ledger.rows(), await kept.ledger.page(None, 10)):
        good = [row for row in rows if not row.odd]
        assert [(row.subject, row.observed) for row in good] == [(OTHER, SEEN)]
        assert len(rows) == 2 or columns.keys() == {"seq"}  # a text is not found by a query for numbers


async def test_counters_that_cannot_be_decoded_are_not_written_over(kept: Kept) -> None:
    await kept.spoil(causes="no JSON")
    with pytest.raises(OddRowError):
        await kept.ledger.bump(GROUP, AT + 60, "e-2")
    assert isinstance(OddRowError(""), LedgerError)  # a pass goes on without its memory
    assert (await kept.ledger.read(GROUP)).memory is None


@pytest.mark.parametrize("column", ["id", "subject"])
async def test_a_row_without_a_readable_id_hides_no_other(kept: Kept, column: str) -> None:
    if column == "id":
        await kept.spoil(id="no id")
    else:
        await kept.tables.upsert(STATE, {**pointer_keys(CLUSTER_ID), "subject": "no id"}, merge=True)
        assert await kept.ledger.row_of(CLUSTER_ID) is None
        await kept.ledger.forget(AT + 10**8, AT)
        assert await kept.tables.entity(STATE, pointer_keys(CLUSTER_ID)) is not None
        return
    assert [row.subject for row in await kept.ledger.rows()] == [OTHER]
    assert [row.subject for row in await kept.ledger.watched()] == [OTHER]


def an_entry(number: int) -> Entry:
    return Entry(
        subject=GROUP,
        id=uuid.uuid4().hex,
        at=AT + number,
        cause="e-1",
        handler="zone_links",
        action="create",
        target=str(ZONE),
        reason="test",
    )


async def test_a_journal_entry_that_cannot_be_decoded_hides_no_other(kept: Kept) -> None:
    odd, good = an_entry(1), an_entry(2)
    for entry in (odd, good):
        await kept.ledger.intend(entry)
    await kept.tables.upsert(JOURNAL, {**entry_keys(odd), "entry": "no JSON"}, merge=True)
    assert await kept.ledger.journal(GROUP) == (good,)
    assert await kept.ledger.left_open(AT + 60) == (good,)


def a_plan(name: str) -> Plan:
    return Plan(id=name * 16, at=AT, changes=())


Spoil = Callable[[MemoryDocuments], object]


@pytest.mark.parametrize("body", [b"no JSON", b"[]", b"\xff", b'{"id": 7}'])
async def test_a_plan_or_an_approval_that_cannot_be_decoded_stops_no_other(body: bytes) -> None:
    documents = MemoryDocuments()
    reports = Reports(documents)
    for name in ("a", "b"):
        await reports.keep_plan(a_plan(name))
        await reports.approve(Approval(plan=name * 16, changes=frozenset({name}), at=AT, by="person"))
    await documents.write(f"plans/{'a' * 16}.json", body)
    await documents.write(f"approvals/{'a' * 16}.json", body)
    assert [plan.id for plan in await waiting(["a" * 16, "b" * 16], reports)] == ["b" * 16]
    assert [approval.plan for approval in await reports.approvals(AT + 60)] == ["b" * 16]


async def test_watch_learns_of_a_row_that_cannot_be_decoded_and_leaves_it_as_it_is(kept: Kept) -> None:
    await kept.spoil(brief="no JSON", observed="no JSON")
    (odd,) = [row for row in await kept.ledger.watched() if row.odd]
    assert odd.subject == GROUP
    held = await kept.tables.entity(STATE, keys(GROUP))
    assert held is not None
    assert (held["brief"], held["observed"]) == ("no JSON", "no JSON")


@pytest.mark.parametrize(
    "columns",
    [{"counts_until": "for ever"}, {"observed": 7}, {"observed": "no JSON"}, {"waits": "long"}],
    ids=lambda columns: next(iter(columns)),
)
async def test_the_removal_limit_counts_the_other_rows(kept: Kept, columns: dict[str, Any]) -> None:
    held = await kept.tables.entity(STATE, keys(GROUP))
    assert held is not None
    old = {name: value for name, value in held.items() if name != "counts_until"}  # as version 1 wrote it
    await kept.tables.upsert(STATE, {**old, **columns}, merge=False)
    assert (await kept.ledger.hour(AT)).fleet >= 1


async def test_an_odd_name_of_a_blob_keeps_no_row_from_being_written_and_no_entry_from_being_forgotten(
    kept: Kept,
) -> None:
    await kept.spoil(body=7)
    newer = msgspec.structs.replace(SEEN, at=AT + 60)
    await kept.ledger.remember(GROUP, newer)
    assert (await kept.ledger.read(GROUP)).observed == newer
    odd, good = an_entry(1), an_entry(2)
    for entry in (odd, good):
        await kept.ledger.intend(entry)
    await kept.tables.upsert(JOURNAL, {**entry_keys(odd), "body": 7}, merge=True)
    await kept.ledger.forget(AT + 10**8, AT)
    assert await kept.ledger.journal(GROUP) == ()
