"""Our links to hubs that nothing wants go on the second look, and never while nodes may need them (issue 12)."""

import asyncio
from dataclasses import replace

import pytest

from functions.around import Around
from functions.policy import Policy
from functions.sweep import sweep
from functions.work import Work
from localazure import fault_effects as effects
from localazure.resources.peerings import Peerings
from localazure.store import Resource
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell

CODE = "nodes-hold-old-dns-servers"


def pruning(world: HubAndSpoke) -> Policy:
    return a_policy(world, prune=True)


async def look(here: Story) -> None:
    """A pass that nobody else asks for."""
    await here.queue.send(
        Work(target=here.zone, why="sweep", cause="look", since=here.azure.clock.now(), always=True), 0
    )


def deploy(here: Story, policy: Policy) -> None:
    around = here.live.around
    assert isinstance(around, Around)
    here.live = replace(here.live, around=replace(around, policy=policy))


async def swept(here: Story) -> dict[str, int]:
    """The codes that a sweep reports."""
    assert isinstance(here.live.around, Around)
    report = await sweep(here.live.around, here.queue, here.live.ledger, here.live.reports)
    return dict(report.findings)


def spoke(here: Story) -> Resource:
    held = here.azure.store.get(here.world.spoke)
    assert held is not None
    return held


def serve(here: Story, *servers: str) -> None:
    """Give the VNet of the nodes other DNS servers."""
    spoke(here).properties["dhcpOptions"] = {"dnsServers": list(servers)}


def peering(own: str, remote: str) -> str:
    return f"{own}/virtualNetworkPeerings/to-{remote.rpartition('/')[2]}"


def peer(here: Story, one: str, other: str) -> None:
    """Both sides, which are Connected then."""
    for own, remote in ((one, other), (other, one)):
        Peerings(here.azure).place(peering(own, remote), remote)


def unpeer(here: Story, own: str, remote: str) -> None:
    """One side, which leaves the other Disconnected."""
    here.azure.store.remove(peering(own, remote))
    Peerings(here.azure).update_states(own)


def re_image(here: Story, cluster: str, image: str) -> None:
    """What `az aks nodepool upgrade --node-image-only` leaves behind."""
    held = here.azure.store.get(cluster)
    assert held is not None
    for pool in held.properties["agentPoolProfiles"]:
        pool["nodeImageVersion"] = image


def deletes(here: Story) -> list[float]:
    """When removals of Tether's links were asked for."""
    asked = zip(here.transport.asked, here.transport.asked_at, strict=True)
    return [at for call, at in asked if call.startswith("DELETE") and "/virtualNetworkLinks/tether-" in call]


def test_a_hub_that_left_the_policy_loses_its_link_on_the_second_look() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        deploy(here, a_policy(here.world, here.world.hub, prune=True))
        left = asyncio.get_running_loop().time()
        await look(here)
        await here.passes(300)
        await look(here)  # a second look that comes too early
        await here.passes(900)
        (asked,) = deletes(here)
        assert 600 <= asked - left < 660
        assert "agents-westeurope" not in here.links()
        (row,) = await here.ledger.rows()
        assert row.observed.unwanted == ()
        assert here.queue.waiting() == 0

    tell(story, lambda world: a_policy(world, *world.hubs), second_hub=True)


def test_a_first_look_is_kept_by_passes_that_cannot_see() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        deploy(here, a_policy(here.world, here.world.hub, prune=True))
        await look(here)
        await here.passes(30)
        (row,) = await here.ledger.rows()
        (first,) = row.observed.unwanted
        here.faults.add(effects.internal_error(), method="GET", path=r"/virtualNetworkLinks$")
        await look(here)
        await here.passes(1200)
        here.faults.clear()
        assert not deletes(here)
        (row,) = await here.ledger.rows()
        assert row.observed.unwanted == (first,)
        await here.passes(1000)
        assert len(deletes(here)) == 1

    tell(story, lambda world: a_policy(world, *world.hubs), second_hub=True)


@pytest.mark.parametrize("minutes", [1, 60])
def test_half_a_peering_that_is_gone_for_a_while_takes_no_link_away(
    minutes: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        hub, own = here.world.hub, here.world.spoke
        unpeer(here, hub, own)
        await look(here)
        await here.passes(minutes * 60 / 2)
        unpeer(here, own, hub)
        await look(here)
        await here.passes(minutes * 60 / 2)
        await swept(here)
        await here.passes(60)
        peer(here, own, hub)
        await look(here)
        await here.passes(1800)
        assert not deletes(here)
        assert len(here.transport.links_put()) == 1

    tell(story, pruning)
    assert "dns-servers-outside-peered-networks" in {line["code"] for line in lines(caplog, "finding")}


@pytest.mark.parametrize("prune", [True, False])
def test_other_dns_servers_keep_the_old_link_until_every_pool_is_re_imaged(
    prune: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        peer(here, here.world.spoke, here.world.second_hub)
        serve(here, "10.255.0.4")
        assert CODE in await swept(here)
        await here.passes(7200)
        assert {"hub-westeurope", "agents-westeurope"} <= set(here.links()), "the new hub is linked, and the old too"
        codes = await swept(here)
        assert (codes[CODE], codes["stale-link"]) == (1, 1)
        re_image(here, cluster, "AKSUbuntu-2204gen2containerd-202612.01.0")
        await swept(here)
        await here.passes(900)
        codes = await swept(here)
        assert CODE not in codes
        assert ("stale-link" in codes) is not prune
        assert ("hub-westeurope" in here.links()) is not prune

    tell(story, lambda world: a_policy(world, prune=prune), second_hub=True)
    advice = next(line["advice"] for line in lines(caplog, "finding") if line["code"] == CODE)
    assert "az aks nodepool upgrade --subscription" in advice


def test_dns_servers_that_are_changed_for_a_minute_take_no_link_away() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        serve(here)
        await look(here)
        await here.passes(60)
        serve(here, here.world.hub_resolver)
        await look(here)
        await here.passes(3000)
        assert not deletes(here)
        assert here.links()["hub-westeurope"] == "ours"
        (row,) = await here.ledger.rows()
        assert row.observed.unwanted == ()

    tell(story, pruning)


def test_a_vnet_that_cannot_be_read_takes_no_link_away() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(600)
        serve(here)
        here.faults.add(effects.not_authorised(), method="GET", path=r"/virtualNetworks/[^/]+$")
        for _ in range(4):
            await look(here)
            await here.passes(900)
        assert not deletes(here)

    tell(story, pruning)


def test_a_link_of_a_cluster_that_is_deleted_goes_at_once() -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        here.azure.aks = replace(here.azure.aks, deletes_foreign_links=False)
        await here.ask("DELETE", cluster, "2026-08-01")
        await here.passes(120, watching=True)
        assert len(deletes(here)) == 1

    tell(story, pruning)
