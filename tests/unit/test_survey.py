"""What a survey tells of a fleet, and what it leaves open: against the local Resource Graph, in virtual time."""

from typing import Any

import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.resource_id import ResourceId
from functions.fleet.identify import CustomZoneNotListedError
from functions.fleet.observe import Depth, observe
from functions.fleet.ownership import NotProvenError
from functions.fleet.scope import Scopes
from functions.fleet.seen import UNKNOWN, Seen
from functions.fleet.survey import Survey, survey
from functions.fleet.survey_join import Item, NotOurs, Unclear, items
from functions.policy import Hub, Mode, Policy, Scope
from tests.unit.fleets import Ground, on_ground

CUSTOM = "privatelink.westeurope.azmk8s.io"


async def surveyed(ground: Ground, policy: Policy | None = None) -> tuple[Survey, list[Item]]:
    wanted = policy or ground.policy()
    found = await survey(ground.graph(), wanted, Scopes(), ground.azure.clock.now())
    return found, list(items(found, wanted, PUBLIC.suffixes))


def test_a_survey_sees_each_cluster_as_a_fresh_look_does() -> None:
    async def tell(ground: Ground) -> None:
        policy = ground.policy(mode=Mode.OBSERVE)
        _, told = await surveyed(ground, policy)
        assert len(told) == 3
        for item in told:
            assert isinstance(item, Seen)
            fresh = await observe(ground.session, item.zone, policy, item.at, Depth.FULL)
            assert (item.zone, item.location, item.spokes) == (fresh.zone, fresh.location, fresh.spokes)
            assert item.cluster is not None
            assert fresh.cluster is not None
            for fact in ("id", "tags", "zone_mode", "own_vnets", "settled", "locked_down", "provisioning_error"):
                assert getattr(item.cluster, fact) == getattr(fresh.cluster, fact)
            assert item.links.complete
            seen = {(link.id, str(link.properties), str(link.tags)) for link in item.links.known}
            assert seen == {(link.id, str(link.properties), str(link.tags)) for link in fresh.links.known}

    on_ground(tell, unlinked=1)


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("cluster", "managed cluster"),
        ("group", "resource group"),
        ("zone", "private zone"),
    ],
)
def test_a_cluster_with_a_row_missing_is_unclear_and_never_gone(kind: str, lacks: str) -> None:
    async def tell(ground: Ground) -> None:
        cluster, zone = ground.fleet.clusters[0], ground.fleet.zones[0]
        missing = {"cluster": cluster, "group": str(ResourceId(zone).group_id), "zone": zone}[kind]
        ground.azure.graph.missing.add(missing)
        _, told = await surveyed(ground)
        (gap,) = [item for item in told if not isinstance(item, Seen)]
        assert isinstance(gap, Unclear)
        assert lacks in gap.lacks
        assert len(told) == 3

    on_ground(tell)


def test_a_cluster_with_the_row_of_its_spoke_missing_has_unknown_spokes() -> None:
    async def tell(ground: Ground) -> None:
        ground.azure.graph.missing.add(
            ground.fleet.clusters[0].replace(
                "Microsoft.ContainerService/managedClusters/team-", "Microsoft.Network/virtualNetworks/spoke-"
            )
        )
        _, told = await surveyed(ground)
        assert [item.spokes is UNKNOWN for item in told if isinstance(item, Seen)].count(True) == 1

    on_ground(tell)


def test_spokes_are_not_read_where_nobody_asks_for_their_resolvers() -> None:
    async def tell(ground: Ground) -> None:
        hub = Hub(vnet=ResourceId(ground.fleet.hubs[0]))
        found, told = await surveyed(ground, ground.policy(hubs=(hub,), discover_resolvers=False))
        assert found.vnets is None
        assert all(isinstance(item, Seen) and item.spokes is UNKNOWN for item in told)

    on_ground(tell)


@pytest.mark.parametrize("how", ["silent", "unreadable"])
def test_a_subscription_that_is_left_out_without_a_word_is_named(how: str) -> None:
    async def tell(ground: Ground) -> None:
        first, second = ground.fleet.subscriptions
        (ground.azure.graph.silent if how == "silent" else ground.azure.access.unreadable).add(first)
        found, told = await surveyed(ground)
        assert found.reach.unseen == (first,)
        assert found.reach.subscriptions == (second,)
        assert told
        assert all(isinstance(item, Seen) for item in told)

    on_ground(tell, 901)


def test_the_subscriptions_below_a_management_group_are_in_scope_by_one_query() -> None:
    async def tell(ground: Ground) -> None:
        (inside,) = ground.fleet.subscriptions
        ground.azure.management_groups[inside] = ("Landing-Zones", "root")
        scope = Scope(management_groups=("landing-zones", "elsewhere"))
        scopes, graph, policy = Scopes(), ground.graph(), ground.policy(scope=scope)
        reach = await scopes.reach(graph, policy, 0)
        assert reach.subscriptions == (inside,)
        assert reach.unseen == ("management group elsewhere",)
        assert graph.queries == 1
        assert await scopes.hold(ground.session, policy, inside.upper(), 3599)
        assert len(ground.transport.asked) == 1

    on_ground(tell)


