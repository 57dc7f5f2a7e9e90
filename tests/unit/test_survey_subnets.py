"""What a survey tells of kubenet clusters' subnets and route tables, and what it leaves open."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.observe import Depth, observe
from functions.fleet.scope import Scopes
from functions.fleet.seen import UNKNOWN, Seen
from functions.fleet.subnet_model import RouteTable, Subnet
from functions.fleet.survey import survey
from functions.fleet.survey_join import Item, Unclear, items
from functions.fleet.survey_subnets import AKS_TABLES, subnets
from functions.policy import FailedClusters, Policy, RouteTables
from localazure.store import Resource
from localazure.world import HUB_SUBSCRIPTION
from tests.unit.fleets import Ground, on_ground

TABLES = "Microsoft.Network/routeTables"
FOREIGN = f"/subscriptions/{HUB_SUBSCRIPTION}/resourceGroups/hub-westeurope/providers/{TABLES}/to-the-firewall"


async def surveyed(ground: Ground, policy: Policy | None = None) -> list[Item]:
    wanted = policy or ground.policy()
    found = await survey(ground.graph(), wanted, Scopes(), ground.azure.clock.now())
    return list(items(found, wanted, ground.session.cloud.suffixes))


async def the_last(ground: Ground, policy: Policy | None = None) -> Seen:
    """What is told of the fleet's last cluster, the kubenet one."""
    (told,) = [item for item in await surveyed(ground, policy) if isinstance(item, Seen) and _is_last(ground, item)]
    return told


def _is_last(ground: Ground, seen: Seen) -> bool:
    return seen.cluster is not None and seen.cluster.id == ResourceId(ground.fleet.clusters[-1])


def held(ground: Ground, resource_id: str) -> Resource:
    found = ground.azure.store.get(resource_id)
    assert found is not None
    return found


def the_cluster(ground: Ground) -> Resource:
    return held(ground, ground.fleet.clusters[-1])


def the_subnet(ground: Ground) -> Resource:
    return held(ground, the_cluster(ground).properties["agentPoolProfiles"][0]["vnetSubnetID"])


def the_table(ground: Ground) -> str:
    (table,) = [one for one in ground.azure.store.of_type(TABLES) if one.id != FOREIGN]
    return table.id


def a_foreign_table(ground: Ground) -> None:
    """The subnet has a table of somebody's, in another subscription."""
    properties = {"provisioningState": "Succeeded", "disableBgpRoutePropagation": True}
    ground.azure.store.put(Resource(FOREIGN, TABLES, "to-the-firewall", {"properties": properties}))
    the_subnet(ground).properties["routeTable"] = {"id": FOREIGN}


def bare(ground: Ground) -> None:
    del the_subnet(ground).properties["routeTable"]


def as_it_is(ground: Ground) -> None:
    """Nothing is changed."""


@pytest.mark.parametrize("made", [as_it_is, bare, a_foreign_table])
def test_a_survey_sees_the_subnets_as_a_fresh_look_does(made: Callable[[Ground], None]) -> None:
    async def tell(ground: Ground) -> None:
        made(ground)
        policy = ground.policy()
        told = await the_last(ground, policy)
        fresh = await observe(ground.session, told.place, policy, told.at, Depth.FULL)
        assert isinstance(told.subnets, tuple)
        assert isinstance(fresh.subnets, tuple)
        for ours, theirs in zip(told.subnets, fresh.subnets, strict=True):
            assert isinstance(ours.held, Subnet)
            assert isinstance(theirs.held, Subnet)
            assert properties_of(ours.held) == properties_of(theirs.held)
            assert (ours.id, ours.table, contents(ours.foreign)) == (theirs.id, theirs.table, contents(theirs.foreign))
            assert ours.body == b"", "nothing can be written from it"
            assert ours.neighbours == ()
        assert isinstance(told.node_tables, tuple)
        assert isinstance(fresh.node_tables, tuple)
        assert list(map(contents, told.node_tables)) == list(map(contents, fresh.node_tables)) != []
        assert told.cluster is not None
        assert fresh.cluster is not None
        for fact in ("kubenet", "pod_prefixes", "node_subnets", "changes_version", "settled", "power"):
            assert getattr(told.cluster, fact) == getattr(fresh.cluster, fact)
        assert told.cluster.properties.resource_uid == fresh.cluster.properties.resource_uid

    on_ground(tell, kubenet=1)


def properties_of(subnet: Subnet) -> dict[str, Any]:
    named = ("prefixes", "table", "settled", "given_away")
    held = {name: getattr(subnet, name) for name in named}
    return held | {"strangers": sorted(subnet.strangers(ResourceId(f"/subscriptions/{HUB_SUBSCRIPTION}")))}


