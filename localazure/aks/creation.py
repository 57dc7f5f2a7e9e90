"""Making a cluster, step by step: node group, zone, AKS's own links, endpoint and record, nodes. Or mending one.

Every step is skipped when its result is there, so a PUT on a failed cluster goes on where the creation stopped.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from localazure.aks import kubenet
from localazure.aks.blueprint import Blueprint
from localazure.aks.nodes import join_api_server
from localazure.aks.pieces import Pieces
from localazure.azure import LocalAzure
from localazure.operations import OperationFailed, Takes

type Says = Callable[[str], None]
"""Tells how far the work has come, for those who look the operation up."""


async def make_cluster(azure: LocalAzure, plan: Blueprint, takes: Takes, says: Says) -> None:
    """Do what is missing until the cluster has come up. Raises OperationFailed as AKS would report it.

    The figures are `azure.durations`. AKS's own links and its private endpoint are made side by side; the nodes boot
    when both are there, and give up after 600 s without an answer from the VNet's DNS servers.
    """
    pieces = Pieces(azure, plan, takes)
    if pieces.group_missing():
        await takes(azure.durations.cluster_group)
        await pieces.make_group()
    says("ProvisioningNetworkResources")
    if plan.makes_vnet:
        await pieces.make_vnet()
    if plan.kubenet:
        await kubenet.make_route_table(azure, plan, takes)
    if plan.owns_zone:
        await pieces.make_zone()
    says("ProvisioningControlPlane")
    await _together(_link_own_vnets(azure, pieces, plan), _set_up_nodes(azure, pieces, plan, takes, says))
    if plan.nodes > 0 and not plan.up:
        await join_api_server(azure, plan)
    if plan.kubenet:
        kubenet.require_route_table(azure, plan)
        await kubenet.write_node_routes(azure, plan, takes)
    says(f"CreatingAgentPools: {plan.nodes}/{plan.nodes} nodes completed")
    await takes(azure.durations.cluster_finish)
    pieces.lock()


async def _link_own_vnets(azure: LocalAzure, pieces: Pieces, plan: Blueprint) -> None:
    if plan.zone:
        await azure.clock.sleep(azure.aks.pause_before_own_link)
        for nth, vnet in enumerate(plan.vnets):
            await pieces.make_link(vnet, nth)


async def _set_up_nodes(azure: LocalAzure, pieces: Pieces, plan: Blueprint, takes: Takes, says: Says) -> None:
    """`kube-apiserver`, a private endpoint with its NIC or a load balancer; the A record (AKS uses no DNS zone group);
    then machines. What a cluster had before its conversion to VNet integration goes when the record tells the new
    address.
    """
    if plan.balancer:
        await pieces.make_balancer()
    elif plan.endpoint:
        await pieces.make_endpoint()
    elif not plan.up:
        await takes(azure.durations.cluster_endpoint)
    if plan.zone:
        await pieces.make_records()
    if not plan.endpoint:
        await pieces.remove_endpoint()
    if plan.up:
        return
    says(f"CreatingAgentPools: 0/{plan.nodes} nodes completed")
    if plan.kubenet:
        kubenet.make_machines(azure, plan)
    await takes(azure.durations.cluster_nodes)


async def _together(*steps: Coroutine[Any, Any, None]) -> None:
    """Run steps side by side; the first to fail ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(step)
    except* OperationFailed as failed:
        raise failed.exceptions[0] from None
