"""Events on a cluster, its zone and its links meet in one row, and cost little where nothing changed."""

import asyncio

import pytest

from functions.arm.resource_id import ResourceId
from functions.policy import Policy
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.work import CLUSTERS
from localazure import fault_effects as effects
from localazure.store import Resource
from localazure.world import HubAndSpoke
from tests.scenarios.story import ZONES, Story, a_policy, lines, tell

ELSEWHERE = "/subscriptions/44444444-4444-4444-4444-444444444444/resourceGroups/apps"


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


async def settled(here: Story, **said: object) -> str:
    cluster = await here.create(**said)  # type: ignore[arg-type]
    await here.passes(600)
    here.transport.asked.clear()
    here.queue.sent.clear()
    return cluster


async def happened(
    here: Story, cluster: str, verb: str = "write", stage: str = "WriteSuccess", cause: str = "e"
) -> None:
    at = here.azure.clock.now()
    event = Event(cause, f"Microsoft.Resources.Resource{stage}", cluster, f"{CLUSTERS}/{verb}", at)
    await receive(event, at, lambda: here.live)


@pytest.mark.parametrize("named", [True, False], ids=["hub by name", "hub by discovery"])
def test_an_unchanged_clusters_pass_costs_four_calls_at_most_and_its_doubled_event_none(named: bool) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        await happened(here, cluster)
        await here.passes(300)
        assert 1 <= len(here.transport.asked) <= 4
        here.transport.asked.clear()
        await happened(here, cluster)
        await here.passes(300)
        assert here.transport.asked == []

    tell(story, hub_by_name if named else a_policy)


@pytest.mark.parametrize(
    ("verb", "stage"),
    [
        ("write", "WriteSuccess"),
        ("write", "WriteFailure"),
        ("start/action", "ActionSuccess"),
        ("stop/action", "ActionSuccess"),
        ("delete", "DeleteFailure"),
    ],
)
def test_a_clusters_event_meets_its_zones_in_one_row(verb: str, stage: str) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        await happened(here, cluster, verb, stage)
        (work,) = here.queue.sent
        assert (work.row, work.target) == (here.zone.group_id, ResourceId(cluster))
        await here.passes(300)
        (row,) = await here.ledger.rows()
        assert row.subject == here.zone.group_id
        assert not row.counters.pending

    tell(story, hub_by_name)


def test_a_cluster_that_the_ledger_does_not_know_is_looked_for_and_put_into_its_row() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        here.ledger.clusters.clear()
        here.ledger.held.clear()
        await happened(here, cluster)
        await here.passes(300)
        (row,) = await here.ledger.rows()
        assert (row.subject, row.counters.seq, row.counters.pending) == (here.zone.group_id, 1, False)
        assert len(here.transport.asked) <= 5
        assert await here.ledger.row_of(ResourceId(cluster)) == here.zone.group_id

    tell(story, hub_by_name)


def test_an_event_on_a_cluster_heals_what_was_lost() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        (link,) = [link for link in here.azure.store.of_type(f"{ZONES}/virtualNetworkLinks") if "tether-" in link.id]
        here.azure.store.remove(link.id)
        await happened(here, cluster)
        await here.passes(300)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, hub_by_name)


@pytest.mark.parametrize("known", [True, False])
def test_a_public_cluster_costs_one_read_and_leaves_no_row(known: bool) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        if not known:
            here.ledger.clusters.clear()
        here.ledger.held.clear()
        access = here.azure.store.get(cluster)
        assert access is not None
        access.properties["apiServerAccessProfile"] = {"enablePrivateCluster": False}
        await happened(here, cluster)
        await here.passes(300)
        assert len(here.transport.asked) == 1
        assert here.queue.waiting() == 0
        assert not any(row.counters.pending or row.counters.look_at for row in await here.ledger.rows())

    tell(story, hub_by_name)


def test_a_cluster_out_of_scope_costs_no_read() -> None:
    async def story(here: Story) -> None:
        await happened(here, f"{ELSEWHERE}/providers/{CLUSTERS}/theirs")
        await here.passes(60)
        assert here.transport.asked == []
        assert here.queue.waiting() == 0
        assert await here.ledger.rows() == ()

    tell(story, hub_by_name)


@pytest.mark.parametrize("effect", [effects.not_authorised, effects.not_found])
def test_a_cluster_that_is_not_shown_ends_quietly(effect: object) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        here.ledger.clusters.clear()
        here.faults.add(effect(), method="GET")  # type: ignore[operator]
        await happened(here, cluster)
        await here.passes(300)
        assert len(here.transport.asked) == 1
        assert here.queue.waiting() == 0

    tell(story, hub_by_name)


def test_a_cluster_that_cannot_be_read_for_now_is_read_after_its_pause() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        here.ledger.clusters.clear()
        here.faults.add(effects.throttled(40), method="GET", times=1)
        await happened(here, cluster)
        await here.passes(30)
        assert len(here.transport.asked) == 1
        await here.passes(300)
        (row,) = await here.ledger.rows()
        assert row.counters.done == row.counters.seq
        assert len(here.transport.asked) > 2

    tell(story, hub_by_name)


def test_with_the_tables_down_a_clusters_event_is_not_lost(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await settled(here)
        caplog.clear()
        here.ledger.down = True
        await happened(here, cluster)
        await here.passes(10)
        here.ledger.down = False
        await here.passes(300)
        assert lines(caplog, "pass")
        assert here.queue.waiting() == 0

    tell(story, hub_by_name)


def test_what_a_deleted_cluster_leaves_is_looked_at_from_its_node_group() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        group, held = here.zone.group_id, here.azure.store.get(cluster)
        assert isinstance(held, Resource)
        here.azure.store.remove(cluster)
        await happened(here, cluster, "delete", "DeleteSuccess")
        assert here.queue.sent[-1].target == group
        await here.passes(900, watching=True)
        assert "hub-westeurope" not in here.links(), "the links of a cluster that is gone go, after a while"

    tell(story, hub_by_name)


def test_a_cluster_that_is_gone_is_forgotten_so_that_a_new_one_of_its_name_finds_its_own_row() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        assert await here.ledger.row_of(ResourceId(cluster)) == here.zone.group_id
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(1800, watching=True)
        assert here.state(cluster) == ""
        assert await here.ledger.row_of(ResourceId(cluster)) is None
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, hub_by_name)


def test_who_fetches_credentials_wakes_nobody() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        await asyncio.gather(
            *(
                happened(here, cluster, f"{verb}/action", "ActionSuccess")
                for verb in ("listClusterUserCredential", "accessProfiles/listCredential")
            )
        )
        assert here.queue.sent == []

    tell(story, hub_by_name)
