"""Many clusters deleted at once: a share of their links goes, the rest waits for one word of a person (rule 9)."""

import asyncio
from dataclasses import replace

import pytest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.http.routes import SWEEP
from functions.ledger.hour import Hour
from functions.ledger.reports import ReportsError
from functions.plan import VALID, Approval
from functions.policy import Http, Policy
from functions.work import Work, encode
from localazure import fault_effects as effects
from localazure.world import HubAndSpoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import LINKS, ZONES, Story, a_policy, lines, tell
from tests.unit.http.desks import Caller


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub, http=Http(keys_may_write=True))


def ours(here: Story) -> set[str]:
    """The links of Tether's that are there."""
    return {link.id for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")}


async def a_fleet(here: Story, number: int) -> list[str]:
    """Clusters that are up and linked, in an Azure that leaves our links to us."""
    here.azure.aks = replace(here.azure.aks, deletes_foreign_links=False)
    clusters = [await here.create(f"team-{nth}") for nth in range(number)]
    await here.passes(900, watching=True)
    assert {here.state(cluster) for cluster in clusters} == {"Succeeded"}
    assert len(ours(here)) == number
    return clusters


async def delete(here: Story, *clusters: str) -> None:
    for cluster in clusters:
        await here.ask("DELETE", cluster, "2026-08-01")
    await here.passes(400, watching=True)


def test_one_word_lets_go_what_the_limit_stopped_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        caller = Caller(here.live, here.queue, documents=here.documents)
        clusters = await a_fleet(here, 7)
        await delete(here, *clusters[:6])
        stopped = ours(here)
        assert len(stopped) == 4, "three of six went, and the seventh lives"
        told = await caller.ask(SWEEP, "POST")
        assert (told.body["stopped"], len(told.body["waiting"])) == (3, 3)
        named = {line["advice"].partition("approve=")[2][:16] for line in lines(caplog, "finding")}
        assert len(named) == 3, "each pass names the plan of its own cluster"
        await delete(here, clusters[6])
        assert ours(here) == stopped, "the plan says nothing of the seventh, nor is it approved"
        caplog.clear()
        assert (await caller.ask(SWEEP, "POST", f"approve={told.body['plan']}")).status == 200
        await here.passes(120)
        assert len(ours(here)) == 1
        assert {change["target"].casefold() for change in told.body["waiting"]} == {
            link.casefold() for link in stopped - ours(here)
        }
        by = {entry.by for entry in here.ledger.entries.values() if entry.cause.startswith("approved-")}
        assert by == {"a function key"}

    tell(story, hub_by_name)


def test_what_a_finding_names_can_be_approved_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        caller = Caller(here.live, here.queue, documents=here.documents)
        await delete(here, *await a_fleet(here, 5))
        assert len(ours(here)) == 2
        line = lines(caplog, "finding")[-1]
        assert line["code"] == "change-limit"
        here.azure.graph.be_stale(3600)  # the survey does not see what was deleted
        address = line["advice"].partition("POST /api/")[2].partition(" ")[0]
        told = await caller.ask(SWEEP, "POST", address.partition("?")[2])
        assert (told.status, told.body["stopped"]) == (200, 1)
        await here.passes(120)
        (left,) = ours(here)
        assert not left.casefold().startswith(line["resource"].casefold())

    tell(story, hub_by_name)


def test_without_a_word_the_rest_goes_as_the_hour_passes() -> None:
    async def story(here: Story) -> None:
        await delete(here, *await a_fleet(here, 5))
        assert len(ours(here)) == 2
        await here.passes(3000, watching=True)
        assert len(ours(here)) == 2
        await here.passes(1800, watching=True)
        assert ours(here) == set()
        await here.passes(900, watching=True)
        assert here.queue.waiting() == 0
        assert not any(row.observed.plan for row in await here.ledger.rows())

    tell(story, hub_by_name)


@pytest.mark.parametrize(("age", "left"), [(VALID - 1200, 0), (VALID, 2)])
def test_an_approval_is_void_after_a_day(age: float, left: int) -> None:
    async def story(here: Story) -> None:
        await delete(here, *await a_fleet(here, 5))
        plans = {row.observed.plan for row in await here.ledger.rows() if row.observed.plan}
        for one in plans:
            plan = await here.live.reports.plan(one)
            assert plan is not None
            keys = frozenset(change.key for change in plan.changes)
            given = Approval(plan=one, changes=keys, at=here.azure.clock.now() - age, by="ann")
            await here.live.reports.approve(given)
        await here.passes(1000, watching=True)
        assert len(ours(here)) == left

    tell(story, hub_by_name)


def test_without_blobs_what_the_limit_stops_waits_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        clusters = await a_fleet(here, 5)
        here.documents.down = True
        await delete(here, *clusters)
        assert len(ours(here)) == 2
        another = await here.create("another")
        await here.passes(500, watching=True)
        assert here.state(another) == "Succeeded"
        here.documents.down = False
        await here.passes(120, watching=True)
        assert len({row.observed.plan for row in await here.ledger.rows()} - {""}) == 2

    tell(story, hub_by_name)


def test_a_usual_pass_reads_and_writes_no_document() -> None:
    async def story(here: Story) -> None:
        here.documents.down = True
        cluster = await here.create()
        await here.passes(500, watching=True)
        assert len(ours(here)) == 1
        await delete(here, cluster)
        await here.passes(900, watching=True)
        assert here.state(cluster) == ""
        assert here.documents.held == {}
        with pytest.raises(ReportsError):
            await here.live.reports.latest()

    tell(story, hub_by_name)


def test_an_approval_wakes_its_passes_though_no_survey_can_be_had() -> None:
    async def story(here: Story) -> None:
        caller = Caller(here.live, here.queue, documents=here.documents)
        await delete(here, *await a_fleet(here, 4))
        (plan,) = {row.observed.plan for row in await here.ledger.rows()} - {""}
        here.faults.add(effects.internal_error(), method="POST", path="Microsoft.ResourceGraph")
        assert (await caller.ask(SWEEP, "POST", f"approve={plan}")).status == 503
        here.faults.clear()
        await here.passes(60)
        assert ours(here) == set()

    tell(story, hub_by_name)


class SlowLedger(MemoryLedger):
    """Takes its time to count, as tables do."""

    async def hour(self, at: float) -> Hour:
        hour = await super().hour(at)
        await asyncio.sleep(0.05)
        return hour


def test_passes_side_by_side_do_not_overlook_what_others_are_about_to_remove() -> None:
    async def story(here: Story) -> None:
        clusters = await a_fleet(here, 6)
        for cluster in clusters:
            await here.ask("DELETE", cluster, "2026-08-01")
        ledger = SlowLedger(held=here.ledger.held, entries=here.ledger.entries)
        assert isinstance(here.live.around, Around)
        here.live = replace(here.live, ledger=ledger, around=replace(here.live.around, ledger=ledger))
        asked = [
            Work(target=ResourceId(zone.id), why="test", cause="t", since=here.azure.clock.now(), always=True)
            for zone in here.azure.store.of_type(ZONES)
        ]
        await asyncio.gather(*(here.take(encode(work)) for work in asked))
        assert len({call for call in here.transport.asked if call.startswith("DELETE") and "/tether-" in call}) == 3

    tell(story, hub_by_name)
