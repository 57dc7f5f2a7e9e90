"""Which DNS servers nodes may still ask, and what shows that they were re-imaged."""

from typing import Any

import msgspec
import pytest

from functions.arm.errors import ArmError
from functions.fleet.model import AgentPool, HostedSystemProfile, ManagedCluster, NodeProvisioningProfile
from functions.fleet.network_model import VirtualNetwork
from functions.fleet.resolvers import AZURE_DNS
from functions.fleet.seen import UNKNOWN, Seen, Unreadable
from functions.handlers.node_dns import UNKNOWN_SERVERS, noted
from functions.handlers.node_dns_findings import about_nodes
from functions.ledger.node_dns import UNLISTED, NodeDns
from functions.ledger.state import Observed
from tests.unit.worlds import AT, SPOKE, a_cluster, a_spoke, a_vnet_id, seen

VNET, OTHER = str(SPOKE).casefold(), str(a_vnet_id("other")).casefold()
DENIED = Unreadable(SPOKE, ArmError(403, "AuthorizationFailed", "no"))
BEFORE = NodeDns(servers={VNET: ("10.0.0.4",)})
CHANGED = NodeDns(servers={VNET: ("10.0.0.5",)}, old=("10.0.0.4",), changed=AT - 60, images={"a": "v1", "b": "v1"})


def a_pool(name: str, image: str | None = "v1", state: str = "Succeeded") -> AgentPool:
    return AgentPool(name=name, node_image_version=image, provisioning_state=state, vnet_subnet_id=f"{SPOKE}/subnets/n")


def with_pools(*pools: AgentPool, **properties: Any) -> ManagedCluster:
    cluster = a_cluster(state="Succeeded")
    held = msgspec.structs.replace(cluster.properties, agent_pool_profiles=pools or None, **properties)
    return msgspec.structs.replace(cluster, properties=held)


TWO = with_pools(a_pool("a"), a_pool("b"))


def after(
    before: NodeDns | None,
    *spokes: VirtualNetwork,
    cluster: ManagedCluster = TWO,
    doubted: bool | None = False,
    **facts: Any,
) -> NodeDns | None:
    """What is remembered after a pass that read these VNets."""
    facts = {"spokes": spokes, **facts}
    return noted(seen(cluster, remembered=Observed(node_dns=before), **facts), doubted=doubted)


def other_spoke(*servers: str) -> VirtualNetwork:
    return msgspec.structs.replace(a_spoke(*servers), id=a_vnet_id("other"))


@pytest.mark.parametrize(
    ("before", "spokes", "old"),
    [
        pytest.param(None, (a_spoke("10.0.0.4"),), (), id="seen for the first time"),
        pytest.param(BEFORE, (a_spoke("10.0.0.4"),), (), id="as before"),
        pytest.param(BEFORE, (a_spoke("10.0.0.5", "10.0.0.4"),), (), id="one more"),
        pytest.param(BEFORE, (a_spoke("10.0.0.5"),), ("10.0.0.4",), id="another"),
        pytest.param(BEFORE, (a_spoke(),), ("10.0.0.4",), id="Azure's own"),
        pytest.param(NodeDns(servers={VNET: (AZURE_DNS,)}), (a_spoke("10.0.0.4"),), (AZURE_DNS,), id="Azure's before"),
        pytest.param(CHANGED, (a_spoke("10.0.0.5"),), ("10.0.0.4",), id="changed a while ago"),
        pytest.param(CHANGED, (a_spoke("10.0.0.4"),), ("10.0.0.5",), id="changed back, and nodes booted meanwhile"),
        pytest.param(CHANGED, (a_spoke("10.0.0.6"),), ("10.0.0.4", "10.0.0.5"), id="changed twice"),
        pytest.param(BEFORE, (a_spoke("10.0.0.4"), other_spoke("10.0.0.9")), (), id="a second VNet"),
        pytest.param(BEFORE, (a_spoke("10.0.0.5"), other_spoke("10.0.0.4")), (), id="named by another VNet"),
    ],
)
def test_old_servers(before: NodeDns | None, spokes: tuple[VirtualNetwork, ...], old: tuple[str, ...]) -> None:
    dns = after(before, *spokes)
    assert dns is not None
    assert dns.old == old
    assert bool(dns.images) is bool(dns.changed) is bool(old)


