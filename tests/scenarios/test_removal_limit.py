"""The removal limit counts clusters, shares its places between owners, and holds back no record that follows a move."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count, cycle
from unittest.mock import patch

import pytest

from functions.around import Around
from functions.handlers.verdict import Change
from functions.ledger.hour import Hour
from functions.ledger.state import Entry, LedgerError
from functions.live import Live
from functions.plan import allowance
from functions.policy import Policy, Scope
from functions.triggers.work import take
from localazure import fault_effects as effects
from localazure.aks import maintenance
from localazure.resources.groups import ResourceGroups
from localazure.resources.private_zones import PrivateZones
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.record_stories import keeping, told, true
from tests.scenarios.story import ZONES, Story, a_policy, tell
from tests.scenarios.test_approval import ours

OTHER = "99999999-9999-9999-9999-999999999999"
ELSEWHERE = "44444444-4444-4444-4444-444444444444"
CLUSTERS = "Microsoft.ContainerService/managedClusters"
BOTH = Scope(subscriptions=(SUBSCRIPTION, OTHER), hub_subscriptions=(HUB_SUBSCRIPTION,))


def two_owners(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub, scope=BOTH)


async def others_cluster(here: Story, name: str = "other") -> str:
    """A cluster of the second owner, in a subscription of its own."""
    spoke = hub_and_spoke(here.azure, nth=2, subscription=OTHER)
    cluster = f"{spoke.group}/providers/{CLUSTERS}/{name}"
    request = cluster_request(spoke.node_subnet, spoke.location)
    assert (await here.ask("PUT", cluster, "2026-08-01", request)).status_code == 201
    return cluster


async def up(here: Story, mine: int) -> tuple[list[str], str]:
    """So many clusters of one owner and one of another, all linked, in an Azure that leaves our links to us."""
    here.azure.aks = replace(here.azure.aks, deletes_foreign_links=False)
    other = await others_cluster(here)
    clusters = [await here.create(f"team-{nth}") for nth in range(mine)]
    await here.passes(900, watching=True)
    assert {here.state(cluster) for cluster in (*clusters, other)} == {"Succeeded"}
    return clusters, other


async def fleet(here: Story) -> int:
    return (await here.ledger.hour(here.azure.clock.now())).fleet


async def delete(here: Story, *clusters: str) -> None:
    for cluster in clusters:
        await here.ask("DELETE", cluster, "2026-08-01")


def of(subscription: str, links: set[str]) -> set[str]:
    return {link for link in links if link.casefold().startswith(f"/subscriptions/{subscription}/")}


def test_with_one_owner_moving_three_clusters_every_50_minutes_anothers_record_is_right_at_once() -> None:
    async def story(here: Story) -> None:
        other = await others_cluster(here)
        clusters = [await here.create(f"team-{nth}") for nth in range(3)]
        await here.passes(900, watching=True)
        for round_ in range(3):
            for cluster in clusters:
                await maintenance.maintenance(here.azure, cluster)
            if round_ == 1:
                await maintenance.maintenance(here.azure, other)
            await here.passes(120, watching=True)
            assert [told(here, cluster) for cluster in clusters] == [true(here, cluster) for cluster in clusters]
            assert told(here, other) == true(here, other)
            await here.passes(2880, watching=True)

    tell(story, keeping(scope=BOTH))


def test_removals_never_hold_a_move_back_nor_moves_a_removal() -> None:
    async def story(here: Story) -> None:
        clusters = [await here.create(f"team-{nth}") for nth in range(6)]
        await here.passes(900, watching=True)
        await delete(here, *clusters[:4])
        await here.passes(600, watching=True)
        assert len((await here.ledger.hour(here.azure.clock.now())).taken) == 3, "one of four waits"
        for cluster in clusters[4:]:
            await maintenance.maintenance(here.azure, cluster)
        await here.passes(60, watching=True)
        assert [told(here, cluster) for cluster in clusters[4:]] == [true(here, cluster) for cluster in clusters[4:]]
        assert len((await here.ledger.hour(here.azure.clock.now())).taken) == 3, "the moves took no place"

    tell(story, keeping())


def test_a_move_that_counted_would_wait_for_the_removals_of_others() -> None:
    """What the story above would come to with the mistake of old: it is there for the story's own sake."""

    async def story(here: Story) -> None:
        clusters = [await here.create(f"team-{nth}") for nth in range(5)]
        await here.passes(900, watching=True)
        await delete(here, *clusters[:3])
        await here.passes(600, watching=True)
        await maintenance.maintenance(here.azure, clusters[4])
        await here.passes(60, watching=True)
        assert told(here, clusters[4]) != true(here, clusters[4])

    with patch.object(Change, "follows", property(lambda _: False)):
        tell(story, keeping())


