"""Managed clusters at ARM's front: PUT, GET, LIST, PATCH, DELETE, stop, start, abort and run command.

What AKS then does is in `localazure/aks`. Not here yet, as a later capability: node pools.
"""

from copy import deepcopy
from typing import override

from localazure.aks import body as cluster_body
from localazure.aks.blueprint import INTERRUPTED, NODES_DOWN, Blueprint
from localazure.aks.cluster_operations import TYPE, abort, at_work, refuse_when_busy, start_on_cluster
from localazure.aks.creation import Says, make_cluster
from localazure.aks.deletion import unmake_cluster
from localazure.aks.errors import busy
from localazure.aks.names import api_server_names
from localazure.aks.power import come_up, start_cluster, stop_cluster
from localazure.aks.presets import with_preset
from localazure.aks.put_checks import check_put
from localazure.aks.run_command import start_command
from localazure.answers import Answer
from localazure.azure import LocalAzure
from localazure.operations import Kind, Operation, OperationFailed
from localazure.resources.network import printed
from localazure.resources.provider import ArmRequest, ResourceType, not_allowed, paged, told
from localazure.store import Json, Resource, part

FREE_TEXT_SINCE = "2025"
"""From this api-version on an operation's `status` tells the step (recorded aks/create-operation-free-text-status,
2025-03-01); older recordings say InProgress throughout (aks/private-custom-zone-fqdn-subdomain-full-flow)."""


