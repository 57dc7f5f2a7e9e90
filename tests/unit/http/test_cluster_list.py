"""The list of clusters: what a filter keeps, and pages that neither lose nor repeat."""

from collections.abc import Iterable

import pytest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.fleet.scope import Scopes
from functions.ledger.entities import key, partition
from functions.ledger.reports import Reports
from functions.ledger.state import Observed, Row
from functions.live import Live
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


def in_order(rows: Iterable[Row]) -> list[str]:
    """Their names, in the order in which the ledger gives rows."""
    ordered = sorted(rows, key=lambda row: (partition(row.subject), key(row.subject)))
    return [row.observed.cluster.rpartition("/")[2] for row in ordered]


def names(value: list[dict[str, str]]) -> list[str]:
    return [cluster["id"].rpartition("/")[2] for cluster in value]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("", ["A", "b", "c"], id="all"),
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
    assert (told.status, sorted(names(told.body["value"]), key=str.casefold)) == (200, found)
    assert told.body["continuation"] is None


@pytest.mark.parametrize("asked", ["", "&state=Succeeded", f"&subscription={SPOKE_SUBSCRIPTION}"])
@pytest.mark.parametrize("top", [1, 2, 3, 7, 25])
async def test_pages_give_every_cluster_once_and_in_an_order_that_stays(top: int, asked: str) -> None:
    fleet = [a_row(f"c{number:02}") for number in range(25)]
    others = [a_row(f"x{number}", state="Failed", subscription=HUB_SUBSCRIPTION) for number in range(9 if asked else 0)]
    caller = a_caller([*fleet, *others])
    seen: list[str] = []
    query = f"top={top}{asked}"
    for _ in range(26):
        page = (await caller.ask(ROUTE, query=query)).body
        assert len(page["value"]) <= top
        seen += names(page["value"])
        if page["continuation"] is None:
            break
        query = f"top={top}{asked}&continuation={page['continuation']}"
    assert seen == in_order(fleet)


async def test_a_cluster_that_goes_between_two_pages_disturbs_no_other() -> None:
    fleet = [a_row(name) for name in "abcd"]
    expected = in_order(fleet)
    caller = a_caller(fleet)
    page = (await caller.ask(ROUTE, query="top=2")).body
    assert names(page["value"]) == expected[:2]
    ledger = caller.live.ledger
    assert isinstance(ledger, MemoryLedger)
    del ledger.held[a_row(expected[1]).subject]
    rest = (await caller.ask(ROUTE, query=f"continuation={page['continuation']}")).body
    assert names(rest["value"]) == expected[2:]


async def test_a_page_reads_little_more_of_the_ledger_than_it_shows() -> None:
    caller = a_caller(a_row(f"c{number:02}") for number in range(25))
    asked: list[int] = []
    page = caller.live.ledger.page

    async def counted(after: ResourceId | None, most: int, subscription: str = "") -> tuple[Row, ...]:
        asked.append(most)
        return await page(after, most, subscription)

    caller.live.ledger.page = counted  # type: ignore[method-assign]
    await caller.ask(ROUTE, query="top=5")
    assert asked == [6]


@pytest.mark.parametrize(
    "token", ["x", "%C3%A9", "bnVsbA==", "WzEsMiwzXQ==", "W10=", "", "WzEsIi9zIiwifHwiXQ==", "WzIsIm5vIGlkIiwifHwiXQ=="]
)
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
