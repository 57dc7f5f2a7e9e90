"""Managed clusters at ARM's front: PUT, GET, LIST, PATCH, DELETE. What AKS then does is in `localazure/aks`.

Not here yet, as later capabilities: stop and start, abort, run command, node pools, the internal load balancer of API
server VNet integration.
"""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, override

from localazure.aks import body as cluster_body
from localazure.aks.blueprint import Blueprint
from localazure.aks.creation import make_cluster
from localazure.aks.deletion import unmake_cluster
from localazure.aks.errors import busy, invalid, preempted, zone_not_found
from localazure.aks.names import api_server_names, zone_mode
from localazure.answers import Answer, Refused, bare_error
from localazure.azure import LocalAzure, Verb
from localazure.operations import Kind, Operation, OperationFailed
from localazure.resources.provider import ArmRequest, ResourceType, paged, told
from localazure.store import Json, Resource, items, part

TYPE = "Microsoft.ContainerService/managedClusters"
FREE_TEXT_SINCE = "2025"
"""From this api-version on an operation's `status` tells the step (recorded aks/create-operation-free-text-status,
2025-03-01); older recordings say InProgress throughout (aks/private-custom-zone-fqdn-subdomain-full-flow)."""


@dataclass(slots=True)
class _Running:
    """What AKS is doing with a cluster now."""

    state: str
    task: asyncio.Task[None] | None = None
    preempted: bool = False

    def preempt(self) -> None:
        """End it, now or before it has begun, because a later operation takes over."""
        self.preempted = True
        if self.task is not None:
            self.task.cancel()