def test_the_images_are_those_of_when_the_change_was_seen() -> None:
    cluster = with_pools(a_pool("a", "v7"), a_pool("b", None))
    dns = after(BEFORE, a_spoke("10.0.0.5"), cluster=cluster)
    assert dns == NodeDns(servers={VNET: ("10.0.0.5",)}, old=("10.0.0.4",), changed=AT, images={"a": "v7", "b": ""})


def test_a_second_change_begins_anew_for_all_pools() -> None:
    before = msgspec.structs.replace(CHANGED, images={"b": "v1"})
    dns = after(before, a_spoke("10.0.0.6"), cluster=with_pools(a_pool("a", "v2"), a_pool("b")))
    assert dns is not None
    assert (dns.changed, dns.images) == (AT, {"a": "v2", "b": "v1"})


@pytest.mark.parametrize(
    ("pools", "left"),
    [
        pytest.param((a_pool("a"), a_pool("b")), {"a": "v1", "b": "v1"}, id="none is re-imaged"),
        pytest.param((a_pool("a", "v2"), a_pool("b")), {"b": "v1"}, id="one has another image"),
        pytest.param((a_pool("a", "v2"), a_pool("b", "v3")), None, id="both have"),
        pytest.param((a_pool("b"),), {"b": "v1"}, id="one is deleted"),
        pytest.param((a_pool("c"),), None, id="both are replaced by a new one"),
        pytest.param((a_pool("a", "v2", "UpgradingNodeImageVersion"), a_pool("b")), {"a": "v1", "b": "v1"}, id="busy"),
        pytest.param((a_pool("a", "v2", "Failed"), a_pool("b")), {"a": "v1", "b": "v1"}, id="its upgrade failed"),
        pytest.param((a_pool("a", "v2", ""), a_pool("b")), {"a": "v1", "b": "v1"}, id="its state is not told"),
        pytest.param((a_pool("a", None), a_pool("b")), {"a": "v1", "b": "v1"}, id="its image is not told"),
        pytest.param((), {"a": "v1", "b": "v1"}, id="no pool is listed"),
    ],
)
def test_what_shows_that_a_pool_was_re_imaged(pools: tuple[AgentPool, ...], left: dict[str, str] | None) -> None:
    dns = after(CHANGED, a_spoke("10.0.0.5"), cluster=with_pools(*pools))
    assert dns is not None
    assert (dns.images, dns.old) == ((left, ("10.0.0.4",)) if left else ({}, ()))


