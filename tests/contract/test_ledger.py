"""The contract of the ledger: the real one, on Azurite, and the one of the simulation keep the same."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.ledger.state import KEPT_CAUSES, Entry, Ledger, LedgerError, Mark, NewerRowError, Observed
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.scenarios.memory_ledger import MemoryLedger
from tests.unit.worlds import AT, CUSTOM_ZONE, ZONE

GROUP = ZONE.group_id


@pytest.fixture(params=["tables", "memory"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    async with azurite() as storage:
        tables = TableLedger(Storage(connection_string=storage.connection_string))
        yield tables
        await tables.close()


async def test_a_subject_that_nobody_wrote_of_has_an_empty_row(ledger: Ledger) -> None:
    row = await ledger.read(GROUP)
    assert (row.counters.seq, row.counters.pending, row.observed.at) == (0, False, 0.0)


async def test_events_are_counted_and_finished(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    assert (await ledger.bump(GROUP, AT + 1)).seq == 2
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    assert (await ledger.read(GROUP)).counters.pending
    await ledger.finish(GROUP, Mark(2, 0), "e-2", looking=False)
    await ledger.finish(GROUP, Mark(1, 0), "e-3", looking=False)
    counters = (await ledger.read(GROUP)).counters
    assert (counters.done, counters.pending, counters.causes) == (2, False, ("e-1", "e-2", "e-3"))


async def test_an_event_that_ended_is_not_counted_again(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT, "e-1")
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    counters = await ledger.bump(GROUP, AT + 5, "e-1")
    assert (counters.seq, counters.pending) == (1, False)
    assert "e-1" in counters.causes
    assert (await ledger.bump(GROUP, AT + 6, "e-2")).pending


async def test_the_case_of_an_id_does_not_make_another_row(ledger: Ledger) -> None:
    await ledger.bump(ResourceId(str(GROUP).upper()), AT)
    assert (await ledger.read(GROUP)).counters.seq == 1


async def test_a_pass_that_looks_again_keeps_its_due_time_and_is_not_finished_with_its_cause(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    assert (await ledger.look_again(GROUP, AT + 30)).look == 1
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=True)
    counters = (await ledger.read(GROUP)).counters
    assert (counters.look_at, counters.causes) == (AT + 30, ())
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    assert (await ledger.read(GROUP)).counters.look_at == AT + 30, "what another pass asked for stands"
    await ledger.finish(GROUP, Mark(1, 1), "e-1", looking=False)
    assert (await ledger.read(GROUP)).counters.look_at == 0


async def test_counters_that_many_change_at_once_lose_nothing(ledger: Ledger) -> None:
    await asyncio.gather(*(ledger.bump(GROUP, AT) for _ in range(8)))
    assert (await ledger.read(GROUP)).counters.seq == 8


async def test_only_the_last_causes_are_kept(ledger: Ledger) -> None:
    for number in range(KEPT_CAUSES + 5):
        await ledger.finish(GROUP, Mark(0, 0), f"e-{number}", looking=False)
    causes = (await ledger.read(GROUP)).counters.causes
    assert len(causes) == KEPT_CAUSES
    assert causes[-1] == f"e-{KEPT_CAUSES + 4}"


async def test_the_newer_observation_wins(ledger: Ledger) -> None:
    operations = (Operation(ZONE, "https://management.azure.com/x", AT, AT + 30),)
    newer = Observed(at=AT, state="Succeeded", operations=operations, findings=("no-hub-found",))
    await ledger.remember(GROUP, newer)
    await ledger.remember(GROUP, Observed(at=AT - 10, state="Creating"))
    assert (await ledger.read(GROUP)).observed == newer


async def test_observing_does_not_touch_the_counters(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    await ledger.remember(GROUP, Observed(at=AT))
    assert (await ledger.read(GROUP)).counters.seq == 1


async def test_what_nobody_answered_is_overdue(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    await ledger.look_again(CUSTOM_ZONE, AT + 10)
    assert {row.subject for row in await ledger.overdue(AT)} == set()
    assert {row.subject for row in await ledger.overdue(AT + 5)} == {GROUP}
    assert {row.subject for row in await ledger.overdue(AT + 11)} == {GROUP, CUSTOM_ZONE}
    await ledger.finish(GROUP, Mark(1, 0), "", looking=False)
    await ledger.finish(CUSTOM_ZONE, Mark(0, 1), "", looking=False)
    assert await ledger.overdue(AT + 99) == ()
    assert {row.subject for row in await ledger.rows()} == {GROUP, CUSTOM_ZONE}


def an_entry(number: int) -> Entry:
    return Entry(
        subject=GROUP,
        id=f"i-{number}",
        at=AT + number,
        cause="e-1",
        handler="zone_links",
        action="create",
        target=str(ZONE),
        reason="because",
    )


async def test_the_journal_tells_the_newest_first_and_an_outcome_replaces_its_intent(ledger: Ledger) -> None:
    import msgspec

    for number in range(3):
        await ledger.intend(an_entry(number))
    ended = msgspec.structs.replace(an_entry(1), result="started", ended=AT + 5)
    await ledger.conclude(ended)
    assert await ledger.journal(GROUP) == (an_entry(2), ended, an_entry(0))
    assert await ledger.journal(GROUP, 1) == (an_entry(2),)
    assert await ledger.journal(CUSTOM_ZONE) == ()


async def test_changes_and_removals_of_the_last_hour_are_counted_and_additions_are_not(ledger: Ledger) -> None:
    import msgspec

    for number, action in enumerate(("create", "delete", "delete", "update")):
        await ledger.intend(msgspec.structs.replace(an_entry(number), action=action))
    assert await ledger.taken(AT + 2) == 2
    assert await ledger.taken(AT) == 3


async def test_old_rows_and_entries_are_forgotten_and_unanswered_events_never(ledger: Ledger) -> None:
    await ledger.remember(CUSTOM_ZONE, Observed(at=AT))
    await ledger.bump(GROUP, AT)
    await ledger.intend(an_entry(0))
    assert await ledger.forget(AT) == 0
    assert await ledger.forget(AT + 1) == 2
    assert {row.subject for row in await ledger.rows()} == {GROUP}


async def test_a_row_of_a_newer_version_is_left_alone() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.bump(GROUP, AT)
        client = ledger._client(STATE)
        (entity,) = [row async for row in client.list_entities()]
        await client.upsert_entity({**entity, "version": 99})
        with pytest.raises(NewerRowError):
            await ledger.read(GROUP)
        with pytest.raises(NewerRowError):
            await ledger.bump(GROUP, AT)
        await ledger.close()


async def test_a_ledger_that_cannot_be_reached_says_so_without_its_key() -> None:
    account = "AccountName=a;AccountKey=c2VjcmV0"
    connection = f"DefaultEndpointsProtocol=http;{account};TableEndpoint=http://127.0.0.1:9/a;"
    ledger = TableLedger(Storage(connection_string=connection))
    with pytest.raises(LedgerError) as failed:
        await ledger.read(GROUP)
    assert "c2VjcmV0" not in str(failed.value)
    await ledger.close()
    with pytest.raises(LedgerError):
        await MemoryLedger(down=True).bump(GROUP, AT)
