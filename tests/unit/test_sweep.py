"""What a sweep asks for, reports and leaves alone."""

import asyncio
from typing import Any

import pytest

from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.resource_id import ResourceId
from functions.handlers import zone_links
from functions.handlers.verdict import Verdict
from functions.ledger.state import Observed
from functions.policy import Mode
from functions.queue import QueueError
from functions.work import Work
from localazure.fault import Effect
from localazure.fault_effects import dropped_after
from localazure.fault_refusals import internal_error, unavailable_html
from tests.scenarios.story import OWNER
from tests.unit.fleets import Office, in_office


def test_a_fleet_as_it_should_be_needs_nothing() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep()
        assert (report.clusters, report.zones, report.changes, report.queued) == (4, 4, 0, 0)
        assert (report.findings, report.unclear, report.unreadable, report.plan) == ({}, (), (), "")
        assert office.queue.sent == []

    in_office(tell)


def test_each_cluster_without_its_link_gets_a_pass_that_the_ledger_counts() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep()
        assert (report.clusters, report.changes, report.queued) == (4, 2, 2)
        assert office.asked() == set(office.ground.fleet.zones[:2])
        for work in office.queue.sent:
            assert (work.why, work.always, work.cause[:6]) == ("sweep", False, "sweep-")
            assert office.ledger.held[work.row].counters.pending
        assert {change.target.split("/virtualNetworkLinks/")[0] for change in report.wanted} == office.asked()

    in_office(tell, unlinked=2)


def test_the_report_is_kept_as_the_latest() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep()
        assert await office.reports.latest() == report
        assert report.queries == 7
        assert report.rows > 0
        assert "lags" in report.note

    in_office(tell)


def test_in_mode_observe_nothing_is_asked_for_and_no_plan_is_made() -> None:
    async def tell(office: Office) -> None:
        report = await office.sweep(mode=Mode.OBSERVE)
        assert (report.mode, report.changes, report.queued, report.plan) == ("observe", 2, 0, "")
        assert office.queue.sent == []

    in_office(tell, unlinked=2)


def test_a_cluster_whose_tag_keeps_us_away_is_left_alone() -> None:
    async def tell(office: Office) -> None:
        held = office.ground.azure.store.get(office.ground.fleet.clusters[0])
        assert held is not None
        held.body["tags"] = {"Tether": "OFF"}
        report = await office.sweep()
        assert (report.excluded, report.clusters, report.queued) == (1, 3, 0)

    in_office(tell, unlinked=1)


def test_what_is_not_proven_is_a_finding_and_never_a_pass() -> None:
    async def tell(office: Office) -> None:
        ground = office.ground
        forged = ground.zone_of_somebody("a", "0a1b2c3d-0000-4000-8000-00000000000a.privatelink.westeurope.azmk8s.io")
        custom = ground.zone_of_somebody("b", "privatelink.westeurope.azmk8s.io")
        report = await office.sweep()
        assert report.findings == {"custom-zone-not-listed": 1, "ownership-not-proven": 1}
        assert {finding.target for finding in report.found} == {str(forged), str(custom)}
        assert office.queue.sent == []

    in_office(tell)


def test_a_cluster_that_cannot_be_seen_whole_is_listed_and_left_alone() -> None:
    async def tell(office: Office) -> None:
        office.ground.azure.graph.missing.add(office.ground.fleet.clusters[0])
        report = await office.sweep()
        assert (report.clusters, report.unclear_count, report.queued) == (3, 1, 0)
        assert report.unclear[0].target == office.ground.fleet.zones[0]

    in_office(tell, unlinked=1)


def test_a_zone_with_a_link_of_ours_whose_cluster_is_not_shown_is_looked_at() -> None:
    async def tell(office: Office) -> None:
        office.ground.azure.graph.missing.add(office.ground.fleet.clusters[0])
        report = await office.sweep()
        assert (report.unclear_count, report.changes, report.queued) == (1, 0, 1)
        assert office.asked() == {office.ground.fleet.zones[0]}

    in_office(tell, link_tags={"tether-owner": OWNER})


