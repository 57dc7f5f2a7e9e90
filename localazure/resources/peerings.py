"""Peerings: Initiated when one side asks, Connected when both have, Disconnected when one has gone."""

import uuid
from typing import override

from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, Takes
from localazure.resources.network import (
    bad_reference,
    new_etag,
    reference,
    refuse_if_held,
    start_network,
)
from localazure.resources.network_child import NetworkChild
from localazure.resources.provider import ArmRequest, name_of, spelt
from localazure.store import Json, Resource, part

TYPE = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
_SYNC = {"Initiated": "RemoteNotInSync", "Connected": "FullyInSync", "Disconnected": "RemoteNotInSync"}


class Peerings(NetworkChild):
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
        await self.settle(peering, takes or self.azure.clock.sleep)
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
        vnet = self.parent_in(request)
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
            await self.settle(peering, operation.takes)

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(200 if existed else 201, self.shown(peering), operation.headers(location=False))

    @override
    def deleted(self, parent: Resource) -> None:
        self.update_states(parent.id)

    @override
    def shown(self, resource: Resource) -> Json:
        """With the remote VNet's address space as it is now."""
        remote = self.azure.store.get(resource.properties["remoteVirtualNetwork"]["id"])
        space: Json = remote.properties["addressSpace"] if remote else {"addressPrefixes": []}
        properties: Json = {
            **resource.properties,
            "peeringSyncLevel": _SYNC[resource.properties["peeringState"]],
            "remoteAddressSpace": space,
            "remoteVirtualNetworkAddressSpace": space,
        }
        etag = self.etag_of(resource.id)
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": properties, "type": TYPE}

    def _points_back(self, remote: str, own: str) -> bool:
        return any(
            peering.properties["remoteVirtualNetwork"]["id"].casefold() == own.casefold()
            for peering in self.azure.store.of_type(TYPE, remote)
        )


def _forwarding(remote_vnet_id: str) -> Json:
    """As hub and spoke are peered: what the hub forwards comes through."""
    return {"remoteVirtualNetwork": {"id": remote_vnet_id}, "allowForwardedTraffic": True}


def _no_remote(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} names no remote VNet.", cause="", details=[])
