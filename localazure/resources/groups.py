"""Resource groups: containers that know who manages them, and whose deletion takes everything with it."""

from typing import override

from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure
from localazure.operations import Kind, Operation, OperationFailed, Takes
from localazure.resources.provider import ArmRequest, ResourceType, told
from localazure.store import Json, Resource

LOCK = "tether.local/denied"
"""Key of a group's body that is never printed: its content is read-only to everyone but its owner."""


class ResourceGroups(ResourceType):
    type = "Microsoft.Resources/resourceGroups"

    def create(
        self, group_id: str, location: str, *, managed_by: str | None = None, tags: dict[str, str] | None = None
    ) -> Resource:
        """Make a group, or replace its tags. `managed_by` is the id of the resource that it belongs to."""
        body: Json = {"location": location.lower().replace(" ", ""), "properties": {"provisioningState": "Succeeded"}}
        if managed_by:
            body["managedBy"] = managed_by
        if tags is not None:
            body["tags"] = tags
        with told(self.azure, "Write", group_id, "Microsoft.Resources/subscriptions/resourceGroups/write"):
            return self.azure.store.put(Resource(group_id, self.type, group_id.rsplit("/", 1)[1], body))

    def lock(self, group_id: str) -> None:
        """Node-resource-group lockdown: deny writes below the group to all requests that come through ARM's door.

        Source: Learn, "Deploy a fully managed resource group using node resource group lockdown (AKS)".
        """
        if (group := self.azure.store.get(group_id)) is not None:
            group.body[LOCK] = True

    async def remove(self, group_id: str, takes: Takes | None = None) -> None:
        """Take the group and everything below it away, children first, each with its event.

        A cluster is deleted as AKS does it, its node resource group included. Raises OperationFailed, and the group
        stays with what is left in it, when something in it cannot be deleted.
        """
        with told(self.azure, "Delete", group_id, "Microsoft.Resources/subscriptions/resourceGroups/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.group_delete)
            for kind, remove in self.azure.removers.items():
                for resource in self.azure.store.of_type(kind, group_id):
                    await remove(resource)
            for resource in reversed(self.azure.store.under(group_id)):
                self.azure.store.remove(resource.id)
                self.azure.emit("Delete", "Success", resource.id, f"{resource.type}/delete")
            self.azure.store.remove(group_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        sent = request.sent
        if not sent.get("location"):
            raise arm_error(400, "LocationRequired", "The location property is required for this definition.")
        existed = self.azure.store.get(request.id)
        managed_by = sent.get("managedBy") or (existed.body.get("managedBy") if existed else None)
        group = self.create(request.id, sent["location"], managed_by=managed_by, tags=sent.get("tags"))
        return Answer(200 if existed else 201, self.shown(group))

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        group = self.found(request)
        group.body.update({key: request.sent[key] for key in ("tags", "managedBy") if key in request.sent})
        self.azure.emit("Write", "Success", group.id, "Microsoft.Resources/subscriptions/resourceGroups/write")
        return Answer(200, self.shown(group))

    @override
    async def get(self, request: ArmRequest) -> Answer:
        group = self.found(request)
        return Answer(204) if request.method == "HEAD" else Answer(200, self.shown(group))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        group = self.found(request)
        group.properties["provisioningState"] = "Deleting"

        async def work(operation: Operation) -> None:
            try:
                await self.remove(group.id, operation.takes)
            except OperationFailed as failed:
                group.properties["provisioningState"] = "Succeeded"
                raise _left_over(group.name, failed) from failed

        operation = self.azure.operations.start(
            Kind.GROUPS, work, subscription=request.subscription, api_version=request.api_version
        )
        return Answer(202, None, operation.headers(status=False, location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        return {key: value for key, value in resource.json().items() if key != LOCK}

    @override
    def found(self, request: ArmRequest) -> Resource:
        group = self.azure.store.get(request.id)
        if group is None:
            raise group_not_found(request.resource_group)
        return group


def group_not_found(name: str) -> Refused:
    """Recorded: errors/404-resource-group-not-found."""
    return arm_error(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def _left_over(name: str, failed: OperationFailed) -> OperationFailed:
    """A group whose content cannot all be deleted. Source: Learn, "Resource group deletion", code and form."""
    message = f"Deletion of resource group '{name}' did not finish: some of its resources could not be deleted."
    return OperationFailed("ResourceGroupDeletionBlocked", message, details=[failed.error])


def check_group(azure: LocalAzure, request: ArmRequest) -> None:
    """Refuse what lies in a group that is not there, and writes into one that is locked down.

    ARM looks for the group before it asks any provider. The deny assignment of a locked-down node resource group
    lets reads through; its message names the assignment. Source: Learn, "Understand Azure deny assignments".
    """
    if not request.resource_group or request.type == ResourceGroups.type:
        return
    group = azure.store.get(f"/subscriptions/{request.subscription}/resourceGroups/{request.resource_group}")
    if group is None:
        raise group_not_found(request.resource_group)
    if LOCK in group.body and request.method not in ("GET", "HEAD"):
        verb = {"DELETE": "delete", "POST": "action"}.get(request.method, "write")
        raise arm_error(
            403,
            "DenyAssignmentAuthorizationFailed",
            f"The client has permission to perform action '{request.type}/{verb}' on scope '{request.id}'; however, "
            f"the access is denied because of the deny assignment with name 'Deny assignment for {group.name}' at "
            f"scope '{group.id}'.",
        )
