"""What subnets, peerings and routes have in common: they live in a parent whose ETag is theirs and moves with each."""

from typing import override

from localazure.answers import Answer
from localazure.operations import Operation, OperationFailed, Takes
from localazure.resources.network import child_not_found, new_etag, refuse_if_held, start_network
from localazure.resources.provider import (
    ArmRequest,
    ResourceType,
    parent_not_found,
    parent_of,
    resource_not_found,
    told,
)
from localazure.store import Resource


class NetworkChild(ResourceType):
    """A child of a VNet or a route table. Its parent is held while it is written or deleted."""

    pause: float | None = None
    """Seconds for Retry-After, where they are not the usual ones."""

    @override
    async def get(self, request: ArmRequest) -> Answer:
        shown = self.shown(self.found(request))
        return Answer(200, shown, {"etag": shown["etag"]})

    @override
    async def list(self, request: ArmRequest) -> Answer:
        self.parent_in(request)
        return await super().list(request)

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        child = self.azure.store.get(request.id)
        if child is None:
            return Answer(204)
        parent = self.parent_in(request)
        self.refuse_deletion(child, parent)

        async def work(operation: Operation) -> None:
            with told(self.azure, "Delete", child.id, f"{self.type}/delete"):
                await operation.takes(self.azure.durations.network_write)
                self.azure.store.remove(child.id)
                self.move_etag(child.id)
                self.deleted(parent)

        operation = start_network(self.azure, request, parent.body["location"], work, holds=parent, pause=self.pause)
        return Answer(202, None, operation.headers(location=True))

    def refuse_deletion(self, child: Resource, parent: Resource) -> None:
        """Raise Refused where the child cannot go now."""
        refuse_if_held(parent)

    def deleted(self, parent: Resource) -> None:
        """Called when a child has gone."""

    @override
    def found(self, request: ArmRequest) -> Resource:
        child = self.azure.store.get(request.id)
        if child is not None:
            return child
        if self.azure.store.get(request.parent) is None:
            raise resource_not_found(request)
        raise child_not_found(request.id)

    def parent_in(self, request: ArmRequest) -> Resource:
        """The parent that a request names, or 404."""
        parent = self.azure.store.get(request.parent)
        if parent is None:
            raise parent_not_found(request.parent)
        return parent

    def etag_of(self, child_id: str) -> str:
        """The parent's ETag."""
        parent = self.azure.store.get(parent_of(child_id))
        return str(parent.body["etag"]) if parent else new_etag(self.azure)

    def move_etag(self, child_id: str) -> None:
        """Give the parent, and so all its children, a new ETag."""
        if (parent := self.azure.store.get(parent_of(child_id))) is not None:
            parent.body["etag"] = new_etag(self.azure)

    async def settle(self, child: Resource, takes: Takes) -> None:
        """Let a write take its time, and end it as Succeeded, with its event. Raises OperationFailed as it fails."""
        with told(self.azure, "Write", child.id, f"{self.type}/write"):
            try:
                await takes(self.azure.durations.network_write)
            except OperationFailed:
                child.properties["provisioningState"] = "Failed"
                self.move_etag(child.id)
                raise
            child.properties["provisioningState"] = "Succeeded"
            self.move_etag(child.id)
