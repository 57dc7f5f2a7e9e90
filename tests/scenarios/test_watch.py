"""Events are hints: with them lost, doubled or their workers dead, `watch` brings everything home."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.arm.writes import delete_link
from functions.around import Around
from functions.ledger.state import Counters, NewerRowError, Observed, Row
from functions.policy import Policy
from functions.work import Work
from localazure import fault_effects as effects
from localazure.world import HubAndSpoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import LINKS, ZONES, Story, a_policy, lines, tell


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


def test_with_every_event_lost_the_link_is_asked_for_within_two_minutes() -> None:
    async def story(here: Story) -> None:
        await here.passes(30, watching=True)
        cluster = await here.create()
        began = here.azure.clock.now()
        while not here.transport.links_put():
            await here.passes(1, watching=True)
        assert here.azure.clock.now() - began < 120
        await here.passes(500, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert here.links()["hub-westeurope"] == "ours"
        await here.passes(600, watching=True)
        assert here.queue.waiting() == 0

    tell(story, hub_by_name, deaf=True)


def test_a_settled_fleet_costs_one_list_a_minute_and_no_pass() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600, watching=True)
        asked = len(here.transport.asked)
        await here.passes(600, watching=True)
        fresh = here.transport.asked[asked:]
        assert len(fresh) <= 11
        assert all(call.endswith("/managedClusters") for call in fresh)

    tell(story, hub_by_name)


def test_a_worker_that_dies_with_its_message_is_made_good_for() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        while not here.queue.waiting():
            await asyncio.sleep(0.5)
        here.queue.lose_all()  # as good as hidden for the host's ten-minute lease
        await here.passes(500, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert not any(row.counters.pending or row.counters.look_at for row in await here.ledger.rows())

    tell(story, hub_by_name)


def test_a_ledger_that_is_down_keeps_no_link_from_being_made(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        here.ledger.down = True
        cluster = await here.create()
        await here.passes(120)
        here.ledger.down = False
        await here.passes(500, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert here.queue.waiting() == 0
        (entry,) = [entry for entry in here.ledger.entries.values() if entry.action == "create"]
        assert entry.result == "started"

    tell(story, hub_by_name)


def test_every_write_stands_in_the_journal_with_its_outcome() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        (entry,) = here.ledger.entries.values()
        assert (entry.action, entry.result) == ("create", "started")
        assert entry.after == f"link to {here.world.hub}"
        assert entry.subject == here.zone.group_id

    tell(story, hub_by_name)


def test_a_doubled_event_that_is_done_with_costs_no_arm_call() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        await here.event(str(here.zone))
        await here.passes(200)
        asked = len(here.transport.asked)
        await here.event(str(here.zone))  # the same id
        await here.passes(200)
        assert len(here.transport.asked) == asked

    tell(story, hub_by_name)


def test_a_burst_of_events_costs_few_passes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        caplog.clear()
        await asyncio.gather(*(here.event(str(here.zone), cause=f"burst-{n}") for n in range(10)))
        urgent = len(lines(caplog, "pass"))
        await here.passes(300)
        assert len(lines(caplog, "pass")) - urgent <= 3

    tell(story, hub_by_name)


def test_our_link_goes_when_its_cluster_is_deleted() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(400, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(1800, watching=True)
        assert here.state(cluster) == ""
        assert not here.azure.store.of_type(LINKS)
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_a_subscription_that_cannot_be_read_is_told_and_takes_nothing_away(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400, watching=True)
        here.faults.add(effects.not_authorised(), method="GET")
        await here.passes(1800, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        assert any("cannot be listed" in record.getMessage() for record in caplog.records)
        assert all(row.observed.gone_since == 0 for row in await here.ledger.rows())

    tell(story, hub_by_name)


def test_what_was_seen_last_stands_in_the_row() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600, watching=True)
        (row,) = await here.ledger.rows()
        assert row.observed.cluster.casefold() == cluster.casefold()
        assert (row.observed.state, row.observed.location) == ("Succeeded", "westeurope")
        assert row.observed != Observed()
        assert not row.counters.pending

    tell(story, hub_by_name)


async def remove(here: Story) -> None:
    (link,) = [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]
    await here.ask("DELETE", link.id)
    await here.passes(60)


def test_a_link_that_someone_removed_is_back_until_it_is_a_tug_of_war(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600, watching=True)
        for number in range(3):
            assert here.links().get("hub-westeurope") == "ours"
            await remove(here)
            await here.event(str(here.zone), cause=f"again-{number}")
            await here.passes(300, watching=True)
        assert "hub-westeurope" not in here.links()
        assert {line["code"] for line in lines(caplog, "finding")} == {"tug-of-war"}

    # Discovery's second pass sees the links; the urgent one writes before it looks.
    tell(story, hub_by_name)


def test_an_intent_whose_worker_died_is_closed_by_the_next_pass() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        (key,) = here.ledger.entries
        here.ledger.entries[key] = msgspec.structs.replace(here.ledger.entries[key], result="", ended=0.0)
        await here.event(str(here.zone), cause="later")
        await here.passes(120)
        assert here.ledger.entries[key].result == "unknown"

    tell(story, hub_by_name)


def test_who_tries_to_delete_the_zone_of_a_living_cluster_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600, watching=True)
        assert (await here.ask("DELETE", str(here.zone))).status_code == 409
        here.azure.emit("Delete", "Failure", str(here.zone), f"{ZONES}/delete")
        await here.passes(60)
        assert "zone-delete-attempted" in {line["code"] for line in lines(caplog, "finding")}
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, hub_by_name)


def test_a_hub_that_left_the_policy_keeps_its_link_unless_prune_says_otherwise() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        assert set(here.links()) == {"hub-westeurope", "agents-westeurope", "spoke-1"}
        around = here.live.around
        assert isinstance(around, Around)
        for prune, wait, left in ((False, 200, True), (True, 300, True), (True, 400, False)):
            policy = a_policy(here.world, here.world.hub, prune=prune)
            here.live = replace(here.live, around=replace(around, policy=policy))
            await here.queue.send(Work(target=here.zone, why="sweep", cause="s", since=0.0, always=True), 0)
            await here.passes(wait)
            assert ("agents-westeurope" in here.links()) is left

    tell(story, lambda world: a_policy(world, *world.hubs), second_hub=True)


def test_a_journal_that_could_not_be_kept_survives_passes_that_see_nothing() -> None:
    async def story(here: Story) -> None:
        here.ledger.down = True
        await here.create()
        while not here.transport.links_put():
            await here.passes(1)
        here.faults.add(effects.internal_error(), method="GET")
        await here.passes(60)
        here.faults.clear()
        here.ledger.down = False
        await here.passes(300)
        (entry,) = here.ledger.entries.values()
        assert (entry.action, entry.result) == ("create", "started")

    tell(story, hub_by_name)


def test_a_removal_waits_for_a_ledger_that_can_count_it() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(400)
        here.azure.aks = replace(here.azure.aks, deletes_foreign_links=False)
        await here.ask("DELETE", cluster, "2026-08-01")
        here.ledger.down = True
        await here.queue.send(
            Work(target=here.zone, why="test", cause="t", since=here.azure.clock.now(), always=True), 0
        )
        await here.passes(30)
        assert not any(call.startswith("DELETE") and "/tether-" in call for call in here.transport.asked)
        here.ledger.down = False
        await here.passes(400, watching=True)
        assert any(call.startswith("DELETE") and "/tether-" in call for call in here.transport.asked)

    tell(story, hub_by_name)


def test_a_row_of_a_newer_version_is_left_alone_and_its_work_waits(caplog: pytest.LogCaptureFixture) -> None:
    class NewerLedger(MemoryLedger):
        async def read(self, subject: ResourceId) -> Row:
            raise NewerRowError(f"the row of {subject} was written by a newer version")

    async def story(here: Story) -> None:
        here.live = replace(here.live, ledger=NewerLedger())
        zone = f"{here.world.group}/providers/{ZONES}/0a1b2c3d-0000-4000-8000-00000000000a.private.westeurope.azmk8s.io"
        await here.queue.send(Work(target=ResourceId(zone), why="test", cause="t", since=0.0), 0)
        await here.passes(30)
        assert [line["code"] for line in lines(caplog, "finding")] == ["ledger-row-newer"]
        assert here.queue.waiting() == 1
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_a_row_of_a_newer_version_keeps_no_other_from_being_watched() -> None:
    async def story(here: Story) -> None:
        await here.create("old")
        await asyncio.sleep(30)
        newer = "mc_apps_old_westeurope"

        class OneNewerRow(MemoryLedger):
            async def bump(self, subject: ResourceId, *rest: Any, **named: Any) -> Counters:
                if subject.name.casefold() == newer:
                    raise NewerRowError(f"the row of {subject} was written by a newer version")
                return await super().bump(subject, *rest, **named)

        ledger = OneNewerRow()
        here.live = replace(here.live, ledger=ledger)
        here.queue.lose_all()
        await here.create("team")
        await asyncio.sleep(30)
        ledger.held.clear()
        await here.watch()
        assert {row.subject.name.casefold() for row in await ledger.rows()} == {"mc_apps_team_westeurope"}

    tell(story, hub_by_name)


def test_an_event_whose_message_is_gone_is_answered_all_the_same() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600, watching=True)
        await here.ledger.bump(here.zone.group_id, here.azure.clock.now(), "lost", here.zone)
        await here.passes(200, watching=True)
        assert not any(row.counters.pending for row in await here.ledger.rows())

    tell(story, hub_by_name)


def test_a_cluster_whose_group_names_another_manager_is_not_linked(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        while not here.azure.store.of_type(ZONES):
            await asyncio.sleep(1)
        group = here.azure.store.get(str(here.zone.group_id))
        assert group is not None
        group.body["managedBy"] = f"{cluster}-other"
        await here.queue.send(Work(target=ResourceId(cluster), why="test", cause="t", since=0.0, always=True), 0)
        await here.passes(60)
        assert not here.transport.links_put()
        assert {line["code"] for line in lines(caplog, "finding")} == {"ownership-not-proven"}

    tell(story, hub_by_name, deaf=True)


def test_a_link_that_was_changed_since_it_was_read_is_not_removed() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(400)
        (link,) = [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]
        assert isinstance(here.live.around, Around)
        await delete_link(here.live.around.session, ResourceId(link.id), '"00000000-0000-0000-0000-000000000000"')
        await here.passes(120)
        assert here.azure.store.get(link.id) is link, "and not one that was made anew"

    tell(story, hub_by_name)


@pytest.mark.parametrize("pause", [20, 600])
def test_a_list_that_was_refused_is_not_asked_for_before_its_pause_is_over(pause: int) -> None:
    async def story(here: Story) -> None:
        here.faults.add(effects.throttled(pause), method="GET", times=1)
        began = here.azure.clock.now()
        await here.passes(pause + 130, watching=True)
        asked = [at - here.transport.asked_at[0] for at in here.transport.asked_at]
        assert len(asked) > 1
        assert asked[1] >= pause
        assert asked[1] <= pause + 61, "and then at once"
        assert here.azure.clock.now() - began > pause

    tell(story, hub_by_name)


def test_a_row_gets_one_message_a_round() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        held = here.azure.store.get(cluster)
        assert held is not None
        held.properties["provisioningState"] = "Updating"
        await here.ledger.look_again(here.zone.group_id, here.azure.clock.now() - 90, here.zone)
        here.queue.sent.clear()
        await here.watch()
        assert [work.why for work in here.queue.sent] == ["watch"]
        await here.passes(60)
        (row,) = await here.ledger.rows()
        assert not row.counters.pending

    tell(story, hub_by_name)
