"""A cluster that failed is seen to in its event's own invocation, in four round trips; the queue has it as well."""

import asyncio
from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.work import CLUSTERS
from localazure import fault_effects as effects
from tests.scenarios.story import Story, a_policy, tell

SLOW = 0.5  # seconds for each call of ARM's


async def failed_unheard(here: Story) -> str:
    """A kubenet cluster whose creation failed, and of which Tether knows no more than that it was Creating."""
    here.grid.faults.lose = 1.0
    cluster = await here.create(kubenet=True)
    while here.state(cluster) == "Creating":
        await here.passes(20, watching=True)
        here.next_watch = here.azure.clock.now() + 1e6 if here.links().get("hub-westeurope") else 0
    here.transport.asked.clear()
    here.transport.asked_at.clear()
    return cluster


async def told(here: Story, cluster: str, cause: str = "failure") -> None:
    at = here.azure.clock.now()
    event = Event(cause, "Microsoft.Resources.ResourceWriteFailure", cluster, f"{CLUSTERS}/write", at)
    await receive(event, at, lambda: here.live)


def calls(here: Story) -> list[tuple[str, float]]:
    return list(zip(here.transport.asked, here.transport.asked_at, strict=True))


def by_name(world: Any) -> Any:
    return a_policy(world, world.hub, discover_resolvers=True)


def test_the_subnet_is_put_after_three_round_trips_within_the_event() -> None:
    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        here.faults.add(effects.latency(SLOW))
        await told(here, cluster)
        here.faults.clear()
        rounds: dict[int, set[str]] = {}
        began = calls(here)[0][1]
        for call, at in calls(here):
            assert (at - began) % SLOW == pytest.approx(0, abs=0.01)
            rounds.setdefault(round((at - began) / SLOW), set()).add(f"{call.split()[0]} {call.split('/')[-2]}")
        assert rounds == {
            0: {"GET managedClusters", "GET resourceGroups"},
            1: {
                "GET subnets",
                "GET Microsoft.Network",  # the route tables of the node resource group
                "GET Microsoft.ContainerService",  # the clusters beside it
                "GET virtualNetworks",
                f"GET {here.zone.name}",  # its links
            },
            2: {"GET subnets"},
            3: {"GET subnets", "PUT subnets"},
        }

    tell(story, by_name)


def test_its_message_finds_the_pass_made() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        here.transport.asked.clear()
        await told(here, cluster)
        assert here.transport.asked
        assert here.queue.waiting() == 1
        here.transport.asked.clear()
        await here.passes(300)
        assert here.queue.waiting() == 0
        assert here.transport.asked == []

    tell(story, by_name)


def test_the_same_event_again_costs_no_call() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        await told(here, cluster)
        await here.passes(300)
        here.transport.asked.clear()
        await told(here, cluster)
        await here.passes(300)
        assert here.transport.asked == []
        assert here.queue.waiting() == 0

    tell(story, by_name)


def test_a_failure_of_a_cluster_whose_row_nobody_knows_is_left_to_the_queue() -> None:
    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        here.ledger.clusters.clear()
        await told(here, cluster)
        assert calls(here) == []
        await here.passes(30)
        assert any(call.startswith("PUT") and call.endswith("/subnets/nodes") for call, _ in calls(here))

    tell(story, by_name)


def test_a_pass_that_breaks_off_is_made_by_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions import reconcile

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the worker is not well")

    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        with monkeypatch.context() as ill:
            ill.setattr(reconcile, "reconcile", broken)
            await told(here, cluster)
        assert calls(here) == []
        await here.passes(25)
        assert calls(here) == [], "the worker might still be at it"
        await here.passes(10)
        assert any(call.startswith("PUT") and call.endswith("/subnets/nodes") for call, _ in calls(here))

    tell(story, by_name)


def test_a_worker_that_is_told_to_stop_has_the_event_in_the_queue_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions import reconcile

    async def never(*_: Any, **__: Any) -> None:
        await asyncio.sleep(1e6)

    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        monkeypatch.setattr(reconcile, "reconcile", never)
        real, sending = here.queue.send, asyncio.Event()

        async def slowly(item: Any, delay: float) -> None:
            sending.set()
            await asyncio.sleep(5)
            await real(item, delay)

        monkeypatch.setattr(here.queue, "send", slowly)
        before = here.queue.waiting()
        invocation = asyncio.ensure_future(told(here, cluster))
        await sending.wait()
        invocation.cancel()
        with pytest.raises(asyncio.CancelledError):
            await invocation
        assert here.queue.waiting() == before + 1

    tell(story, by_name)


def test_the_group_that_is_remembered_is_not_believed_to_be_the_clusters() -> None:
    """Another cluster may have had the name before, in another node resource group."""

    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        (row,) = [held for held in await here.ledger.rows() if held.observed.cluster]
        elsewhere = ResourceId(f"{here.world.group}/providers/Microsoft.Network/privateDnsZones/{here.zone.name}")
        old = msgspec.structs.replace(row.observed, zone=str(elsewhere))
        here.ledger.held[row.subject] = msgspec.structs.replace(row, observed=old)
        await told(here, cluster)
        groups = [call.rpartition("/")[2] for call, _ in calls(here) if call.split("/")[-2] == "resourceGroups"]
        assert [name.casefold() for name in groups] == ["apps", here.zone.group.casefold()]
        (row,) = [held for held in await here.ledger.rows() if held.observed.cluster]
        assert row.observed.zone.casefold() == str(here.zone).casefold()

    tell(story, by_name)


@pytest.mark.parametrize(
    ("path", "other"),
    [
        ("virtualNetworkLinks", "virtualNetworks/spoke"),
        ("/subnets/", "virtualNetworkLinks"),
        ("resourceGroups/MC_apps_team", "managedClusters/team"),
        ("/subnets/", "Microsoft.Network/routeTables"),
        ("/providers/Microsoft.ContainerService/managedClusters$", "Microsoft.Network/routeTables"),
    ],
)
def test_of_reads_side_by_side_that_fail_the_longest_pause_is_kept(path: str, other: str) -> None:
    async def story(here: Story) -> None:
        cluster = await failed_unheard(here)
        here.faults.add(effects.throttled(90), method="GET", path=path)
        here.faults.add(effects.internal_error(), method="GET", path=other)
        await told(here, cluster)
        here.transport.asked.clear()
        await here.passes(85)
        assert here.transport.asked == []
        here.faults.clear()
        await here.passes(60)
        assert any(call.startswith("PUT") and call.endswith("/subnets/nodes") for call in here.transport.asked)

    tell(story, by_name)
