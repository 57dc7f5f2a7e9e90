"""Taking a cluster away, step by step: its record and endpoint, its links and zone, its node group."""

from localazure.aks.blueprint import Blueprint
from localazure.aks.kubenet import release_subnets
from localazure.aks.pieces import Pieces
from localazure.azure import LocalAzure
from localazure.operations import Takes


async def unmake_cluster(azure: LocalAzure, plan: Blueprint, takes: Takes) -> None:
    """Remove everything that was made for the cluster; a custom zone and its links stay, others may use them.

    Takes `cluster_delete` seconds in three equal steps, and the time that each piece needs to go. Whether links that
    someone else made go too is `azure.aks.deletes_foreign_links`; if not, raises OperationFailed
    (CannotDeleteResource) and the node group stays with them.
    """
    pieces = Pieces(azure, plan, takes)
    step = azure.durations.cluster_delete / 3
    await takes(step)
    await pieces.remove_endpoint()
    await pieces.remove_balancer()
    await pieces.remove_records()
    await takes(step)
    if plan.owns_zone:
        await pieces.remove_links(foreign=azure.aks.deletes_foreign_links)
        await pieces.remove_zone()
    await takes(step)
    await release_subnets(azure, plan, takes)
    await pieces.remove_group()
