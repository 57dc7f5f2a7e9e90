"""When our links to hubs that nothing wants go, and what holds them."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp, Operation, Progress
from functions.fleet.model import AccessProfile, AgentPool, ManagedCluster
from functions.fleet.network_model import VirtualNetwork
from functions.fleet.seen import NOT_ASKED, NOT_SHOWN, UNKNOWN, Links, Seen, Unreadable
from functions.handlers import zone_link_leaving
from functions.handlers.link_names import link_id
from functions.handlers.verdict import Verdict
from functions.handlers.zone_links import decide
from functions.ledger.leaving import Unwanted
from functions.ledger.node_dns import NodeDns
from functions.ledger.state import Observed
from functions.policy import Policy
from tests.unit.worlds import AT, HUB, OTHER_HUB, SPOKE, ZONE, a_cluster, a_link, a_peering, a_policy, a_spoke, seen

PRUNES = a_policy(OTHER_HUB, prune=True)
DISCOVERS = a_policy(prune=True, discover_resolvers=True)
KEEPS = a_policy(OTHER_HUB)
BY_POLICY = "the policy names no such hub, and does not look for hubs"
BY_DISCOVERY = "the policy names no such hub, and no DNS server of the cluster's VNets is in it"

MINE = msgspec.structs.replace(
    a_link(HUB, link_id(ZONE, HUB, "platform-test").name), tags={"tether-owner": "platform-test"}, etag='"e"'
)
THEIRS = a_link(OTHER_HUB)
LISTED = Links((MINE, THEIRS), complete=True)
OTHER_SPOKE = a_spoke("10.9.0.4", peerings=(a_peering(OTHER_HUB, "10.9.0.0/16"),))
NAMED = {str(SPOKE).casefold(): ("10.9.0.4",)}
QUIET = NodeDns(servers=NAMED)
OLD = NodeDns(servers=NAMED, old=("10.0.0.4",), changed=AT - 7200, images={"nodes": "v1"})


def since(ago: float, reason: str = BY_POLICY) -> tuple[Unwanted, ...]:
    return (Unwanted(link=str(MINE.id).upper(), since=AT - ago, reason=reason),)


def world(unwanted: tuple[Unwanted, ...] = (), node_dns: NodeDns | None = QUIET, **facts: Any) -> Seen:
    """A cluster at rest whose nodes ask a server in OTHER_HUB, with our link to HUB and another's to OTHER_HUB."""
    given = {"links": LISTED, "spokes": (OTHER_SPOKE,), **facts}
    return seen(a_cluster(state="Succeeded"), remembered=Observed(unwanted=unwanted, node_dns=node_dns), **given)


def said(verdict: Verdict) -> str:
    """The verdict in one word: what is removed, what is found, or in how many seconds it looks again."""
    if verdict.changes:
        return " ".join(f"{change.action.value} {change.target.name}" for change in verdict.changes)
    if verdict.findings:
        return " ".join(finding.code for finding in verdict.findings)
    return "nothing" if verdict.look_again is None else f"look again in {verdict.look_again:.0f}"


GONE = f"delete {MINE.id.name}"
HELD = "stale-link nodes-hold-old-dns-servers"


@pytest.mark.parametrize(
    ("facts", "policy", "expected"),
    [
        pytest.param(world(), PRUNES, "look again in 600", id="the first look"),
        pytest.param(world(since(599)), PRUNES, "look again in 1", id="a second look too early"),
        pytest.param(world(since(600)), PRUNES, GONE, id="a second look after ten minutes"),
        pytest.param(world(since(600)), KEEPS, "stale-link", id="without prune"),
        pytest.param(world(), KEEPS, "stale-link", id="without prune at once"),
        pytest.param(world(since(9999, "another")), PRUNES, "look again in 600", id="another reason than before"),
        pytest.param(world(since(9999)), DISCOVERS, "look again in 600", id="so with discovery"),
        pytest.param(world(since(600, BY_DISCOVERY)), DISCOVERS, GONE, id="no DNS server is in the hub any more"),
        pytest.param(world(since(600)), a_policy(HUB, prune=True), "nothing", id="a hub that is wanted"),
        pytest.param(world(since(600), links=Links((MINE, THEIRS))), PRUNES, "nothing", id="links not all known"),
        pytest.param(world(since(600), links=NOT_ASKED), PRUNES, "nothing", id="links not asked for"),
        pytest.param(world(since(600), links=Links((THEIRS,), complete=True)), PRUNES, "nothing", id="others' links"),
        pytest.param(world(since(600), OLD), PRUNES, HELD, id="nodes may ask servers of before"),
        pytest.param(world(since(600, BY_DISCOVERY), OLD), DISCOVERS, HELD, id="so with discovery on"),
        pytest.param(world((), OLD), KEEPS, HELD, id="told without prune too"),
        pytest.param(world((), OLD, links=Links((THEIRS,), complete=True)), KEEPS, HELD[11:], id="told without a link"),
        pytest.param(world(since(600, BY_DISCOVERY), None), DISCOVERS, HELD, id="servers of before are not known"),
        pytest.param(world(since(600), None, spokes=UNKNOWN), PRUNES, "stale-link", id="no VNet was ever read"),
        pytest.param(world(since(600), spokes=UNKNOWN), PRUNES, "stale-link", id="no VNet was read now"),
        pytest.param(
            world(since(600), unreadable=(Unreadable(SPOKE, ArmError(403, "AuthorizationFailed", "no")),)),
            PRUNES,
            "network-not-readable stale-link",
            id="a VNet cannot be read",
        ),
        pytest.param(
            world(since(600, BY_DISCOVERY), unreadable=(Unreadable(SPOKE, ArmError(403, "AuthorizationFailed", "")),)),
            DISCOVERS,
            "network-not-readable",
            id="so with discovery",
        ),
        pytest.param(
            world(since(600, BY_DISCOVERY), spokes=NOT_SHOWN), DISCOVERS, "vnet-not-found", id="no VNet is shown"
        ),
    ],
)
def test_our_link_to_a_hub_that_nothing_wants(facts: Seen, policy: Policy, expected: str) -> None:
    assert said(decide(facts, policy)) == expected


