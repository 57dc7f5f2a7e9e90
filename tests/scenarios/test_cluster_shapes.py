"""The main stories, told for the shapes of cluster that AKS makes."""

from itertools import pairwise
from typing import Any

import pytest

from functions.arm.clusters import secrets_needed
from functions.http.routes import CLUSTER
from functions.policy import Policy
from localazure import fault_effects as effects
from localazure.aks.maintenance import maintenance
from localazure.resources.peerings import Peerings
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Resource
from localazure.world import HubAndSpoke, cluster_request
from tests.scenarios.cluster_shapes import SHAPES, Shape, shaped
from tests.scenarios.record_stories import SERVED, on_servers, server, told, true
from tests.scenarios.story import LINKS, Story, a_policy, lines, tell
from tests.scenarios.test_sweep import swept
from tests.unit.http.desks import TEAM, Caller, call

INTEGRATED = "private.westeurope.azmk8s.io"
"""Below it are the zones of clusters with API server VNet integration."""

each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=list(SHAPES))


def both_ways(world: HubAndSpoke) -> Policy:
    """Names the hub, and discovers others, so that every pass reads the cluster's VNets."""
    return a_policy(world, world.hub, discover_resolvers=True)


async def created(here: Story, shape: Shape, name: str = "team") -> str:
    """PUT a cluster of that shape, and give its id."""
    cluster = f"{here.world.group}/providers/Microsoft.ContainerService/managedClusters/{name}"
    request = shaped(here.azure, here.world, shape)(cluster_request(here.world.node_subnet, here.world.location))
    answer = await here.ask("PUT", cluster, "2026-08-01", request)
    assert answer.status_code == 201, answer.text()
    return cluster


def expected_links(here: Story, shape: Shape) -> dict[str, str]:
    """AKS links the cluster's own VNets, and Tether the hub where no deny assignment forbids it."""
    own: set[str] = {"spoke-1"} if "spoke" in shape.places else set()
    own |= {"spoke-1-more"} if "other" in shape.places else set()
    own |= {made_by_aks(here).name} if "" in shape.places else set()
    return dict.fromkeys(own, "others") | ({} if shape.locked else {"hub-westeurope": "ours"})


def keeping_records(world: HubAndSpoke) -> Policy:
    """Names the hub, discovers others, and keeps records on the hub's DNS servers."""
    return a_policy(world, world.hub, discover_resolvers=True, records=(on_servers(), on_servers(INTEGRATED)))


@each_shape
def test_a_cluster_of_any_shape_lives_and_ends_well(shape: Shape, caplog: pytest.LogCaptureFixture) -> None:
    """Its birth, its page, a link that somebody removed, an address that moves, and its deletion."""

    async def story(here: Story, caller: Caller) -> None:
        caplog.set_level("INFO", "tether")
        cluster = await created(here, shape)
        await here.passes(600)
        assert here.state(cluster) == "Succeeded"
        assert here.links() == expected_links(here, shape)
        page = await caller.ask(CLUSTER, **TEAM)
        assert page.status == 200
        assert [finding["code"] for finding in page.body["findings"]] == (
            ["node-resource-group-locked"] if shape.locked else []
        )
        zone = INTEGRATED if shape.integrated else SERVED
        assert told(here, cluster, zone) == true(here, cluster) != ()

        for link in [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]:
            await here.ask("DELETE", link.id)
        await here.passes(400, watching=True)
        assert here.links() == expected_links(here, shape)

        await maintenance(here.azure, cluster)
        await here.passes(400, watching=True)
        assert told(here, cluster, zone) == true(here, cluster) != ()

        assert (await here.ask("DELETE", cluster, "2026-08-01")).status_code == 202
        await here.passes(2400, watching=True)
        assert here.state(cluster) == ""
        assert not here.azure.store.of_type(LINKS)
        assert not any(record.addresses for record in server(here, zone).held.values())
        assert not here.queue.poison

    call(story, keeping_records)


