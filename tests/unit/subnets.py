"""A kubenet cluster, its subnet and AKS's route table, as values that the unit tests vary."""

from typing import Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fleet.model import ManagedCluster, NetworkProfile, decode_hook
from functions.fleet.seen import Seen
from functions.fleet.subnet_model import RouteTable, Subnet, SubnetSeen
from functions.ledger.making import Making
from functions.ledger.state import Observed
from functions.policy import Policy, RouteTables
from tests.unit.worlds import AT, NODE_GROUP, SPOKE, a_cluster, a_policy, an_id, seen

SUBNET = SPOKE.child("subnets", "nodes")
TABLE = an_id("Microsoft.Network/routeTables", "aks-agentpool-12345678-routetable", NODE_GROUP)
FIREWALLS = an_id("Microsoft.Network/routeTables", "to-the-firewall", "network")
PODS = "10.244.0.0/16"
NODES_NIC = (
    f"/subscriptions/{SUBNET.subscription}/resourceGroups/{NODE_GROUP.upper()}/providers/Microsoft.Compute/"
    "virtualMachineScaleSets/AKS-NODES-VMSS/virtualMachines/0/networkInterfaces/AKS-NODES/ipConfigurations/IPCONFIG1"
)
STRANGERS_NIC = str(an_id("Microsoft.Network/networkInterfaces", "vm-1", "apps")) + "/ipConfigurations/ipconfig1"

NODE_ROUTE = {
    "name": "aks-nodes-000000____1024400024",
    "properties": {"addressPrefix": "10.244.0.0/24", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.1.0.4"},
}
DEFAULT_ROUTE = {
    "name": "default",
    "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.0.0.4"},
}

ATTACHES = a_policy(route_tables=RouteTables(attach=True))
REATTACHES = a_policy(route_tables=RouteTables(attach=True, reattach=True))


def a_route(prefix: str = "10.244.0.0/24", hop: str | None = "10.1.0.4", kind: str = "VirtualAppliance") -> Any:
    return {"name": "r", "properties": {"addressPrefix": prefix, "nextHopType": kind, "nextHopIpAddress": hop}}


def a_table(*routes: Any, id: ResourceId = TABLE, **properties: Any) -> RouteTable:  # noqa: A002 - the field's own name
    body = {"id": str(id), "etag": 'W/"1"', "properties": {"routes": list(routes), **properties}}
    return msgspec.convert(body, RouteTable, dec_hook=decode_hook)


def a_subnet(table: ResourceId | None = None, id: ResourceId = SUBNET, **properties: Any) -> SubnetSeen:  # noqa: A002 - as above
    held = {"provisioningState": "Succeeded", "addressPrefix": "10.1.0.0/24", "ipConfigurations": [{"id": NODES_NIC}]}
    if table is not None:
        held["routeTable"] = {"id": str(table)}
    body = {"id": str(id), "name": id.name, "etag": 'W/"1"', "properties": {**held, **properties}}
    read = msgspec.convert(body, Subnet, dec_hook=decode_hook)
    return SubnetSeen(id, read, msgspec.json.encode(body), neighbours=())


def kubenet(state: str = "Failed", **properties: Any) -> ManagedCluster:
    given = {"network_profile": NetworkProfile(network_plugin="kubenet", pod_cidr=PODS), **properties}
    return a_cluster(state=state, **given)


MAKING = Observed(at=AT - 60, making=Making(first=AT - 1200, last=AT - 60, failed=AT - 30))
"""What the ledger remembers of a cluster whose creation failed."""


def world(
    *subnets: SubnetSeen,
    tables: Any = None,
    cluster: ManagedCluster | None = None,
    remembered: Observed = MAKING,
    **facts: Any,
) -> Seen:
    """A cluster whose creation failed, whose subnet has no table while AKS made one, unless told otherwise."""
    given = {
        "subnets": subnets or (a_subnet(),),
        "node_tables": (a_table(NODE_ROUTE),) if tables is None else tables,
        "remembered": remembered,
        **facts,
    }
    return seen(cluster=cluster or kubenet(), **given)


def named(policy: Policy, *subscriptions: str) -> Policy:
    """The policy with further subscriptions in its scope."""
    scope = msgspec.structs.replace(policy.scope, subscriptions=(*policy.scope.subscriptions, *subscriptions))
    return msgspec.structs.replace(policy, scope=scope)
