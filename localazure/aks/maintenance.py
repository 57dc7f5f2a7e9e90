"""What happens to a cluster's API server during its life, for tests, simulation and demo to bring about.

Each takes the cluster's id, runs on Azure's clock, emits the events of its writes and raises LookupError where the
cluster or its piece is missing. Those that are coroutines end when Azure is done; `azure.spawn` runs one beside others.
"""

from dataclasses import replace

from localazure.aks import body as cluster_body
from localazure.aks.at_work import NextEndpoint
from localazure.aks.blueprint import Blueprint
from localazure.aks.cluster_operations import Work, abort, refuse_when_busy, start_on_cluster
from localazure.aks.creation import make_cluster
from localazure.aks.pieces import Pieces
from localazure.aks.power import come_up, start_cluster, stop_cluster
from localazure.aks.reachable import addresses_of
from localazure.azure import LocalAzure
from localazure.operations import Operation, OperationFailed
from localazure.resources.load_balancers import LoadBalancers
from localazure.resources.private_endpoints import Approval, PrivateEndpoints
from localazure.store import Resource, part


def addresses(azure: LocalAzure, cluster_id: str) -> tuple[str, ...]:
    """Where the API server is now, IPv4 first; empty while nothing holds an address."""
    return addresses_of(azure, Blueprint.of(known(azure, cluster_id)))


async def maintenance(azure: LocalAzure, cluster_id: str) -> tuple[str, ...]:
    """Move the API server to other addresses in the same subnet, and give these.

    The NIC is written first (or the load balancer), then the endpoint, and `durations.cluster_record` later the A
    record. The cluster itself is not written. A cluster that is deleted meanwhile keeps none of it.
    """
    plan = Blueprint.of(known(azure, cluster_id))
    had = addresses_of(azure, plan)
    if plan.balancer:
        LoadBalancers(azure).readdress(plan.balancer_id, had)
    else:
        await PrivateEndpoints(azure).readdress(plan.endpoint_id, had)
    await azure.clock.sleep(azure.durations.cluster_record)
    if azure.store.get(cluster_id) is not None and azure.store.get(plan.zone) is not None:
        await Pieces(azure, plan, azure.clock.sleep).make_records()
    return addresses_of(azure, plan)


async def stop(azure: LocalAzure, cluster_id: str) -> None:
    """As a POST of `stop`. Raises Refused while another operation runs."""
    cluster = known(azure, cluster_id)
    await operated(azure, cluster, "Stopping", lambda operation: stop_cluster(azure, cluster, operation.takes), "stop")


async def start(azure: LocalAzure, cluster_id: str, *, subnet: str = "", same_address: bool = False) -> None:
    """As a POST of `start`, with the endpoint in `subnet` if given. Raises OperationFailed when the nodes give up."""
    cluster = known(azure, cluster_id)
    key = cluster.id.casefold()
    wanted = azure.next_endpoints.get(key, NextEndpoint())
    azure.next_endpoints[key] = replace(
        wanted, subnet=subnet or wanted.subnet, not_at=frozenset() if same_address else wanted.not_at
    )
    work: Work = lambda operation: start_cluster(azure, cluster, operation.takes, _unheard)  # noqa: E731 - one line
    await operated(azure, cluster, "Starting", work, "start")


async def integrate(azure: LocalAzure, cluster_id: str, subnet: str = "") -> None:
    """Convert to API Server VNet Integration, with the load balancer in `subnet`, as a PUT that asks for it.

    The name stays, the A record follows and the private endpoint goes.
    """
    cluster = known(azure, cluster_id)
    refuse_when_busy(azure, cluster)
    access = part(cluster.properties, "apiServerAccessProfile")
    cluster.properties["apiServerAccessProfile"] = {**access, "enableVnetIntegration": True, "subnetId": subnet}
    cluster.properties.pop("privateLinkResources", None)
    cluster_body.mark(cluster.body, azure.guid())

    async def work(operation: Operation) -> None:
        await make_cluster(azure, Blueprint.of(cluster), operation.takes, _unheard)
        come_up(azure, cluster)

    await operated(azure, cluster, "Updating", work)


async def cancel(azure: LocalAzure, cluster_id: str) -> None:
    """End what AKS is doing with a cluster, as a POST of `abort`; the cluster is Canceled when this returns."""
    await abort(azure, known(azure, cluster_id), azure.clock.sleep)


def set_approval(azure: LocalAzure, cluster_id: str, status: Approval) -> None:
    """Change the state of the endpoint's connection; with another than Approved the cluster stops working."""
    PrivateEndpoints(azure).set_approval(Blueprint.of(known(azure, cluster_id)).endpoint_id, status)


async def delete_endpoint(azure: LocalAzure, cluster_id: str) -> None:
    """Delete the private endpoint as someone by mistake would: the cluster stops working."""
    endpoints = PrivateEndpoints(azure)
    endpoint = endpoints.known(Blueprint.of(known(azure, cluster_id)).endpoint_id)
    await endpoints.remove(endpoint.id)


async def operated(azure: LocalAzure, cluster: Resource, state: str, work: Work, action: str = "") -> None:
    """Run an operation on a cluster to its end. Raises OperationFailed as it failed."""
    refuse_when_busy(azure, cluster)
    verb = "Action" if action else "Write"
    operation = start_on_cluster(azure, cluster, state, work, verb=verb, action=action)
    while operation.ended is None:
        await azure.clock.sleep(1)
    if operation.status == "Failed":
        raise OperationFailed(**(operation.error or {"code": "Unknown", "message": ""}))


def known(azure: LocalAzure, cluster_id: str) -> Resource:
    """The cluster, or LookupError."""
    cluster = azure.store.get(cluster_id)
    if cluster is None:
        raise LookupError(f"there is no cluster {cluster_id}")
    return cluster


def _unheard(_step: str) -> None:
    """Nobody looks this operation up."""
