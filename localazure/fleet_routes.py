"""Kubenet clusters in a fleet that is placed at once: as they are when they have come up."""

from ipaddress import ip_network
from itertools import islice

from localazure.azure import LocalAzure
from localazure.back_references import SCALE_SETS
from localazure.resources.network import new_etag
from localazure.resources.route_tables import TYPE, route
from localazure.store import Json, Resource

NODES = 10
"""Nodes of a kubenet cluster."""


def become_kubenet(azure: LocalAzure, cluster_id: str) -> None:
    """Make a settled cluster kubenet: its nodes, AKS's table with a route for each, and that table on their subnet."""
    cluster = _there(azure, cluster_id)
    properties, location = cluster.properties, cluster.body["location"]
    properties["networkProfile"] |= {"networkPlugin": "kubenet", "networkPluginMode": None}
    pods, subnet_id = properties["networkProfile"]["podCidr"], properties["agentPoolProfiles"][0]["vnetSubnetID"]
    subnet = _there(azure, subnet_id)
    group = f"/subscriptions/{cluster_id.split('/')[2]}/resourceGroups/{properties['nodeResourceGroup']}"
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


def _there(azure: LocalAzure, resource_id: str) -> Resource:
    found = azure.store.get(resource_id)
    if found is None:
        raise LookupError(f"no {resource_id} was placed")
    return found


def _put(azure: LocalAzure, resource_id: str, kind: str, body: Json) -> None:
    azure.store.put(Resource(resource_id, kind, resource_id.rpartition("/")[2], body))
