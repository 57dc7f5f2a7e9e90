"""The list of clusters: what a filter keeps, and pages that neither lose nor repeat."""

from collections.abc import Iterable

import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.ledger.state import Observed, Row
from functions.live import Live
from functions.reconcile import Around
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import MemoryQueue
from tests.unit.http.desks import Caller
from tests.unit.worlds import AT, HUB_SUBSCRIPTION, SPOKE_SUBSCRIPTION, a_policy, an_id

ROUTE = "clusters"


def a_row(name: str, *findings: str, state: str = "Succeeded", subscription: str = SPOKE_SUBSCRIPTION) -> Row:
    subject = ResourceId(f"/subscriptions/{subscription}/resourceGroups/MC_{name}")
    cluster = an_id("Microsoft.ContainerService/managedClusters", name, "apps", subscription)
    return Row(subject, observed=Observed(at=AT, cluster=str(cluster), state=state, findings=findings))


FLEET = (
    a_row("b", state="Failed"),
    a_row("A", "no-hub-found"),
    a_row("c", "no-hub-found", "not-readable", subscription=HUB_SUBSCRIPTION),
    Row(an_id("Microsoft.Network/privateDnsZones", "privatelink.westeurope.azmk8s.io"), observed=Observed(at=AT)),
)


def a_caller(rows: Iterable[Row] = FLEET) -> Caller:
    queue, ledger = MemoryQueue(lambda: AT), MemoryLedger(held={row.subject: row for row in rows})
    reports = Reports(MemoryDocuments())
    around = Around(None, a_policy(), Scopes(), lambda: AT, ledger, reports)  # type: ignore[arg-type] - ARM is not asked
    return Caller(Live(queue, around, ledger, reports), queue)


def names(value: list[dict[str, str]]) -> list[str]:
    return [cluster["id"].rpartition("/")[2] for cluster in value]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("", ["A", "b", "c"], id="all, in order whatever their case"),
        pytest.param(f"subscription={HUB_SUBSCRIPTION.upper()}", ["c"], id="of one subscription"),
        pytest.param("finding=not-readable", ["c"], id="with one finding"),
        pytest.param("finding=any", ["A", "c"], id="with any finding"),
        pytest.param("finding=no-such", [], id="with a finding that nobody has"),
        pytest.param("state=failed", ["b"], id="in one state"),
        pytest.param("state=failed&finding=any", [], id="both at once"),
    ],
)
async def test_a_filter_keeps_what_it_says(query: str, found: list[str]) -> None:
    told = await a_caller().ask(ROUTE, query=query)
    assert (told.status, names(told.body["value"]), told.body["continuation"]) == (200, found, None)


@pytest.mark.parametrize("top", [1, 2, 3, 7, 25])
async def test_pages_give_every_cluster_once(top: int) -> None:
    caller = a_caller(a_row(f"c{number:02}") for number in range(25))
    seen: list[str] = []
    query = f"top={top}"
    for _ in range(26):
        page = (await caller.ask(ROUTE, query=query)).body
        assert len(page["value"]) <= top
        seen += names(page["value"])
        if page["continuation"] is None:
            break
        query = f"top={top}&continuation={page['continuation']}"
    assert seen == [f"c{number:02}" for number in range(25)]


async def test_a_cluster_that_goes_between_two_pages_disturbs_no_other() -> None:
    caller = a_caller(a_row(name) for name in "abcd")
    page = (await caller.ask(ROUTE, query="top=2")).body
    ledger = caller.live.ledger
    assert isinstance(ledger, MemoryLedger)
    del ledger.held[a_row("b").subject]
    rest = (await caller.ask(ROUTE, query=f"continuation={page['continuation']}")).body
    assert names(rest["value"]) == ["c", "d"]


@pytest.mark.parametrize("token", ["x", "%C3%A9", "bnVsbA==", "WzEsMiwzXQ==", "W10=", "", "WzIsIiIsInx8Il0="])
async def test_a_continuation_that_tether_did_not_give_is_refused(token: str) -> None:
    assert (await a_caller().ask(ROUTE, query=f"continuation={token}")).code == "continuation-invalid"


async def test_a_continuation_of_another_list_is_refused() -> None:
    caller = a_caller()
    token = (await caller.ask(ROUTE, query="top=1")).body["continuation"]
    told = await caller.ask(ROUTE, query=f"finding=any&continuation={token}")
    assert (told.status, told.code) == (400, "continuation-invalid")


async def test_without_tables_there_is_no_list_and_no_part_of_one() -> None:
    caller = a_caller()
    caller.live.ledger.down = True  # type: ignore[attr-defined]
    told = await caller.ask(ROUTE)
    assert (told.status, told.code) == (503, "ledger-unreachable")
