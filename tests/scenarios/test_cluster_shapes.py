"""The main stories, told for the shapes of cluster that AKS makes."""

from itertools import pairwise

import pytest

from functions.http.routes import CLUSTER
from functions.policy import Policy
from localazure import fault_effects as effects
from localazure.resources.peerings import Peerings
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Resource
from localazure.world import HubAndSpoke
from tests.scenarios.story import LINKS, Story, a_policy, lines, tell
from tests.scenarios.test_sweep import swept
from tests.unit.http.desks import TEAM, Caller, call


def both_ways(world: HubAndSpoke) -> Policy:
    """Names the hub, and discovers others, so that every pass reads the cluster's VNets."""
    return a_policy(world, world.hub, discover_resolvers=True)


def test_a_cluster_without_a_subnet_comes_up_and_its_page_shows_it() -> None:
    """`az aks create --enable-private-cluster`: AKS makes the VNet, and the cluster's body does not name it."""

    async def story(here: Story, caller: Caller) -> None:
        await here.create(subnet=False)
        await here.passes(900, watching=True)
        told = await caller.ask(CLUSTER, **TEAM)
        assert told.status == 200
        assert told.body["state"] == "Succeeded"
        assert here.links() == {"hub-westeurope": "ours", made_by_aks(here).name: "others"}
        assert not here.queue.poison
        assert here.queue.waiting() == 0

    call(story, both_ways)


def made_by_aks(here: Story) -> Resource:
    """The VNet in the node resource group."""
    found = here.azure.store.of_type("Microsoft.Network/virtualNetworks")
    (vnet,) = [vnet for vnet in found if vnet.name.startswith("aks-vnet-")]
    return vnet


def test_what_a_cluster_without_a_subnet_lost_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    """What only a second pass can do."""

    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        await here.create(subnet=False)
        await here.passes(900, watching=True)
        (ours,) = [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]
        await here.ask("DELETE", ours.id)
        await here.passes(400, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        assert not here.queue.poison
        assert not [line for line in lines(caplog, "finding") if line["code"] == "vnet-not-found"]

    tell(story, both_ways)


@pytest.mark.parametrize("sweep", [False, True])
def test_the_hub_of_a_vnet_that_aks_made_is_discovered(sweep: bool) -> None:
    """A person gave that VNet DNS servers and a peering, which its cluster's body does not tell."""

    async def story(here: Story) -> None:
        await here.create(subnet=False)
        await here.passes(900)
        assert "hub-westeurope" not in here.links(), "Azure's own DNS needs no hub"
        vnet = made_by_aks(here)
        VirtualNetworks(here.azure).place(
            vnet.id, here.world.location, ["10.224.0.0/12"], dns_servers=[here.world.hub_resolver]
        )
        for one, other in ((vnet.id, here.world.hub), (here.world.hub, vnet.id)):
            Peerings(here.azure).place(f"{one}/virtualNetworkPeerings/to-{other.rsplit('/')[-1]}", other)
        if sweep:
            await swept(here)
        else:
            await here.event(str(here.zone))
        await here.passes(200)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, a_policy)


def test_while_aks_has_not_made_the_vnet_discovery_waits(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        here.faults.add(effects.not_found(), method="GET", path="/virtualNetworks", times=3)
        await here.create(subnet=False)
        await here.passes(300)
        asked = zip(here.transport.asked, here.transport.asked_at, strict=True)
        listed = [at for call, at in asked if call.endswith("/virtualNetworks")]
        assert len(listed) > 3
        pauses = [later - earlier for earlier, later in pairwise(listed[:4])]
        assert all(29 <= pause <= 60 for pause in pauses)
        assert not lines(caplog, "finding")

    tell(story, both_ways)