class ManagedClusters(ResourceType):
    """AKS clusters. Their ids print `/resourcegroups/` in lower case and their type as `ManagedClusters`.

    Source: every recorded cluster body, e.g. aks/private-zone-system-public-fqdn-on-then-off.
    """

    type = TYPE

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(azure)
        self._running: dict[str, _Running] = {}
        azure.removers[TYPE.casefold()] = self.remove

    @override
    def shown(self, resource: Resource) -> Json:
        """Without `fqdn` while the public name is switched off (recorded …-public-fqdn-on-then-off [3])."""
        access = part(resource.properties, "apiServerAccessProfile")
        if access.get("enablePrivateClusterPublicFQDN", True):
            return resource.json()
        said = {key: value for key, value in resource.properties.items() if key != "fqdn"}
        return {**resource.json(), "properties": said}

    @override
    async def put(self, request: ArmRequest) -> Answer:
        cluster = self.azure.store.get(request.id)
        self._check(request, cluster)
        if cluster is None:
            return self._create(request)
        return self._update(request, cluster)

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        """Replace the tags; nothing else can be patched (AKS API: ManagedClusters_UpdateTags)."""
        cluster = self.found(request)
        self._refuse_when_busy(cluster)
        cluster.body["tags"] = request.sent.get("tags") or {}
        return self._go_on(request, cluster, 200)

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        """202 with both addresses (recorded aks/private-custom-zone-fqdn-subdomain-full-flow [25]); 204 when gone.

        A creation that is under way is preempted: AKS always lets a cluster be deleted.
        """
        cluster = self.azure.store.get(request.id)
        if cluster is None:
            return Answer(204)
        running = self._running.get(_key(cluster))
        if running is not None and running.state == "Deleting":
            raise busy(running.state)
        operation = self._delete(cluster, request.api_version)
        return Answer(202, None, operation.headers(location=True))

    @override
    async def list(self, request: ArmRequest) -> Answer:
        """In pages; the last one has no `nextLink` (recorded aks/nodepool-list-next-link-empty-last-page)."""
        clusters = self.azure.store.of_type(self.type, request.parent)
        return paged(self.azure, request, [self.shown(cluster) for cluster in clusters], self.azure.aks.list_page)

    async def remove(self, cluster: Resource) -> None:
        """Delete a cluster and wait until it is gone. Raises OperationFailed."""
        running = self._running.get(_key(cluster))
        if running is None or running.state != "Deleting":
            self._delete(cluster, _ANY_VERSION)
        while (running := self._running.get(_key(cluster))) is not None and running.state == "Deleting":
            await self.azure.clock.sleep(1)
        if self.azure.store.get(cluster.id) is cluster:
            raise OperationFailed(**part(part(cluster.properties, "status"), "provisioningError"))

    def _delete(self, cluster: Resource, api_version: str) -> Operation:
        if (running := self._running.get(_key(cluster))) is not None:
            running.preempt()
        cluster_body.set_state(cluster.body, "Deleting")
        plan = Blueprint.of(cluster)

        async def work(operation: Operation) -> None:
            await unmake_cluster(self.azure, plan, operation.takes)
            self.azure.store.remove(cluster.id)

        return self._start(plan.subscription, api_version, cluster, "Deleting", "Delete", work)

    def _create(self, request: ArmRequest) -> Answer:
        guid = self.azure.guid()
        names = api_server_names(request.sent, self.azure.random, guid)
        body = cluster_body.new_cluster(
            request.sent, names, request.resource_group, request.name, guid.replace("-", "")[:24]
        )
        cluster_body.with_identity(body, self.azure.tenant)
        spelt = f"/subscriptions/{request.subscription}/resourcegroups/{request.resource_group}/providers/{TYPE}"
        cluster = Resource(f"{spelt}/{request.name}", "Microsoft.ContainerService/ManagedClusters", request.name, body)
        self.azure.store.put(cluster)
        return self._go_on(request, cluster, 201)

    def _update(self, request: ArmRequest, cluster: Resource) -> Answer:
        """Take over what the caller sends and reconcile: what AKS chose at the creation stays."""
        before = cluster.properties
        sent = deepcopy(request.sent)
        kept = {key: before[key] for key in _CHOSEN if key in before}
        said = part(sent, "properties")
        body: Json = {key: value for key, value in sent.items() if key not in _READ_ONLY}
        for key in ("sku", "kind", "identity"):
            body.setdefault(key, cluster.body.get(key))
        body["properties"] = cluster_body.with_defaults({**said, **kept})
        cluster_body.with_identity(body, self.azure.tenant)
        cluster.body = {key: value for key, value in body.items() if value is not None}
        return self._go_on(request, cluster, 200)

    def _go_on(self, request: ArmRequest, cluster: Resource, status: int) -> Answer:
        """Start making (or mending) the cluster and show it as it is now. A 201 has no eTag yet, a 200 a new one."""
        state = "Creating" if status == 201 else "Updating"
        cluster_body.set_state(cluster.body, state)
        created = cluster_body.answer_to_put(self.shown(cluster))
        cluster_body.mark(cluster.body, self.azure.guid())
        shown = created if status == 201 else cluster_body.answer_to_put(self.shown(cluster))
        plan = Blueprint.of(cluster)
        spoken = request.api_version >= FREE_TEXT_SINCE

        async def work(operation: Operation) -> None:
            def says(step: str) -> None:
                if spoken:
                    operation.status = step

            await make_cluster(self.azure, plan, operation.takes, says)
            cluster_body.complete(cluster.body, cluster.id, plan.subscription, self.azure.guid())

        operation = self._start(request.subscription, request.api_version, cluster, state, "Write", work)
        return Answer(status, shown, operation.headers(location=False))

    def _start(
        self,
        subscription: str,
        api_version: str,
        cluster: Resource,
        state: str,
        verb: Verb,
        work: Callable[[Operation], Awaitable[None]],
    ) -> Operation:
        """Run `work` as this cluster's operation; how it ends is seen in the cluster, the operation and the event."""
        self.azure.store.touch(cluster.id)  # its state is another now, of which no event tells
        running = _Running(state)
        self._running[_key(cluster)] = running

        async def carried_out(operation: Operation) -> None:
            running.task = asyncio.current_task()
            with told(self.azure, verb, cluster.id, f"{TYPE}/{verb.lower()}"):
                try:
                    if running.preempted:
                        raise preempted()
                    await work(operation)
                except asyncio.CancelledError:
                    if not running.preempted:
                        raise
                    raise preempted() from None
                except OperationFailed as failed:
                    if not running.preempted:
                        _fail(cluster, failed.error)
                    raise
                finally:
                    if self._running.get(_key(cluster)) is running:
                        del self._running[_key(cluster)]
                if state != "Deleting":
                    cluster.properties.pop("status", None)
                    cluster_body.set_state(cluster.body, "Succeeded")

        return self.azure.operations.start(
            Kind.AKS,
            carried_out,
            subscription=subscription,
            api_version=api_version,
            location=str(cluster.body.get("location", "")).replace(" ", ""),
        )

    def _check(self, request: ArmRequest, cluster: Resource | None) -> None:
        """Refuse what AKS would refuse at once."""
        if cluster is not None:
            self._refuse_when_busy(cluster)
        if request.headers.get("if-none-match") == "*" and cluster is not None:
            raise _precondition_failed()
        wanted = request.headers.get("if-match", "").strip('"')  # the SDK quotes what has no quotes of its own
        if wanted and (cluster is None or wanted not in ("*", cluster.body.get("eTag"))):
            raise _precondition_failed()
        if not request.sent.get("location"):
            raise invalid("location", "A managed cluster needs a location.")
        access = part(part(request.sent, "properties"), "apiServerAccessProfile")
        zone = str(access.get("privateDNSZone") or "")
        if zone_mode(access) == "custom" and self.azure.store.get(zone) is None:
            raise zone_not_found(zone)
        for pool in items(part(request.sent, "properties"), "agentPoolProfiles"):
            if not isinstance(pool, dict):
                raise invalid("agentPoolProfiles", "A node pool must be an object.")
            subnet: Any = part({"pool": pool}, "pool").get("vnetSubnetID")
            if subnet and self.azure.store.get(str(subnet)) is None:
                raise invalid("agentPoolProfiles.vnetSubnetID", f"There is no subnet {subnet}.")

    def _refuse_when_busy(self, cluster: Resource) -> None:
        running = self._running.get(_key(cluster))
        if running is not None:
            raise busy(running.state)


# What AKS decided at the creation and a later PUT cannot change.
_CHOSEN = (
    "fqdn",
    "privateFQDN",
    "azurePortalFQDN",
    "nodeResourceGroup",
    "resourceUID",
    "identityProfile",
    "powerState",
    "status",
)
_ANY_VERSION = "2025-05-01"
_READ_ONLY = ("id", "name", "type", "eTag", "etag", "properties")


def _fail(cluster: Resource, error: Json) -> None:
    """A failed cluster says why in `status.provisioningError` (API type ErrorDetail: code, message, details)."""
    cluster_body.set_state(cluster.body, "Failed")
    detail = {key: error[key] for key in ("code", "message", "details") if key in error}
    cluster.properties["status"] = {"provisioningError": detail}


def _precondition_failed() -> Refused:
    """[U] No recording shows AKS's 412; the form is AKS's own."""
    return bare_error(412, "PreconditionFailed", "The eTag of the cluster is not the given one.", details=None)


def _key(cluster: Resource) -> str:
    return cluster.id.casefold()
