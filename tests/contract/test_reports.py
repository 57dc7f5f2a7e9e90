"""The contract of the reports: on blobs, with Azurite, and in memory, as the simulation has them."""

from collections.abc import AsyncIterator

import pytest

from functions.ledger.blobs import BlobDocuments
from functions.ledger.reports import DriftReport, Place, Plan, Reports, ReportsError, Round, Wanted, day_of
from functions.plan import VALID, Approval
from functions.settings import Storage
from localazure.azurite import azurite
from tests.scenarios.memory_documents import MemoryDocuments
from tests.unit.worlds import AT

PLAN_ID = "0123456789abcdef"


@pytest.fixture(params=["blobs", "memory"])
async def reports(request: pytest.FixtureRequest) -> AsyncIterator[Reports]:
    if request.param == "memory":
        yield Reports(MemoryDocuments())
        return
    async with azurite() as storage:
        documents = BlobDocuments(Storage(connection_string=storage.connection_string))
        yield Reports(documents)
        await documents.close()


def a_plan() -> Plan:
    change = Wanted(key="k", handler="zone_links", action="delete", target="/t", place="/v", reason="because")
    return Plan(id=PLAN_ID, at=AT, changes=(change,), places=(Place(target="/z", subject="/g"),))


async def test_before_the_first_sweep_there_is_nothing(reports: Reports) -> None:
    assert await reports.latest() is None
    assert await reports.of_day("2027-01-15") is None
    assert await reports.plan(PLAN_ID) is None
    assert await reports.approvals(AT) == ()
    assert await reports.last_round() is None


async def test_the_last_round_of_watch_is_kept(reports: Reports) -> None:
    for watched in (Round(at=AT, clusters=1), Round(at=AT + 60, clusters=2, unreadable=("s",))):
        await reports.keep_round(watched)
    assert await reports.last_round() == Round(at=AT + 60, clusters=2, unreadable=("s",))


async def test_subscriptions_that_events_wait_for_are_kept_while_they_say_so(reports: Reports) -> None:
    await reports.note_unseen("a", AT - 300, AT)
    await reports.note_unseen("a", AT + 10, AT + 60)
    await reports.note_unseen("b", 0.0, AT + 900)
    assert await reports.unseen(AT + 900) == {"a": AT - 300, "b": AT - 900}
    assert await reports.unseen(AT + 1100) == {"b": AT - 900}


async def test_no_more_than_two_hundred_subscriptions_are_kept_for_health() -> None:
    reports = Reports(MemoryDocuments())
    for nth in range(210):
        await reports.note_unseen(f"s{nth}", AT, AT + nth)
    kept = await reports.unseen(AT + 300)
    assert len(kept) == 200
    assert "s209" in kept
    assert "s0" not in kept


async def test_who_asks_in_vain_for_a_round_is_told_since_when(reports: Reports) -> None:
    assert [await reports.awaited_since(AT + later) for later in (0, 60, 3600)] == [AT, AT, AT]


async def test_the_latest_report_is_kept_and_the_last_of_each_day(reports: Reports) -> None:
    first, second, next_day = (DriftReport(at=at, clusters=3) for at in (AT, AT + 60, AT + 86_400))
    for report in (first, second, next_day):
        await reports.keep(report)
    assert await reports.latest() == next_day
    assert await reports.of_day(day_of(AT)) == second
    assert await reports.of_day(day_of(AT + 86_400)) == next_day


@pytest.mark.parametrize("day", ["", "latest", "../plans/x", "2027-1-15", "2027-02-30"])
async def test_a_day_that_is_none_has_no_report(day: str) -> None:
    reports = Reports(MemoryDocuments())
    await reports.keep(DriftReport(at=AT))
    assert await reports.of_day(day) is None


async def test_a_plan_is_found_by_its_id(reports: Reports) -> None:
    await reports.keep_plan(a_plan())
    assert await reports.plan(PLAN_ID) == a_plan()


@pytest.mark.parametrize("plan_id", ["", "../drift/latest", PLAN_ID.upper(), PLAN_ID + "0"])
async def test_an_id_of_another_form_names_no_plan(plan_id: str) -> None:
    reports = Reports(MemoryDocuments())
    await reports.keep_plan(a_plan())
    assert await reports.plan(plan_id) is None


async def test_an_approval_holds_for_a_day(reports: Reports) -> None:
    given = Approval(plan=PLAN_ID, changes=frozenset({"k"}), at=AT, by="somebody")
    await reports.approve(given)
    assert await reports.approvals(AT + VALID - 1) == (given,)
    assert await reports.approvals(AT + VALID) == ()


async def test_reports_that_cannot_be_reached_say_so_without_their_key() -> None:
    connection = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:9/a;"
    documents = BlobDocuments(Storage(connection_string=connection))
    with pytest.raises(ReportsError) as failed:
        await Reports(documents).keep(DriftReport(at=AT))
    assert "c2VjcmV0" not in str(failed.value)
    await documents.close()
    with pytest.raises(ReportsError):
        await Reports(MemoryDocuments(down=True)).latest()


async def test_a_report_that_is_none_is_told() -> None:
    with pytest.raises(ReportsError, match=r"drift/latest\.json"):
        await Reports(MemoryDocuments(held={"drift/latest.json": b"[]"})).latest()