def test_a_scope_in_which_nothing_can_be_seen_asks_for_nothing_else() -> None:
    async def tell(ground: Ground) -> None:
        ground.azure.graph.silent.update(ground.fleet.subscriptions)
        found, told = await surveyed(ground)
        assert (told, dict(found.clusters)) == ([], {})
        assert found.reach.unseen == ground.fleet.subscriptions

    on_ground(tell)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("0a1b2c3d-0000-4000-8000-00000000000a.privatelink.westeurope.azmk8s.io", NotProvenError),
        (CUSTOM, CustomZoneNotListedError),
        ("team." + CUSTOM, CustomZoneNotListedError),
        ("example.azmk8s.io", None),
        ("privatelink.blob.core.windows.net", None),
        ("privatelink.westeurope.azmk8s.io.example", None),
    ],
)
def test_a_zone_that_only_looks_like_akss_is_not_ours(name: str, why: type[Exception] | None) -> None:
    async def tell(ground: Ground) -> None:
        zone = ground.zone_of_somebody("attack", name)
        _, told = await surveyed(ground)
        others = [item for item in told if not isinstance(item, Seen)]
        if why is None:
            assert others == []
            return
        (refused,) = others
        assert isinstance(refused, NotOurs)
        assert refused.target == zone
        assert isinstance(refused.why, why)

    on_ground(tell)


def test_a_cluster_that_names_another_group_proves_nothing() -> None:
    async def tell(ground: Ground) -> None:
        held = ground.azure.store.get(ground.fleet.clusters[0])
        assert held is not None
        held.properties["nodeResourceGroup"] = "elsewhere"
        _, told = await surveyed(ground)
        refused = [item for item in told if isinstance(item, NotOurs)]
        assert [str(item.target) for item in refused] == [ground.fleet.zones[0]]

    on_ground(tell)


def test_a_custom_zone_that_the_policy_lists_is_seen_from_both_sides() -> None:
    async def tell(ground: Ground) -> None:
        zone = ground.zone_of_somebody("dns", CUSTOM)
        held = ground.azure.store.get(ground.fleet.clusters[0])
        assert held is not None
        held.properties["apiServerAccessProfile"]["privateDNSZone"] = str(zone)
        held.properties["privateFQDN"] = f"team.{CUSTOM}"
        _, told = await surveyed(ground, ground.policy(custom_zones=(zone,)))
        custom = [item for item in told if isinstance(item, Seen) and item.zone == zone]
        assert [item.cluster is None for item in custom] == [True, False]
        _, told = await surveyed(ground)
        assert [
            item.target for item in told if isinstance(item, NotOurs) and isinstance(item.why, CustomZoneNotListedError)
        ] == [zone, ResourceId(ground.fleet.clusters[0])]

    on_ground(tell)


@pytest.mark.parametrize(
    "access", [{"enablePrivateCluster": False}, {"enablePrivateCluster": True, "privateDNSZone": "none"}, None]
)
def test_a_cluster_without_a_private_zone_does_not_concern_us(access: Any) -> None:
    async def tell(ground: Ground) -> None:
        zone, cluster = ground.fleet.zones[0], ground.azure.store.get(ground.fleet.clusters[0])
        assert cluster is not None
        cluster.properties["apiServerAccessProfile"] = access
        ground.azure.store.remove(zone)
        _, told = await surveyed(ground)
        assert len(told) == 2
        assert all(isinstance(item, Seen) for item in told)

    on_ground(tell)


def test_a_custom_zone_outside_the_scope_is_read_for_its_clusters_and_nothing_else_there_is() -> None:
    async def tell(ground: Ground) -> None:
        _, inside = ground.fleet.subscriptions
        zone = ground.zone_of_somebody("dns", CUSTOM)
        cluster = next(cluster for cluster in ground.fleet.clusters if inside in cluster)
        held = ground.azure.store.get(cluster)
        assert held is not None
        held.properties["apiServerAccessProfile"]["privateDNSZone"] = str(zone)
        held.properties["privateFQDN"] = f"team.{CUSTOM}"
        policy = ground.policy(scope=Scope(subscriptions=(inside,)), custom_zones=(zone,))
        _, told = await surveyed(ground, policy)
        seen = [item for item in told if isinstance(item, Seen)]
        assert [item.cluster.id for item in seen if item.zone == zone and item.cluster] == [ResourceId(cluster)]
        assert {item.zone.subscription for item in seen if item.cluster is None or item.zone != zone} == {inside}
        assert [item for item in told if isinstance(item, Unclear)] == []
        # The cluster's old system zone proves nothing any more; nothing of the other subscription is judged.
        assert {item.target.subscription for item in told if isinstance(item, NotOurs)} == {inside}

    on_ground(tell, 901)