@each_shape
def test_a_cluster_of_any_shape_is_linked_without_an_event(shape: Shape) -> None:
    """By `watch` in the first minutes."""

    async def story(here: Story) -> None:
        cluster = await created(here, shape)
        await here.passes(600, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert here.links() == expected_links(here, shape)
        assert not here.queue.poison

    tell(story, both_ways, deaf=True)


@each_shape
def test_a_sweep_sees_a_cluster_of_any_shape_as_a_pass_does(shape: Shape) -> None:
    async def story(here: Story) -> None:
        cluster = await created(here, shape)
        await here.passes(600, watching=True)
        for link in [link for link in here.azure.store.of_type(LINKS) if link.name.startswith("tether-")]:
            await here.ask("DELETE", link.id)
        await here.passes(120)
        report = await swept(here)
        assert (report.clusters, report.changes, report.unclear_count) == (1, 0 if shape.locked else 1, 0)
        await here.passes(120)
        assert here.links() == expected_links(here, shape)
        assert here.state(cluster) == "Succeeded"

    tell(story, both_ways, deaf=True)


@each_shape
def test_a_cluster_of_any_shape_is_put_again_unless_it_has_a_secret(shape: Shape) -> None:
    body: Any = None

    async def story(here: Story) -> None:
        nonlocal body
        cluster = await created(here, shape)
        await here.passes(600)
        body = (await here.ask("GET", cluster, "2026-08-01")).json()

    tell(story, both_ways)
    assert bool(secrets_needed(body)) == shape.has_secret


def test_a_cluster_without_a_subnet_comes_up_and_its_page_shows_it() -> None:
    """`az aks create --enable-private-cluster`: AKS makes the VNet, and the cluster's body does not name it."""

    async def story(here: Story, caller: Caller) -> None:
        await here.create(subnet=False)
        await here.passes(900, watching=True)
        page = await caller.ask(CLUSTER, **TEAM)
        assert page.status == 200
        assert page.body["state"] == "Succeeded"
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


def uses_the_hubs_servers(here: Story) -> None:
    """A person gives the VNet that AKS made the hub's DNS servers, and a peering."""
    vnet = made_by_aks(here)
    VirtualNetworks(here.azure).place(
        vnet.id, here.world.location, ["10.224.0.0/12"], dns_servers=[here.world.hub_resolver]
    )
    for one, other in ((vnet.id, here.world.hub), (here.world.hub, vnet.id)):
        Peerings(here.azure).place(f"{one}/virtualNetworkPeerings/to-{other.rsplit('/')[-1]}", other)


@pytest.mark.parametrize("sweep", [False, True])
@pytest.mark.parametrize("name", ["without a subnet", "a pool with a subnet and one without"])
def test_the_hub_of_a_vnet_that_aks_made_is_discovered(name: str, sweep: bool) -> None:
    """A person gave that VNet DNS servers and a peering, which its cluster's body does not tell."""

    async def story(here: Story) -> None:
        await created(here, SHAPES[name])
        await here.passes(900)
        assert "hub-westeurope" not in here.links(), "Azure's own DNS needs no hub"
        uses_the_hubs_servers(here)
        if sweep:
            await swept(here)
        else:
            await here.event(str(here.zone))
        await here.passes(200)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, a_policy, custom_dns=False)


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


def test_a_node_resource_group_that_cannot_be_listed_is_said_and_the_named_hub_is_linked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(here: Story) -> None:
        caplog.set_level("INFO", "tether")
        here.faults.add(effects.not_authorised(), method="GET", path="/virtualNetworks$")
        cluster = await here.create(subnet=False)
        await here.passes(600, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert here.links()["hub-westeurope"] == "ours"
        assert {line["code"] for line in lines(caplog, "finding")} == {"network-not-readable"}

    tell(story, both_ways)


def test_while_resource_graph_does_not_show_the_vnet_of_aks_no_link_is_stale() -> None:
    async def story(here: Story) -> None:
        await here.create(subnet=False)
        await here.passes(900)
        uses_the_hubs_servers(here)
        await here.event(str(here.zone))
        await here.passes(200)
        assert here.links()["hub-westeurope"] == "ours"
        here.azure.graph.missing.add(made_by_aks(here).id)
        report = await swept(here)
        assert (report.changes, report.unclear_count) == (0, 1)
        assert "stale-link" not in report.findings

    tell(story, lambda world: a_policy(world, prune=True))


def test_a_pool_without_a_subnet_leaves_those_of_the_others_known() -> None:
    """The node resource group has no VNet then: the list is complete, and the pools that name one are enough."""

    async def story(here: Story) -> None:
        shape = SHAPES["a pool with a subnet and one without"]
        cluster = await created(here, shape)
        await here.passes(400)
        assert here.state(cluster) == "Succeeded"
        here.azure.store.remove(made_by_aks(here).id)
        await here.event(str(here.zone))
        await here.passes(100)
        report = await swept(here)
        assert (report.findings, report.unclear_count) == ({}, 0)
        assert here.links()["hub-westeurope"] == "ours"

    tell(story, a_policy)
