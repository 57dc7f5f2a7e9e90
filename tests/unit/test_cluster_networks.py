"""Where a cluster's nodes stand, read off its body: every shape that AKS prints."""

from typing import Any

import msgspec
import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster, decode_hook
from functions.fleet.survey_rows import ClusterRow
from tests.unit.worlds import CLUSTER_ID, NODE_GROUP, SPOKE, SPOKE_SUBSCRIPTION, a_cluster, a_vnet_id

OTHER = a_vnet_id("other-spoke")
NODES, MORE, API = f"{SPOKE}/subnets/nodes", f"{SPOKE}/subnets/more", f"{SPOKE}/subnets/api"
ELSEWHERE = f"{OTHER}/subnets/nodes"


def pools(*subnets: str | None) -> dict[str, Any]:
    return {"agentPoolProfiles": [{"name": f"p{n}", "vnetSubnetID": subnet} for n, subnet in enumerate(subnets)]}


def hosted(**said: Any) -> dict[str, Any]:
    return {"hostedSystemProfile": said}


def api_in(subnet: str) -> dict[str, Any]:
    return {"apiServerAccessProfile": {"enablePrivateCluster": True, "subnetId": subnet}}


SHAPES = [
    # what the body says, the nodes' subnets, the own VNets, whether nodes stand in a VNet that AKS made
    pytest.param(pools(NODES), {NODES}, {SPOKE}, False, id="one pool in a subnet"),
    pytest.param(pools(NODES, ELSEWHERE), {NODES, ELSEWHERE}, {SPOKE, OTHER}, False, id="pools in two VNets"),
    pytest.param(pools(None), set(), set(), True, id="no subnet"),
    pytest.param(pools(""), set(), set(), True, id="an empty subnet"),
    pytest.param(pools(NODES, None), {NODES}, {SPOKE}, True, id="a pool with a subnet and one without"),
    pytest.param({}, set(), set(), True, id="no pools at all"),
    pytest.param({"agentPoolProfiles": None}, set(), set(), True, id="null for pools"),
    pytest.param(pools(NODES) | api_in(API), {NODES}, {SPOKE}, False, id="an API server in a subnet of its own"),
    pytest.param(pools(None) | api_in(""), set(), set(), True, id="an API server in a subnet that AKS makes"),
    pytest.param(hosted(enabled=True), set(), set(), True, id="hosted system pools without a subnet"),
    pytest.param(
        hosted(enabled=True, systemNodeSubnetID=NODES, nodeSubnetID=ELSEWHERE),
        {NODES, ELSEWHERE},
        {SPOKE, OTHER},
        False,
        id="hosted system pools and nodes, each in a subnet",
    ),
    pytest.param(
        hosted(enabled=True, systemNodeSubnetID=NODES), {NODES}, {SPOKE}, True, id="only the hosted pools in a subnet"
    ),
    pytest.param(
        hosted(enabled=True, nodeSubnetID=NODES, systemNodeSubnetID=MORE) | pools(ELSEWHERE),
        {NODES, MORE, ELSEWHERE},
        {SPOKE, OTHER},
        False,
        id="hosted system pools and a pool of one's own",
    ),
    pytest.param(hosted(enabled=False) | pools(NODES), {NODES}, {SPOKE}, False, id="hosted system pools switched off"),
    pytest.param({"hostedSystemProfile": None} | pools(NODES), {NODES}, {SPOKE}, False, id="null for hosted pools"),
]


@pytest.mark.parametrize(("said", "nodes", "vnets", "made"), SHAPES)
def test_where_the_nodes_of_a_cluster_stand(said: Any, nodes: set[str], vnets: set[ResourceId], made: bool) -> None:
    body = {"id": str(CLUSTER_ID), "properties": said}
    cluster = msgspec.convert(body, ManagedCluster, dec_hook=decode_hook)
    assert set(cluster.node_subnets) == set(map(ResourceId, nodes))
    assert cluster.own_vnets == vnets
    assert cluster.properties.vnet_of_aks == made


@pytest.mark.parametrize(("said", "nodes", "vnets", "made"), SHAPES)
def test_a_row_of_resource_graph_says_the_same(said: Any, nodes: set[str], vnets: set[ResourceId], made: bool) -> None:
    row = msgspec.convert({"id": str(CLUSTER_ID), **said}, ClusterRow)
    assert (set(row.cluster().node_subnets), row.cluster().own_vnets) == (set(map(ResourceId, nodes)), vnets)
    assert row.vnet_of_aks == made


@pytest.mark.parametrize(
    ("vnet", "own"),
    [
        pytest.param(SPOKE, True, id="the VNet that its pools name"),
        pytest.param(OTHER, False, id="another VNet"),
        pytest.param(
            ResourceId(
                f"/subscriptions/{SPOKE_SUBSCRIPTION}/resourceGroups/{NODE_GROUP.upper()}"
                "/providers/Microsoft.Network/virtualNetworks/aks-vnet-12345678"
            ),
            True,
            id="the VNet that AKS made in its node resource group",
        ),
    ],
)
def test_which_vnets_are_a_clusters_own(vnet: ResourceId, own: bool) -> None:
    assert a_cluster().stands_in(vnet) is own
