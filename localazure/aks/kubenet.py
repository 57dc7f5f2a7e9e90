"""Kubenet: nodes with addresses in the subnet, pods behind them, and the route table that leads to the pods.

AKS makes one table per cluster in the node resource group and attaches it to the subnet while it creates the cluster,
unless the subnet has one of its owner's. For a private cluster on an own subnet with custom DNS it attaches none, and
the creation fails until someone does. Source: AKS documentation, private-clusters and configure-kubenet.
"""

from ipaddress import ip_network
from itertools import islice

from localazure.aks.blueprint import Blueprint
from localazure.aks.errors import nodes_gave_up, route_table_failed
from localazure.azure import LocalAzure
from localazure.back_references import SCALE_SETS
from localazure.operations import Takes
from localazure.resources.network_interfaces import free_address
from localazure.resources.route_tables import RouteTables, route
from localazure.resources.subnets import Subnets
from localazure.store import Json, Resource, items, part

NODE_BITS = 24
"""Kubenet gives every node a /24 of the pods' range (AKS documentation, configure-kubenet)."""


async def make_route_table(azure: LocalAzure, plan: Blueprint, takes: Takes) -> None:
    """The cluster's own table in its node resource group, attached to subnets that have none where AKS does that."""
    left_to_others = attached_by_others(azure, plan)
    if not left_to_others and all(table_of(azure, subnet) for subnet in plan.node_subnets):
        return
    if azure.store.get(plan.route_table) is None:
        await RouteTables(azure).create(plan.route_table, plan.location, takes=takes)
    for subnet in plan.node_subnets:
        if not table_of(azure, subnet) and not (left_to_others and subnet != plan.own_subnet):
            await _attach(azure, subnet, {"id": plan.route_table}, takes)


async def release_subnets(azure: LocalAzure, plan: Blueprint, takes: Takes) -> None:
    """Take the cluster's own table off the subnets that use it, as a table in use cannot be deleted."""
    for subnet in plan.node_subnets if plan.kubenet else ():
        if table_of(azure, subnet).casefold() == plan.route_table.casefold():
            await _attach(azure, subnet, None, takes)


def attached_by_others(azure: LocalAzure, plan: Blueprint) -> bool:
    """Does AKS leave it to others to attach the table?"""
    if not plan.subnets or plan.mode == "public":
        return False
    vnet = azure.store.get(plan.vnets[0])
    return vnet is not None and bool(items(part(vnet.properties, "dhcpOptions"), "dnsServers"))


def unrouted_subnet(azure: LocalAzure, plan: Blueprint) -> str:
    """The first subnet that does not use the cluster's table, though there is one; empty when all is well."""
    if not plan.kubenet or azure.store.get(plan.route_table) is None:
        return ""
    wanted = plan.route_table.casefold()
    return next((subnet for subnet in plan.node_subnets if table_of(azure, subnet).casefold() != wanted), "")


def require_route_table(azure: LocalAzure, plan: Blueprint) -> None:
    """Raise OperationFailed where nodes cannot reach each other's pods: as `azure.aks.unrouted` says."""
    if not (subnet := unrouted_subnet(azure, plan)):
        return
    match azure.aks.unrouted:
        case "route table":
            raise route_table_failed(subnet)
        case code:
            raise nodes_gave_up(plan.scale_set, code, "no way out of the node's subnet")


def make_machines(azure: LocalAzure, plan: Blueprint) -> None:
    """The scale set of the nodes, with an address for each in the subnet; the subnet shows them as back references."""
    scale_set_id = f"{plan.node_group}/providers/{SCALE_SETS}/{plan.scale_set}"
    if azure.store.get(scale_set_id) is not None:
        return
    configurations: list[Json] = []
    body: Json = {"location": plan.location, "properties": {"ipConfigurations": configurations}}
    azure.store.put(Resource(scale_set_id, SCALE_SETS, plan.scale_set, body))
    for nth in range(plan.nodes):
        subnet = plan.node_subnet
        held: Json = {"privateIPAddress": free_address(azure, subnet), "subnet": {"id": subnet}}
        nic = f"{scale_set_id}/virtualMachines/{nth}/networkInterfaces/{plan.scale_set}"
        configurations.append({"name": "ipconfig1", "id": f"{nic}/ipConfigurations/ipconfig1", "properties": held})
        azure.store.touch(scale_set_id)


async def write_node_routes(azure: LocalAzure, plan: Blueprint, takes: Takes) -> None:
    """A route for each node's pods, in the table that the subnet uses; routes of others stay.

    Form: recorded network/field-activity-log-route-table-write (AKS writes the whole table).
    """
    table = azure.store.get(table_of(azure, plan.node_subnet))
    machines = azure.store.get(f"{plan.node_group}/providers/{SCALE_SETS}/{plan.scale_set}")
    if table is None or machines is None or not plan.pod_cidrs:
        return
    addresses = [held["properties"]["privateIPAddress"] for held in machines.properties["ipConfigurations"]]
    prefixes = islice(ip_network(plan.pod_cidrs[0]).subnets(new_prefix=NODE_BITS), len(addresses))
    wanted = [
        route(f"{plan.scale_set}{nth:06d}____{str(prefix).translate(_NO_MARKS)}", str(prefix), address)
        for nth, (prefix, address) in enumerate(zip(prefixes, addresses, strict=False))
    ]
    shown = items(RouteTables(azure).shown(table)["properties"], "routes")
    names = {one["name"] for one in wanted}
    others = [one for one in shown if one["name"] not in names]
    if len(others) + len(wanted) != len(shown):
        await RouteTables(azure).create(table.id, plan.location, [*others, *wanted], takes=takes)


def table_of(azure: LocalAzure, subnet_id: str) -> str:
    """The id of the table that a subnet uses; empty where there is none."""
    subnet = azure.store.get(subnet_id)
    return str(part(subnet.properties, "routeTable").get("id") or "") if subnet else ""


async def _attach(azure: LocalAzure, subnet_id: str, table: Json | None, takes: Takes) -> None:
    """Write a subnet as it is, but for its table."""
    if (subnet := azure.store.get(subnet_id)) is not None:
        await Subnets(azure).create(subnet.id, {**subnet.properties, "routeTable": table}, takes)


_NO_MARKS = str.maketrans("", "", "./")