class ManagedClusters(ResourceType):
    """AKS clusters. Their ids print `/resourcegroups/` in lower case and their type as `ManagedClusters`.

    Source: every recorded cluster body, e.g. aks/private-zone-system-public-fqdn-on-then-off.
    """

    type = TYPE

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(azure)
        azure.removers[TYPE.casefold()] = self.remove

    @override
    def shown(self, resource: Resource) -> Json:
        """Without `fqdn` while the public name is switched off (recorded …-public-fqdn-on-then-off [3])."""
        access = part(resource.properties, "apiServerAccessProfile")
        shown = printed(resource.json())
        if access.get("enablePrivateClusterPublicFQDN", True):
            return shown
        said = {key: value for key, value in resource.properties.items() if key != "fqdn"}
        return {**shown, "properties": said}

    @override
    async def put(self, request: ArmRequest) -> Answer:
        cluster = self.azure.store.get(request.id)
        check_put(self.azure, request, cluster)
        if cluster is None:
            return self._create(request)
        return self._update(request, cluster)

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        """Replace the tags; nothing else can be patched (AKS API: ManagedClusters_UpdateTags)."""
        cluster = self.found(request)
        refuse_when_busy(self.azure, cluster)
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
        running = at_work(self.azure, cluster)
        if running is not None and running.state == "Deleting":
            raise busy(running.state)
        operation = self._delete(cluster, request.api_version)
        return Answer(202, None, operation.headers(location=True))

    @override
    async def post(self, request: ArmRequest) -> Answer:
        """Stop, start or run a command. Recorded: aks/private-stop-start-operations and run-command-202-then-result."""
        cluster = self.found(request)
        match request.action.casefold():
            case "runcommand":
                return start_command(self.azure, cluster, request)
            case "stop":
                return self._change_power(request, cluster, "Stopping")
            case "start":
                return self._change_power(request, cluster, "Starting")
            case "abort":
                return self._abort(request, cluster)
            case _:
                raise not_allowed(request)

    def _abort(self, request: ArmRequest, cluster: Resource) -> Answer:
        """202 with the cluster as it still is. Recorded: aks/create-abort-canceled [3]."""

        async def work(operation: Operation) -> None:
            with told(self.azure, "Action", cluster.id, f"{TYPE}/abort/action"):
                await abort(self.azure, cluster, operation.takes)

        operation = self.azure.operations.start(
            Kind.AKS,
            work,
            subscription=request.subscription,
            api_version=request.api_version,
            location=str(cluster.body.get("location", "")).replace(" ", ""),
        )
        return Answer(202, self.shown(cluster), operation.headers(location=True))

    def _change_power(self, request: ArmRequest, cluster: Resource, state: str) -> Answer:
        """202 with both addresses."""
        refuse_when_busy(self.azure, cluster)

        async def work(operation: Operation) -> None:
            if state == "Stopping":
                await stop_cluster(self.azure, cluster, operation.takes)
            else:
                await start_cluster(self.azure, cluster, operation.takes, _says(operation, request.api_version))

        operation = start_on_cluster(
            self.azure,
            cluster,
            state,
            work,
            verb="Action",
            action=request.action.casefold(),
            api_version=request.api_version,
        )
        return Answer(202, None, operation.headers(location=True))

    @override
    async def list(self, request: ArmRequest) -> Answer:
        """In pages; the last one has no `nextLink` (recorded aks/nodepool-list-next-link-empty-last-page)."""
        clusters = self.azure.store.of_type(self.type, request.parent)
        return paged(self.azure, request, [self.shown(cluster) for cluster in clusters], self.azure.aks.list_page)

    async def remove(self, cluster: Resource) -> None:
        """Delete a cluster and wait until it is gone. Raises OperationFailed."""
        running = at_work(self.azure, cluster)
        if running is None or running.state != "Deleting":
            self._delete(cluster, _ANY_VERSION)
        while (running := at_work(self.azure, cluster)) is not None and running.state == "Deleting":
            await self.azure.clock.sleep(1)
        if self.azure.store.get(cluster.id) is cluster:
            raise OperationFailed(**part(part(cluster.properties, "status"), "provisioningError"))

    def _delete(self, cluster: Resource, api_version: str) -> Operation:
        if (running := at_work(self.azure, cluster)) is not None:
            running.preempt()
        plan = Blueprint.of(cluster)

        async def work(operation: Operation) -> None:
            await unmake_cluster(self.azure, plan, operation.takes)
            self.azure.store.remove(cluster.id)

        return start_on_cluster(self.azure, cluster, "Deleting", work, verb="Delete", api_version=api_version)

    def _create(self, request: ArmRequest) -> Answer:
        guid = self.azure.guid()
        sent = with_preset(request.sent)
        names = api_server_names(sent, self.azure.random, guid)
        body = cluster_body.new_cluster(sent, names, request.resource_group, request.name, guid.replace("-", "")[:24])
        cluster_body.with_identity(body, self.azure.tenant)
        if self.azure.aks.tells_creation:
            body["systemData"] = {"createdAt": self.azure.clock.iso(), "createdByType": "User"}
        spelt = f"/subscriptions/{request.subscription}/resourcegroups/{request.resource_group}/providers/{TYPE}"
        cluster = Resource(f"{spelt}/{request.name}", "Microsoft.ContainerService/ManagedClusters", request.name, body)
        self.azure.store.put(cluster)
        return self._go_on(request, cluster, 201)

    def _update(self, request: ArmRequest, cluster: Resource) -> Answer:
        """Take over what the caller sends and reconcile: what AKS chose at the creation stays."""
        before = cluster.properties
        sent = deepcopy(with_preset(request.sent))
        kept = {key: before[key] for key in _CHOSEN if key in before}
        said = part(sent, "properties")
        body: Json = {key: value for key, value in sent.items() if key not in _READ_ONLY}
        for key in ("sku", "kind", "identity"):
            body.setdefault(key, cluster.body.get(key))
        body["properties"] = cluster_body.with_defaults({**said, **kept})
        body.update({key: cluster.body[key] for key in _REMEMBERED if key in cluster.body})
        cluster_body.with_identity(body, self.azure.tenant)
        cluster.body = {key: value for key, value in body.items() if value is not None}
        return self._go_on(request, cluster, 200)

    def _go_on(self, request: ArmRequest, cluster: Resource, status: int) -> Answer:
        """Start making or mending the cluster, or resume what was interrupted, and show it as it is now.

        A 201 has no eTag yet, a 200 a new one.
        """
        state = "Creating" if status == 201 else "Updating"
        if interrupted := cluster.body.get(INTERRUPTED):
            state = str(interrupted)
            self.azure.resumed.append(cluster.id)
        cluster_body.set_state(cluster.body, state)
        created = cluster_body.answer_to_put(self.shown(cluster))
        cluster_body.mark(cluster.body, self.azure.guid())
        shown = created if status == 201 else cluster_body.answer_to_put(self.shown(cluster))
        plan = Blueprint.of(cluster)

        async def work(operation: Operation) -> None:
            await make_cluster(self.azure, plan, operation.takes, _says(operation, request.api_version))
            come_up(self.azure, cluster)

        operation = start_on_cluster(self.azure, cluster, state, work, api_version=request.api_version)
        return Answer(status, shown, operation.headers(location=False))


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
_READ_ONLY = ("id", "name", "type", "eTag", "etag", "systemData", "properties")
_REMEMBERED = (NODES_DOWN, INTERRUPTED, "systemData")


def _says(operation: Operation, api_version: str) -> Says:
    """How far AKS has got, as the operation's status, where the api-version has that."""

    def says(step: str) -> None:
        if api_version >= FREE_TEXT_SINCE:
            operation.status = step

    return says
