"""What an observation of a kubenet cluster's subnets sees of who is beside it, and of what is not there."""

import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import ArmError, Kind, classify
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.observe_subnets import observe_subnets
from functions.fleet.seen import Seen
from functions.fleet.subnet_model import SubnetSeen
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.resources.groups import ResourceGroups
from localazure.resources.subnets import Subnets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Resource
from localazure.virtual_time import run
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION
from tests.scenarios.story import ListeningTransport, Token
from tests.unit.worlds import AT, a_cluster

CLUSTERS = "Microsoft.ContainerService/managedClusters"
CLUSTER = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{CLUSTERS}/ours")
NODES = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_ours"
NETWORKS = f"/subscriptions/{HUB_SUBSCRIPTION}/resourceGroups/net"
SUBNET = f"{NETWORKS}/providers/Microsoft.Network/virtualNetworks/spoke/subnets/nodes"
BESIDE = f"{NETWORKS}/providers/{CLUSTERS}/beside"


def observed(neighbour: dict[str, object] | None, *, there: bool = True) -> tuple[SubnetSeen, list[str]]:
    """The one subnet as it is seen, in a subscription other than its cluster's, and what ARM was asked for."""
    azure = LocalAzure()
    transport = ListeningTransport(arm_app(azure))

    async def story() -> Seen:
        groups = ResourceGroups(azure)
        groups.create(NODES, "westeurope", managed_by=str(CLUSTER))
        groups.create(NETWORKS, "westeurope")
        VirtualNetworks(azure).place(SUBNET.rpartition("/subnets/")[0], "westeurope", ["10.5.0.0/16"])
        if there:
            Subnets(azure).place(SUBNET, {"addressPrefix": "10.5.0.0/24"})
        if neighbour is not None:
            body = {"location": "westeurope", "properties": {"provisioningState": "Succeeded", **neighbour}}
            azure.store.put(Resource(BESIDE, CLUSTERS, "beside", body))
        session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
        cluster = a_cluster(id=CLUSTER, state="Failed", subnet=SUBNET, node_group="MC_ours")
        return await observe_subnets(session, Seen(None, "westeurope", AT, cluster), cluster)

    (one,) = run(story()).subnets  # type: ignore[misc]
    return one, transport.asked


@pytest.mark.parametrize(
    ("neighbour", "is_one"),
    [
        pytest.param(None, False, id="nobody"),
        pytest.param({"agentPoolProfiles": [{"name": "p", "vnetSubnetID": SUBNET}]}, True, id="its nodes"),
        pytest.param({"apiServerAccessProfile": {"subnetId": SUBNET}}, True, id="its API server"),
        pytest.param({"agentPoolProfiles": [{"name": "p", "vnetSubnetID": f"{SUBNET}-2"}]}, False, id="elsewhere"),
    ],
)
def test_a_cluster_of_the_vnets_own_subscription_that_has_something_in_the_subnet_is_a_neighbour(
    neighbour: dict[str, object] | None, is_one: bool
) -> None:
    one, asked = observed(neighbour)
    assert one.neighbours == ((ResourceId(BESIDE),) if is_one else ())
    lists = [call for call in asked if call.endswith(f"/providers/{CLUSTERS}")]
    assert {call.split("/")[2] for call in lists} == {SUBSCRIPTION, HUB_SUBSCRIPTION}


def test_a_subnet_that_is_gone_is_told_and_keeps_nothing_else_from_being_seen() -> None:
    one, _ = observed(None, there=False)
    assert isinstance(one.held, ArmError)
    assert classify(one.held) is Kind.GONE
