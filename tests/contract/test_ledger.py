"""The contract of the ledger: the real one, on Azurite, and the one of the simulation keep the same."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.ledger.entities import keys
from functions.ledger.left import Left
from functions.ledger.paused import Paused, left
from functions.ledger.state import KEPT_CAUSES, Entry, Ledger, LedgerError, Mark, NewerRowError, Observed, glance
from functions.ledger.storage_tables import StorageTables
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.contract.ledgers import KINDS, ledger_of
from tests.scenarios.memory_ledger import MemoryLedger
from tests.unit.worlds import AT, CLUSTER_ID, CUSTOM_ZONE, ZONE

GROUP = ZONE.group_id
OTHER_GROUP = CUSTOM_ZONE.group_id


@pytest.fixture(params=KINDS)
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    async with ledger_of(request.param) as held:
        yield held


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
    assert (await ledger.look_again(GROUP, AT + 30, ZONE)).look == 1
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
    await ledger.bump(GROUP, AT)
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


async def test_observing_a_row_that_another_worker_makes_meanwhile_does_not_touch_its_counters() -> None:
    class Late(TableLedger):
        async def _point(self, subject: ResourceId, held: Observed, observed: Observed) -> None:
            await TableLedger.bump(self, GROUP, AT)

    async with azurite() as storage:
        ledger = Late(Storage(connection_string=storage.connection_string))
        await ledger.remember(GROUP, Observed(at=AT, state="Succeeded"))
        row = await ledger.read(GROUP)
        assert (row.counters.seq, row.observed.state) == (1, "Succeeded")
        await ledger.close()


async def test_observing_does_not_touch_the_counters(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    await ledger.remember(GROUP, Observed(at=AT))
    assert (await ledger.read(GROUP)).counters.seq == 1


async def test_what_a_worker_with_a_wrong_clock_wrote_is_overdue(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT + 7200)
    await ledger.look_again(CUSTOM_ZONE, AT + 3 * 86_400, CUSTOM_ZONE)
    assert {row.subject for row in await ledger.overdue(AT)} == {GROUP, CUSTOM_ZONE}
    await ledger.look_again(CUSTOM_ZONE, AT + 86_400, CUSTOM_ZONE)
    assert {row.subject for row in await ledger.overdue(AT)} == {GROUP}, "a day is as long as anything is put off"


async def test_an_observation_of_the_future_gives_way_to_the_next(ledger: Ledger) -> None:
    await ledger.remember(GROUP, Observed(at=AT + 86_400, state="Succeeded"))
    await ledger.remember(GROUP, Observed(at=AT, state="Updating"))
    assert (await ledger.read(GROUP)).observed.state == "Updating"


async def test_what_nobody_answered_is_overdue(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT)
    await ledger.look_again(CUSTOM_ZONE, AT + 10, CUSTOM_ZONE)
    assert {row.subject for row in await ledger.overdue(AT)} == set()
    assert {row.subject for row in await ledger.overdue(AT + 5)} == {GROUP}
    assert {row.subject for row in await ledger.overdue(AT + 11)} == {GROUP, CUSTOM_ZONE}
    assert {row.subject: row.target for row in await ledger.rows()} == {
        GROUP: str(GROUP),
        CUSTOM_ZONE: str(CUSTOM_ZONE),
    }
    await ledger.finish(GROUP, Mark(1, 0), "", looking=False)
    await ledger.finish(CUSTOM_ZONE, Mark(0, 1), "", looking=False)
    assert await ledger.overdue(AT + 99) == ()


async def test_a_row_that_only_a_pass_wrote_in_knows_what_the_pass_was_about(ledger: Ledger) -> None:
    await ledger.look_again(GROUP, AT, ZONE)
    assert (await ledger.read(GROUP)).target == str(ZONE)


async def test_what_an_event_named_stands_whatever_an_older_pass_looks_at_again(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT, target=GROUP)
    await ledger.look_again(GROUP, AT, ZONE)
    assert (await ledger.read(GROUP)).target == str(GROUP)


async def subjects(ledger: Ledger, subscription: str = "", most: int = 2) -> list[ResourceId]:
    """All rows, by pages."""
    found: list[ResourceId] = []
    while page := await ledger.page(found[-1] if found else None, most, subscription):
        assert len(page) <= most
        found += [row.subject for row in page]
    return found


async def test_pages_give_every_row_once_and_one_subscription_after_the_other(ledger: Ledger) -> None:
    cluster = str(CLUSTER_ID)
    for number in range(7):
        group = ResourceId(f"/subscriptions/{uuid.UUID(int=number % 2)}/resourceGroups/Group{number}")
        await ledger.remember(group, Observed(at=AT + number, cluster=f"{cluster}{number}", zone=str(ZONE)))
    found = await subjects(ledger)
    assert {subject.name for subject in found} == {f"Group{number}" for number in range(7)}
    assert [subject.subscription for subject in found] == [str(uuid.UUID(int=0))] * 4 + [str(uuid.UUID(int=1))] * 3
    assert await subjects(ledger, most=100) == found
    assert await subjects(ledger, str(uuid.UUID(int=1)).upper()) == found[4:]
    assert await subjects(ledger, str(uuid.UUID(int=5))) == []


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
    for number in range(3):
        await ledger.intend(an_entry(number))
    ended = msgspec.structs.replace(an_entry(1), result="started", ended=AT + 5)
    await ledger.conclude(ended)
    assert await ledger.journal(GROUP) == (an_entry(2), ended, an_entry(0))
    assert await ledger.journal(GROUP, 1) == (an_entry(2),)
    assert await ledger.journal(CUSTOM_ZONE) == ()


async def test_reads_that_must_not_be_repeated_yet_are_kept_until_their_pauses_are_over(ledger: Ledger) -> None:
    first = (Paused("/a", AT + 60), Paused("/b", AT + 5))
    assert (await ledger.look_again(GROUP, AT + 60, ZONE, first, AT)).paused == first
    counters = await ledger.look_again(GROUP, AT + 20, ZONE, (Paused("/c", AT + 20), Paused("/a", AT + 30)), AT + 10)
    assert counters.paused == (Paused("/a", AT + 60), Paused("/c", AT + 20))
    assert (await ledger.read(GROUP)).counters == counters
    assert left(counters.paused, AT + 30) == [("/a", 30.0)]


async def test_intents_without_an_outcome_are_found_whatever_their_subject(ledger: Ledger) -> None:
    other = msgspec.structs.replace(an_entry(1), subject=CUSTOM_ZONE)
    for entry in (an_entry(0), other, an_entry(2), an_entry(9)):
        await ledger.intend(entry)
    await ledger.conclude(msgspec.structs.replace(an_entry(2), result="started"))
    found = await ledger.left_open(AT + 9)
    assert sorted(found, key=lambda entry: entry.at) == [an_entry(0), other]


async def test_old_rows_and_entries_are_forgotten_and_unanswered_events_never(ledger: Ledger) -> None:
    await ledger.remember(CUSTOM_ZONE, Observed(at=AT, zone=str(CUSTOM_ZONE)))
    await ledger.bump(GROUP, AT)
    await ledger.intend(an_entry(0))
    assert await ledger.forget(AT, AT) == 0
    assert await ledger.forget(AT + 1, AT + 1) == 2
    assert {row.subject for row in await ledger.rows()} == {GROUP}


LEFT = Left(cluster=str(CLUSTER_ID), name="aks-1.x", zone="", since=AT)


async def test_watch_gets_of_each_row_what_it_needs_and_no_more(ledger: Ledger) -> None:
    link, command = Operation(ZONE, "https://a", AT, AT), Operation(CLUSTER_ID, "https://b", AT, AT, "move")
    whole = Observed(
        at=AT, cluster=str(CLUSTER_ID), zone=str(ZONE), state="Updating", hubs=("h",), operations=(link, command)
    )
    await ledger.bump(GROUP, AT, "e-1", ZONE)
    await ledger.remember(GROUP, whole)
    await ledger.remember(OTHER_GROUP, Observed(at=AT, cluster=str(CLUSTER_ID), state="gone", left=(LEFT,)))
    await ledger.look_again(OTHER_GROUP, AT + 30, ZONE)
    await ledger.bump(CUSTOM_ZONE, AT)
    found = {row.subject: row for row in await ledger.watched()}
    assert found == {row.subject: glance(row) for row in await ledger.rows()}
    assert found[GROUP].observed == Observed(at=AT, cluster=str(CLUSTER_ID), state="Updating", operations=(command,)), (
        "of operations only the commands, by which pod_restarts.is_crowded counts"
    )
    assert found[GROUP].counters.pending
    assert (found[OTHER_GROUP].observed.left, found[OTHER_GROUP].counters.look_at) == ((LEFT,), AT + 30)
    assert (found[CUSTOM_ZONE].observed, found[CUSTOM_ZONE].counters.pending) == (Observed(), True)
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    assert not {row.subject: row for row in await ledger.watched()}[GROUP].counters.pending


async def test_watch_decodes_no_observation_and_a_row_of_before_gets_its_column() -> None:
    async with azurite() as storage:
        settings = Storage(connection_string=storage.connection_string)
        tables, raw = TableLedger(settings), StorageTables(settings, (STATE,), 5.0)
        try:
            await tables.remember(GROUP, Observed(at=AT, cluster=str(CLUSTER_ID), state="Succeeded"))
            expected = await tables.watched()
            for column in ("", "no JSON"):
                await raw.upsert(STATE, {**keys(GROUP), "brief": column}, merge=True)
                assert await tables.watched() == expected, "read wholly"
                held = await raw.entity(STATE, keys(GROUP))
                assert held is not None
                assert held["brief"], "and written for the next round"
            await raw.upsert(STATE, {**keys(GROUP), "observed": "no JSON"}, merge=True)
            assert await tables.watched() == expected, "a row that cannot be decoded is watched all the same"
        finally:
            await tables.close()
            await raw.close()


async def test_a_row_of_a_newer_version_is_left_alone() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.bump(GROUP, AT)
        await ledger._tables.upsert(STATE, {**keys(GROUP), "version": 99}, merge=True)
        with pytest.raises(NewerRowError):
            await ledger.read(GROUP)
        with pytest.raises(NewerRowError):
            await ledger.bump(GROUP, AT)
        await ledger.bump(CUSTOM_ZONE, AT)
        await ledger.remember(CUSTOM_ZONE, Observed(at=AT, zone=str(CUSTOM_ZONE)))
        for rows in (await ledger.rows(), await ledger.overdue(AT + 1), await ledger.page(None, 5)):
            assert [row.subject for row in rows] == [CUSTOM_ZONE], "it keeps nobody from the other rows"
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


CLUSTER = str(CLUSTER_ID)


async def test_a_cluster_that_was_seen_leads_to_its_row(ledger: Ledger) -> None:
    assert await ledger.row_of(CLUSTER_ID) is None
    await ledger.remember(GROUP, Observed(at=AT, cluster=CLUSTER, zone=str(ZONE)))
    assert await ledger.row_of(ResourceId(CLUSTER.upper())) == GROUP
    await ledger.remember(GROUP, Observed(at=AT + 60, cluster=CLUSTER, zone=str(ZONE)))
    assert await ledger.row_of(CLUSTER_ID) == GROUP
    assert {row.subject for row in await ledger.rows()} == {GROUP}, "and is no row of its own"
    assert await ledger.overdue(AT + 999) == ()


async def test_a_cluster_that_got_another_group_leads_there_whatever_its_old_row_says_then(ledger: Ledger) -> None:
    await ledger.remember(GROUP, Observed(at=AT, cluster=CLUSTER, zone=str(ZONE)))
    await ledger.remember(OTHER_GROUP, Observed(at=AT + 5, cluster=CLUSTER))
    await ledger.remember(GROUP, Observed(at=AT + 9, cluster=CLUSTER, state="gone"))
    assert await ledger.row_of(CLUSTER_ID) == OTHER_GROUP
    await ledger.remember(OTHER_GROUP, Observed(at=AT + 10, cluster=CLUSTER, state="gone"))
    assert await ledger.row_of(CLUSTER_ID) is None


async def test_an_older_observation_moves_no_cluster(ledger: Ledger) -> None:
    await ledger.remember(GROUP, Observed(at=AT, cluster=CLUSTER, zone=str(ZONE)))
    await ledger.remember(GROUP, Observed(at=AT - 5, cluster=CLUSTER, zone=str(CUSTOM_ZONE)))
    assert await ledger.row_of(CLUSTER_ID) == GROUP


async def test_a_cluster_that_is_seen_now_and_then_is_not_forgotten_before_its_row(ledger: Ledger) -> None:
    day = 86400.0
    for days in range(0, 120, 40):
        await ledger.remember(GROUP, Observed(at=AT + days * day, cluster=CLUSTER, zone=str(ZONE)))
    assert await ledger.forget(AT + 30 * day, AT + 120 * day) == 0
    assert await ledger.row_of(CLUSTER_ID) == GROUP
    assert await ledger.forget(AT + 200 * day, AT + 200 * day) == 0, (
        "its cluster lives, and an event on it must find the row"
    )
    assert await ledger.row_of(CLUSTER_ID) == GROUP
    await ledger.remember(GROUP, Observed(at=AT + 201 * day, cluster=CLUSTER, zone=str(ZONE), state="gone"))
    assert await ledger.forget(AT + 300 * day, AT + 300 * day) == 1
    assert await ledger.rows() == ()


@pytest.mark.parametrize(
    "owed",
    [
        pytest.param({"left": (Left(cluster=CLUSTER, name="name"),), "state": "gone"}, id="left to remove"),
        pytest.param({"cluster": CLUSTER, "state": "gone", "records": ("zone on s 10.1.0.4",)}, id="a record"),
        pytest.param({"cluster": CLUSTER, "state": "Succeeded"}, id="a living cluster"),
    ],
)
async def test_a_row_that_owes_something_is_never_forgotten(ledger: Ledger, owed: dict[str, Any]) -> None:
    await ledger.remember(GROUP, Observed(at=AT, **owed))
    await ledger.remember(CUSTOM_ZONE, Observed(at=AT))
    assert await ledger.forget(AT + 9e9, AT + 9e9) == 1
    (row,) = await ledger.rows()
    assert row.observed == Observed(at=AT, **owed)


LONG = 'ä𝄞\x00"' * 50_000  # 200,000 characters, of those that need room in UTF-16 and in JSON


async def test_an_entry_too_long_for_a_table_comes_back_whole(ledger: Ledger) -> None:
    entry = msgspec.structs.replace(an_entry(1), before=LONG, after="short")
    await ledger.intend(entry)
    assert await ledger.journal(GROUP) == (entry,)
    ended = msgspec.structs.replace(entry, result="refused", error=LONG, ended=AT + 9)
    await ledger.conclude(ended)
    assert await ledger.journal(GROUP) == (ended,)
    assert await ledger.forget(AT + 99, AT + 99) == 1
    assert await ledger.journal(GROUP) == ()


async def test_an_observation_too_long_for_a_table_comes_back_whole(ledger: Ledger) -> None:
    many = Observed(at=AT, hubs=tuple(f"{ZONE}/{number}" for number in range(1000)))
    await ledger.bump(GROUP, AT)
    many = msgspec.structs.replace(many, cluster=CLUSTER)
    await ledger.remember(GROUP, many)
    row = await ledger.read(GROUP)
    assert (row.observed, row.counters.seq) == (many, 1)
    assert [row.observed for row in await ledger.rows()] == [many]
    few = Observed(at=AT + 1, cluster=CLUSTER, hubs=("h",))
    await ledger.remember(GROUP, few)
    assert (await ledger.read(GROUP)).observed == few


async def test_without_blobs_what_is_too_long_is_cut_and_says_so() -> None:
    async with azurite() as storage:
        parts = storage.connection_string.split(";")
        broken = [
            part if not part.startswith("BlobEndpoint") else "BlobEndpoint=http://127.0.0.1:9/a" for part in parts
        ]
        ledger = TableLedger(Storage(connection_string=";".join(broken)))
        await ledger.intend(msgspec.structs.replace(an_entry(1), before=LONG))
        (entry,) = await ledger.journal(GROUP)
        assert entry.before.startswith(LONG[:500])
        assert "[cut: 199000 more characters]" in entry.before
        assert entry.reason == "because"
        await ledger.remember(GROUP, Observed(at=AT, state="Failed", hubs=tuple(f"{ZONE}/{n}" for n in range(1000))))
        observed = (await ledger.read(GROUP)).observed
        assert (observed.state, len(observed.hubs)) == ("Failed", 20)
        assert await ledger.forget(AT + 99, AT + 99) == 2
        await ledger.close()


async def test_a_blob_that_is_gone_leaves_what_was_cut() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.intend(msgspec.structs.replace(an_entry(1), before=LONG))
        for name in await ledger._bodies.names(""):
            await ledger._bodies.remove(name)
        (entry,) = await ledger.journal(GROUP)
        assert "[cut:" in entry.before
        await ledger.close()


async def test_a_pass_that_proved_nothing_does_not_overwrite_what_another_proved_meanwhile(ledger: Ledger) -> None:
    proven = Observed(at=AT, cluster=CLUSTER, zone=str(ZONE), records=("zone on s 10.1.0.4",))
    await ledger.remember(GROUP, proven)
    await ledger.remember(GROUP, Observed(at=AT + 1, findings=("ownership-not-proven",)))
    assert (await ledger.read(GROUP)).observed == proven
