"""A pass that proves nothing changes no memory; a duty ends by an act or by a read, never by not seeing."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.dns.record import NO_RECORD
from functions.dns.target import Trouble
from functions.ledger.state import Counters, Row
from functions.policy import FailedClusters, Policy, Scope
from functions.triggers.timers import round_of_sweep
from functions.work import CLUSTERS
from localazure import fault_effects as effects
from localazure import fault_refusals as refusals
from localazure.resources.groups import ResourceGroups
from localazure.resources.private_zones import PrivateZones
from localazure.world import HUB_SUBSCRIPTION, HubAndSpoke, cluster_request
from tests.scenarios.record_stories import LISTED, keeping, name_of, on_servers, server, settled, shown, told, true
from tests.scenarios.story import LINKS, ZONES, Story, a_policy, lines, tell

GUID = "99999999-0000-4000-8000-00000000000f"
FORGED = f"{GUID}.privatelink.westeurope.azmk8s.io"
LATER = 4000.0  # seconds: an hourly look and more

type Forgery = tuple[str, str]

FORGERIES: dict[str, Forgery] = {
    "a zone that does not exist": (f"{{group}}/providers/{ZONES}/{FORGED}", f"{ZONES}/write"),
    "a link of such a zone": (f"{{group}}/providers/{ZONES}/{FORGED}/virtualNetworkLinks/x", f"{LINKS}/delete"),
    "a record of such a zone": (f"{{group}}/providers/{ZONES}/{FORGED}/A/x", f"{ZONES}/A/write"),
    "the region's parent zone": (f"{{group}}/providers/{ZONES}/privatelink.westeurope.azmk8s.io", f"{ZONES}/write"),
}
"""Subjects and operations of events that anyone who may send events can forge, in a real node resource group."""


def bringing_up(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub, failed_clusters=FailedClusters(reconcile=True))


async def row(here: Story) -> Row:
    (one,) = [held for held in await here.ledger.rows() if held.observed.cluster]
    return one


async def forge(here: Story, forgery: Forgery, group: ResourceId, cause: str = "forged") -> None:
    subject, operation = forgery
    await here.event(subject.format(group=group), operation, cause=cause)


async def delete(here: Story, cluster: str) -> None:
    assert (await here.ask("DELETE", cluster, "2026-08-01")).status_code in {200, 202, 204}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_one_forged_event_in_a_real_node_group_does_not_keep_a_failed_creation_from_being_retried(
    forgery: Forgery,
) -> None:
    async def story(here: Story) -> None:
        here.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
        cluster = await here.create()
        await here.passes(900, watching=True)
        assert here.state(cluster) == "Failed"
        before = (await row(here)).observed
        assert before.making is not None
        here.faults.clear()
        await forge(here, forgery, here.zone.group_id)
        await here.passes(5)
        after = (await row(here)).observed
        assert (after.cluster, after.zone, after.making, after.hubs) == (
            before.cluster,
            before.zone,
            before.making,
            before.hubs,
        )
        await here.passes(3600, watching=True)
        assert here.state(cluster) == "Succeeded"

    tell(story, bringing_up)


def test_a_forged_event_does_not_cancel_the_look_that_a_proven_pass_asked_for() -> None:
    async def story(here: Story) -> None:
        await here.create()
        while not (held := [one for one in await here.ledger.rows() if one.observed.operations]):
            await here.passes(1)
        (before,) = held
        await forge(here, FORGERIES["a zone that does not exist"], here.zone.group_id)
        await here.passes(2)
        after = await row(here)
        assert after.counters.look_at == before.counters.look_at > 0
        assert after.observed.operations == before.observed.operations

    tell(story, lambda world: a_policy(world, world.hub))


def test_a_node_group_that_is_missing_three_times_leaves_the_memory_of_a_living_cluster() -> None:
    async def story(here: Story) -> None:
        await settled(here)
        before = (await row(here)).observed
        group = here.zone.group_id
        here.faults.add(refusals.not_found(), method="GET", path=f"/resourceGroups/{group.group}$")
        await here.event(str(here.zone), cause="e")
        await here.passes(900)
        after = (await row(here)).observed
        assert after.state == "Succeeded"
        assert (after.cluster, after.zone, after.records, after.hubs, after.address) == (
            before.cluster,
            before.zone,
            before.records,
            before.hubs,
            before.address,
        )
        assert after.records

    tell(story, keeping())


@pytest.mark.parametrize("watching", [True, False], ids=["watch", "the queue alone"])
def test_a_record_whose_server_was_down_while_its_cluster_was_deleted_goes_when_the_server_is_back(
    watching: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        name = name_of(here, cluster)
        server(here).trouble = Trouble.UNREACHABLE
        await delete(here, cluster)
        await here.passes(4 * 3600, watching=watching)
        assert here.state(cluster) == ""
        assert server(here).held[name].is_there
        assert "record-left-behind" in {line["code"] for line in lines(caplog, "finding")}
        server(here).trouble = None
        await here.passes(LATER, watching=watching)
        assert not server(here).held[name].is_there
        assert (await row(here)).observed.left == ()
        assert here.queue.waiting() == 0

    tell(story, keeping())


def test_a_record_that_is_left_is_retried_though_every_message_was_lost() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name = name_of(here, cluster)
        server(here).trouble = Trouble.UNREACHABLE
        await delete(here, cluster)
        await here.passes(3600, watching=True)
        here.queue.lose_all()
        server(here).trouble = None
        await here.passes(LATER, watching=True)
        assert not server(here).held[name].is_there

    tell(story, keeping())


@pytest.mark.parametrize("tagged_for", [60, 7200])
def test_a_cluster_tagged_off_and_then_deleted_leaves_no_record(tagged_for: float) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name, before = name_of(here, cluster), told(here, cluster)
        held = here.azure.store.get(cluster)
        assert held is not None
        held.body["tags"] = {"tether": "off"}
        await here.event(cluster, f"{CLUSTERS}/write", cause="tagged")
        await here.passes(tagged_for, watching=True)
        assert told(here, cluster) == before != ()
        await delete(here, cluster)
        await here.passes(LATER, watching=True)
        assert here.state(cluster) == ""
        assert not server(here).held[name].is_there

    tell(story, keeping())


def test_the_links_on_a_custom_zone_stay_when_one_of_its_clusters_is_gone() -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        cluster = await settled(here, private_dns_zone=LISTED)
        assert here.links()["hub-westeurope"] == "ours"
        await delete(here, cluster)
        deletions = [call for call in here.transport.asked if call.startswith("DELETE") and "/tether-" in call]
        await here.passes(LATER, watching=True)
        assert here.state(cluster) == ""
        assert here.links()["hub-westeurope"] == "ours"
        assert [c for c in here.transport.asked if c.startswith("DELETE") and "/tether-" in c] == deletions

    tell(story, keeping(on_servers(), custom_zones=(ResourceId(LISTED),)))


@pytest.mark.parametrize("late", [0.0, 0.2], ids=["the tables answer", "the tables answer after ARM"])
def test_a_group_that_names_another_manager_does_not_make_the_rows_cluster_gone(late: float) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        bump = here.ledger.bump

        async def bumped(*args: Any, **named: Any) -> Counters:
            await asyncio.sleep(late)
            return await bump(*args, **named)

        here.ledger.bump = bumped  # type: ignore[method-assign]
        group = here.azure.store.get(str(here.zone.group_id))
        assert group is not None
        group.body["managedBy"] = f"{cluster}-that-never-was"
        for minute in range(30):
            await here.event(str(here.zone), cause=f"e{minute}")
            assert (await row(here)).observed.state == "Succeeded"
            await here.passes(60, watching=True)
        assert told(here, cluster) == before == true(here, cluster) != ()
        assert here.links()["hub-westeurope"] == "ours"
        assert (await row(here)).observed.state == "Succeeded"

    tell(story, keeping())


def test_out_of_scope_for_an_hour_forgets_nothing() -> None:
    async def story(here: Story) -> None:
        await settled(here)
        before = (await row(here)).observed
        around = here.live.around
        assert isinstance(around, Around)
        elsewhere = Scope(
            subscriptions=("44444444-4444-4444-4444-444444444444",), hub_subscriptions=(HUB_SUBSCRIPTION,)
        )
        policy = msgspec.structs.replace(around.policy, scope=elsewhere)
        here.live = replace(here.live, around=replace(around, policy=policy))
        await here.event(str(here.zone), cause="out")
        await here.passes(60)
        after = (await row(here)).observed
        assert (after.cluster, after.records, after.hubs) == (before.cluster, before.records, before.hubs)

    tell(story, keeping())


async def created_again(here: Story, cluster: str, **changed: str) -> None:
    """The cluster is deleted and created again under the same id while no event comes and Tether sees nothing."""
    here.grid.faults.lose = 1.0
    group = here.zone.group_id
    for held in (cluster, *(one.id for one in here.azure.store.under(str(group))), str(group)):
        here.azure.store.remove(held)
    again = ResourceId(cluster)
    request = cluster_request(here.world.node_subnet, here.world.location)
    request["properties"] |= changed
    assert (await here.ask("PUT", str(again), "2026-08-01", request)).status_code == 201
    here.grid.faults.lose = 0.0


@pytest.mark.parametrize("group", ["", "another-node-group"], ids=["the same group", "another group"])
def test_the_record_of_a_cluster_that_was_created_again_unseen_is_removed(group: str) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        old, owner_before = name_of(here, cluster), (await row(here)).observed.uid
        assert owner_before
        await created_again(here, cluster, **({"nodeResourceGroup": group} if group else {}))
        await here.passes(3600, watching=True)
        await round_of_sweep(here.live)
        await here.passes(LATER, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert name_of(here, cluster) != old
        assert not server(here).held[old].is_there
        assert told(here, cluster) == true(here, cluster) != ()
        rows = [held for held in await here.ledger.rows() if held.observed.cluster]
        assert {held.observed.left for held in rows} == {()}
        assert sorted(held.observed.state for held in rows) == ["Succeeded", *(["gone"] if group else [])]
        assert here.queue.waiting() == 0

    tell(story, keeping())


def test_a_move_is_not_taken_from_the_address_of_the_cluster_before() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        await created_again(here, cluster)
        await here.passes(LATER, watching=True)
        held = (await row(here)).observed
        assert (held.move, held.reversals) == (None, ())

    tell(story, keeping())


def test_a_stranger_who_takes_the_group_of_a_deleted_cluster_does_not_keep_its_record() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name, group = name_of(here, cluster), here.zone.group_id
        server(here).trouble = Trouble.UNREACHABLE
        await delete(here, cluster)
        while here.state(cluster):
            await here.passes(10, watching=True)
        ResourceGroups(here.azure).create(str(group), "westeurope")
        await here.event(f"{group}/providers/{ZONES}/{FORGED}", cause="stranger")
        await here.passes(LATER, watching=True)
        server(here).trouble = None
        await here.passes(LATER, watching=True)
        assert not server(here).held[name].is_there

    tell(story, keeping())


def test_a_record_that_a_person_removed_is_a_duty_no_more_though_arm_shows_nothing_of_its_cluster(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        name = name_of(here, cluster)
        server(here).trouble = Trouble.UNREACHABLE
        await delete(here, cluster)
        await here.passes(3600, watching=True)
        here.faults.add(refusals.not_authorised(), path=f"/subscriptions/{here.world.subscription}")
        server(here).trouble = None
        await here.passes(30 * 3600, watching=True)
        assert server(here).held[name].is_there, "whether the cluster is gone is not known any more"
        assert "record-left-behind" in {line["code"] for line in lines(caplog, "finding")}
        server(here).held[name] = NO_RECORD
        await here.passes(2 * 3600, watching=True)
        assert (await row(here)).observed.left == ()

    tell(story, keeping())


def test_the_sweep_reports_what_is_left_and_looks_at_it() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        server(here).trouble = Trouble.UNREACHABLE
        await delete(here, cluster)
        await here.passes(3600, watching=True)
        await round_of_sweep(here.live)
        report = await here.live.reports.latest()
        assert report is not None
        assert (report.findings["record-left-behind"], report.queued) == (1, 1)

    tell(story, keeping())


@pytest.mark.parametrize("mode", ["system", "custom"])
@pytest.mark.parametrize("unseen", [("privateFQDN",), ("privateFQDN", "nodeResourceGroup"), ("agentPoolProfiles",)])
@pytest.mark.parametrize("value", ["null", "absent"])
@pytest.mark.parametrize("until", ["a while", "its end"])
def test_a_name_that_aks_does_not_show_is_not_forgotten(
    mode: str, unseen: tuple[str, ...], value: str, until: str
) -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        cluster = await settled(here, **({"private_dns_zone": LISTED} if mode == "custom" else {}))
        name, before = name_of(here, cluster), told(here, cluster)
        assert before != ()

        def hide(request: HttpRequest, answer: Any) -> None:
            for held in answer.get("value", [answer]) if isinstance(answer, dict) else ():
                if str(held.get("id", "")).casefold() == cluster.casefold():
                    for field in unseen:
                        if value == "null":
                            held["properties"][field] = None
                        else:
                            held["properties"].pop(field, None)

        here.transport.alter = hide
        await here.event(cluster, f"{CLUSTERS}/write", cause="e")
        await here.passes(1200, watching=True)
        assert shown(server(here).held[name]) == before
        if until == "a while":
            here.transport.alter = None
            await here.passes(300, watching=True)
        await delete(here, cluster)
        await here.passes(LATER, watching=True)
        assert here.state(cluster) == ""
        assert not server(here).held[name].is_there

    tell(story, keeping(on_servers(), custom_zones=(ResourceId(LISTED),)))


def test_a_cluster_seen_between_two_404s_is_not_gone() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        assert before
        zone, group = str(here.zone), here.zone.group_id.group
        here.faults.add(refusals.not_found(), method="GET", path="/managedClusters/team$")
        await here.event(zone, cause="a")
        await here.passes(5)
        here.faults.clear()
        await here.passes(295)
        # the cluster is shown, and its group is not, for a moment
        here.faults.add(refusals.not_found(), method="GET", path=f"/resourceGroups/{group}$")
        await here.event(zone, cause="b")
        await here.passes(5)
        await here.passes(285)
        here.faults.add(refusals.not_found(), method="GET", path="/managedClusters/team$")
        await here.passes(30)
        await here.event(zone, cause="c")
        await here.passes(60)
        assert told(here, cluster) == before
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, keeping())
