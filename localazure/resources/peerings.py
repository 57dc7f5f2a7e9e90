"""Peerings: Initiated when one side asks, Connected when both have, Disconnected when one has gone.

Each side keeps a copy of the other's address space, which a growth of the other does not change: see peered.py.
"""

import uuid
from copy import deepcopy
from typing import override

from localazure import peered
from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, Takes
from localazure.peered import TYPE
from localazure.resources.network import (
    bad_reference,
    new_etag,
    reference,
    refuse_if_held,
    start_network,
)
from localazure.resources.network_child import NetworkChild
from localazure.resources.provider import ArmRequest, name_of, spelt
from localazure.store import Json, Resource, items, part

_KEPT = ("localSubnetNames", "remoteSubnetNames", "enableOnlyIPv6Peering")
"""Printed only where a caller said it (recorded network/vnet-peering-subnet-peering)."""


class Peerings(NetworkChild):
    """Recorded: network/vnet-peering-both-sides-initiated-connected, vnet-get-with-peering, vnet-peering-sync-*."""

    type = TYPE
    pause = 10
    """Recorded network/vnet-peering-survives-vnet-put-2025-03-01 [6]."""

    def write(self, peering_id: str, given: Json, *, sync: bool = False) -> Resource:
        """Put a peering into the store as Updating and let both sides see each other.

        `sync` takes over the remote VNet's address space as it is now (`syncRemoteAddressSpace`). Without it a
        Connected peering keeps the copy that it has.
        """
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
            **{key: deepcopy(given[key]) for key in _KEPT if key in given},
        }
        keeps_copy = before is not None and before.properties["peeringState"] == "Connected" and not sync
        current = peered.remote_space(self.azure.store, properties)
        properties["remoteAddressSpace"] = before.properties["remoteAddressSpace"] if before and keeps_copy else current
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
            if peered.counterpart(self.azure.store, peering) is not None:
                peering.properties["peeringState"] = "Connected"
                if before != "Connected":
                    peering.properties["remoteAddressSpace"] = peered.remote_space(self.azure.store, peering.properties)
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
        sync = request.query.get("syncremoteaddressspace", "").casefold() == "true"
        peering = self.write(spelt(self.azure, TYPE, request.id), given, sync=sync)
        vnet.body["etag"] = new_etag(self.azure)

        async def work(operation: Operation) -> None:
            await self.settle(peering, operation.takes)

        location = vnet.body["location"]
        operation = start_network(self.azure, request, location, work, holds=vnet, pause=self.pause)
        return Answer(200 if existed else 201, self.shown(peering), operation.headers(location=False))

    @override
    def deleted(self, parent: Resource) -> None:
        self.update_states(parent.id)

    @override
    def shown(self, resource: Resource) -> Json:
        """With the remote VNet's address space as it is now beside the copy, and how the two sides stand."""
        held, store = resource.properties, self.azure.store
        now = peered.remote_space(store, held)
        properties: Json = {
            "remoteAddressSpace": now,
            **held,
            "peeringSyncLevel": peered.sync_level(store, resource),
            "remoteVirtualNetworkAddressSpace": now,
        }
        if not held.get("peerCompleteVnets", True):
            own = peered.space_of(store, resource.id.rsplit("/", 2)[0], items(held, "localSubnetNames"))
            properties.update(localAddressSpace=own, localVirtualNetworkAddressSpace=own)
        remote = store.get(held["remoteVirtualNetwork"]["id"])
        if remote is not None and "encryption" in remote.properties:
            properties["remoteVirtualNetworkEncryption"] = remote.properties["encryption"]
        etag = self.etag_of(resource.id)
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": properties, "type": TYPE}


def _forwarding(remote_vnet_id: str) -> Json:
    """As hub and spoke are peered: what the hub forwards comes through."""
    return {"remoteVirtualNetwork": {"id": remote_vnet_id}, "allowForwardedTraffic": True}


def _no_remote(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} names no remote VNet.", cause="", details=[])
