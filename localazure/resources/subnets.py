"""Subnets: a PUT removes what it leaves out, the ETag is the VNet's, and back references are upper-cased."""

from copy import deepcopy
from typing import Any, override

from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure
from localazure.operations import Operation, Takes
from localazure.resources.network import (
    child_not_found,
    new_etag,
    reference,
    refuse_if_held,
    start_network,
    upper_cased,
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
from localazure.store import Json, Resource, items, part

TYPE = "Microsoft.Network/virtualNetworks/subnets"
NICS = "Microsoft.Network/networkInterfaces"
BALANCERS = "Microsoft.Network/loadBalancers"
_REFERENCES = ("networkSecurityGroup", "routeTable", "natGateway")
_READ_ONLY = ("provisioningState", "ipConfigurations", "privateEndpoints", "purpose")


class Subnets(ResourceType):
    """Recorded: network/subnet-set-then-unset-network-security-group, subnet-attach-route-table-then-delegation."""

    type = TYPE

    def write(self, subnet_id: str, given: Json, api_version: str = "2025-03-01") -> Resource:
        """Put a subnet into the store as Updating, whole: nothing of what it had before stays."""
        properties: Json = {"provisioningState": "Updating"}
        properties.update({key: deepcopy(value) for key, value in given.items() if key not in _READ_ONLY})
        for key in _REFERENCES:
            if properties.get(key):
                properties[key] = reference(properties[key])
            else:
                properties.pop(key, None)
        properties["delegations"] = [_delegation(subnet_id, asked) for asked in items(given, "delegations")]
        # Newer versions switch network policies off unless told (2024-03-01), older ones on (2020-05-01): recorded.
        policies = "Disabled" if api_version >= "2022" else "Enabled"
        properties.setdefault("privateEndpointNetworkPolicies", policies)
        properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
        return self.azure.store.put(Resource(subnet_id, TYPE, name_of(subnet_id), {"properties": properties}))

    def replace_all(self, vnet: Resource, given: list[Any], api_version: str) -> None:
        """Make the VNet's subnets those that were sent, and no others."""
        kept: set[str] = set()
        for subnet in given:
            subnet_id = f"{vnet.id}/subnets/{subnet['name']}"
            self.write(subnet_id, part(subnet, "properties"), api_version)
            kept.add(subnet_id.casefold())
        for subnet in self.azure.store.of_type(TYPE, vnet.id):
            if subnet.id.casefold() not in kept:
                self.azure.store.remove(subnet.id)

    async def create(self, subnet_id: str, properties: Json, takes: Takes | None = None) -> Resource:
        """Make or replace a subnet; Succeeded when this returns."""
        subnet = self.write(subnet_id, properties)
        await self._settle(subnet, takes or self.azure.clock.sleep)
        return subnet

    @override
    async def put(self, request: ArmRequest) -> Answer:
        vnet = self._vnet(request)
        refuse_if_held(vnet)
        if request.condition.if_match and request.condition.broken_by(vnet):
            raise _changed(request)
        properties = part(request.sent, "properties")
        if not properties.get("addressPrefix") and not properties.get("addressPrefixes"):
            raise _no_prefix(request)
        existed = self.azure.store.get(request.id)
        subnet = self.write(spelt(self.azure, TYPE, request.id), properties, request.api_version)
        vnet.body["etag"] = new_etag(self.azure)

        async def work(operation: Operation) -> None:
            await self._settle(subnet, operation.takes)

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(200 if existed else 201, self.shown(subnet), operation.headers(location=False))

    @override
    async def get(self, request: ArmRequest) -> Answer:
        subnet = self.found(request)
        shown = self.shown(subnet)
        return Answer(200, shown, {"etag": shown["etag"]})

    @override
    async def list(self, request: ArmRequest) -> Answer:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)
        return await super().list(request)

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        subnet = self.azure.store.get(request.id)
        if subnet is None:
            return Answer(204)
        vnet = self._vnet(request)
        refuse_if_held(vnet)
        if (refusal := in_use(self.azure, subnet)) is not None:
            raise refusal

        async def work(operation: Operation) -> None:
            with told(self.azure, "Delete", subnet.id, f"{TYPE}/delete"):
                await operation.takes(self.azure.durations.network_write)
                self.azure.store.remove(subnet.id)
                vnet.body["etag"] = new_etag(self.azure)

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        vnet = self.azure.store.get(vnet_of(resource.id))
        etag = vnet.body["etag"] if vnet else new_etag(self.azure)
        properties = {**resource.properties, **_back_references(self.azure, resource)}
        properties["delegations"] = [{**delegation, "etag": etag} for delegation in properties["delegations"]]
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": properties, "type": TYPE}

    @override
    def found(self, request: ArmRequest) -> Resource:
        subnet = self.azure.store.get(request.id)
        if subnet is not None:
            return subnet
        if self.azure.store.get(request.parent) is None:
            raise resource_not_found(request)
        raise child_not_found(request.id)

    def _vnet(self, request: ArmRequest) -> Resource:
        vnet = self.azure.store.get(request.parent)
        if vnet is None:
            raise parent_not_found(request.parent)
        return vnet

    async def _settle(self, subnet: Resource, takes: Takes) -> None:
        with told(self.azure, "Write", subnet.id, f"{TYPE}/write"):
            await takes(self.azure.durations.network_write)
            subnet.properties["provisioningState"] = "Succeeded"
            if (vnet := self.azure.store.get(vnet_of(subnet.id))) is not None:
                vnet.body["etag"] = new_etag(self.azure)


