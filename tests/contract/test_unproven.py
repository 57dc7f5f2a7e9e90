"""Subjects without proof: they have counters, so that no event is lost, and are no rows (docs/decisions/0014)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.ledger.entities import keys
from functions.ledger.left import Left
from functions.ledger.state import GONE, Ledger, Mark, NewerRowError, Observed, UnprovenError
from functions.ledger.storage_tables import StorageTables
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.contract.ledgers import KINDS, ledger_of
from tests.unit.worlds import AT, CLUSTER_ID, CUSTOM_ZONE, ZONE

GROUP, OTHER = ZONE.group_id, CUSTOM_ZONE.group_id
PROOF = Observed(at=AT + 5, cluster=str(CLUSTER_ID), zone=str(ZONE), state="Creating")
FORGED = Observed(at=AT + 5, zone=str(ZONE), state=GONE, gone_since=AT + 5)


@pytest.fixture(params=KINDS)
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    async with ledger_of(request.param) as held:
        yield held


async def listed(ledger: Ledger) -> set[ResourceId]:
    return {row.subject for row in await ledger.page(None, 9)}


async def test_an_event_alone_makes_no_row_and_is_answered_all_the_same(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT, "e-1", ZONE)
    assert await listed(ledger) == set()
    assert {row.subject for row in await ledger.overdue(AT + 1)} == {GROUP}
    assert [(row.subject, row.proven) for row in await ledger.rows()] == [(GROUP, False)], "something is to be done"
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    assert await ledger.rows() == ()
    assert (await ledger.read(GROUP)).counters.causes == ("e-1",), "a doubled event is known"


async def test_the_first_proven_observation_makes_a_row_with_the_counters_that_it_has(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.bump(GROUP, AT + number, f"e-{number}", ZONE)
    await ledger.look_again(GROUP, AT + 30, ZONE)
    before = (await ledger.read(GROUP)).counters
    await ledger.remember(GROUP, PROOF)
    row = await ledger.read(GROUP)
    assert (row.proven, row.observed, row.counters) == (True, PROOF, before)
    assert await listed(ledger) == {GROUP}
    assert (await ledger.bump(GROUP, AT + 9, "e-9")).seq == 4
    await ledger.remember(GROUP, Observed(at=AT + 50, state=GONE))
    assert (await ledger.read(GROUP)).proven, "a row stays one"


@pytest.mark.parametrize(
    ("subject", "observed", "proven"),
    [
        pytest.param(GROUP, PROOF, True, id="a cluster"),
        pytest.param(CUSTOM_ZONE, Observed(at=AT, zone=str(CUSTOM_ZONE)), True, id="a custom zone that is listed"),
        pytest.param(CUSTOM_ZONE, Observed(at=AT, findings=("custom-zone-not-listed",)), False, id="one that is not"),
        pytest.param(GROUP, FORGED, False, id="a group that names a cluster which is not there"),
        pytest.param(GROUP, Observed(at=AT, findings=("ownership-not-proven",)), False, id="a zone of somebody's"),
    ],
)
async def test_what_proves_a_row(ledger: Ledger, subject: ResourceId, observed: Observed, *, proven: bool) -> None:
    await ledger.remember(subject, observed)
    assert (await ledger.read(subject)).proven is proven
    assert (await ledger.read(subject)).observed == observed, "what it may have to be removed for is remembered"
    assert await listed(ledger) == ({subject} if proven else set())


NAME = "prod-0a1b2c3d.11111111-2222-3333-4444-555555555555.privatelink.westeurope.azmk8s.io"
NAMED = msgspec.structs.replace(PROOF, private_fqdn=NAME)
ITS_NAME = Left(cluster=str(CLUSTER_ID), name=NAME)
A_FORMER = Left(cluster=f"{CLUSTER_ID}-1", name=f"a-former-{NAME}")


@pytest.mark.parametrize(
    ("held", "observed", "is_kept"),
    [
        pytest.param(PROOF, Observed(state=GONE, zone=str(ZONE)), True, id="a cluster that is not there, unnamed"),
        pytest.param(NAMED, Observed(state=GONE, zone=str(ZONE)), True, id="the same, of a cluster with a name"),
        pytest.param(NAMED, Observed(state=GONE, zone=str(ZONE), left=(A_FORMER,)), True, id="and a duty of before"),
        pytest.param(NAMED, Observed(left=(A_FORMER,)), True, id="a cluster that a tag excludes, and a duty of before"),
        pytest.param(NAMED, Observed(left=(A_FORMER, ITS_NAME)), False, id="its name, left behind: another took over"),
        pytest.param(PROOF, msgspec.structs.replace(PROOF, state=GONE, gone_since=AT), False, id="this cluster: gone"),
        pytest.param(PROOF, msgspec.structs.replace(NAMED, cluster=f"{CLUSTER_ID}-2"), False, id="another cluster"),
    ],
)
async def test_a_pass_that_knew_no_cluster_does_not_forget_one_that_another_worker_proved_meanwhile(
    ledger: Ledger, held: Observed, observed: Observed, *, is_kept: bool
) -> None:
    await ledger.remember(GROUP, held)
    later = msgspec.structs.replace(observed, at=AT + 6)
    await ledger.remember(GROUP, later)
    assert (await ledger.read(GROUP)).observed == (held if is_kept else later)
    assert not is_kept or await ledger.row_of(CLUSTER_ID) == GROUP, "and its events find the row"


async def test_without_proof_what_the_limit_stopped_is_known_to_the_sweep(ledger: Ledger) -> None:
    await ledger.remember(GROUP, Observed(at=AT, zone=str(ZONE), state=GONE, plan="0123456789abcdef", waits=AT))
    assert [row.observed.plan for row in await ledger.rows()] == ["0123456789abcdef"]
    assert await listed(ledger) == set()


async def test_after_an_hour_it_is_forgotten_unless_something_is_to_be_done(ledger: Ledger) -> None:
    await ledger.bump(GROUP, AT, "e-1")
    await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
    await ledger.bump(OTHER, AT)
    await ledger.look_again(CUSTOM_ZONE, AT, CUSTOM_ZONE)
    await ledger.remember(ResourceId(f"{GROUP}-2"), PROOF)
    assert await ledger.forget(0.0, AT) == 0
    assert await ledger.forget(0.0, AT + 9) == 1
    assert {row.subject for row in await ledger.rows()} == {OTHER, CUSTOM_ZONE, ResourceId(f"{GROUP}-2")}
    assert (await ledger.read(GROUP)).counters.causes == ()


async def test_a_pass_that_outlives_the_counters_that_it_saw_answers_for_no_later_event(ledger: Ledger) -> None:
    for number in range(3):
        await ledger.bump(GROUP, AT, f"e-{number}")
    await ledger.finish(GROUP, (await ledger.read(GROUP)).counters.mark, "e-2", looking=False)
    mark = (await ledger.read(GROUP)).counters.mark  # of a pass that goes on while they are forgotten
    assert await ledger.forget(0.0, AT + 1) == 1
    await ledger.bump(GROUP, AT + 5, "e-9")
    await ledger.finish(GROUP, mark, "late", looking=False)
    assert (await ledger.read(GROUP)).counters.pending


async def test_to_finish_what_was_never_counted_writes_nothing(ledger: Ledger) -> None:
    await ledger.finish(GROUP, Mark(0, 0), "e-1", looking=False)
    assert (await ledger.read(GROUP)).counters.causes == ()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_subscription_has_so_many_without_proof_and_others_are_not_kept_from_theirs(kind: str) -> None:
    async with ledger_of(kind, unproven=3) as ledger:
        groups = [ResourceId(f"{GROUP}-{number}") for number in range(5)]
        for group in groups[:3]:
            await ledger.bump(group, AT)
        with pytest.raises(UnprovenError):
            await ledger.bump(groups[3], AT)
        with pytest.raises(UnprovenError):
            await ledger.look_again(groups[3], AT, ZONE)
        assert (await ledger.bump(groups[0], AT)).seq == 2, "those that are there count on"
        await ledger.remember(groups[3], FORGED)
        assert (await ledger.read(groups[3])).observed == Observed(), "nor is kept what a pass found there"
        elsewhere = ResourceId("/subscriptions/77777777-7777-7777-7777-777777777777/resourceGroups/x")
        assert (await ledger.bump(elsewhere, AT)).seq == 1
        assert (await ledger.bump(groups[3], AT, known=True)).seq == 1, "ARM showed its cluster"
        for group in (groups[0], groups[3]):
            await ledger.remember(group, PROOF)
        assert (await ledger.bump(groups[4], AT)).seq == 1, "a row leaves its place"


async def test_an_event_that_comes_while_its_counters_are_being_forgotten_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.bump(GROUP, AT, "e-1")
        await ledger.finish(GROUP, Mark(1, 0), "e-1", looking=False)
        remove = StorageTables.remove

        async def late(self: StorageTables, table: str, held: dict[str, Any]) -> bool:
            await ledger.bump(GROUP, AT + 5, "e-2")
            return await remove(self, table, held)

        monkeypatch.setattr(StorageTables, "remove", late)
        assert await ledger.forget(0.0, AT + 1) == 0
        assert (await ledger.read(GROUP)).counters.pending
        await ledger.close()


async def test_events_that_come_while_a_row_is_made_are_all_counted() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await asyncio.gather(
            *(ledger.bump(GROUP, AT, f"e-{number}") for number in range(8)),
            *(ledger.remember(GROUP, PROOF) for _ in range(3)),
        )
        row = await ledger.read(GROUP)
        assert (row.proven, row.counters.seq) == (True, 8)
        await ledger.close()


async def test_an_older_worker_leaves_counters_without_proof_alone() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.bump(GROUP, AT)
        entity = await ledger._tables.entity(STATE, keys(GROUP))
        assert entity is not None
        assert entity["version"] == 2, "more than the 1 that it reads"
        await ledger.remember(GROUP, PROOF)
        entity = await ledger._tables.entity(STATE, keys(GROUP))
        assert entity is not None
        assert entity["version"] == 1
        await ledger._tables.upsert(STATE, {**keys(GROUP), "version": 3}, merge=True)
        with pytest.raises(NewerRowError):
            await ledger.bump(GROUP, AT)
        await ledger.close()
