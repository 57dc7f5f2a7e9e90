"""Virtual network links: one per zone and VNet, written asynchronously, and refused only when looked up."""

from dataclasses import dataclass
from typing import override

from localazure.answers import Answer, arm_error
from localazure.operations import Operation, OperationFailed, Takes
from localazure.resources.private_dns import start_dns
from localazure.resources.provider import (
    UNCONDITIONAL,
    ArmRequest,
    Condition,
    ResourceType,
    name_of,
    parent_not_found,
    spelt,
    told,
)
from localazure.store import Json, Resource, part

TYPE = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
_VNET_IDENTITY = "localazure/vnet"
"""Key of a link's body that is never printed: which VNet it was made for, told by `resourceGuid` and not by name."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a write says of a link. Recorded: privatedns/link-resolution-policy-update-nxdomainredirect."""

    vnet: str
    registration: bool = False
    policy: str = "Default"
    tags: dict[str, str] | None = None


def _asked(vnet_id: str, body: Json) -> _Asked:
    given = part(body, "properties")
    policy = given.get("resolutionPolicy") or "Default"
    return _Asked(vnet_id, bool(given.get("registrationEnabled", False)), policy, body.get("tags"))


class ZoneLinks(ResourceType):
    """Recorded: privatedns/link-create-full-flow, link-put-if-none-match-conflict, link-patch-if-match-failed."""

    type = TYPE

    async def create(
        self,
        link_id: str,
        vnet_id: str,
        *,
        registration: bool = False,
        tags: dict[str, str] | None = None,
        condition: Condition = UNCONDITIONAL,
        takes: Takes | None = None,
    ) -> Resource:
        """Make or update a link; Completed when this returns. Raises OperationFailed with what a poll would show.

        The link is there at once, InProgress: so the second of two writers with `If-None-Match: *` loses.
        """
        begun = self._begin(link_id, _Asked(vnet_id, registration, tags=tags), condition)
        return await self._finish(link_id, begun, takes or self.azure.clock.sleep)

    def place(self, link_id: str, vnet_id: str, *, tags: dict[str, str] | None = None) -> Resource:
        """A link that is Completed at once, unjudged and untold: for worlds that are there from the start."""
        link = self._new(_lower_cased(link_id), vnet_id)
        link.body["etag"] = self._etag()
        link.properties.update(provisioningState="Succeeded", virtualNetworkLinkState="Completed")
        if tags is not None:
            link.body["tags"] = tags
        return link

    async def remove(self, link_id: str, takes: Takes | None = None) -> None:
        """Delete a link; gone when this returns."""
        with told(self.azure, "Delete", link_id, f"{TYPE}/delete"):
            await (takes or self.azure.clock.sleep)(self.azure.durations.link_delete)
            self.azure.store.remove(link_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        vnet = part(part(request.sent, "properties"), "virtualNetwork").get("id")
        if not isinstance(vnet, str) or not vnet:
            raise arm_error(400, "BadRequest", "The properties.virtualNetwork.id of a link is required.", cause="")
        return self._write(request, vnet, request.sent)

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        link = self.found(request)
        kept = {"tags": link.body.get("tags")}
        properties = {**link.properties, **part(request.sent, "properties")}
        return self._write(
            request, link.properties["virtualNetwork"]["id"], {**kept, **request.sent, "properties": properties}
        )

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        link = self.azure.store.get(request.id)
        if link is None:
            return Answer(204)
        link_id, condition = link.id, request.condition

        async def work(operation: Operation) -> None:
            if condition.broken_by(self.azure.store.get(link_id)):
                raise _modified(link_id)
            await self.remove(link_id, operation.takes)

        operation = start_dns(self.azure, request, "DeleteVirtualNetworkLink", work)
        return Answer(202, None, operation.headers(location=True))

    @override
    def shown(self, resource: Resource) -> Json:
        return {key: value for key, value in resource.json().items() if key != _VNET_IDENTITY}

    def _write(self, request: ArmRequest, vnet_id: str, body: Json) -> Answer:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)
        link_id = spelt(self.azure, TYPE, request.id)
        begun = self._begin(link_id, _asked(vnet_id, body), request.condition)

        async def work(operation: Operation) -> None:
            await self._finish(link_id, begun, operation.takes)

        operation = start_dns(self.azure, request, "UpsertVirtualNetworkLink", work)
        return Answer(202, {}, operation.headers(location=True))

    def _begin(self, link_id: str, asked: _Asked, condition: Condition) -> Resource | OperationFailed:
        """Put the link into the store, InProgress if it is new; or say why not, which nobody hears yet."""
        link_id = _lower_cased(link_id)
        link = self.azure.store.get(link_id)
        if (refusal := self._refusal(link_id, link, asked.vnet, condition)) is not None:
            return refusal
        link = link or self._new(link_id, asked.vnet)
        link.body["etag"] = self._etag()
        link.properties.update(registrationEnabled=asked.registration, resolutionPolicy=asked.policy)
        if asked.tags is not None:
            link.body["tags"] = asked.tags
        return link

    async def _finish(self, link_id: str, begun: Resource | OperationFailed, takes: Takes) -> Resource:
        durations = self.azure.durations
        with told(self.azure, "Write", _lower_cased(link_id), f"{TYPE}/write"):
            if isinstance(begun, OperationFailed):
                await takes(durations.link_refused)
                raise begun
            try:
                await takes(self.azure.link_writes(begun.properties["virtualNetwork"]["id"].casefold()))
            except OperationFailed:
                begun.properties.update(provisioningState="Failed")
                self._forget_if_unmade(begun)
                raise
            begun.properties.update(provisioningState="Succeeded", virtualNetworkLinkState="Completed")
            return begun

    def _new(self, link_id: str, vnet_id: str) -> Resource:
        properties: Json = {
            "provisioningState": "Creating",
            "registrationEnabled": False,
            "resolutionPolicy": "Default",
            "virtualNetwork": {"id": vnet_id},
            "virtualNetworkLinkState": "InProgress",
        }
        body: Json = {
            "etag": "",
            "location": "global",
            "properties": properties,
            _VNET_IDENTITY: self._identity(vnet_id),
        }
        return self.azure.store.put(Resource(link_id, TYPE, name_of(link_id), body))

    def _forget_if_unmade(self, link: Resource) -> None:
        if link.properties["virtualNetworkLinkState"] != "Completed":
            self.azure.store.remove(link.id)

    def _refusal(
        self, link_id: str, link: Resource | None, vnet_id: str, condition: Condition
    ) -> OperationFailed | None:
        """Why private DNS will not write this link; every reason shows only in the operation's poll.

        precondition broken                             PreconditionFailed  recorded link-put-if-none-match-conflict
        the VNet does not exist                         BadRequest          azure-cli#23351
        this name links another VNet                    BadRequest          one link, one VNet
        the zone has another link for this VNet         Conflict            Learn: one link per zone and VNet
        a link to an earlier VNet of this name is left  Conflict            azure-powershell#9537
        the VNet is linked to a zone of the same name   BadRequest          recorded poll-link-overlapping-namespaces
        """
        if broken := condition.broken_by(link):
            return _exists(link_id) if broken == "exists" else _modified(link_id)
        identity = self._identity(vnet_id)
        if identity is None:
            return OperationFailed("BadRequest", f"Virtual network resource not found for '{vnet_id}'")
        if link is not None and not _same(link.properties["virtualNetwork"]["id"], vnet_id):
            return OperationFailed("BadRequest", f"The virtual network of the link '{link.name}' cannot be changed.")
        zone_id = link_id.rsplit("/", 2)[0]
        for other in self.azure.store.of_type(TYPE):
            if (link is not None and other is link) or not _same(other.properties["virtualNetwork"]["id"], vnet_id):
                continue
            if other.body[_VNET_IDENTITY] != identity:
                return OperationFailed(
                    "Conflict",
                    f"Virtual network resource identity '{vnet_id}' already in use: it was moved or made anew.",
                )
            other_zone = other.id.rsplit("/", 2)[0]
            if _same(other_zone, zone_id):
                return OperationFailed(
                    "Conflict", f"The virtual network '{vnet_id}' is linked to the zone already, as '{other.name}'."
                )
            if _same(name_of(other_zone), name_of(zone_id)):
                return OperationFailed(
                    "BadRequest",
                    "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to "
                    f"link virtual network with '{name_of(zone_id)}' and '{name_of(other_zone)}' zones.",
                )
        return None

    def _identity(self, vnet_id: str) -> str | None:
        """The VNet's own GUID: a VNet made anew under the same name is another."""
        vnet = self.azure.store.get(vnet_id)
        return None if vnet is None else vnet.properties.get("resourceGuid", vnet.id)

    def _etag(self) -> str:
        """Quotes belong to it (recorded: link-create-full-flow [9])."""
        return f'"{self.azure.guid()}"'


def _lower_cased(link_id: str) -> str:
    """A link's name comes back lower-cased, what lies above it does not (recorded acr-zone-link-and-records [7])."""
    return link_id[: -len(name_of(link_id))] + name_of(link_id).lower()


def _exists(link_id: str) -> OperationFailed:
    zone = name_of(link_id.rsplit("/", 2)[0])
    return OperationFailed(
        "PreconditionFailed",
        f"The Virtual Network link {name_of(link_id)} for the Private DNS zone {zone} exists already and hence cannot "
        "be created again.",
    )


def _modified(link_id: str) -> OperationFailed:
    zone = name_of(link_id.rsplit("/", 2)[0])
    return OperationFailed(
        "PreconditionFailed",
        f"The Virtual Network link '{name_of(link_id)}' for the Private DNS zone '{zone}' has been modified "
        "(etag mismatch).",
    )


def _same(one: str, other: str) -> bool:
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()
