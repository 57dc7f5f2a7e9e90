"""Record sets of a private zone: the one part of private DNS that answers synchronously."""

import ipaddress
from typing import Any, override

from localazure.answers import Answer, Refused, bare_error
from localazure.azure import LocalAzure
from localazure.resources.provider import ArmRequest, ResourceType, name_of, paged, parent_not_found, spelt, told
from localazure.store import Json, Resource, items, part

ZONES = "Microsoft.Network/privateDnsZones"

_FIELDS: dict[str, tuple[str, Any]] = {
    "A": ("aRecords", []),
    "AAAA": ("aaaaRecords", []),
    "CNAME": ("cnameRecord", {}),
    "TXT": ("txtRecords", []),
    "SOA": ("soaRecord", {}),
}
"""Where each type keeps its records, and what stands there when none were sent (recorded: `aRecords` [])."""


class RecordSets(ResourceType):
    """Record sets of one type. Recorded: privatedns/a-record-crud, a-record-put-if-none-match-412."""

    def __init__(self, azure: LocalAzure, kind: str) -> None:
        super().__init__(azure)
        self.kind = kind
        self.type = f"{ZONES}/{kind}"

    def create(self, record_id: str, properties: Json) -> Resource:
        """Write a record set whole: `{"ttl": 300, "aRecords": [{"ipv4Address": "10.0.0.4"}]}`. The zone must exist."""
        zone = self.azure.store.get(record_id.rsplit("/", 2)[0])
        if zone is None:
            raise parent_not_found(record_id.rsplit("/", 2)[0])
        name = name_of(record_id)
        field, empty = _FIELDS[self.kind]
        body: Json = {
            **({"metadata": properties["metadata"]} if properties.get("metadata") else {}),
            "fqdn": f"{zone.name}." if name == "@" else f"{name}.{zone.name}.",
            "ttl": properties.get("ttl", 3600),
            field: properties.get(field) or empty,
            "isAutoRegistered": False,
        }
        with told(self.azure, "Write", record_id, f"{self.type}/write"):
            etag = self.azure.guid()
            return self.azure.store.put(Resource(record_id, self.type, name, {"etag": etag, "properties": body}))

    def remove(self, record_id: str) -> None:
        """Delete a record set."""
        with told(self.azure, "Delete", record_id, f"{self.type}/delete"):
            self.azure.store.remove(record_id)

    @override
    async def put(self, request: ArmRequest) -> Answer:
        properties = part(request.sent, "properties")
        return self._write(request, properties)

    @override
    async def patch(self, request: ArmRequest) -> Answer:
        record = self.found(request)
        return self._write(request, {**record.properties, **part(request.sent, "properties")})

    @override
    async def delete(self, request: ArmRequest) -> Answer:
        record = self.azure.store.get(request.id)
        if record is None:
            return Answer(204)
        if broken := request.condition.broken_by(record):
            raise _precondition_failed(record.name, broken)
        self.remove(record.id)
        return Answer(200)

    @override
    async def list(self, request: ArmRequest) -> Answer:
        self._check_zone(request)
        return await super().list(request)

    def _write(self, request: ArmRequest, properties: Json) -> Answer:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)
        existed = self.azure.store.get(request.id)
        if broken := request.condition.broken_by(existed):
            raise _precondition_failed(request.name, broken)
        _check_addresses(properties)
        record = self.create(spelt(self.azure, self.type, request.id), properties)
        return Answer(200 if existed else 201, record.json(), {"etag": record.body["etag"]})

    def _check_zone(self, request: ArmRequest) -> None:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)


class AllRecordSets(ResourceType):
    """`…/ALL`: a list over every type, the SOA included. Recorded: privatedns/record-sets-list-all-default-soa."""

    type = f"{ZONES}/ALL"

    @override
    async def list(self, request: ArmRequest) -> Answer:
        if self.azure.store.get(request.parent) is None:
            raise parent_not_found(request.parent)
        every = self.azure.store.under(request.parent)
        links = f"{ZONES}/virtualNetworkLinks".casefold()
        return paged(self.azure, request, [record.json() for record in every if record.type.casefold() != links])


def start_of_authority(azure: LocalAzure, zone: Resource) -> Resource:
    """The SOA that every zone is born with. Its minimum, 300 s, is how long a resolver may keep a "no such name"."""
    record = {
        "email": "azureprivatedns-host.microsoft.com",
        "expireTime": 2419200,
        "host": "internal.cloudapp.net",
        "minimumTTL": None,
        "refreshTime": 3600,
        "retryTime": 300,
        "serialNumber": 1,
        "minimumTtl": 300,
    }
    properties = {"fqdn": f"{zone.name}.", "ttl": 3600, "soaRecord": record, "isAutoRegistered": False}
    return Resource(f"{zone.id}/SOA/@", f"{ZONES}/SOA", "@", {"etag": azure.guid(), "properties": properties})


def _precondition_failed(name: str, broken: str) -> Refused:
    """412 without the `error` wrapper, unlike every other refusal of Microsoft.Network."""
    what = "exists already and hence cannot be created again" if broken == "exists" else "has been modified"
    return bare_error(412, "PreconditionFailed", f"The Record set {name} {what}.")


def _check_addresses(properties: Json) -> None:
    for field, key, read in (
        ("aRecords", "ipv4Address", ipaddress.IPv4Address),
        ("aaaaRecords", "ipv6Address", ipaddress.IPv6Address),
    ):
        for record in items(properties, field):
            address = record.get(key)
            try:
                read(address)
            except ValueError:
                name = "IPv4" if read is ipaddress.IPv4Address else "IPv6"
                raise bare_error(400, "BadRequest", f"The {name} address '{address}' is not valid.") from None