def contents(table: Any) -> Any:
    if not isinstance(table, RouteTable):
        return table
    return table.id, table.routes, bool(table.properties.disable_bgp_route_propagation)


def _without(of: Callable[[Ground], str]) -> Callable[[Ground], None]:
    return lambda ground: ground.azure.graph.missing.add(of(ground))


def _bare_without_table(ground: Ground) -> None:
    bare(ground)
    ground.azure.graph.missing.add(the_table(ground))


def _foreign_not_shown(ground: Ground) -> None:
    a_foreign_table(ground)
    ground.azure.graph.missing.add(FOREIGN)


def _foreign_without_aks(ground: Ground) -> None:
    a_foreign_table(ground)
    ground.azure.graph.missing.add(the_table(ground))


def _not_a_subnet(ground: Ground) -> None:
    the_cluster(ground).properties["agentPoolProfiles"][0]["vnetSubnetID"] = the_subnet(ground).id.rpartition("/sub")[0]


def _pool_elsewhere(ground: Ground) -> None:
    pools = the_cluster(ground).properties["agentPoolProfiles"]
    pools.append({**pools[0], "name": "more", "vnetSubnetID": the_subnet(ground).id.replace("/nodes", "/more")})


def _busy(ground: Ground) -> None:
    the_cluster(ground).properties["provisioningState"] = "Updating"


def _excluded(ground: Ground) -> None:
    the_cluster(ground).body["tags"] = {"tether": "off"}


@pytest.mark.parametrize(
    ("lacks", "known"),
    [
        pytest.param(as_it_is, True, id="nothing"),
        pytest.param(_without(lambda ground: the_subnet(ground).id.rpartition("/subnets/")[0]), False, id="the VNet"),
        pytest.param(_pool_elsewhere, False, id="one of two subnets"),
        pytest.param(_not_a_subnet, False, id="a subnet in the cluster's body"),
        pytest.param(_without(the_table), False, id="the table that is attached"),
        pytest.param(_bare_without_table, False, id="AKS's table, that might be attached"),
        pytest.param(_foreign_not_shown, False, id="a table of others"),
        pytest.param(_foreign_without_aks, True, id="AKS's table, while there is one of others"),
        pytest.param(_busy, False, id="an end of AKS's work"),
        pytest.param(_excluded, False, id="a word that we may look"),
    ],
)
def test_what_lacks_a_row_is_unknown_and_never_without_a_table(lacks: Callable[[Ground], None], known: bool) -> None:
    async def tell(ground: Ground) -> None:
        lacks(ground)
        told = [item for item in await surveyed(ground) if isinstance(item, Seen) and _is_last(ground, item)]
        for seen in told:
            assert (seen.subnets is not UNKNOWN) is (seen.node_tables is not UNKNOWN) is known

    on_ground(tell, kubenet=1)


def test_a_subnet_that_cannot_be_read_makes_only_the_subnets_of_its_cluster_unknown() -> None:
    async def tell(ground: Ground) -> None:
        the_cluster(ground).properties["agentPoolProfiles"][0]["vnetSubnetID"] = "') or ('1' == '1"
        told = await surveyed(ground)
        odd = ResourceId(the_cluster(ground).id)
        assert not any(isinstance(item, Unclear) for item in told)
        (seen,) = (item for item in told if isinstance(item, Seen) and item.cluster_id == odd)
        assert seen.subnets is UNKNOWN
        assert sum(isinstance(item, Seen) and isinstance(item.subnets, tuple) for item in told) == 1

    on_ground(tell, kubenet=2)


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in scope", "in the VNet's subscription"])
def test_a_neighbour_is_seen_whether_it_is_kubenet_or_not(elsewhere: bool) -> None:
    async def tell(ground: Ground) -> None:
        policy, (subscription,) = ground.policy(), ground.fleet.subscriptions
        other = held(ground, ground.fleet.clusters[0])
        bare(ground)
        subnet = the_subnet(ground)
        if elsewhere:
            vnet = held(ground, subnet.id.rpartition("/subnets/")[0])
            other = _moved(ground, other, subscription)
            _moved(ground, vnet, subscription)
            subnet = _moved(ground, subnet, subscription)
            the_cluster(ground).properties["agentPoolProfiles"][0]["vnetSubnetID"] = subnet.id
        other.properties["agentPoolProfiles"][0]["vnetSubnetID"] = subnet.id.upper()
        seen = await the_last(ground, policy)
        assert isinstance(seen.subnets, tuple)
        assert isinstance(seen.node_tables, tuple)
        assert [one.neighbours for one in seen.subnets] == [(ResourceId(other.id),)]
        assert [str(table.id) for table in seen.node_tables] == [the_table(ground)]

    on_ground(tell, kubenet=1)


