"""Route tables: one body that holds its routes, and knows the subnets that it is associated with."""

from collections.abc import Sequence
from typing import override

from localazure import back_references
from localazure.answers import Answer, Refused, arm_error
from localazure.operations import Operation, Takes
from localazure.resources.network import new_etag, normal_location, printed, retry_if_held, start_network
from localazure.resources.provider import ArmRequest, ResourceType, etag_header, name_of, spelt, told
from localazure.resources.routes import PAUSE, Routes
from localazure.store import Json, Resource, items, part

TYPE = "Microsoft.Network/routeTables"


class RouteTables(ResourceType):
    """Recorded: network/route-table-and-routes-full-flow-2025-03-01, route-table-list-subscription-with-subnets."""

    type = TYPE

    async def create(
        self,
        table_id: str,
        location: str,
        routes: Sequence[Json] = (),
        *,
        tags: dict[str, str] | None = None,
        takes: Takes | None = None,
    ) -> Resource:
        """Make or replace a table with its routes (as `route` gives them); Succeeded when this returns."""
        table = self._store(table_id, _sent(location, routes, tags))
        await self._settle(table, takes or self.azure.clock.sleep)
        return table

    def place(
        self,
        table_id: str,
        location: str,
        routes: Sequence[Json] = (),
        *,
        no_bgp: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Resource:
        """The same at once. `no_bgp` switches the propagation of gateway routes off."""
        table = self._store(table_id, _sent(location, routes, tags))
        table.properties["disableBgpRoutePropagation"] = no_bgp
        self._settled(table)
        self.azure.emit("Write", "Success", table.id, f"{TYPE}/write")
        return table

    @override
    async def put(self, request: ArmRequest) -> Answer:
        sent = request.sent
        existed = self.azure.store.get(request.id)
        if not sent.get("location") and existed is None:
            raise arm_error(400, "LocationRequired", "The location property is required for this definition.")
        if existed is not None:
            retry_if_held(existed)
        if request.condition.broken_by(existed):
            raise _changed(request)
        table = self._store(spelt(self.azure, TYPE, request.id), sent)

        async def work(operation: Operation) -> None:
            await self._settle(table, operation.takes)

        operation = start_network(self.azure, request, table.body["location"], work, holds=table, pause=PAUSE)
        return Answer(200 if existed else 201, self.shown(table), operation.headers(location=False))

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        """Tags alone can be patched."""
        table = self.found(request)
        table.body["tags"] = request.sent.get("tags") or {}
        table.body["etag"] = new_etag(self.azure)
        self.azure.emit("Write", "Success", table.id, f"{TYPE}/write")
        return Answer(200, self.shown(table), etag_header(table))

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        table = self.azure.store.get(request.id)
        if table is None:
            return Answer(204)
        retry_if_held(table)
        if subnets := items(back_references.of_route_table(self.azure.store, table.id), "subnets"):
            raise _in_use(table, str(subnets[0]["id"]))

        async def work(operation: Operation) -> None:
            with told(self.azure, "Delete", table.id, f"{TYPE}/delete"):
                await operation.takes(self.azure.durations.network_write)
                for child in self.azure.store.under(table.id):
                    self.azure.store.remove(child.id)
                self.azure.store.remove(table.id)

        operation = start_network(self.azure, request, table.body["location"], work, holds=table, pause=PAUSE)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        routes = Routes(self.azure)
        inside = [routes.shown(route) for route in self.azure.store.of_type(Routes.type, resource.id)]
        subnets = back_references.of_route_table(self.azure.store, resource.id)
        return {**printed(resource.json()), "properties": {**resource.properties, "routes": inside, **subnets}}

    def _store(self, table_id: str, sent: Json) -> Resource:
        """Write the body, with routes replaced by those that were sent: a PUT removes what it leaves out."""
        given = part(sent, "properties")
        existed = self.azure.store.get(table_id)
        properties: Json = {
            "provisioningState": "Updating",
            "resourceGuid": existed.properties["resourceGuid"] if existed else self.azure.guid(),
            "disableBgpRoutePropagation": given.get("disableBgpRoutePropagation", False),
            "disablePeeringRoute": given.get("disablePeeringRoute", "None"),
        }
        location = normal_location(sent.get("location") or (existed.body["location"] if existed else ""))
        body: Json = {"etag": new_etag(self.azure), "location": location, "properties": properties}
        if sent.get("tags") is not None:
            body["tags"] = sent["tags"]
        table = self.azure.store.put(Resource(existed.id if existed else table_id, TYPE, name_of(table_id), body))
        Routes(self.azure).replace_all(table, items(given, "routes"))
        return table

    async def _settle(self, table: Resource, takes: Takes) -> None:
        with told(self.azure, "Write", table.id, f"{TYPE}/write"):
            await takes(self.azure.durations.network_write)
            self._settled(table)

    def _settled(self, table: Resource) -> None:
        for resource in (table, *self.azure.store.under(table.id)):
            resource.properties["provisioningState"] = "Succeeded"
        table.body["etag"] = new_etag(self.azure)


def route(name: str, prefix: str, next_hop: str = "", kind: str = "VirtualAppliance") -> Json:
    """A route as a table's body holds it, e.g. `route("default", "0.0.0.0/0", "10.0.0.4")` to a firewall."""
    properties: Json = {"addressPrefix": prefix, "nextHopType": kind}
    return {"name": name, "properties": properties | ({"nextHopIpAddress": next_hop} if next_hop else {})}


def _sent(location: str, routes: Sequence[Json], tags: dict[str, str] | None) -> Json:
    return {"location": location, "tags": tags, "properties": {"routes": list(routes)}}


def _changed(request: ArmRequest) -> Refused:
    """[U] No recording shows a route table's 412."""
    return arm_error(
        412, "PreconditionFailed", f"The ETag of {request.id} is not the one that was given.", cause="", details=[]
    )


def _in_use(table: Resource, subnet: str) -> Refused:
    """400 while a subnet uses the table. The code follows that of subnets; no recording shows it."""
    return arm_error(
        400,
        "InUseRouteTableCannotBeDeleted",
        f"Route table {table.name} is in use by {subnet} and cannot be deleted.",
        cause="",
        details=[],
    )
