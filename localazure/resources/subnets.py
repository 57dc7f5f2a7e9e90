"""Subnets: a PUT removes what it leaves out, the ETag is the VNet's, and back references are upper-cased."""

from copy import deepcopy
from typing import Any, override

from localazure import back_references
from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure
from localazure.back_references import SUBNETS as TYPE
from localazure.operations import Operation, OperationFailed, Takes
from localazure.resources.network import (
    bad_reference,
    new_etag,
    not_provisioned,
    reference,
    refuse_if_held,
    start_network,
)
from localazure.resources.network_child import NetworkChild
from localazure.resources.provider import ArmRequest, name_of, spelt
from localazure.store import Json, Resource, items, part

_REFERENCES = ("networkSecurityGroup", "routeTable", "natGateway")
_GATHERED = ("provisioningState", "ipConfigurations", "privateEndpoints", "purpose")
_AZURES_OWN = ("resourceNavigationLinks", "serviceAssociationLinks", "ipConfigurationProfiles")
"""What other services of Azure write into a subnet: no caller can set or remove it (API type Subnet, read-only)."""

_POLICIES_OFF_SINCE = "2020-11-01"
"""The API version since which `privateEndpointNetworkPolicies` is Disabled unless a caller says otherwise.

Recorded: Enabled with 2020-05-01 (network/subnet-set-then-unset-network-security-group [0]), Disabled with 2020-11-01
(dnsresolver/forwarding-ruleset-full-flow-2022-07-01 [4]) and with every newer one. The version of the write decides,
not that of the read (network/private-link-service-full-flow-2025-03-01).
"""


class Subnets(NetworkChild):
    """Recorded: network/subnet-set-then-unset-network-security-group, subnet-attach-route-table-then-delegation."""

    type = TYPE

    def write(self, subnet_id: str, given: Json, api_version: str = "2025-03-01") -> Resource:
        """Put a subnet into the store as Updating, whole: nothing of what callers had said before stays.

        What is not known here is kept as it was sent.
        """
        before = self.azure.store.get(subnet_id)
        properties: Json = {"provisioningState": "Updating"}
        properties.update({key: before.properties[key] for key in _AZURES_OWN if before and key in before.properties})
        kept = {key: value for key, value in given.items() if key not in (*_GATHERED, *_AZURES_OWN)}
        properties.update(deepcopy(kept))
        for key in _REFERENCES:
            if properties.get(key):
                properties[key] = reference(properties[key])
            else:
                properties.pop(key, None)
        properties["delegations"] = [_delegation(subnet_id, asked) for asked in items(given, "delegations")]
        policies = "Disabled" if api_version >= _POLICIES_OFF_SINCE else "Enabled"
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
        self.move_etag(subnet_id)
        await self.settle(subnet, takes or self.azure.clock.sleep)
        return subnet

    def place(self, subnet_id: str, properties: Json) -> Resource:
        """The same at once, with what services of Azure have written into it, if `properties` says so."""
        subnet = self.write(subnet_id, properties)
        subnet.properties.update({key: deepcopy(properties[key]) for key in _AZURES_OWN if key in properties})
        subnet.properties["provisioningState"] = "Succeeded"
        self.move_etag(subnet_id)
        self.azure.emit("Write", "Success", subnet.id, f"{TYPE}/write")
        return subnet

    def change(self, subnet_id: str, **properties: object) -> Resource:
        """Write some properties of a subnet at once, as someone else would; None removes one.

        Raises LookupError where the subnet is missing.
        """
        subnet = self.azure.store.get(subnet_id)
        if subnet is None:
            raise LookupError(f"there is no subnet {subnet_id}")
        changed = {**subnet.properties, **properties}
        return self.place(subnet.id, {key: value for key, value in changed.items() if value is not None})

    @override
    async def put(self, request: ArmRequest) -> Answer:
        vnet = self.parent_in(request)
        refuse_if_held(vnet)
        existed = self.azure.store.get(request.id)
        self._check_condition(request, vnet if existed else None)
        properties = part(request.sent, "properties")
        if not properties.get("addressPrefix") and not properties.get("addressPrefixes"):
            raise _no_prefix(request)
        check_route_table(self.azure, request.id, properties)
        before = deepcopy(existed.properties) if existed else None
        subnet = self.write(spelt(self.azure, TYPE, request.id), properties, request.api_version)
        vnet.body["etag"] = new_etag(self.azure)

        async def work(operation: Operation) -> None:
            try:
                await self.settle(subnet, operation.takes)
            except OperationFailed:
                if before is not None and not self.azure.network.keeps_failed_writes:
                    subnet.body["properties"] = {**before, "provisioningState": "Failed"}
                raise

        operation = start_network(self.azure, request, vnet.body["location"], work, holds=vnet)
        return Answer(200 if existed else 201, self.shown(subnet), operation.headers(location=False))

    @override
    def refuse_deletion(self, child: Resource, parent: Resource) -> None:
        refuse_if_held(parent)
        if (refusal := in_use(self.azure, child)) is not None:
            raise refusal

    @override
    def shown(self, resource: Resource) -> Json:
        etag = self.etag_of(resource.id)
        gathered = back_references.of_subnet(self.azure.store, resource.id, self.azure.network)
        properties = {**resource.properties, **gathered}
        properties["delegations"] = [{**delegation, "etag": etag} for delegation in properties["delegations"]]
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": properties, "type": TYPE}

    def _check_condition(self, request: ArmRequest, vnet: Resource | None) -> None:
        """The ETag that counts is the VNet's. `vnet` is None for a subnet that is not there."""
        condition = request.condition
        if condition.if_match and self.azure.network.judges_subnet_etags and condition.broken_by(vnet):
            raise _changed(request)


def in_use(azure: LocalAzure, subnet: Resource) -> Refused | None:
    """400 when something still sits in the subnet. Recorded: errors/400-in-use-subnet-kube-apiserver-nic."""
    for configuration in back_references.configurations_in(azure.store, subnet.id):
        return arm_error(
            400,
            "InUseSubnetCannotBeDeleted",
            f"Subnet {subnet.name} is in use by {configuration['id']} and cannot be deleted. In order to delete the "
            "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
            cause="",
            details=[],
        )
    return None


def check_route_table(azure: LocalAzure, subnet_id: str, properties: Json) -> None:
    """Raise Refused for a route table that is not there (400) or is being written (429)."""
    wanted = str(part(properties, "routeTable").get("id") or "")
    if not wanted:
        return
    table = azure.store.get(wanted)
    if table is None:
        raise bad_reference(wanted, subnet_id)
    if table.properties.get("provisioningState") != "Succeeded":
        raise not_provisioned(table.id)


def _delegation(subnet_id: str, asked: Json) -> Json:
    given = part(asked, "properties")
    name = asked.get("name", "0")
    return {
        "name": name,
        "id": f"{subnet_id}/delegations/{name}",
        "etag": "",
        "properties": {
            **deepcopy(given),
            "provisioningState": "Succeeded",
            "serviceName": given.get("serviceName"),
            "actions": given.get("actions") or ["Microsoft.Network/virtualNetworks/subnets/join/action"],
        },
        "type": f"{TYPE}/delegations",
    }


def _changed(request: ArmRequest) -> Refused:
    """[U] No recording shows a subnet's 412, nor that there is one: see NetworkRules."""
    return arm_error(
        412, "PreconditionFailed", f"The ETag of {request.id} is not the one that was given.", cause="", details=[]
    )


def _no_prefix(request: ArmRequest) -> Refused:
    return arm_error(400, "InvalidRequestFormat", f"{request.id} needs an address prefix.", cause="", details=[])
