"""The route table of a kubenet cluster in a fleet that is placed at once, as it is when the cluster has come up."""

from ipaddress import ip_network
from itertools import islice

from localazure.azure import LocalAzure
from localazure.back_references import SCALE_SETS
from localazure.resources.network import new_etag
from localazure.resources.route_tables import TYPE, route
from localazure.store import Json, Resource

NODES = 10
"""Nodes of a kubenet cluster."""


def place_routes(azure: LocalAzure, subnet_id: str, group: str, pods: str, location: str) -> None:
    """Place the nodes, AKS's table with a route for each in the node resource group, and attach it to the subnet."""
    subnet = azure.store.get(subnet_id)
    assert subnet is not None  # placed with its VNet
    table = f"{group}/providers/{TYPE}/aks-agentpool-{azure.random.randrange(10**8):08d}-routetable"
    scale_set = f"{group}/providers/{SCALE_SETS}/aks-system-vmss"
    configurations: list[Json] = []
    held: Json = {"provisioningState": "Succeeded", "disableBgpRoutePropagation": False}
    _put(azure, table, TYPE, {"etag": new_etag(azure), "location": location, "properties": held})
    _put(azure, scale_set, SCALE_SETS, {"location": location, "properties": {"ipConfigurations": configurations}})
    hosts = islice(ip_network(subnet.properties["addressPrefix"]).hosts(), NODES)
    for nth, (prefix, host) in enumerate(zip(ip_network(pods).subnets(new_prefix=24), hosts, strict=False)):
        node = route(f"aks-system-vmss{nth:06d}", str(prefix), str(host))
        _put(azure, f"{table}/routes/{node['name']}", f"{TYPE}/routes", node)
        nic = f"{scale_set}/virtualMachines/{nth}/networkInterfaces/aks-system-vmss"
        place: Json = {"privateIPAddress": str(host), "subnet": {"id": subnet_id}}
        configurations.append({"name": "ipconfig1", "id": f"{nic}/ipConfigurations/ipconfig1", "properties": place})
    subnet.properties["routeTable"] = {"id": table}


def _put(azure: LocalAzure, resource_id: str, kind: str, body: Json) -> None:
    azure.store.put(Resource(resource_id, kind, resource_id.rpartition("/")[2], body))
