"""Record sets of Azure private zones: the reads and the guarded writes of A and AAAA."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal

import msgspec

from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import is_arms
from functions.arm.reads import PRIVATE_DNS_API
from functions.arm.resource_id import ResourceId
from functions.arm.session import RECORD_WRITE_TIMEOUT, Session, guarded
from functions.arm.understood import Listed, Odd, each, fields, one, text_in
from functions.telemetry import telemetry

type RecordType = Literal["A", "AAAA", "CNAME"]
type Address = IPv4Address | IPv6Address

_NO_ZONE = {"ParentResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound"}
_MOST_PAGES = 300  # 25,000 record sets, the most that a zone holds, are 250 pages of 100


class _A(msgspec.Struct, frozen=True):
    ipv4_address: str = msgspec.field(name="ipv4Address")


class _Aaaa(msgspec.Struct, frozen=True):
    ipv6_address: str = msgspec.field(name="ipv6Address")


class RecordSetProperties(msgspec.Struct, frozen=True, kw_only=True):
    """`ttl` is in seconds. Metadata travels in the same PUT as the records, under the same ETag."""

    ttl: int = 0
    metadata: dict[str, str] | None = None
    a: tuple[_A, ...] = msgspec.field(default=(), name="aRecords")
    aaaa: tuple[_Aaaa, ...] = msgspec.field(default=(), name="aaaaRecords")


class RecordSet(msgspec.Struct, frozen=True, kw_only=True):
    """All records of one type at one name. `type` ends with the record type: `Microsoft.Network/privateDnsZones/A`."""

    name: str
    type: str
    etag: str = ""
    properties: RecordSetProperties = RecordSetProperties()

    @property
    def kind(self) -> str:
        return self.type.rpartition("/")[2].upper()

    @property
    def metadata(self) -> dict[str, str]:
        return self.properties.metadata or {}

    @property
    def addresses(self) -> frozenset[Address]:
        """The addresses in it. Raises NoAnswerError for a text that is none: Azure does not send that."""
        try:
            return frozenset(
                [
                    *(IPv4Address(record.ipv4_address) for record in self.properties.a),
                    *(IPv6Address(record.ipv6_address) for record in self.properties.aaaa),
                ]
            )
        except ValueError as error:
            raise NoAnswerError(f"ARM's answer is not what its documentation says: {error}") from None


class _Page(msgspec.Struct):
    value: tuple[RecordSet, ...]  # a page without it says nothing, and not that there is nothing
    next_link: str | None = msgspec.field(default=None, name="nextLink")


_set = msgspec.json.Decoder(RecordSet)
_page = msgspec.json.Decoder(_Page)


async def record_set(session: Session, zone: ResourceId, kind: RecordType, name: str) -> RecordSet | None:
    """One record set, None when there is none: one of the 500 reads in 5 minutes that private DNS allows.

    A zone or group that is missing is an ArmError, and not an absent record.
    """
    try:
        return one(_set, await session.get(str(zone.child(kind, name)), PRIVATE_DNS_API))
    except ArmError as error:
        if classify(error) is Kind.GONE and error.code not in _NO_ZONE:
            return None
        raise


async def record_sets(session: Session, zone: ResourceId) -> Listed[RecordSet]:
    """All record sets of a zone, of every type and every page; raises rather than give a part for the whole."""
    found: list[RecordSet] = []
    odd: list[Odd] = []
    body = await session.get(f"{zone}/ALL", PRIVATE_DNS_API)
    for _ in range(_MOST_PAGES):
        read, next_link = _page_of(body)
        found += read.items
        odd += read.odd
        if not next_link:
            return Listed(tuple(found), tuple(odd))
        if not is_arms(session, next_link):
            raise NoAnswerError("a list goes on at an address that is not ARM's")
        body = (await session.get_answer(next_link)).content
    raise NoAnswerError(f"a list does not end after {_MOST_PAGES} pages")


def _page_of(body: bytes) -> tuple[Listed[RecordSet], str | None]:
    """A page's record sets and where the list goes on: decoded whole, and item by item where that fails."""
    try:
        page = _page.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        held = fields(body)
        return each(held, "value", _set), text_in(held, "nextLink")
    return Listed(page.value), page.next_link


async def put_record_set(
    session: Session,
    zone: ResourceId,
    kind: Literal["A", "AAAA"],
    name: str,
    addresses: list[Address],
    ttl: int,
    metadata: dict[str, str],
    etag: str | None,
) -> None:
    """Write a record set whole, if it still has `etag`; None: if there is none.

    Synchronous: 201 or 200, and 412 when the condition does not hold (recorded privatedns/a-record-crud,
    a-record-put-if-none-match-412). Raises ArmError, NoTokenError, or NoAnswerError when it may have been written.
    """
    from azure.core import MatchConditions
    from azure.mgmt.privatedns import models

    properties = models.RecordSetProperties(ttl=ttl, metadata=metadata)
    if kind == "A":
        properties.a_records = [models.ARecord(ipv4_address=str(address)) for address in addresses]
    else:
        properties.aaaa_records = [models.AaaaRecord(ipv6_address=str(address)) for address in addresses]
    conditions: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
    if etag is not None:
        conditions = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    client = session.private_dns(zone.subscription)
    await guarded(
        lambda: client.record_sets.create_or_update(
            zone.group,
            zone.name,
            kind,
            name,
            models.RecordSet(properties=properties),
            read_timeout=RECORD_WRITE_TIMEOUT,
            **conditions,
        ),
        "PUT",
    )
    telemetry().called("PUT", 200)


async def delete_record_set(
    session: Session, zone: ResourceId, kind: Literal["A", "AAAA"], name: str, etag: str
) -> None:
    """Delete a record set, if it still has `etag`. One that is gone already counts as deleted. Raises as the PUT."""
    from azure.core import MatchConditions

    client = session.private_dns(zone.subscription)
    await guarded(
        lambda: client.record_sets.delete(
            zone.group,
            zone.name,
            kind,
            name,
            etag=etag,
            match_condition=MatchConditions.IfNotModified,
            read_timeout=RECORD_WRITE_TIMEOUT,
        ),
        "DELETE",
    )
    telemetry().called("DELETE", 200)
