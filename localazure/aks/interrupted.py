"""Running clusters that fail in an upgrade or a scaling: a later PUT resumes what was interrupted.

Source: AKS documentation, "Troubleshoot upgrade failures": a failed upgrade goes on with the next operation.
"""

from collections.abc import Callable

from localazure.aks.blueprint import INTERRUPTED
from localazure.aks.errors import DNS_FAIL, nodes_gave_up
from localazure.aks.maintenance import known, operated
from localazure.azure import LocalAzure
from localazure.operations import Operation, OperationFailed
from localazure.store import Json, items


async def fail_upgrade(
    azure: LocalAzure, cluster_id: str, *, version: str = "1.34.1", error: OperationFailed | None = None
) -> None:
    """Upgrade a cluster that is up, and let that fail. Without `error` as if a new node's name did not resolve."""

    def change(properties: Json) -> None:
        properties["kubernetesVersion"] = version

    await _fail(azure, cluster_id, "Upgrading", change, error)


async def fail_scaling(
    azure: LocalAzure, cluster_id: str, *, count: int = 5, error: OperationFailed | None = None
) -> None:
    """Scale the first pool of a cluster that is up, and let that fail, in the same way."""

    def change(properties: Json) -> None:
        items(properties, "agentPoolProfiles")[0]["count"] = count

    await _fail(azure, cluster_id, "Scaling", change, error)


async def _fail(
    azure: LocalAzure, cluster_id: str, state: str, change: Callable[[Json], None], error: OperationFailed | None
) -> None:
    cluster = known(azure, cluster_id)

    async def work(operation: Operation) -> None:
        change(cluster.properties)
        cluster.body[INTERRUPTED] = state
        await operation.takes(azure.durations.cluster_finish)
        raise error or nodes_gave_up(f"aks-{cluster.name}-vmss", DNS_FAIL, "a new node found no API server")

    try:
        await operated(azure, cluster, state, work)
    except OperationFailed:
        return
    raise AssertionError(f"{cluster_id} did not fail")
