"""Stopping and starting a cluster: its private endpoint goes and another one comes."""

from typing import Literal

from localazure.aks import body as cluster_body
from localazure.aks.at_work import NextEndpoint
from localazure.aks.blueprint import INTERRUPTED, NODES_DOWN, Blueprint
from localazure.aks.creation import Says, make_cluster
from localazure.aks.pieces import Pieces
from localazure.aks.reachable import addresses_of
from localazure.azure import LocalAzure
from localazure.operations import Takes
from localazure.store import Resource, items


async def stop_cluster(azure: LocalAzure, cluster: Resource, takes: Takes) -> None:
    """Take nodes, private endpoint and A record away (the record as `azure.aks.stopping_removes_record` says).

    AKS makes the endpoint anew at the start (Azure/AKS issue 2745), by then with another address unless
    `azure.next_endpoints` says otherwise. The load balancer of VNet integration stays [U].
    """
    plan = Blueprint.of(cluster)
    cluster.body[NODES_DOWN] = True
    await takes(azure.durations.cluster_stop)
    if plan.endpoint:
        had = frozenset(addresses_of(azure, plan))
        azure.next_endpoints.setdefault(plan.cluster.casefold(), NextEndpoint(not_at=had))
        pieces = Pieces(azure, plan, takes)
        await pieces.remove_endpoint()
        if azure.aks.stopping_removes_record:
            await pieces.remove_records()
    _set_power(azure, cluster, "Stopped")


async def start_cluster(azure: LocalAzure, cluster: Resource, takes: Takes, says: Says) -> None:
    """Make the endpoint and its A record, and boot the nodes.

    They wait for the name as those of a new cluster do: raises OperationFailed, exit status 52 or 51, when DNS is late
    (Azure/AKS issue 2171, MicrosoftDocs/azure-docs issue 72522). A failed start can be asked for again.
    """
    _set_power(azure, cluster, "Running")
    await make_cluster(azure, Blueprint.of(cluster), takes, says)
    come_up(azure, cluster)


def come_up(azure: LocalAzure, cluster: Resource) -> None:
    """All is well: show what AKS knows of a cluster whose nodes are up."""
    for mark in (NODES_DOWN, INTERRUPTED):
        cluster.body.pop(mark, None)
    cluster_body.complete(cluster.body, cluster.id, cluster.id.split("/")[2], azure.guid())


def _set_power(azure: LocalAzure, cluster: Resource, code: Literal["Running", "Stopped"]) -> None:
    """Of the cluster and its pools (recorded aks/nodepool-stopped for a pool)."""
    cluster.properties["powerState"] = {"code": code}
    for pool in items(cluster.properties, "agentPoolProfiles"):
        pool["powerState"] = {"code": code}
    cluster_body.mark(cluster.body, azure.guid())
    azure.store.touch(cluster.id)
