"""How many requests the ledger makes of Table storage: what docs/cost.md reckons with."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from azure.core.pipeline.transport import AioHttpTransport

from bench.cost_counts import _TRANSACTIONS
from functions.arm.resource_id import ResourceId
from functions.ledger.state import Entry, Mark, Observed
from functions.ledger.tables import TableLedger
from functions.settings import Storage
from localazure.azurite import PROGRAM, azurite

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")

GROUP = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/MC_apps_team_westeurope"
ROW = ResourceId(GROUP)
CLUSTER = f"{GROUP}/providers/microsoft.containerservice/managedclusters/team"


class Requests:
    def __init__(self) -> None:
        self.made = 0


@pytest.fixture
async def ledger(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[TableLedger, Requests]]:
    requests, send = Requests(), AioHttpTransport.send

    async def counted(self: Any, request: Any, **more: Any) -> Any:
        requests.made += 1
        return await send(self, request, **more)

    monkeypatch.setattr(AioHttpTransport, "send", counted)
    async with azurite() as storage:
        held = TableLedger(Storage(connection_string=storage.connection_string))
        yield held, requests
        await held.close()


async def test_no_call_makes_more_requests_than_are_reckoned(ledger: tuple[TableLedger, Requests]) -> None:
    held, requests = ledger
    at = 1_800_000_000.0
    entry = Entry(subject=ROW, id="1", at=at, cause="c", handler="h", action="create", target="t", reason="r")
    seen = Observed(at=at, cluster=CLUSTER, state="Succeeded")
    calls = {
        "bump": lambda: held.bump(ROW, at, "born", ROW),
        "read": lambda: held.read(ROW),
        "remember": lambda: held.remember(ROW, seen),
        "look_again": lambda: held.look_again(ROW, at + 30, ROW),
        "finish": lambda: held.finish(ROW, Mark(1, 0), "born", looking=True),
        "row_of": lambda: held.row_of(ResourceId(CLUSTER)),
        "overdue": lambda: held.overdue(at),
        "hour": lambda: held.hour(at),
        "intend": lambda: held.intend(entry),
        "conclude": lambda: held.conclude(entry),
        "journal": lambda: held.journal(ROW),
        "left_open": lambda: held.left_open(at),
    }
    assert calls.keys() == _TRANSACTIONS.keys()
    for call in calls.values():  # the first of each makes what is not there yet
        await call()
    made = {}
    for name, call in calls.items():
        before = requests.made
        await call()
        made[name] = requests.made - before
    assert {name: number for name, number in made.items() if number > _TRANSACTIONS[name]} == {}
    assert made["read"] == made["overdue"] == 1
