"""What a person is shown of a cluster, or of a row, that Tether cannot understand."""

from typing import Any

import msgspec
from azure.core.rest import HttpRequest

from functions.http.routes import CLUSTER, CLUSTERS
from tests.scenarios.story import Story
from tests.unit.http.desks import TEAM, Caller, call


def an_unknown_zone_mode(request: HttpRequest, body: Any) -> None:
    if isinstance(body, dict) and str(body.get("id")).endswith("/managedClusters/team"):
        body["properties"]["apiServerAccessProfile"]["privateDNSZone"] = "managed"


def test_the_page_of_a_cluster_with_an_unknown_zone_mode_has_the_finding_and_its_memory() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(600)
        here.transport.alter = an_unknown_zone_mode
        told = await caller.ask(CLUSTER, **TEAM)
        assert (told.status, told.body["ended"], told.body["changes"]) == (200, "not-understood", [])
        (finding,) = told.body["findings"]
        assert finding["code"] == "cluster-not-understood"
        assert "privateDNSZone" in finding["seen"]
        assert told.body["remembered"]["linkedTo"]
        dry = await caller.reconcile("team")
        assert (dry.status, dry.body["ended"]) == (200, "not-understood")

    call(story)


def test_a_row_that_cannot_be_decoded_is_marked_in_the_list() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await here.passes(600)
        ((subject, row),) = here.ledger.held.items()
        here.ledger.held[subject] = msgspec.structs.replace(row, observed=type(row.observed)(), odd="no JSON")
        told = await caller.ask(CLUSTERS)
        assert told.status == 200
        (shown,) = told.body["value"]
        assert (shown["id"], shown["findings"]) == (str(subject), ["memory-not-understood"])

    call(story)
