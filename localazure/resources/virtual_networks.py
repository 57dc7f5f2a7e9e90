"""Virtual networks: one body that holds its subnets and peerings, one ETag that moves with any of them."""

from collections.abc import Mapping, Sequence
from typing import override

from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, Takes
from localazure.resources.network import (
    new_etag,
    normal_location,
    printed,
    refuse_if_held,
    start_network,
)
from localazure.resources.peerings import Peerings
from localazure.resources.provider import ArmRequest, ResourceType, etag_header, name_of, spelt, told
from localazure.resources.subnets import Subnets, check_route_table, in_use
from localazure.store import Json, Resource, items, part

TYPE = "Microsoft.Network/virtualNetworks"

_DELETION_PAUSE = 10
"""Seconds. Recorded: dnsresolver/forwarding-ruleset-full-flow-2022-07-01 [33]."""


class VirtualNetworks(ResourceType):
    """Recorded: network/vnet-put-resends-subnets-2025-03-01, vnet-dns-servers-put, vnet-get-with-peering."""

    type = TYPE

    async def create(
        self,
        vnet_id: str,
        location: str,
        prefixes: Sequence[str],
        *,
        dns_servers: Sequence[str] = (),
        subnets: Mapping[str, str] | None = None,
        tags: dict[str, str] | None = None,
        takes: Takes | None = None,
    ) -> Resource:
        """Make a VNet, with subnets by name and prefix; Succeeded when this returns."""
        vnet = self._store(vnet_id, _sent(location, prefixes, dns_servers, subnets, tags))
        await self._settle(vnet, takes or self.azure.clock.sleep)
        return vnet

    def place(
        self,
        vnet_id: str,
        location: str,
        prefixes: Sequence[str],
        *,
        dns_servers: Sequence[str] = (),
        subnets: Mapping[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> Resource:
        """The same at once, for worlds that are there from the start."""
        vnet = self._store(vnet_id, _sent(location, prefixes, dns_servers, subnets, tags))
        self._settled(vnet)
        self.azure.emit("Write", "Success", vnet.id, f"{TYPE}/write")
        return vnet

    async def remove(self, vnet_id: str, takes: Takes | None = None) -> None:
        """Delete a VNet with its subnets; peerings that point to it become Disconnected. Links to it stay."""
        with told(self.azure, "Delete", vnet_id, f"{TYPE}/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.network_write)
            for child in self.azure.store.under(vnet_id):
                self.azure.store.remove(child.id)
            self.azure.store.remove(vnet_id)
            Peerings(self.azure).update_states(vnet_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        sent = request.sent
        existed = self.azure.store.get(request.id)
        if existed is not None:
            refuse_if_held(existed)
        self._check(request, sent, existed)
        same_network = existed is not None and _network_of(existed, self.shown(existed)) == _wanted(sent, existed)
        vnet = self._store(spelt(self.azure, TYPE, request.id), sent, request.api_version)

        async def work(operation: Operation) -> None:
            await self._settle(vnet, operation.takes)

        if same_network:  # tags alone are written at once (recorded vnet-put-resends-subnets [10])
            self._settled(vnet)
            operation = start_network(self.azure, request, vnet.body["location"], _nothing_to_do)
            self.azure.emit("Write", "Success", vnet.id, f"{TYPE}/write")
            return Answer(200, self.shown(vnet), operation.headers(location=False, wait=False))
        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(200 if existed else 201, self.shown(vnet), operation.headers(location=False))

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        """Tags alone can be patched."""
        vnet = self.found(request)
        vnet.body["tags"] = request.sent.get("tags") or {}
        vnet.body["etag"] = new_etag(self.azure)
        self.azure.emit("Write", "Success", vnet.id, f"{TYPE}/write")
        return Answer(200, self.shown(vnet), etag_header(vnet))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        vnet = self.azure.store.get(request.id)
        if vnet is None:
            return Answer(204)
        refuse_if_held(vnet)
        for subnet in self.azure.store.of_type(Subnets.type, vnet.id):
            if (refusal := in_use(self.azure, subnet)) is not None:
                raise refusal

        async def work(operation: Operation) -> None:
            await self.remove(vnet.id, operation.takes)

        location = vnet.body["location"]
        operation = start_network(self.azure, request, location, work, holds=vnet, pause=_DELETION_PAUSE)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        subnets, peerings = Subnets(self.azure), Peerings(self.azure)
        inside = {
            "subnets": [subnets.shown(subnet) for subnet in self.azure.store.of_type(Subnets.type, resource.id)],
            "virtualNetworkPeerings": [
                peerings.shown(peering) for peering in self.azure.store.of_type(Peerings.type, resource.id)
            ],
        }
        properties = {**resource.properties, **inside}
        return {**printed(resource.json()), "properties": properties}

    def _check(self, request: ArmRequest, sent: Json, existed: Resource | None) -> None:
        location = sent.get("location") or (existed.body["location"] if existed else "")
        if not location:
            raise arm_error(400, "LocationRequired", "The location property is required for this definition.")
        if existed is not None and normal_location(location) != existed.body["location"]:
            raise arm_error(
                409,
                "InvalidResourceLocation",
                f"The resource '{request.name}' already exists in location '{existed.body['location']}' in resource "
                f"group '{request.resource_group}'. A resource with the same name cannot be created in location "
                f"'{location}'. Please select a new resource name.",
            )
        if not items(part(part(sent, "properties"), "addressSpace"), "addressPrefixes"):
            raise _no_address_space(request)
        encryption = part(part(sent, "properties"), "encryption")
        if encryption and ("enabled" not in encryption or "enforcement" not in encryption):
            raise _half_an_encryption(request)
        for subnet in items(part(sent, "properties"), "subnets"):
            check_route_table(self.azure, request.id, part(subnet, "properties"))
        kept = {str(subnet.get("name", "")).casefold() for subnet in items(part(sent, "properties"), "subnets")}
        for subnet in self.azure.store.of_type(Subnets.type, request.id):
            if subnet.name.casefold() not in kept and (refusal := in_use(self.azure, subnet)) is not None:
                raise refusal

    def _store(self, vnet_id: str, sent: Json, api_version: str = "2025-03-01") -> Resource:
        """Write the body, with subnets replaced by those that were sent: a PUT removes what it leaves out."""
        given = part(sent, "properties")
        existed = self.azure.store.get(vnet_id)
        properties: Json = {
            "provisioningState": "Updating",
            "resourceGuid": existed.properties["resourceGuid"] if existed else self.azure.guid(),
            "addressSpace": given["addressSpace"],
            "dhcpOptions": {"dnsServers": items(part(given, "dhcpOptions"), "dnsServers")},
            "privateEndpointVNetPolicies": given.get("privateEndpointVNetPolicies", "Disabled"),
            "enableDdosProtection": given.get("enableDdosProtection", False),
            "enableVmProtection": given.get("enableVmProtection", False),
        }
        if given.get("encryption"):
            properties["encryption"] = {key: given["encryption"][key] for key in ("enabled", "enforcement")}
        location = normal_location(sent.get("location") or (existed.body["location"] if existed else ""))
        body: Json = {"etag": new_etag(self.azure), "location": location, "properties": properties}
        if sent.get("tags") is not None:
            body["tags"] = sent["tags"]
        vnet = self.azure.store.put(Resource(existed.id if existed else vnet_id, TYPE, name_of(vnet_id), body))
        Subnets(self.azure).replace_all(vnet, items(given, "subnets"), api_version)
        for peering in items(given, "virtualNetworkPeerings"):
            Peerings(self.azure).write(
                f"{vnet.id}/virtualNetworkPeerings/{peering['name']}", part(peering, "properties")
            )
        return vnet

    async def _settle(self, vnet: Resource, takes: Takes) -> None:
        with told(self.azure, "Write", vnet.id, f"{TYPE}/write"):
            await takes(self.azure.durations.network_write)
            self._settled(vnet)

    def _settled(self, vnet: Resource) -> None:
        for resource in (vnet, *self.azure.store.under(vnet.id)):
            resource.properties["provisioningState"] = "Succeeded"
        vnet.body["etag"] = new_etag(self.azure)


def _sent(
    location: str,
    prefixes: Sequence[str],
    dns_servers: Sequence[str],
    subnets: Mapping[str, str] | None,
    tags: dict[str, str] | None,
) -> Json:
    """The body that a caller would have sent."""
    inside = [{"name": name, "properties": {"addressPrefix": prefix}} for name, prefix in (subnets or {}).items()]
    properties = {
        "addressSpace": {"addressPrefixes": list(prefixes)},
        "dhcpOptions": {"dnsServers": list(dns_servers)},
        "subnets": inside,
    }
    return {"location": location, "tags": tags, "properties": properties}


async def _nothing_to_do(_operation: Operation) -> None:
    """The operation of a write that was done at once."""


_NETWORK_KEYS = ("addressSpace", "dhcpOptions", "encryption")


def _network_of(vnet: Resource, shown: Json) -> Json:
    """What of a VNet is network, and not only a label."""
    prefixes = {subnet["name"]: subnet["properties"].get("addressPrefix") for subnet in shown["properties"]["subnets"]}
    return {"subnets": prefixes, **{key: vnet.properties.get(key) for key in _NETWORK_KEYS}}


def _wanted(sent: Json, vnet: Resource) -> Json:
    given = part(sent, "properties")
    prefixes = {
        subnet.get("name"): part(subnet, "properties").get("addressPrefix") for subnet in items(given, "subnets")
    }
    servers = {"dnsServers": items(part(given, "dhcpOptions"), "dnsServers")}
    kept = {key: given.get(key) for key in _NETWORK_KEYS}
    return {"subnets": prefixes, **kept, "dhcpOptions": servers}


def _half_an_encryption(request: ArmRequest) -> Refused:
    """Recorded: network/vnet-encryption [3]."""
    return arm_error(
        400,
        "MustSpecifyBothEncryptionIntentAndEnforcementPolicy",
        f"Cannot encrypt VirtualNetwork {request.id} unless both encryption intent (Enabled true or false) and "
        "enforcement policy (AllowUnencrypted or DropUnencrypted) are specified.",
        cause="",
        details=[],
    )


def _no_address_space(request: ArmRequest) -> Refused:
    return arm_error(
        400, "InvalidRequestFormat", f"The VNet {request.id} needs an address space.", cause="", details=[]
    )
