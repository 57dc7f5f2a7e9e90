"""When a record goes: with its cluster, and never because something cannot be seen."""

import asyncio
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.dns.record import NO_RECORD
from functions.ledger.state import Counters
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.work import CLUSTERS
from localazure import fault_effects as effects
from localazure.resources.private_zones import PrivateZones
from tests.scenarios.record_stories import (
    LISTED,
    deploy,
    keeping,
    name_of,
    on_servers,
    server,
    settled,
    shown,
    told,
    true,
)
from tests.scenarios.story import Story, tell

HOUR = 3600


@pytest.mark.parametrize("deaf", [False, True], ids=["events come", "every event is lost"])
@pytest.mark.parametrize("mode", ["system", "none", LISTED])
def test_with_its_cluster_the_record_goes(deaf: bool, mode: str) -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        cluster = await settled(here, private_dns_zone=mode)
        target = server(here)
        if mode == "none":
            target = server(here, name_of(here, cluster))
            deploy(here, on_servers(target.zone))
            await here.event(cluster, f"{CLUSTERS}/write")
            await here.passes(60)
        assert told(here, cluster, target.zone) == true(here, cluster) != ()
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(1800, watching=True)
        assert here.state(cluster) == ""
        assert set(target.held.values()) <= {NO_RECORD}
        assert here.queue.waiting() == 0
        assert not here.queue.poison

    tell(story, keeping(custom_zones=(ResourceId(LISTED),)), deaf=deaf)


def test_a_cluster_that_is_missing_once_keeps_its_record() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        here.faults.add(effects.not_found(), method="GET", path="/managedClusters/team$", times=1)
        await here.event(str(here.zone), cause="again")
        await here.passes(HOUR, watching=True)
        assert told(here, cluster) == before != ()
        assert len(server(here).written) == 1

    tell(story, keeping())


def test_a_cluster_that_is_gone_without_a_word_keeps_its_record_for_ten_minutes() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name = name_of(here, cluster)
        here.azure.store.remove(cluster)
        await here.passes(590, watching=True)
        assert server(here).held[name].is_there
        await here.passes(200, watching=True)
        assert not server(here).held[name].is_there

    tell(story, keeping())


@pytest.mark.parametrize("gone", [False, True], ids=["it lives", "it is gone"])
def test_while_its_subscription_cannot_be_read_nothing_is_removed(gone: bool) -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before, name = told(here, cluster), name_of(here, cluster)
        denied = here.faults.add(effects.not_authorised(), path=f"/subscriptions/{here.world.subscription}")
        if gone:
            here.azure.store.remove(cluster)
        for minute in range(60):
            await here.event(str(here.zone), cause=f"e{minute}")
            await here.passes(60, watching=True)
        assert here.faults.hits(denied) > 60
        assert shown(server(here).held[name]) == before != ()
        assert len(server(here).written) == 1
        here.faults.clear()
        await here.passes(1800, watching=True)
        assert shown(server(here).held[name]) == (() if gone else before)

    tell(story, keeping())


def test_a_cluster_that_is_made_again_has_its_record_and_the_old_one_is_gone() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        old = name_of(here, cluster)
        await here.ask("DELETE", cluster, "2026-08-01")
        while here.state(cluster):
            await here.passes(1)
        await settled(here)
        assert told(here, cluster) == true(here, cluster)
        assert server(here).held[old] == NO_RECORD != server(here).held[name_of(here, cluster)]
        await here.passes(HOUR, watching=True)
        assert told(here, cluster) == true(here, cluster)

    tell(story, keeping())


def test_a_late_event_that_is_quicker_than_the_tables_does_not_forget_whose_record_is_left() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name, group = name_of(here, cluster), here.zone.group_id
        for held in (cluster, *(held.id for held in here.azure.store.under(str(group))), str(group)):
            here.azure.store.remove(held)
        real = here.ledger.bump

        async def slowly(*args: Any) -> Counters:
            await asyncio.sleep(0.2)
            return await real(*args)

        here.ledger.bump = slowly  # type: ignore[method-assign]
        endpoint = f"{group}/providers/Microsoft.Network/privateEndpoints/kube-apiserver"
        written = "Microsoft.Network/privateEndpoints/write"
        now = here.azure.clock.now()
        event = Event("late", "Microsoft.Resources.ResourceWriteSuccess", endpoint, written, now - 300)
        await receive(event, now, lambda: here.live)
        await here.passes(1800, watching=True)
        assert not server(here).held[name].is_there

    tell(story, keeping())