def test_an_owner_who_deletes_three_clusters_every_50_minutes_delays_anothers_removal_by_an_hour_at_most() -> None:
    async def story(here: Story) -> None:
        clusters, other = await up(here, 12)
        began = here.azure.clock.now()
        await delete(here, *clusters[:3])
        await here.passes(300, watching=True)
        assert len(of(SUBSCRIPTION, ours(here))) == 9, "all of the hour's places are taken"
        await delete(here, other)
        await here.passes(2700, watching=True)
        await delete(here, *clusters[3:6])
        await here.passes(began + 3590 - here.azure.clock.now(), watching=True)
        assert of(OTHER, ours(here)), "the hour is not over"
        await here.passes(240, watching=True)
        assert of(OTHER, ours(here)) == set()
        assert len(of(SUBSCRIPTION, ours(here))) in {6, 7}, "the other places are the first owner's again"

    tell(story, two_owners)


async def passes_of_two_workers(here: Story, seconds: float) -> None:
    """As `passes`, but two workers take the messages in turn, and none of them waits for another."""
    assert isinstance(here.live.around, Around)
    around = replace(here.live.around, removing=asyncio.Lock())
    workers = cycle([here.live, Live(here.queue, around, here.ledger, here.live.reports)])
    taken: list[asyncio.Task[None]] = []

    async def begin(body: bytes) -> None:
        taken.append(asyncio.create_task(take(body, next(workers))))

    end = here.azure.clock.now() + seconds
    while here.azure.clock.now() < end:
        await here.queue.drain(begin)
        await asyncio.sleep(1)
    await asyncio.gather(*taken)


def test_two_workers_that_count_at_the_same_moment_do_not_both_take_the_last_place() -> None:
    async def story(here: Story) -> None:
        clusters, _ = await up(here, 6)
        await delete(here, *clusters[:2])
        await here.passes(600, watching=True)
        before = ours(here)
        assert len((await here.ledger.hour(here.azure.clock.now())).taken) == 2, "one place is left"
        real = MemoryLedger.hour

        async def hour(self: MemoryLedger, at: float) -> Hour:
            found = await real(self, at)
            await asyncio.sleep(0.5)
            return found

        with patch.object(MemoryLedger, "hour", hour):
            await delete(here, *clusters[2:4])
            await passes_of_two_workers(here, 600)
        assert len(before - ours(here)) == 1, "one of the two has the place, and the other waits"
        assert len((await here.ledger.hour(here.azure.clock.now())).taken) == 3
        await here.passes(3900, watching=True)
        assert len(before - ours(here)) == 2, "until the hour is over"

    tell(story, two_owners)


@contextmanager
def no_intents_kept() -> Iterator[None]:
    async def intend(_: MemoryLedger, __: Entry) -> None:
        raise LedgerError("the journal cannot be written (test)")

    with patch.object(MemoryLedger, "intend", intend):
        yield


@contextmanager
def no_second_count() -> Iterator[None]:
    real, calls = MemoryLedger.hour, count()

    async def hour(self: MemoryLedger, at: float) -> Hour:
        if next(calls) % 2:
            raise LedgerError("the rows cannot be read (test)")
        return await real(self, at)

    with patch.object(MemoryLedger, "hour", hour):
        yield


@pytest.mark.parametrize("trouble", [no_intents_kept, no_second_count])
def test_a_removal_waits_for_tables_that_cannot_show_it_to_other_workers(
    trouble: Callable[[], AbstractContextManager[None]],
) -> None:
    async def story(here: Story) -> None:
        clusters, _ = await up(here, 2)
        before = ours(here)
        with trouble():
            await delete(here, clusters[0])
            await here.passes(300, watching=True)
            assert ours(here) == before
        await here.passes(300, watching=True)
        assert len(before - ours(here)) == 1, "the tables are up again"

    tell(story, two_owners)


def test_the_longest_waiting_goes_first_though_another_looks_more_often() -> None:
    async def story(here: Story) -> None:
        clusters, _ = await up(here, 6)
        began = here.azure.clock.now()
        await delete(here, clusters[0])
        await here.passes(600, watching=True)
        await delete(here, *clusters[1:3])
        await here.passes(600, watching=True)
        await delete(here, clusters[3])
        await here.passes(600, watching=True)
        left = ours(here)
        await delete(here, *clusters[4:])
        await here.passes(began + 3540 - here.azure.clock.now(), watching=True)
        assert ours(here) == left
        for _ in range(12):  # somebody writes tags on the later ones' zones all the time, which makes passes
            for zone in here.azure.store.of_type(ZONES):
                if "team-4" in zone.id or "team-5" in zone.id:
                    await here.event(zone.id, cause=f"e-{here.azure.clock.now()}-{zone.id}")
            await here.passes(15, watching=True)
        (gone,) = left - ours(here)
        assert "team-3" in gone.casefold()

    tell(story, two_owners)