def peered(state: str) -> VirtualNetwork:
    return a_spoke("10.0.0.4", peerings=(a_peering(HUB, "10.0.0.0/16", state),))


@pytest.mark.parametrize(
    "spoke",
    [
        pytest.param(peered("Disconnected"), id="its peering is Disconnected"),
        pytest.param(peered("Initiated"), id="its peering is Initiated"),
        pytest.param(a_spoke("10.0.0.4"), id="its peering is missing"),
        pytest.param(
            a_spoke("10.9.0.4", "10.0.0.4", peerings=(a_peering(OTHER_HUB, "10.9.0.0/16"),)),
            id="its peering is missing, and another hub is found",
        ),
    ],
)
def test_a_link_stays_while_a_dns_server_of_the_vnet_is_found_nowhere(spoke: VirtualNetwork) -> None:
    servers = NodeDns(servers={str(SPOKE).casefold(): tuple(sorted(spoke.dns_servers))})
    facts = world(since(6000, BY_DISCOVERY), servers, spokes=(spoke,))
    assert said(decide(facts, DISCOVERS)) == "dns-servers-outside-peered-networks"
    assert zone_link_leaving.noted(facts, DISCOVERS) == facts.remembered.unwanted


def test_a_link_to_a_vnet_that_became_the_clusters_own_is_not_removed() -> None:
    own = a_cluster(state="Succeeded", subnet=f"{HUB}/subnets/nodes")
    assert said(decide(replace(world(since(600)), cluster=own), PRUNES)) == "stale-link"


def test_a_removal_that_runs_is_not_asked_for_again() -> None:
    running = LookedUp(Operation(MINE.id, "", AT, AT), Progress.RUNNING)
    facts = world(since(600), operations=(running,))
    assert not decide(facts, PRUNES).changes
    assert zone_link_leaving.noted(facts, PRUNES)[0].since == AT - 600


@pytest.mark.parametrize(
    ("facts", "policy", "expected"),
    [
        pytest.param(world(), PRUNES, [(AT, BY_POLICY)], id="seen unwanted for the first time"),
        pytest.param(world(since(60)), PRUNES, [(AT - 60, BY_POLICY)], id="still unwanted"),
        pytest.param(world(since(60)), DISCOVERS, [(AT, BY_DISCOVERY)], id="for another reason"),
        pytest.param(world(since(60)), a_policy(HUB), [], id="wanted again"),
        pytest.param(world(since(60), links=Links((), complete=True)), PRUNES, [], id="not there any more"),
        pytest.param(world(since(60), links=Links()), PRUNES, [(AT - 60, BY_POLICY)], id="links not all known"),
        pytest.param(world(since(60), links=NOT_ASKED), PRUNES, [(AT - 60, BY_POLICY)], id="nor asked for"),
        pytest.param(world(since(60), spokes=UNKNOWN), DISCOVERS, [(AT - 60, BY_POLICY)], id="VNets not known"),
    ],
)
def test_the_first_look_is_kept_by_a_pass_that_cannot_see(
    facts: Seen, policy: Policy, expected: list[tuple[float, str]]
) -> None:
    assert [(one.since, one.reason) for one in zone_link_leaving.noted(facts, policy)] == expected


