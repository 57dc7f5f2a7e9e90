"""Routes, the children of a route table."""

from copy import deepcopy
from typing import Any, override

from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation
from localazure.resources.network import new_etag, retry_if_held, start_network
from localazure.resources.network_child import NetworkChild
from localazure.resources.provider import ArmRequest, name_of, spelt
from localazure.store import Json, Resource, part

TYPE = "Microsoft.Network/routeTables/routes"
PAUSE = 2
"""Seconds that route tables and their routes ask for in Retry-After (recorded, the same flow)."""


class Routes(NetworkChild):
    """Recorded: network/route-table-and-routes-full-flow-2025-03-01. Writes run side by side, deletions do not."""

    type = TYPE
    pause = PAUSE

    def write(self, route_id: str, given: Json) -> Resource:
        """Put a route into the store as Updating."""
        properties = {**deepcopy(given), "provisioningState": "Updating"}
        properties.setdefault("hasBgpOverride", False)
        return self.azure.store.put(Resource(route_id, TYPE, name_of(route_id), {"properties": properties}))

    def replace_all(self, table: Resource, given: list[Any]) -> None:
        """Make the table's routes those that were sent, and no others."""
        kept: set[str] = set()
        for route in given:
            route_id = f"{table.id}/routes/{route['name']}"
            self.write(route_id, part(route, "properties"))
            kept.add(route_id.casefold())
        for route in self.azure.store.of_type(TYPE, table.id):
            if route.id.casefold() not in kept:
                self.azure.store.remove(route.id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        table = self.parent_in(request)
        retry_if_held(table)
        given = part(request.sent, "properties")
        if not given.get("addressPrefix") or not given.get("nextHopType"):
            raise _incomplete(request)
        existed = self.azure.store.get(request.id)
        route = self.write(spelt(self.azure, TYPE, request.id), given)
        table.body["etag"] = new_etag(self.azure)

        async def work(operation: Operation) -> None:
            await self.settle(route, operation.takes)

        operation = start_network(self.azure, request, table.body["location"], work, pause=PAUSE)
        return Answer(200 if existed else 201, self.shown(route), operation.headers(location=False))

    @override
    def refuse_deletion(self, child: Resource, parent: Resource) -> None:
        retry_if_held(parent)

    @override
    def shown(self, resource: Resource) -> Json:
        etag = self.etag_of(resource.id)
        return {"name": resource.name, "id": resource.id, "etag": etag, "properties": resource.properties, "type": TYPE}


def _incomplete(request: ArmRequest) -> Refused:
    message = f"{request.id} needs an address prefix and a kind of next hop."
    return arm_error(400, "InvalidRequestFormat", message, cause="", details=[])