def test_short_lived_clusters_count_only_while_they_live_and_for_an_hour() -> None:
    async def story(here: Story) -> None:
        clusters = [await here.create(f"short-{nth}") for nth in range(21)]
        await here.passes(600, watching=True)
        assert allowance(await fleet(here), 0.3) == 6, "they are clusters"
        await delete(here, *clusters)
        await here.passes(1500, watching=True)
        assert await fleet(here) == 21, "and have just ended"
        await here.passes(3600, watching=True)
        assert await fleet(here) == 0
        assert len(await here.ledger.rows()) == 21, "their rows are remembered all the same"

    tell(story, lambda world: a_policy(world, world.hub))


type Forge = Callable[[Story, int], Awaitable[None]]


def forged_zone(nth: int, subscription: str = SUBSCRIPTION, group: str = "forged") -> str:
    name = f"99999999-0000-4000-8000-{nth:012x}.privatelink.westeurope.azmk8s.io"
    return f"/subscriptions/{subscription}/resourceGroups/{group}-{nth}/providers/{ZONES}/{name}"


async def events_on_nothing(here: Story, nth: int) -> None:
    await here.event(forged_zone(nth), cause=f"forged-{nth}")


async def zones_of_a_spoke_owner(here: Story, nth: int) -> None:
    ResourceGroups(here.azure).create(forged_zone(nth).partition("/providers")[0], "westeurope")
    PrivateZones(here.azure).place(forged_zone(nth))
    await events_on_nothing(here, nth)


async def groups_that_name_clusters_which_are_not(here: Story, nth: int) -> None:
    group = forged_zone(nth).partition("/providers")[0]
    manager = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{CLUSTERS}/none-{nth}"
    ResourceGroups(here.azure).create(group, "westeurope", managed_by=manager)
    PrivateZones(here.azure).place(forged_zone(nth))
    await events_on_nothing(here, nth)


async def endpoints_in_groups_of_theirs(here: Story, nth: int) -> None:
    group = forged_zone(nth).partition("/providers")[0]
    operation = "Microsoft.Network/routeTables/write"
    await here.event(
        f"{group}/providers/Microsoft.Network/routeTables/aks-agentpool-1-routetable", operation, f"r{nth}"
    )


@pytest.mark.parametrize(
    "forge",
    [
        events_on_nothing,
        zones_of_a_spoke_owner,
        groups_that_name_clusters_which_are_not,
        endpoints_in_groups_of_theirs,
    ],
)
def test_what_is_never_proven_raises_no_allowance_is_not_listed_and_does_not_stay(forge: Forge) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(400, watching=True)
        before = await here.ledger.page(None, 99)
        for nth in range(30):
            await forge(here, nth)
        await here.passes(900, watching=True)
        assert await fleet(here) == 1
        assert [row.subject for row in await here.ledger.page(None, 99)] == [row.subject for row in before]
        assert [row.subject for row in await here.ledger.rows()] == [row.subject for row in before], "nothing is left"
        await here.passes(3600, watching=True)
        now = here.azure.clock.now()
        await here.ledger.forget(now - 90 * 86400, now - 3600)
        assert len(here.ledger.held) == len(before)
        assert here.state(cluster) == "Succeeded"

    tell(story, lambda world: a_policy(world, world.hub))


def test_an_event_of_a_subscription_out_of_scope_writes_nothing_at_all() -> None:
    async def story(here: Story) -> None:
        for nth in range(30):
            await here.event(forged_zone(nth, ELSEWHERE), cause=f"e-{nth}")
            cluster = (
                f"/subscriptions/{ELSEWHERE}/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c"
            )
            await here.event(cluster, "Microsoft.ContainerService/managedClusters/write", f"c-{nth}")
        assert here.ledger.held == {}
        assert here.queue.sent == []
        assert here.transport.asked == []

    tell(story, deaf=True)


def test_while_the_scope_is_not_known_an_event_waits_and_no_row_is_written() -> None:
    scope = Scope(management_groups=("landing-zones",), hub_subscriptions=(HUB_SUBSCRIPTION,))

    async def story(here: Story) -> None:
        here.azure.management_groups[SUBSCRIPTION] = ("landing-zones", "root")
        here.faults.add(effects.internal_error(), method="POST", path="Microsoft.ResourceGraph")
        cluster = await here.create()
        await here.passes(60)
        assert here.ledger.held == {}
        here.faults.clear()
        await here.passes(500)
        assert here.state(cluster) == "Succeeded"
        assert [row.proven for row in await here.ledger.rows()] == [True]

    tell(story, lambda world: a_policy(world, world.hub, scope=scope))


def test_a_newborn_cluster_is_remembered_though_somebody_has_filled_the_places_without_proof() -> None:
    async def story(here: Story) -> None:
        here.ledger.unproven = 20
        for nth in range(60):
            await here.event(forged_zone(nth), cause=f"forged-{nth}")
        await here.passes(200)
        assert len(here.ledger.held) == 20
        cluster = await here.create()
        await here.passes(500, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert [row.proven for row in await here.ledger.page(None, 9)] == [True]
        assert here.queue.waiting() == 0

    tell(story, lambda world: a_policy(world, world.hub))