@pytest.mark.parametrize(
    ("facts", "policy", "unheard"),
    [
        pytest.param(world(), PRUNES, True, id="a link unwanted for the first time"),
        pytest.param(world(since(60)), PRUNES, False, id="one that is remembered"),
        pytest.param(world(since(60, "another")), PRUNES, True, id="for another reason"),
        pytest.param(world(since(60)), a_policy(HUB), True, id="one that is wanted again"),
        pytest.param(world(links=Links((), complete=True)), PRUNES, False, id="none"),
        pytest.param(
            world(links=Links((), complete=True), node_dns=None), PRUNES, False, id="servers that no pass has seen yet"
        ),
        pytest.param(
            world(links=Links((), complete=True), spokes=(a_spoke("10.9.0.5"),)), PRUNES, True, id="other DNS servers"
        ),
        pytest.param(
            world((), msgspec.structs.replace(OLD, images={"gone": "v1"}), links=Links((), complete=True)),
            KEEPS,
            True,
            id="a pool that went, the last that held old servers",
        ),
    ],
)
def test_a_survey_asks_for_a_pass_that_remembers_what_is_new(facts: Seen, policy: Policy, unheard: bool) -> None:
    assert zone_link_leaving.is_unheard(facts, policy) is unheard


def test_the_finding_names_a_command_for_each_pool() -> None:
    cluster = a_cluster(state="Succeeded")
    pools = (AgentPool(name="system"), AgentPool(name="user"))
    cluster = msgspec.structs.replace(
        cluster, properties=msgspec.structs.replace(cluster.properties, agent_pool_profiles=pools)
    )
    dns = msgspec.structs.replace(OLD, images={"system": "v1", "user": "v1"})
    (finding,) = decide(replace(world((), dns, links=Links((), complete=True)), cluster=cluster), KEEPS).findings
    assert "10.0.0.4" in finding.seen
    for pool in ("system", "user"):
        assert (
            "az aks nodepool upgrade --subscription 22222222-2222-2222-2222-222222222222 --resource-group apps "
            f"--cluster-name prod --name {pool} --node-image-only"
        ) in finding.advice


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(world(node_dns=None, links=NOT_ASKED), id="links not asked for"),
        pytest.param(world(node_dns=None, links=Links((MINE,))), id="links not all known"),
        pytest.param(
            world(node_dns=None, spokes=(peered("Disconnected"),)), id="its DNS servers are found nowhere for a while"
        ),
        pytest.param(
            world(node_dns=None, unreadable=(Unreadable(HUB, ArmError(403, "AuthorizationFailed", "no")),)),
            id="another VNet cannot be read for a while",
        ),
    ],
)
def test_a_first_pass_that_sees_a_part_does_not_show_which_servers_nodes_booted_with(first: Seen) -> None:
    """A row of before 2026-12 knows no servers: the DNS servers may have changed since the nodes booted."""
    held = zone_link_leaving.nodes_noted(first, DISCOVERS)
    assert said(decide(world(since(600, BY_DISCOVERY), held), DISCOVERS)) == HELD


def test_a_pass_that_wants_the_hub_ends_the_first_look_though_not_all_links_are_known() -> None:
    again = world(since(9999), links=Links((THEIRS,)))
    assert zone_link_leaving.noted(again, a_policy(HUB, prune=True)) == ()
    assert zone_link_leaving.noted(again, PRUNES) == again.remembered.unwanted


MIXED = a_cluster(state="Succeeded")
MIXED = msgspec.structs.replace(
    MIXED,
    properties=msgspec.structs.replace(
        MIXED.properties,
        agent_pool_profiles=(*(MIXED.properties.agent_pool_profiles or ()), AgentPool(name="of-aks")),
    ),
)
INTEGRATED = a_cluster(state="Succeeded")
INTEGRATED = msgspec.structs.replace(
    INTEGRATED,
    properties=msgspec.structs.replace(
        INTEGRATED.properties,
        agent_pool_profiles=None,
        api_server_access_profile=AccessProfile(enable_private_cluster=True, subnet_id=f"{SPOKE}/subnets/api"),
    ),
)


@pytest.mark.parametrize("policy", [PRUNES, DISCOVERS])
@pytest.mark.parametrize(
    "cluster",
    [
        pytest.param(MIXED, id="the VNet that AKS made is not shown"),
        pytest.param(INTEGRATED, id="no pool is shown"),
    ],
)
def test_a_link_stays_while_not_all_vnets_of_the_nodes_are_shown(cluster: ManagedCluster, policy: Policy) -> None:
    facts = replace(world(since(600, BY_POLICY if policy is PRUNES else BY_DISCOVERY)), cluster=cluster)
    assert decide(facts, policy).changes == ()
    assert zone_link_leaving.noted(facts, policy) == facts.remembered.unwanted or policy is PRUNES