def test_a_subscription_that_cannot_be_read_is_named() -> None:
    async def tell(office: Office) -> None:
        office.ground.azure.access.unreadable.update(office.ground.fleet.subscriptions)
        report = await office.sweep()
        assert report.unreadable == office.ground.fleet.subscriptions
        assert (report.clusters, report.queued) == (0, 0)

    in_office(tell, unlinked=2)


def test_clusters_that_share_a_custom_zone_ask_for_its_link_once() -> None:
    async def tell(office: Office) -> None:
        zone = office.ground.zone_of_somebody("dns", "privatelink.westeurope.azmk8s.io")
        for cluster in office.ground.fleet.clusters[:2]:
            held = office.ground.azure.store.get(cluster)
            assert held is not None
            held.properties["apiServerAccessProfile"]["privateDNSZone"] = str(zone)
            held.properties["privateFQDN"] = f"team.{zone.name}"
        report = await office.sweep(custom_zones=(zone,))
        wanted = [change for change in report.wanted if ResourceId(change.target).parent == zone]
        assert len(wanted) == 1
        (work,) = [work for work in office.queue.sent if work.target.type.endswith("/managedclusters")]
        assert str(work.target) == office.ground.fleet.clusters[0]
        assert work.row.type == "microsoft.resources/resourcegroups"

    in_office(tell)


def test_without_the_ledger_the_passes_are_asked_for_all_the_same() -> None:
    async def tell(office: Office) -> None:
        office.ledger.down = True
        assert (await office.sweep()).queued == 2
        assert all(work.always for work in office.queue.sent)

    in_office(tell, unlinked=2)


def test_without_the_queue_the_sweep_fails_after_its_report() -> None:
    async def tell(office: Office) -> None:
        office.queue.down = True
        with pytest.raises(QueueError, match="2 of 2"):
            await office.sweep()
        report = await office.reports.latest()
        assert report is not None
        assert (report.changes, report.queued) == (2, 0)

    in_office(tell, unlinked=2)


@pytest.mark.parametrize("fault", [dropped_after(), internal_error(), unavailable_html()])
def test_without_a_whole_survey_there_is_no_sweep(fault: Effect) -> None:
    async def tell(office: Office) -> None:
        office.ground.faults.add(fault, nth=5)
        with pytest.raises((NoAnswerError, ArmError)):
            await office.sweep()
        assert office.queue.sent == []
        assert office.documents.held == {}

    in_office(tell, unlinked=2)


def test_few_messages_are_on_their_way_to_the_queue_at_once() -> None:
    async def tell(office: Office) -> None:
        under_way = most = 0

        async def send(item: Work, delay: float) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.01)
            under_way -= 1

        office.queue.send = send  # type: ignore[method-assign]
        assert (await office.sweep()).queued == 60
        assert most == 16

    in_office(tell, 60, unlinked=60)


def test_others_can_work_while_a_big_fleet_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0
    seen_at: list[int] = []
    decide = zone_links.decide

    async def work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def noted(seen: Any, policy: Any) -> Verdict:
        seen_at.append(turns)
        return decide(seen, policy)

    monkeypatch.setattr(zone_links, "decide", noted)

    async def tell(office: Office) -> None:
        office.ground.azure.spawn(work())
        await office.sweep()
        assert len(seen_at) == 350
        assert len(set(seen_at)) >= 3

    in_office(tell, 350)


def test_what_the_ledger_remembers_of_a_cluster_is_decided_with(monkeypatch: pytest.MonkeyPatch) -> None:
    remembered: list[float] = []

    def noted(seen: Any, policy: Any) -> Verdict:
        remembered.append(seen.remembered.at)
        return Verdict()

    monkeypatch.setattr(zone_links, "decide", noted)

    async def tell(office: Office) -> None:
        group = ResourceId(office.ground.fleet.zones[0]).group_id
        await office.ledger.remember(group, Observed(at=7.0, cluster=office.ground.fleet.clusters[0]))
        await office.sweep()
        assert sorted(remembered) == [0.0, 0.0, 0.0, 7.0]

    in_office(tell)
