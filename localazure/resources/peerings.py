"""Peerings: Initiated when one side asks, Connected when both have, Disconnected when one has gone."""

import uuid
from typing import override

from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, Takes
from localazure.resources.network import (
    bad_reference,
    child_not_found,
    new_etag,
    reference,
    refuse_if_held,
    start_network,
)
from localazure.resources.provider import (
    ArmRequest,
    ResourceType,
    name_of,
    parent_not_found,
    resource_not_found,
    spelt,
    told,
)
from localazure.store import Json, Resource, part

TYPE = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
_SYNC = {"Initiated": "RemoteNotInSync", "Connected": "FullyInSync", "Disconnected": "RemoteNotInSync"}


class Peerings(ResourceType):
    """Recorded: network/vnet-peering-both-sides-initiated-connected, vnet-get-with-peering."""

    type = TYPE

    def write(self, peering_id: str, given: Json) -> Resource:
        """Put a peering into the store as Updating and let both sides see each other."""
        vnet_id = peering_id.rsplit("/", 2)[0]
        remote = reference(given["remoteVirtualNetwork"])
        pair = "|".join(sorted((vnet_id.casefold(), remote["id"].casefold())))
        before = self.azure.store.get(peering_id)
        properties: Json = {
            "provisioningState": "Updating",
            "resourceGuid": str(uuid.uuid5(uuid.NAMESPACE_URL, pair)),
            "peeringState": before.properties["peeringState"] if before else "Initiated",
            "remoteVirtualNetwork": remote,
            "allowVirtualNetworkAccess": given.get("allowVirtualNetworkAccess", True),
            "allowForwardedTraffic": given.get("allowForwardedTraffic", False),
            "allowGatewayTransit": given.get("allowGatewayTransit", False),
            "useRemoteGateways": given.get("useRemoteGateways", False),
            "doNotVerifyRemoteGateways": given.get("doNotVerifyRemoteGateways", False),
            "peerCompleteVnets": given.get("peerCompleteVnets", True),
            "routeServiceVips": {},
        }
        peering = Resource(peering_id, TYPE, name_of(peering_id), {"properties": properties})
        self.azure.store.put(peering)
        self.update_states(vnet_id)
        return peering

    async def create(self, peering_id: str, remote_vnet_id: str, takes: Takes | None = None) -> Resource:
        """Peer one side with another VNet; Succeeded when this returns. Connected once the other side does the same."""
        peering = self.write(peering_id, _forwarding(remote_vnet_id))
        await self._settle(peering, takes or self.azure.clock.sleep)
        return peering

    def place(self, peering_id: str, remote_vnet_id: str) -> Resource:
        """The same at once, for worlds that are there from the start."""
        peering = self.write(peering_id, _forwarding(remote_vnet_id))
        peering.properties["provisioningState"] = "Succeeded"
        self.azure.emit("Write", "Success", peering.id, f"{TYPE}/write")
        return peering

    def update_states(self, vnet_id: str) -> None:
        """Judge every peering from or to a VNet anew."""
        for peering in self.azure.store.of_type(TYPE):
            own, remote = peering.id.rsplit("/", 2)[0], peering.properties["remoteVirtualNetwork"]["id"]
            if vnet_id.casefold() not in (own.casefold(), remote.casefold()):
                continue
            before = peering.properties["peeringState"]
            self.azure.store.touch(peering.id)
            if self._points_back(remote, own):
                peering.properties["peeringState"] = "Connected"
            elif before == "Connected":
                peering.properties["peeringState"] = "Disconnected"

    @override
    async def put(self, request: ArmRequest) -> Answer:
        vnet = self._vnet(request)
        refuse_if_held(vnet)
        given = part(request.sent, "properties")
        remote = part(given, "remoteVirtualNetwork").get("id")
        if not remote:
            raise _no_remote(request)
        if self.azure.store.get(remote) is None:
            raise bad_reference(remote, request.id)
        existed = self.azure.store.get(request.id)
        peering = self.write(spelt(self.azure, TYPE, request.id), given)
        vnet.body["etag"] = new_etag(self.azure)

        async def work(operation: Operation) -> None:
            await self._settle(peering, operation.takes)

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(200 if existed else 201, self.shown(peering), operation.headers(location=False))

    @override
    async def get(self, request: ArmRequest) -> Answer:
        shown = self.shown(self.found(request))
        return Answer(200, shown, {"etag": shown["etag"]})

    @override
    async def list(self, request: ArmRequest) -> Answer:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)
        return await super().list(request)

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        peering = self.azure.store.get(request.id)
        if peering is None:
            return Answer(204)
        vnet = self._vnet(request)
        refuse_if_held(vnet)

        async def work(operation: Operation) -> None:
            with told(self.azure, "Delete", peering.id, f"{TYPE}/delete"):
                await operation.takes(self.azure.durations.network_write)
                self.azure.store.remove(peering.id)
                vnet.body["etag"] = new_etag(self.azure)
                self.update_states(vnet.id)

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        """With the remote VNet's address space as it is now."""
        vnet = self.azure.store.get(resource.id.rsplit("/", 2)[0])
        remote = self.azure.store.get(resource.properties["remoteVirtualNetwork"]["id"])
        space: Json = remote.properties["addressSpace"] if remote else {"addressPrefixes": []}
        properties: Json = {
            **resource.properties,
            "peeringSyncLevel": _SYNC[resource.properties["peeringState"]],
            "remoteAddressSpace": space,
            "remoteVirtualNetworkAddressSpace": space,
        }
        etag = vnet.body["etag"] if vnet else new_etag(self.azure)
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": properties, "type": TYPE}

    @override
    def found(self, request: ArmRequest) -> Resource:
        peering = self.azure.store.get(request.id)
        if peering is not None:
            return peering
        if self.azure.store.get(request.parent) is None:
            raise resource_not_found(request)
        raise child_not_found(request.id)

    def _points_back(self, remote: str, own: str) -> bool:
        return any(
            peering.properties["remoteVirtualNetwork"]["id"].casefold() == own.casefold()
            for peering in self.azure.store.of_type(TYPE, remote)
        )

    def _vnet(self, request: ArmRequest) -> Resource:
        vnet = self.azure.store.get(request.parent)
        if vnet is None:
            raise parent_not_found(request.parent)
        return vnet

    async def _settle(self, peering: Resource, takes: Takes) -> None:
        with told(self.azure, "Write", peering.id, f"{TYPE}/write"):
            await takes(self.azure.durations.network_write)
            peering.properties["provisioningState"] = "Succeeded"
            if (vnet := self.azure.store.get(peering.id.rsplit("/", 2)[0])) is not None:
                vnet.body["etag"] = new_etag(self.azure)


def _forwarding(remote_vnet_id: str) -> Json:
    """As hub and spoke are peered: what the hub forwards comes through."""
    return {"remoteVirtualNetwork": {"id": remote_vnet_id}, "allowForwardedTraffic": True}


def _no_remote(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} names no remote VNet.", cause="", details=[])
