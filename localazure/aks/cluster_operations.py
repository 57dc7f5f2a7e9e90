"""One operation at a time on a cluster: how AKS begins it, refuses a second one, and shows how it ended."""

import asyncio
from collections.abc import Awaitable, Callable

from localazure.aks import body as cluster_body
from localazure.aks.at_work import AtWork
from localazure.aks.errors import busy, canceled, preempted
from localazure.azure import LocalAzure, Verb
from localazure.operations import Kind, Operation, OperationFailed, Takes
from localazure.resources.provider import told
from localazure.store import Json, Resource

TYPE = "Microsoft.ContainerService/managedClusters"

type Work = Callable[[Operation], Awaitable[None]]


def at_work(azure: LocalAzure, cluster: Resource) -> AtWork | None:
    """What AKS is doing with a cluster, if anything."""
    return azure.clusters_at_work.get(_key(cluster))


def refuse_when_busy(azure: LocalAzure, cluster: Resource) -> None:
    """409 while another operation is under way."""
    if (running := at_work(azure, cluster)) is not None:
        raise busy(running.state)


def start_on_cluster(
    azure: LocalAzure,
    cluster: Resource,
    state: str,
    work: Work,
    *,
    verb: Verb = "Write",
    action: str = "",
    api_version: str = "2025-05-01",
) -> Operation:
    """Run `work` as this cluster's operation; how it ends is seen in the cluster, the operation and the event.

    The cluster is in provisioning state `state` until then. `action` names what a POST asks for, e.g. `stop`.
    """
    cluster_body.set_state(cluster.body, state)
    azure.store.touch(cluster.id)  # its state is another now, of which no event tells
    running = AtWork(state)
    azure.clusters_at_work[_key(cluster)] = running
    name = f"{TYPE}/{action}/action" if action else f"{TYPE}/{verb.lower()}"

    async def carried_out(operation: Operation) -> None:
        running.task = asyncio.current_task()
        with told(azure, verb, cluster.id, name):
            try:
                if running.preempted:
                    raise _ended_early(running, cluster)
                await work(operation)
            except asyncio.CancelledError:
                if not running.preempted:
                    raise
                raise _ended_early(running, cluster) from None
            except OperationFailed as failed:
                if not running.preempted:
                    _fail(cluster, failed.error, azure.guid())
                raise
            finally:
                if at_work(azure, cluster) is running:
                    del azure.clusters_at_work[_key(cluster)]
            if state != "Deleting":
                cluster.properties.pop("status", None)
                cluster_body.set_state(cluster.body, "Succeeded")

    return azure.operations.start(
        Kind.AKS,
        carried_out,
        subscription=cluster.id.split("/")[2],
        api_version=api_version,
        location=str(cluster.body.get("location", "")).replace(" ", ""),
    )


async def abort(azure: LocalAzure, cluster: Resource, takes: Takes) -> None:
    """End what runs on a cluster and wait until it has ended; nothing where nothing runs."""
    await takes(azure.durations.cluster_abort)
    if (running := at_work(azure, cluster)) is not None:
        running.cancel()
        while at_work(azure, cluster) is running:
            await azure.clock.sleep(1)


def _ended_early(running: AtWork, cluster: Resource) -> OperationFailed:
    """Canceled shows in the cluster (recorded aks/create-abort-canceled [7]); what took over shows itself."""
    if not running.canceled:
        return preempted()
    cluster_body.set_state(cluster.body, "Canceled")
    return canceled()


def _fail(cluster: Resource, error: Json, tag: str) -> None:
    """A failed cluster says why in `status.provisioningError` (API type ErrorDetail: code, message, details)."""
    cluster_body.set_state(cluster.body, "Failed")
    cluster_body.mark(cluster.body, tag)
    detail = {key: error[key] for key in ("code", "message", "details") if key in error}
    cluster.properties["status"] = {"provisioningError": detail}


def _key(cluster: Resource) -> str:
    return cluster.id.casefold()
