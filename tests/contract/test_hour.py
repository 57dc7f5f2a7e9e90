"""What the removal limit counts: proven clusters, the changes of an hour, and the clusters that wait."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.ledger.entities import keys
from functions.ledger.hour import FRESH, WINDOW, Claim
from functions.ledger.state import GONE, Entry, Ledger, Observed
from functions.ledger.tables import STATE, TableLedger
from functions.settings import Storage
from localazure.azurite import azurite
from tests.contract.ledgers import KINDS, ledger_of
from tests.unit.worlds import AT, CLUSTER_ID, CUSTOM_ZONE, ZONE

GROUP, OTHER = ZONE.group_id, CUSTOM_ZONE.group_id
CLUSTER = str(CLUSTER_ID)
LIVING = Observed(at=AT, cluster=CLUSTER, zone=str(ZONE), state="Succeeded")


@pytest.fixture(params=KINDS)
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    async with ledger_of(request.param) as held:
        yield held


def claim(subject: ResourceId, at: float) -> Claim:
    return Claim(str(subject).casefold(), subject.subscription.casefold(), at)


@pytest.mark.parametrize(
    ("subject", "observed", "counts"),
    [
        pytest.param(GROUP, LIVING, 1, id="a cluster that lives"),
        pytest.param(GROUP, msgspec.structs.replace(LIVING, at=AT - 90 * 86400), 1, id="however long nothing happened"),
        pytest.param(GROUP, msgspec.structs.replace(LIVING, state="Deleting"), 1, id="a cluster that is ending"),
        pytest.param(
            GROUP, msgspec.structs.replace(LIVING, state=GONE, gone_since=AT - WINDOW + 1), 1, id="ended in the hour"
        ),
        pytest.param(
            GROUP, msgspec.structs.replace(LIVING, state=GONE, gone_since=AT - WINDOW), 0, id="ended before the hour"
        ),
        pytest.param(GROUP, Observed(at=AT, zone=str(ZONE), state=GONE), 0, id="a zone whose cluster was never seen"),
        pytest.param(GROUP, Observed(at=AT, findings=("ownership-not-proven",)), 0, id="what is not AKS's"),
        pytest.param(CUSTOM_ZONE, Observed(at=AT, zone=str(CUSTOM_ZONE)), 0, id="a custom zone is no cluster"),
    ],
)
async def test_the_fleet_is_the_proven_clusters_that_live_or_ended_in_the_hour(
    ledger: Ledger, subject: ResourceId, observed: Observed, counts: int
) -> None:
    await ledger.bump(subject, AT)
    assert (await ledger.hour(AT)).fleet == 0, "an event proves nothing"
    await ledger.remember(subject, observed)
    assert (await ledger.hour(AT)).fleet == counts


def an_entry(number: int, subject: ResourceId = GROUP, action: str = "delete", **more: object) -> Entry:
    entry = Entry(
        subject=subject,
        id=f"i-{number}",
        at=AT + number,
        cause="e-1",
        handler="zone_links",
        action=action,
        target=str(ZONE),
        reason="because",
    )
    return msgspec.structs.replace(entry, **more)


async def test_a_cluster_counts_once_by_its_last_change_and_additions_do_not_count(ledger: Ledger) -> None:
    for number, (action, subject) in enumerate(
        [("create", GROUP), ("delete", OTHER), ("delete", GROUP), ("update", GROUP), ("continue", CUSTOM_ZONE)]
    ):
        await ledger.intend(an_entry(number, subject, action))
    assert set((await ledger.hour(AT + 9)).taken) == {claim(OTHER, AT + 1), claim(GROUP, AT + 3)}
    assert (await ledger.hour(AT + 3 + WINDOW)).taken == (claim(GROUP, AT + 3),)
    assert (await ledger.hour(AT + 4 + WINDOW)).taken == ()


async def test_a_change_that_a_wrong_clock_put_years_ahead_takes_no_place_for_ever(ledger: Ledger) -> None:
    await ledger.intend(an_entry(10 * 365 * 86400))
    assert (await ledger.hour(AT)).taken == ()


async def test_a_record_that_follows_its_api_server_does_not_count(ledger: Ledger) -> None:
    await ledger.intend(an_entry(0, action="update", follows=True))
    assert (await ledger.hour(AT + 1)).taken == ()


@pytest.mark.parametrize(
    ("result", "taken"),
    [
        pytest.param("", 1, id="no outcome known yet"),
        pytest.param("started", 1, id="under way"),
        pytest.param("applied", 1, id="done"),
        pytest.param("unknown", 1, id="perhaps done"),
        pytest.param("retry", 0, id="refused for now"),
        pytest.param("refused", 0, id="refused"),
        pytest.param("gone", 0, id="gone before"),
        pytest.param("already", 0, id="so before"),
    ],
)
async def test_what_was_refused_took_nothing(ledger: Ledger, result: str, taken: int) -> None:
    await ledger.intend(an_entry(0))
    assert len((await ledger.hour(AT + 1)).taken) == 1
    await ledger.conclude(an_entry(0, result=result))
    assert len((await ledger.hour(AT + 1)).taken) == taken


async def test_a_cluster_waits_in_its_place_while_its_passes_go_on(ledger: Ledger) -> None:
    await ledger.remember(GROUP, msgspec.structs.replace(LIVING, waits=AT - 500))
    await ledger.remember(OTHER, msgspec.structs.replace(LIVING, waits=0.0))
    assert (await ledger.hour(AT + FRESH)).waiting == (claim(GROUP, AT - 500),)
    assert (await ledger.hour(AT + FRESH + 1)).waiting == (), "no pass would use its place"
    await ledger.remember(GROUP, msgspec.structs.replace(LIVING, at=AT + 5000, waits=AT - 500))
    assert (await ledger.hour(AT + 5001)).waiting == (claim(GROUP, AT - 500),)
    await ledger.remember(GROUP, msgspec.structs.replace(LIVING, at=AT + 6000))
    assert (await ledger.hour(AT + 6000)).waiting == ()


async def test_rows_of_other_versions_count_as_they_are_known() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        await ledger.remember(GROUP, LIVING)
        await ledger._tables.upsert(STATE, {**keys(GROUP), "version": 99, "observed": "of a newer form"}, merge=True)
        assert (await ledger.hour(AT)).fleet == 1, "a newer version's row says in its columns that it counts"
        for number, observed in enumerate((LIVING, Observed(at=AT, zone=str(ZONE)))):
            group = ResourceId(f"{OTHER}{number}")
            old = {**keys(group), "id": str(group), "version": 1, "seq": 1, "done": 1, "pending": False}
            text = msgspec.json.encode(observed).decode()
            await ledger._tables.upsert(STATE, {**old, "observed": text}, merge=False)
        assert (await ledger.hour(AT)).fleet == 2, "an older one's row in its text"
        assert len(await ledger.rows()) == 2, "and is a row, since all of them were"
        await ledger.close()


async def test_entries_of_before_count_for_no_subscription() -> None:
    async with azurite() as storage:
        ledger = TableLedger(Storage(connection_string=storage.connection_string))
        old = {"PartitionKey": "abc", "RowKey": "1", "at": AT, "action": "delete", "result": "applied", "entry": "{}"}
        await ledger._tables.upsert("tetherjournal", old, merge=False)
        assert (await ledger.hour(AT)).taken == (Claim("abc", "", AT),)
        await ledger.close()
