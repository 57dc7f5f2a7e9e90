"""A subnet's body: read whole, written whole with another route table, and compared.

The typed client writes it, and takes it as bytes: what was never decoded into a model cannot get lost on the way
(docs/decisions/0007).
"""

import asyncio
import hashlib
import io
from typing import TYPE_CHECKING, Any, cast

import msgspec

from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.resource_id import ResourceId
from functions.arm.session import CLUSTER_WRITE_TIMEOUT, Session
from functions.arm.writes import Accepted, accepted, begin, sent_once

if TYPE_CHECKING:
    from azure.mgmt.network.aio import NetworkManagementClient

API = "2026-03-01"
"""The newest version that the SDK knows (azure-mgmt-network 33.1): an older one may not show what a newer one set."""

# Azure names no pause for a subnet's PUT (recorded network/subnet-set-then-unset-network-security-group).
_USUAL_PAUSE = 10.0  # seconds

# What Azure alone writes: models of azure-mgmt-network 33.1, `visibility=["read"]`.
_READ_ONLY = frozenset(
    {
        "provisioningState",
        "ipConfigurations",
        "ipConfigurationProfiles",
        "privateEndpoints",
        "purpose",
        "resourceNavigationLinks",
        "serviceAssociationLinks",
    }
)

type Json = dict[str, Any]


class ChangedMeanwhileError(Exception):
    """The subnet is not any more what was decided on. Nothing was written."""


class AnotherWriterError(Exception):
    """The subnet was written, and somebody else wrote it between our read and our write: theirs may be lost.

    `accepted` is ours, `parts` are the properties that they changed.
    """

    def __init__(self, accepted: Accepted, parts: tuple[str, ...]) -> None:
        super().__init__(f"somebody else wrote {', '.join(parts)} of the subnet at the same moment")
        self.accepted = accepted
        self.parts = parts


async def read(session: Session, subnet: ResourceId) -> bytes:
    """The whole body. Raises as session.get does."""
    return await session.get(str(subnet), API)


async def attach(session: Session, subnet: ResourceId, seen: bytes, table: ResourceId) -> Accepted:
    """Give a subnet a route table, and leave everything else as it is.

    Reads it once more, and writes at once, with its ETag. Whether Azure enforces that is not known (azure-facts,
    Networking writes), so a second read goes out beside the PUT: what it shows that the first did not, somebody wrote
    in the gap. Raises ChangedMeanwhileError when the subnet is not as `seen`, AnotherWriterError, ArmError,
    NoTokenError, and NoAnswerError when it is not known whether it was written.
    """
    client = session.network(subnet.subscription)  # imported now, and not between the read and the write
    before = await read(session, subnet)
    if changed := changed_parts(seen, before):
        raise ChangedMeanwhileError(f"{', '.join(changed)} changed since it was looked at")
    body = with_table(before, table)
    beside = asyncio.create_task(_beside(session, subnet))
    await asyncio.sleep(0)  # so that the read is on its way first
    try:
        ours = await put(client, subnet, body, etag(before))
    finally:
        meanwhile = await beside
    if meanwhile and (theirs := _written_by_others(body, meanwhile)):
        raise AnotherWriterError(ours, theirs)
    return ours


async def put(client: "NetworkManagementClient", subnet: ResourceId, body: bytes, if_match: str | None) -> Accepted:
    """Write a subnet as it stands in `body`. `if_match` is the ETag as it was read, quotes and all. Raises as begin."""
    headers = await begin(
        lambda options: client.subnets.begin_create_or_update(
            subnet.group,
            subnet.parent.name,
            subnet.name,
            io.BytesIO(body),
            headers={"If-Match": if_match} if if_match else {},
            raw_request_hook=sent_once,
            **options,
        ),
        "PUT",
        CLUSTER_WRITE_TIMEOUT,
    )
    return accepted(headers, _USUAL_PAUSE)


def _written_by_others(ours: bytes, meanwhile: bytes) -> tuple[str, ...]:
    """The properties that a read beside our write shows, and that are neither ours nor those of before."""
    sent, shown = _comparable(ours), _comparable(meanwhile)
    names = {
        name for name in sent.keys() | shown.keys() if name not in _READ_ONLY and sent.get(name) != shown.get(name)
    }
    return tuple(sorted(names if shown.get("routeTable") else names - {"routeTable"}))


async def _beside(session: Session, subnet: ResourceId) -> bytes:
    """A read that may fail: it only tells of others."""
    try:
        return await read(session, subnet)
    except (ArmError, NoAnswerError, NoTokenError):
        return b""


def with_table(body: bytes, table: ResourceId) -> bytes:
    """The body of a PUT: all that was read but what Azure alone writes, and the route table."""
    subnet = _decoded(body)
    properties = {key: value for key, value in _properties(subnet).items() if key not in _READ_ONLY}
    kept = {key: value for key, value in subnet.items() if key != "etag"}
    return msgspec.json.encode({**kept, "properties": {**properties, "routeTable": {"id": str(table)}}})


def restorable(body: bytes) -> str:
    """What a person would PUT to have the subnet back as it was, as JSON."""
    subnet = _decoded(body)
    properties = {key: value for key, value in _properties(subnet).items() if key not in _READ_ONLY}
    return msgspec.json.encode({"properties": properties}).decode()


def etag(body: bytes) -> str | None:
    held = _decoded(body).get("etag")
    return held if isinstance(held, str) else None


def prints(body: bytes) -> dict[str, str]:
    """A fingerprint of each property that a person may write, but for the route table."""
    held = _comparable(body)
    return {name: _print(value) for name, value in held.items() if name not in _READ_ONLY and name != "routeTable"}


def changed_parts(one: bytes, other: bytes) -> tuple[str, ...]:
    """The properties in which two bodies differ. ETags move with every write of the VNet, and do not count."""
    ones, others = _comparable(one), _comparable(other)
    return tuple(sorted(name for name in ones.keys() | others.keys() if ones.get(name) != others.get(name)))


def _comparable(body: bytes) -> Json:
    """The properties without what Azure writes into their parts, and without those that hold nothing: a PUT that names
    them and one that does not come to the same.
    """
    each = {name: _settled(value) for name, value in _properties(_decoded(body)).items()}
    return {name: value for name, value in each.items() if value not in (None, [], {})}


def _settled(value: object) -> object:
    match value:
        case dict():
            held = cast("Json", value)
            return {key: _settled(part) for key, part in held.items() if key not in {"etag", "provisioningState"}}
        case list():
            return [_settled(part) for part in cast("list[object]", value)]
        case _:
            return value


def _print(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:12]


def _properties(subnet: Json) -> Json:
    held = subnet.get("properties")
    return cast("Json", held) if isinstance(held, dict) else {}


def _decoded(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoAnswerError(f"ARM's answer is not what its documentation says: {error}") from None