def vnet_of(child_id: str) -> str:
    """The VNet's id of a subnet's or peering's."""
    return child_id.rsplit("/", 2)[0]


def in_use(azure: LocalAzure, subnet: Resource) -> Refused | None:
    """400 when something still sits in the subnet. Recorded: errors/400-in-use-subnet-kube-apiserver-nic."""
    for configuration in configurations_in(azure, subnet.id):
        return arm_error(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet.name} is in use by {configuration['id']} and cannot be deleted. In order to delete the "
            "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            cause="",
            details=[],
        )
    return None


def configurations_in(azure: LocalAzure, subnet_id: str) -> list[Json]:
    """The IP configurations of all network interfaces in a subnet, and the frontends of internal load balancers."""

    def by_subnet() -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for kind, key in ((NICS, "ipConfigurations"), (BALANCERS, "frontendIPConfigurations")):
            for holder in azure.store.of_type(kind):
                for configuration in holder.properties[key]:
                    if subnet := part(configuration["properties"], "subnet").get("id"):
                        found.setdefault(subnet.casefold(), []).append(configuration)
        return found

    return azure.store.indexed("IP configurations by subnet", by_subnet).get(subnet_id.casefold(), [])


def _endpoints_in(azure: LocalAzure, subnet_id: str) -> list[Resource]:
    def by_subnet() -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for endpoint in azure.store.of_type("Microsoft.Network/privateEndpoints"):
            found.setdefault(endpoint.properties["subnet"]["id"].casefold(), []).append(endpoint)
        return found

    return azure.store.indexed("private endpoints by subnet", by_subnet).get(subnet_id.casefold(), [])


def _back_references(azure: LocalAzure, subnet: Resource) -> Json:
    found: Json = {}
    if configurations := configurations_in(azure, subnet.id):
        found["ipConfigurations"] = [{"id": upper_cased(configuration["id"])} for configuration in configurations]
    if endpoints := _endpoints_in(azure, subnet.id):
        found["privateEndpoints"] = [{"id": upper_cased(endpoint.id)} for endpoint in endpoints]
    return found


def _delegation(subnet_id: str, asked: Json) -> Json:
    given = part(asked, "properties")
    name = asked.get("name", "0")
    return {
        "name": name,
        "id": f"{subnet_id}/delegations/{name}",
        "etag": "",
        "properties": {
            "provisioningState": "Succeeded",
            "serviceName": given.get("serviceName"),
            "actions": given.get("actions") or ["Microsoft.Network/virtualNetworks/subnets/join/action"],
        },
        "type": f"{TYPE}/delegations",
    }


def _changed(request: ArmRequest) -> Refused:
    """Whether Azure judges If-Match on a subnet is not known; a caller must be right either way. Here it does."""
    return arm_error(
        412, "PreconditionFailed", f"The ETag of {request.id} is not the one that was given.", cause="", details=[]
    )


def _no_prefix(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} needs an address prefix.", cause="", details=[])
