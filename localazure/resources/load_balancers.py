"""Load balancers: their frontends and the private addresses that those hold. What they balance is not modelled."""

from collections.abc import Collection
from copy import deepcopy
from typing import override

from localazure.answers import Answer
from localazure.back_references import BALANCERS as TYPE
from localazure.operations import Operation, Takes
from localazure.resources.network import (
    bad_reference,
    new_etag,
    normal_location,
    printed,
    refuse_if_held,
    start_network,
)
from localazure.resources.network_interfaces import Version, free_address, has_room
from localazure.resources.provider import ArmRequest, ResourceType, name_of, spelt, told
from localazure.store import Json, Resource, items, part

_PARTS = ("backendAddressPools", "loadBalancingRules", "probes", "inboundNatRules", "inboundNatPools")


class LoadBalancers(ResourceType):
    """Recorded: network/load-balancer-internal-get."""

    type = TYPE

    async def create(
        self,
        balancer_id: str,
        location: str,
        frontends: dict[str, tuple[str, Version]],
        *,
        takes: Takes | None = None,
    ) -> Resource:
        """Make an internal one: for each frontend its subnet and IP version. Succeeded when this returns.

        A version of which the subnet has no prefix gets no frontend.
        """
        asked: list[Json] = [
            {"name": name, "properties": {"subnet": {"id": subnet}, "privateIPAddressVersion": version}}
            for name, (subnet, version) in frontends.items()
            if has_room(self.azure, subnet, version)
        ]
        sent: Json = {
            "location": location,
            "sku": {"name": "Standard"},
            "properties": {"frontendIPConfigurations": asked},
        }
        with told(self.azure, "Write", balancer_id, f"{TYPE}/write"):
            balancer = self._store(balancer_id, sent)
            await (takes or self.azure.clock.sleep)(self.azure.durations.network_write)
            self._settled(balancer)
        return balancer

    def readdress(self, balancer_id: str, avoid: Collection[str] = ()) -> None:
        """Give every frontend another address in its subnet, none of those to `avoid`."""
        balancer = self.azure.store.get(balancer_id)
        if balancer is None:
            raise LookupError(f"{balancer_id} is not there")
        with told(self.azure, "Write", balancer_id, f"{TYPE}/write"):
            for frontend in items(balancer.properties, "frontendIPConfigurations"):
                held: Json = frontend["properties"]
                held["privateIPAddress"] = free_address(
                    self.azure, held["subnet"]["id"], held.get("privateIPAddressVersion", "IPv4"), avoid
                )
            self._settled(balancer)

    async def remove(self, balancer_id: str, takes: Takes | None = None) -> None:
        """Delete one with its frontends."""
        with told(self.azure, "Delete", balancer_id, f"{TYPE}/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.network_write)
            self.azure.store.remove(balancer_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        existed = self.azure.store.get(request.id)
        if existed is not None:
            refuse_if_held(existed)
        for asked in items(part(request.sent, "properties"), "frontendIPConfigurations"):
            subnet = part(part(asked, "properties"), "subnet").get("id")
            if subnet and self.azure.store.get(subnet) is None:
                raise bad_reference(subnet, request.id)
        balancer = self._store(spelt(self.azure, TYPE, request.id), request.sent)

        async def work(operation: Operation) -> None:
            with told(self.azure, "Write", balancer.id, f"{TYPE}/write"):
                await operation.takes(self.azure.durations.network_write)
                self._settled(balancer)

        operation = start_network(self.azure, request, balancer.body["location"], work, holds=balancer)
        return Answer(200 if existed else 201, self.shown(balancer), operation.headers(location=False))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        balancer = self.azure.store.get(request.id)
        if balancer is None:
            return Answer(204)
        refuse_if_held(balancer)

        async def work(operation: Operation) -> None:
            await self.remove(balancer.id, operation.takes)

        operation = start_network(self.azure, request, balancer.body["location"], work, holds=balancer)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        return printed(resource.json())

    def _store(self, balancer_id: str, sent: Json) -> Resource:
        """Put it into the store as Updating, its frontends with the addresses that they have or get."""
        given = part(sent, "properties")
        existed = self.azure.store.get(balancer_id)
        sku: Json = {"name": "Basic", "tier": "Regional", **part(sent, "sku")}
        properties: Json = {
            "provisioningState": "Updating",
            "resourceGuid": existed.properties["resourceGuid"] if existed else self.azure.guid(),
            "frontendIPConfigurations": [],
        }
        body: Json = {"location": normal_location(sent["location"]), "tags": sent.get("tags") or {}, "sku": sku}
        balancer = Resource(balancer_id, TYPE, name_of(balancer_id), {**body, "properties": properties})
        before = {
            frontend["name"]: frontend["properties"]
            for frontend in (items(existed.properties, "frontendIPConfigurations") if existed else [])
        }
        self.azure.store.put(balancer)
        for asked in items(given, "frontendIPConfigurations"):  # one by one: the next must see the address as taken
            frontend = self._frontend(balancer_id, asked, before.get(asked["name"], {}))
            properties["frontendIPConfigurations"].append(frontend)
            self.azure.store.touch(balancer_id)
        for key in _PARTS:
            properties[key] = [_child(balancer_id, key, asked) for asked in items(given, key)]
        balancer.body["etag"] = ""
        return balancer

    def _frontend(self, balancer_id: str, asked: Json, before: Json) -> Json:
        given = part(asked, "properties")
        properties: Json = {"provisioningState": "Succeeded"}
        subnet = part(given, "subnet").get("id")
        if subnet:
            version: Version = given.get("privateIPAddressVersion") or "IPv4"
            same = part(before, "subnet").get("id") == subnet and before.get("privateIPAddress")
            address = given.get("privateIPAddress") or same or free_address(self.azure, subnet, version)
            properties |= {
                "privateIPAddress": address,
                "privateIPAllocationMethod": given.get("privateIPAllocationMethod") or "Dynamic",
                "privateIPAddressVersion": version,
                "subnet": {"id": subnet},
            }
        return {**_child(balancer_id, "frontendIPConfigurations", asked), "properties": properties}

    def _settled(self, balancer: Resource) -> None:
        etag = new_etag(self.azure)
        balancer.body["etag"] = etag
        balancer.properties["provisioningState"] = "Succeeded"
        for key in ("frontendIPConfigurations", *_PARTS):
            for child in balancer.properties[key]:
                child["etag"] = etag
                child["properties"]["provisioningState"] = "Succeeded"


def _child(balancer_id: str, key: str, asked: Json) -> Json:
    """What a load balancer consists of: named things with ids, as they were asked for."""
    shown: Json = {
        "name": asked["name"],
        "id": f"{balancer_id}/{key}/{asked['name']}",
        "etag": "",
        "type": f"{TYPE}/{key}",
        "properties": deepcopy(part(asked, "properties")),
    }
    return shown | ({"zones": asked["zones"]} if asked.get("zones") else {})
