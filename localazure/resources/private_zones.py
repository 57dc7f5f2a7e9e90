"""Private DNS zones: written asynchronously, counted live, and not to be deleted while a link hangs on them."""

import base64
from typing import override

from localazure.answers import Answer, arm_error
from localazure.operations import Operation, OperationFailed, Takes
from localazure.resources.private_dns import start_dns
from localazure.resources.provider import (
    UNCONDITIONAL,
    ArmRequest,
    Condition,
    ResourceType,
    name_of,
    relative_name,
    spelt,
    told,
)
from localazure.resources.record_sets import start_of_authority
from localazure.store import Json, Resource

TYPE = "Microsoft.Network/privateDnsZones"
LINKS = f"{TYPE}/virtualNetworkLinks"


class PrivateZones(ResourceType):
    """Recorded: privatedns/link-create-full-flow [0-2], zone-link-record-full-flow-2024-06-01 [0-4] [26-35]."""

    type = TYPE

    async def create(
        self,
        zone_id: str,
        *,
        tags: dict[str, str] | None = None,
        condition: Condition = UNCONDITIONAL,
        takes: Takes | None = None,
    ) -> Resource:
        """Make a zone with its SOA record, or write its tags; there when this returns.

        A broken precondition raises OperationFailed: private DNS judges it when the operation runs.
        """
        with told(self.azure, "Write", zone_id, f"{TYPE}/write"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.zone_write)
            zone = self.azure.store.get(zone_id)
            if broken := condition.broken_by(zone):
                raise _precondition_failed(name_of(zone_id), broken)
            if zone is None:
                zone = self.place(zone_id)
            zone.body["etag"] = self.azure.guid()
            if tags is not None:
                zone.body["tags"] = tags
            return zone

    def place(self, zone_id: str) -> Resource:
        """A zone with its SOA record that is there at once and that nobody is told of."""
        zone = self.azure.store.put(Resource(zone_id, TYPE, name_of(zone_id), self._body()))
        zone.body["etag"] = self.azure.guid()
        self.azure.store.put(start_of_authority(self.azure, zone))
        return zone

    async def remove(self, zone_id: str, takes: Takes | None = None) -> None:
        """Delete a zone with its record sets. Links must be gone, or OperationFailed."""
        with told(self.azure, "Delete", zone_id, f"{TYPE}/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.zone_write)
            if links := self.azure.store.of_type(LINKS, zone_id):
                raise OperationFailed("CannotDeleteResource", _nested(links[0].id))
            for resource in self.azure.store.under(zone_id):
                self.azure.store.remove(resource.id)
            self.azure.store.remove(zone_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        if request.sent.get("location", "").casefold() != "global":
            raise arm_error(400, "LocationNotAvailableForResourceType", f"The location of {TYPE} must be 'global'.")
        return self._write(request, request.sent.get("tags"))

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        zone = self.found(request)
        return self._write(request, request.sent.get("tags", zone.body.get("tags")))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        zone = self.azure.store.get(request.id)
        if zone is None:
            return Answer(204)
        if links := self.azure.store.of_type(LINKS, zone.id):
            raise arm_error(409, "CannotDeleteResource", _nested(links[0].id))
        if broken := request.condition.broken_by(zone):
            raise arm_error(412, "PreconditionFailed", _precondition_failed(zone.name, broken).error["message"])
        zone_id = zone.id

        async def work(operation: Operation) -> None:
            await self.remove(zone_id, operation.takes)

        operation = start_dns(self.azure, request, "DeletePrivateDnsZone", work)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        links = self.azure.store.of_type(LINKS, resource.id)
        records = len(self.azure.store.under(resource.id)) - len(links)
        registering = sum(1 for link in links if link.properties["registrationEnabled"])
        counts = {
            "numberOfRecordSets": records,
            "numberOfVirtualNetworkLinks": len(links),
            "numberOfVirtualNetworkLinksWithRegistration": registering,
        }
        return {**resource.json(), "properties": {**resource.properties, **counts}}

    def _write(self, request: ArmRequest, tags: dict[str, str] | None) -> Answer:
        zone_id = spelt(self.azure, TYPE, request.id)

        async def work(operation: Operation) -> None:
            await self.create(zone_id, tags=tags, condition=request.condition, takes=operation.takes)

        operation = start_dns(self.azure, request, "UpsertPrivateDnsZone", work)
        return Answer(202, {}, operation.headers(location=True))

    def _body(self) -> Json:
        identity = base64.b64encode(f"ImmutableZoneIdentity;{self.azure.guid()};0".encode()).decode()
        limits = {
            "maxNumberOfRecordSets": 25000,
            "maxNumberOfVirtualNetworkLinks": 1000,
            "maxNumberOfVirtualNetworkLinksWithRegistration": 100,
        }
        return {
            "etag": "",
            "location": "global",
            "properties": {"internalId": identity, **limits, "provisioningState": "Succeeded"},
        }


def _nested(link_id: str) -> str:
    return (
        "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
        f"'{relative_name(link_id)}'. Please delete all nested resources before deleting this resource."
    )


def _precondition_failed(name: str, broken: str) -> OperationFailed:
    what = "exists already and hence cannot be created again" if broken == "exists" else "has been modified"
    return OperationFailed("PreconditionFailed", f"The Private DNS zone {name} {what}.")
