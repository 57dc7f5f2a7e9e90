"""Where a sweep stops and asks, and what it tells before Azure's own limits are met."""

import asyncio
from typing import Any

import pytest

from functions.approval import approve
from functions.arm.resource_id import ResourceId
from functions.handlers import zone_links
from functions.handlers.verdict import Action, Change, Linking, Verdict
from functions.ledger.state import Entry, Observed
from localazure.resources.zone_links import ZoneLinks
from localazure.world import SUBSCRIPTION
from tests.unit.fleets import Office, in_office


@pytest.mark.parametrize(("zones", "told"), [(799, {}), (800, {"hub-near-zone-limit": 1})])
def test_a_hub_is_told_of_from_800_zones_on(zones: int, told: dict[str, int]) -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep()
        assert report.findings == told

    in_office(tell, zones)


def test_a_zone_is_told_of_from_800_links_on() -> None:
    async def tell(office: Office) -> None:
        ground = office.ground
        zone = ground.fleet.zones[0]
        spoke = ground.fleet.hubs[0]
        for nth in range(798):
            ZoneLinks(ground.azure).place(f"{zone}/virtualNetworkLinks/l-{nth}", f"{spoke}-{nth}")
        report = await office.sweep()
        assert report.findings == {"zone-near-link-limit": 1}
        assert report.found[0].target == zone

    in_office(tell)


def removing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the handler want each zone's link to the hub removed, as if the hub had left the policy with `prune`."""

    def decide(seen: Any, policy: Any) -> Verdict:
        links = [link for link in seen.links.known if link.name == "to-hub"]
        return Verdict(
            tuple(
                Change(
                    "zone_links", link.id, Action.DELETE, Linking(link.properties.virtual_network.id), "the hub left"
                )
                for link in links
            )
        )

    monkeypatch.setattr(zone_links, "decide", decide)


def test_too_many_removals_are_a_plan_that_waits_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    removing(monkeypatch)

    async def tell(office: Office) -> None:
        stopped = await office.sweep()
        assert (stopped.changes, stopped.stopped, stopped.queued) == (4, 4, 0)
        assert stopped.plan
        assert await approve("0" * 16, "ann", office.reports, office.ground.azure.clock.now()) is None
        assert await approve(stopped.plan, "ann", office.reports, office.ground.azure.clock.now()) is not None
        (approval,) = await office.reports.approvals(office.ground.azure.clock.now())
        assert (approval.by, len(approval.changes)) == ("ann", 4)
        allowed = await office.sweep()
        assert (allowed.plan, allowed.stopped, allowed.queued) == ("", 0, 4)
        await asyncio.sleep(24 * 3600)
        assert (await office.sweep()).plan == stopped.plan

    in_office(tell)


async def changed(office: Office, row: ResourceId, ago: float = 60.0) -> None:
    """A pass removed something of another cluster lately."""
    at = office.ground.azure.clock.now() - ago
    entry = Entry(
        subject=row,
        id=f"i-{row}",
        at=at,
        cause="c",
        handler="zone_links",
        action="delete",
        target=str(row),
        reason="gone",
        result="applied",
    )
    await office.ledger.intend(entry)


def a_row(nth: int, subscription: str = SUBSCRIPTION) -> ResourceId:
    return ResourceId(f"/subscriptions/{subscription}/resourceGroups/MC_other_{nth}")


@pytest.mark.parametrize(("done", "queued"), [(0, 3), (1, 0)])
def test_what_the_hour_has_seen_already_counts(monkeypatch: pytest.MonkeyPatch, done: int, queued: int) -> None:
    removing(monkeypatch)

    async def tell(office: Office) -> None:
        for nth in range(done):
            await changed(office, a_row(nth))
        assert (await office.sweep()).queued == queued

    in_office(tell, 3)


@pytest.mark.parametrize(
    ("elsewhere", "clusters", "queued"),
    [
        pytest.param(0, 3, 3, id="nothing waits elsewhere"),
        pytest.param(9, 1, 1, id="many wait elsewhere, and one of three places is its share"),
        pytest.param(9, 2, 0, id="two are more than its share, and are stopped together"),
        pytest.param(1, 2, 2, id="what one waits for elsewhere is left"),
    ],
)
def test_a_sweep_shares_the_allowance_with_what_waits_elsewhere(
    monkeypatch: pytest.MonkeyPatch, elsewhere: int, clusters: int, queued: int
) -> None:
    removing(monkeypatch)

    async def tell(office: Office) -> None:
        at = office.ground.azure.clock.now()
        for nth in range(elsewhere):
            row = a_row(nth, "99999999-9999-9999-9999-999999999999")
            await office.ledger.remember(row, Observed(at=at, zone="z", state="gone", waits=at - 600))
        assert (await office.sweep()).queued == queued

    in_office(tell, clusters)


def test_rows_of_no_clusters_leave_a_sweep_no_more_to_remove(monkeypatch: pytest.MonkeyPatch) -> None:
    removing(monkeypatch)

    async def tell(office: Office) -> None:
        for nth in range(30):
            await office.ledger.bump(a_row(nth), office.ground.azure.clock.now(), "forged")
        assert (await office.sweep()).queued == 0

    in_office(tell, 4)


def test_a_sweep_that_cannot_count_asks_for_nothing_that_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    removing(monkeypatch)

    async def tell(office: Office) -> None:
        office.ledger.down = True
        report = await office.sweep()
        assert (report.queued, report.stopped) == (0, 2)

    in_office(tell, 2)