def test_a_pool_whose_image_was_not_told_counts_from_the_first_that_is() -> None:
    unknown = msgspec.structs.replace(CHANGED, images={"a": ""})
    first = after(unknown, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v2")))
    assert first is not None
    assert first.images == {"a": "v2"}
    second = after(first, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v3")))
    assert second is not None
    assert not second.old


HOSTED = HostedSystemProfile(enabled=True)
PROVISIONED = NodeProvisioningProfile(mode="Auto")


@pytest.mark.parametrize(
    "cluster",
    [
        pytest.param(with_pools(hosted_system_profile=HOSTED), id="hosted system pools"),
        pytest.param(with_pools(a_pool("a", "v2"), node_provisioning_profile=PROVISIONED), id="node auto-provisioning"),
        pytest.param(with_pools(), id="no pool at all"),
    ],
)
def test_nodes_that_aks_does_not_list_are_never_shown_to_be_re_imaged(cluster: ManagedCluster) -> None:
    changed = after(BEFORE, a_spoke("10.0.0.5"), cluster=cluster)
    assert changed is not None
    assert UNLISTED in changed.images
    later = after(changed, a_spoke("10.0.0.5"), cluster=cluster)
    assert later is not None
    assert later.old == ("10.0.0.4",)
    assert [one.code for one in about_nodes(cluster, later, link_is_held=True)] == ["nodes-hold-old-dns-servers"]


def test_manual_node_provisioning_lists_every_pool() -> None:
    assert not with_pools(node_provisioning_profile=NodeProvisioningProfile(mode="Manual")).has_unlisted_nodes


def test_a_pass_that_does_not_read_the_vnets_changes_nothing() -> None:
    assert after(CHANGED, spokes=UNKNOWN) == CHANGED
    assert after(None, spokes=UNKNOWN, doubted=True) is None
    assert after(CHANGED, unreadable=(DENIED,)) == CHANGED
    assert after(None, unreadable=(DENIED,)) is None
    gone = Seen(None, "westeurope", AT, cluster_is_gone=True, remembered=Observed(node_dns=CHANGED))
    assert noted(gone) == CHANGED


def test_a_vnet_that_cannot_be_read_keeps_its_servers_and_one_that_the_cluster_left_does_not() -> None:
    before = NodeDns(servers={VNET: ("10.0.0.4",), OTHER: ("10.0.0.9",)})
    half = after(before, other_spoke("10.0.0.9"), unreadable=(DENIED,))
    whole = after(before, other_spoke("10.0.0.9"))
    assert half == before
    assert whole == NodeDns(servers={OTHER: ("10.0.0.9",)})


def test_servers_of_before_that_nobody_saw_may_be_asked_where_a_link_shows_another_hub() -> None:
    dns = after(None, a_spoke("10.0.0.5"), doubted=True)
    assert dns == NodeDns(
        servers={VNET: ("10.0.0.5",)}, old=(UNKNOWN_SERVERS,), changed=AT, images={"a": "v1", "b": "v1"}
    )
    again = after(dns, a_spoke("10.0.0.5"), doubted=True)
    assert again == dns
    reimaged = after(dns, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v2"), a_pool("b", "v2")), doubted=True)
    assert reimaged == NodeDns(servers={VNET: ("10.0.0.5",)})


@pytest.mark.parametrize("state", ["UpgradingNodeImageVersion", "Updating", "Failed", ""])
def test_an_upgrade_that_began_before_the_change_does_not_show_that_nodes_were_re_imaged_after_it(state: str) -> None:
    """Nodes that were replaced early in it booted with the old servers."""
    during = after(BEFORE, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v1", state)))
    ended = after(during, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v2")))
    assert ended is not None
    assert (ended.old, ended.images) == (("10.0.0.4",), {"a": "v2"})
    again = after(ended, a_spoke("10.0.0.5"), cluster=with_pools(a_pool("a", "v3")))
    assert again is not None
    assert not again.old


def test_the_servers_of_the_first_read_are_not_believed_while_it_is_not_known_which_links_are_wanted() -> None:
    assert after(None, a_spoke("10.0.0.5"), doubted=None) is None
    assert after(BEFORE, a_spoke("10.0.0.5"), doubted=None) == after(BEFORE, a_spoke("10.0.0.5"))


def test_a_vnet_of_aks_that_is_not_shown_keeps_its_servers() -> None:
    before = NodeDns(servers={VNET: ("10.0.0.4",), OTHER: ("10.0.0.9",)})
    mixed = with_pools(a_pool("a"), AgentPool(name="b", provisioning_state="Succeeded"))
    assert after(before, a_spoke("10.0.0.4"), cluster=mixed) == before


def test_a_vnet_that_could_not_be_read_at_first_may_have_had_other_servers() -> None:
    first = after(None, other_spoke("10.0.0.9"), unreadable=(DENIED,))
    assert first is not None
    assert first.servers == {VNET: (), OTHER: ("10.0.0.9",)}
    both = (a_spoke("10.0.0.5"), other_spoke("10.0.0.9"))
    certain, doubted = after(first, *both), after(first, *both, doubted=True)
    assert certain is not None
    assert doubted is not None
    assert (certain.old, doubted.old) == ((), (UNKNOWN_SERVERS,))
    assert certain.servers == doubted.servers == {VNET: ("10.0.0.5",), OTHER: ("10.0.0.9",)}
