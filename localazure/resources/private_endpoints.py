"""Private endpoints: an interface at once, names and addresses when the endpoint is Succeeded."""

from collections.abc import Collection, Sequence
from typing import Literal, override

from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, OperationFailed, Takes
from localazure.resources.network import bad_reference, new_etag, normal_location, start_network
from localazure.resources.network_interfaces import Member, NetworkInterfaces, Version
from localazure.resources.provider import ArmRequest, ResourceType, name_of, spelt, told
from localazure.store import Json, Resource, items, part

TYPE = "Microsoft.Network/privateEndpoints"

type Approval = Literal["Approved", "Pending", "Rejected", "Disconnected"]
APPROVALS: tuple[Approval, ...] = ("Approved", "Pending", "Rejected", "Disconnected")


class PrivateEndpoints(ResourceType):
    """Recorded: network/private-endpoint-with-dns-zone-group-full-flow [7-9], acr/private-endpoint-create-* [0-6]."""

    type = TYPE

    async def create(
        self,
        endpoint_id: str,
        location: str,
        subnet_id: str,
        *,
        target: str,
        member: str,
        fqdns: tuple[str, ...] = (),
        versions: Sequence[Version] = ("IPv4",),
        avoid: Collection[str] = (),
        takes: Takes | None = None,
    ) -> Resource:
        """Make an endpoint in a subnet to `target`'s part `member`; Succeeded when this returns.

        `versions` and `avoid` are of its addresses: see NetworkInterfaces.create.
        """
        connection = {
            "name": name_of(endpoint_id),
            "properties": {"privateLinkServiceId": target, "groupIds": [member]},
        }
        sent: Json = {
            "location": location,
            "properties": {"subnet": {"id": subnet_id}, "privateLinkServiceConnections": [connection]},
        }
        endpoint = self._store(endpoint_id, sent, [Member(member, member, fqdns)], versions, avoid)
        await self._settle(endpoint, takes or self.azure.clock.sleep)
        return endpoint

    async def readdress(self, endpoint_id: str, avoid: Collection[str] = (), takes: Takes | None = None) -> None:
        """Give it other addresses in its subnet, none of those to `avoid`.

        Its interface is written first and it itself some seconds later: meanwhile they name different addresses. One
        that is deleted meanwhile stays so.
        """
        endpoint = self.known(endpoint_id)
        nic_id: str = endpoint.properties["networkInterfaces"][0]["id"]
        NetworkInterfaces(self.azure).readdress(nic_id, avoid)
        await (takes or self.azure.clock.sleep)(self.azure.durations.network_write)
        if self.azure.store.get(endpoint_id) is not endpoint:
            return
        with told(self.azure, "Write", endpoint_id, f"{TYPE}/write"):
            endpoint.properties["customDnsConfigs"] = self._dns_configs(nic_id)
            endpoint.body["etag"] = new_etag(self.azure)

    def set_approval(self, endpoint_id: str, status: Approval) -> None:
        """What the owner of the target says of the connection (Learn, "Manage private endpoint connections")."""
        endpoint = self.known(endpoint_id)
        with told(self.azure, "Write", endpoint_id, f"{TYPE}/write"):
            for connection in endpoint.properties["privateLinkServiceConnections"]:
                state: Json = connection["properties"]["privateLinkServiceConnectionState"]
                state |= {"status": status, "description": status}
            endpoint.body["etag"] = new_etag(self.azure)

    def known(self, endpoint_id: str) -> Resource:
        """The endpoint. Raises LookupError where there is none."""
        endpoint = self.azure.store.get(endpoint_id)
        if endpoint is None:
            raise LookupError(f"{endpoint_id} is not there")
        return endpoint

    async def remove(self, endpoint_id: str, takes: Takes | None = None) -> None:
        """Delete an endpoint with its interface."""
        with told(self.azure, "Delete", endpoint_id, f"{TYPE}/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.network_write)
            endpoint = self.azure.store.remove(endpoint_id)
            for nic in items(endpoint.properties, "networkInterfaces") if endpoint else []:
                with told(self.azure, "Delete", nic["id"], "Microsoft.Network/networkInterfaces/delete"):
                    self.azure.store.remove(nic["id"])

    @override
    async def put(self, request: ArmRequest) -> Answer:
        given = part(request.sent, "properties")
        subnet = part(given, "subnet").get("id")
        if not subnet or not request.sent.get("location"):
            raise _incomplete(request)
        if self.azure.store.get(subnet) is None:
            raise bad_reference(subnet, request.id)
        existed = self.azure.store.get(request.id)
        members = members_of(given, normal_location(request.sent["location"]))
        endpoint = self._store(spelt(self.azure, TYPE, request.id), request.sent, members)

        async def work(operation: Operation) -> None:
            await self._settle(endpoint, operation.takes)

        operation = start_network(self.azure, request, endpoint.body["location"], work)
        return Answer(200 if existed else 201, self.shown(endpoint), operation.headers(location=False))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        endpoint = self.azure.store.get(request.id)
        if endpoint is None:
            return Answer(204)

        async def work(operation: Operation) -> None:
            await self.remove(endpoint.id, operation.takes)

        operation = start_network(self.azure, request, endpoint.body["location"], work)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        """Names and addresses are told only when the endpoint is Succeeded: `customDnsConfigs` is [] before."""
        etag = resource.body["etag"]
        connections = [
            {**connection, "etag": etag} for connection in resource.properties["privateLinkServiceConnections"]
        ]
        return {**resource.json(), "properties": {**resource.properties, "privateLinkServiceConnections": connections}}

    def _store(
        self,
        endpoint_id: str,
        sent: Json,
        members: list[Member],
        versions: Sequence[Version] = ("IPv4",),
        avoid: Collection[str] = (),
    ) -> Resource:
        given = part(sent, "properties")
        existed = self.azure.store.get(endpoint_id)
        properties: Json = {
            "provisioningState": "Updating",
            "resourceGuid": existed.properties["resourceGuid"] if existed else self.azure.guid(),
            "privateLinkServiceConnections": [
                _connection(endpoint_id, asked) for asked in items(given, "privateLinkServiceConnections")
            ],
            "manualPrivateLinkServiceConnections": items(given, "manualPrivateLinkServiceConnections"),
            "customNetworkInterfaceName": given.get("customNetworkInterfaceName", ""),
            "subnet": {"id": part(given, "subnet")["id"]},
            "ipConfigurations": items(given, "ipConfigurations"),
            "networkInterfaces": items(existed.properties, "networkInterfaces") if existed else [],
            "customDnsConfigs": items(existed.properties, "customDnsConfigs") if existed else [],
        }
        body: Json = {
            "etag": new_etag(self.azure),
            "location": normal_location(sent["location"]),
            "properties": properties,
        }
        if sent.get("tags") is not None:
            body["tags"] = sent["tags"]
        endpoint = self.azure.store.put(Resource(endpoint_id, TYPE, name_of(endpoint_id), body))
        if not properties["networkInterfaces"]:
            nic = NetworkInterfaces(self.azure).create(endpoint, members, versions=versions, avoid=avoid)
            properties["networkInterfaces"] = [{"id": nic.id}]
        return endpoint

    async def _settle(self, endpoint: Resource, takes: Takes) -> None:
        properties = endpoint.properties
        with told(self.azure, "Write", endpoint.id, f"{TYPE}/write"):
            try:
                await takes(self.azure.durations.private_endpoint)
            except OperationFailed:
                properties["provisioningState"] = "Failed"
                raise
            properties["provisioningState"] = "Succeeded"
            properties["customDnsConfigs"] = self._dns_configs(properties["networkInterfaces"][0]["id"])
            for connection in properties["privateLinkServiceConnections"]:
                connection["properties"]["privateLinkServiceConnectionState"]["description"] = "Auto-Approved"
            endpoint.body["etag"] = new_etag(self.azure)

    def _dns_configs(self, nic_id: str) -> list[Json]:
        nic = self.azure.store.get(nic_id)
        found = items(nic.properties, "ipConfigurations") if nic else []
        by_name: dict[str, list[str]] = {}
        for configuration in found:
            held: Json = configuration["properties"]
            for fqdn in held["privateLinkConnectionProperties"]["fqdns"]:
                by_name.setdefault(fqdn, []).append(held["privateIPAddress"])
        return [{"fqdn": fqdn, "ipAddresses": addresses} for fqdn, addresses in by_name.items()]


_SUFFIXES = {"blob": "blob.core.windows.net", "vault": "vault.azure.net", "registry": "azurecr.io"}


def members_of(given: Json, location: str) -> list[Member]:
    """The addresses that an endpoint needs. A registry needs two, the data endpoint first (recorded acr/ file [6])."""
    for connection in items(given, "privateLinkServiceConnections"):
        asked = part(connection, "properties")
        group = (items(asked, "groupIds") or [""])[0]
        target = name_of(str(asked.get("privateLinkServiceId", "")))
        whole = Member(group, group, (f"{target}.{_SUFFIXES[group]}",) if group in _SUFFIXES else ())
        if group == "registry":
            return [Member(group, f"registry_data_{location}", (f"{target}.{location}.data.azurecr.io",)), whole]
        return [whole]
    return []


def _connection(endpoint_id: str, asked: Json) -> Json:
    name = asked["name"]
    given = part(asked, "properties")
    return {
        "name": name,
        "id": f"{endpoint_id}/privateLinkServiceConnections/{name}",
        "etag": "",
        "properties": {
            "provisioningState": "Succeeded",
            "privateLinkServiceId": given.get("privateLinkServiceId"),
            "groupIds": items(given, "groupIds"),
            "privateLinkServiceConnectionState": {
                "status": "Approved",
                "description": "Auto Approved",
                "actionsRequired": "None",
            },
        },
        "type": f"{TYPE}/privateLinkServiceConnections",
    }


def _incomplete(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} needs a location and a subnet.", cause="", details=[])
