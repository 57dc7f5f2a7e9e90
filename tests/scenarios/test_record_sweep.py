"""What becomes of a record when no event tells: `watch` sees who is at work, the sweep all the rest."""

import asyncio
from ipaddress import ip_address

import pytest

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.sweep import sweep
from localazure.aks import maintenance
from localazure.resources.private_zones import PrivateZones
from tests.scenarios.record_stories import (
    LISTED,
    SERVED,
    deploy,
    keeping,
    name_of,
    on_servers,
    server,
    settled,
    told,
    true,
)
from tests.scenarios.story import Story, tell

HOUR = 3600


async def swept(here: Story) -> None:
    assert isinstance(here.live.around, Around)
    await sweep(here.live.around, here.queue, here.live.ledger, here.live.reports)


def test_a_start_of_which_no_event_told_is_seen_by_watch() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        stopping = asyncio.ensure_future(maintenance.stop(here.azure, cluster))
        await here.passes(180, watching=True)
        await stopping
        starting = asyncio.ensure_future(maintenance.start(here.azure, cluster))
        await here.passes(600, watching=True)
        await starting
        assert told(here, cluster) == true(here, cluster) != before

    tell(story, keeping(), deaf=True)


def test_a_move_of_which_no_event_told_while_the_cluster_rested_is_seen_by_the_sweep_alone() -> None:
    """AKS says `Succeeded` all along, so that `watch` finds nothing to look at: the bound is the sweep's hour."""

    async def story(here: Story) -> None:
        cluster = await settled(here)
        before = told(here, cluster)
        await maintenance.maintenance(here.azure, cluster)
        await here.passes(HOUR, watching=True)
        assert told(here, cluster) == before != true(here, cluster)
        await swept(here)
        await here.passes(60)
        assert told(here, cluster) == true(here, cluster)

    tell(story, keeping(), deaf=True)


def test_what_others_changed_by_hand_is_mended_by_the_sweep() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        server(here).others_put(name_of(here, cluster), ip_address("10.9.9.9"))
        await swept(here)
        await here.passes(60)
        assert told(here, cluster) == true(here, cluster)

    tell(story, keeping())


@pytest.mark.parametrize("mode", ["system", "none", LISTED])
def test_the_sweep_mends_a_record_whatever_the_zone_mode(mode: str) -> None:
    async def story(here: Story) -> None:
        PrivateZones(here.azure).place(LISTED)
        cluster = await settled(here, private_dns_zone=mode)
        target = server(here, name_of(here, cluster) if mode == "none" else SERVED)
        deploy(here, on_servers(target.zone))
        await here.passes(60)
        await maintenance.maintenance(here.azure, cluster)
        await swept(here)
        await here.passes(60)
        assert told(here, cluster, target.zone) == true(here, cluster) != ()

    tell(story, keeping(custom_zones=(ResourceId(LISTED),)), deaf=True)