def _moved(ground: Ground, resource: Resource, subscription: str) -> Resource:
    """The resource, now in the hub's subscription."""
    ground.azure.store.remove(resource.id)
    there = Resource(resource.id.replace(subscription, HUB_SUBSCRIPTION), resource.type, resource.name, resource.body)
    ground.azure.store.put(there)
    return there


@pytest.mark.parametrize("managed", ["by the cluster", "by another", "not shown"])
def test_the_group_of_a_cluster_without_a_zone_must_be_shown_to_be_its_own(managed: str) -> None:
    async def tell(ground: Ground) -> None:
        cluster = the_cluster(ground)
        cluster.properties["apiServerAccessProfile"]["privateDNSZone"] = "none"
        cluster.properties["privateFQDN"] = "team-12345678.hcp.westeurope.azmk8s.io"
        zone = ResourceId(ground.fleet.zones[-1])
        ground.azure.graph.missing.add(str(zone))
        group = held(ground, str(zone.group_id))
        if managed == "by another":
            group.body["managedBy"] = ground.fleet.clusters[0]
        if managed == "not shown":
            ground.azure.graph.missing.add(group.id)
        told = await the_last(ground)
        assert told.zone is None
        assert isinstance(told.subnets, tuple) is (managed == "by the cluster")

    on_ground(tell, kubenet=1)


def test_a_table_can_be_in_no_cluster_but_that_of_its_group() -> None:
    async def tell(ground: Ground) -> None:
        told = [item for item in await surveyed(ground) if isinstance(item, Seen)]
        assert len(told) == 3
        for seen in told:
            assert isinstance(seen.node_tables, tuple)
            assert seen.cluster is not None
            assert {table.id.group_id for table in seen.node_tables} == {seen.cluster.node_group}

    on_ground(tell, kubenet=3)


@pytest.mark.parametrize(
    ("kubenet", "attach", "more"),
    [
        pytest.param(0, True, 0, id="no kubenet cluster"),
        pytest.param(2, True, 2, id="two of them: one query for the subnets, one for the tables"),
        pytest.param(2, False, 0, id="switched off"),
    ],
)
def test_what_nobody_needs_is_not_asked_for(kubenet: int, attach: bool, more: int) -> None:
    async def tell(ground: Ground) -> None:
        graph = ground.graph()
        policy = ground.policy(route_tables=RouteTables(attach=attach), failed_clusters=FailedClusters(reconcile=True))
        found = await survey(graph, policy, Scopes(), ground.azure.clock.now())
        assert (found.kubenet is not None) is bool(more)
        assert graph.queries == 7 + more

    on_ground(tell, kubenet=kubenet)


def test_while_aks_is_at_work_on_all_of_them_nothing_is_asked_for() -> None:
    async def tell(ground: Ground) -> None:
        _busy(ground)
        graph = ground.graph()
        found = await survey(graph, ground.policy(), Scopes(), ground.azure.clock.now())
        assert (found.kubenet, graph.queries) == (None, 7)

    on_ground(tell, kubenet=1)


def test_a_busy_cluster_beside_one_at_rest_has_unknown_subnets() -> None:
    async def tell(ground: Ground) -> None:
        _busy(ground)
        other = held(ground, ground.fleet.clusters[-2])
        other.properties["agentPoolProfiles"][0]["vnetSubnetID"] = the_subnet(ground).id
        seen = await the_last(ground)
        assert (seen.subnets, seen.node_tables) == (UNKNOWN, UNKNOWN)

    on_ground(tell, kubenet=2)


def test_many_subnets_are_asked_for_in_queries_of_bearable_length() -> None:
    async def tell(ground: Ground) -> None:
        graph = ground.graph()
        found = await survey(graph, ground.policy(), Scopes(), ground.azure.clock.now())
        assert found.kubenet is not None
        assert len(found.kubenet.subnets) == len(found.kubenet.tables) == 160
        assert graph.queries == 7 + 2 + 1

    on_ground(tell, 160, kubenet=160)


def test_the_queries_name_no_column_that_resource_graph_lacks() -> None:
    subnet = ResourceId(
        f"{FOREIGN.rpartition('/providers/')[0]}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
    )
    asked = subnets([subnet]).text
    assert "mv-expand subnet = properties.subnets limit 2000" in asked
    assert asked.count(str(subnet)) == 1
    assert "eTag" not in asked + AKS_TABLES.text
