"""Writes: each one call of a typed client, each a compare-and-swap where Azure offers one (rule 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.arm import errors
from functions.arm.resource_id import ResourceId
from functions.arm.session import RECORD_WRITE_TIMEOUT, Session, guarded
from functions.telemetry import telemetry

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse

# Azure names 30 s for private DNS (recorded privatedns/zone-link-record-full-flow-2024-06-01); used when it names none.
_USUAL_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """ARM took a write and carries it out: where to ask, and in how many seconds."""

    address: str
    pause: float


async def create_link(session: Session, link: ResourceId, vnet: ResourceId, tags: dict[str, str]) -> Accepted:
    """Ask for a link from the zone that is the link's parent to a VNet, without registration, unless it is there.

    Whether it is there is judged while the operation runs, not now: `If-None-Match: *` on a link that exists is
    accepted with 202 and fails in the poll (recorded privatedns/link-put-if-none-match-conflict).
    Raises ArmError, NoTokenError, or NoAnswerError when it is not known whether the link was asked for.
    """
    from azure.core import MatchConditions
    from azure.mgmt.privatedns.models import SubResource, VirtualNetworkLink, VirtualNetworkLinkProperties

    headers, keep_headers = _headers()
    body = VirtualNetworkLink(
        location="global",
        tags=tags,
        properties=VirtualNetworkLinkProperties(
            virtual_network=SubResource(id=str(vnet)),
            registration_enabled=False,
        ),
    )
    client = session.private_dns(link.subscription)
    await guarded(
        lambda: client.virtual_network_links.begin_create_or_update(
            link.group,
            link.parent.name,
            link.name,
            body,
            match_condition=MatchConditions.IfMissing,
            polling=False,
            raw_response_hook=keep_headers,
            read_timeout=RECORD_WRITE_TIMEOUT,
        ),
        "PUT",
    )
    telemetry().called("PUT", 202)
    return _accepted(headers)


async def delete_link(session: Session, link: ResourceId, etag: str | None) -> Accepted | None:
    """Ask for a link to be removed, unless it was changed since it was read with `etag`. None when it is gone already.

    202 with an operation, or 204 for a link that is not there (recorded privatedns/link-delete, -missing-204).
    Raises as create_link does.
    """
    from azure.core import MatchConditions

    headers, keep_headers = _headers()
    client = session.private_dns(link.subscription)
    conditions: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
    await guarded(
        lambda: client.virtual_network_links.begin_delete(
            link.group,
            link.parent.name,
            link.name,
            polling=False,
            raw_response_hook=keep_headers,
            read_timeout=RECORD_WRITE_TIMEOUT,
            **conditions,
        ),
        "DELETE",
    )
    telemetry().called("DELETE", 202)
    return _accepted(headers) if "azure-asyncoperation" in headers else None


def _headers() -> "tuple[dict[str, str], Callable[[PipelineResponse[Any, Any]], None]]":
    """A place for an answer's headers, by name in lower case, and what puts them there."""
    headers: dict[str, str] = {}

    def keep(response: "PipelineResponse[Any, Any]") -> None:
        headers.update({name.casefold(): value for name, value in response.http_response.headers.items()})

    return headers, keep


def _accepted(headers: dict[str, str]) -> Accepted:
    return Accepted(headers.get("azure-asyncoperation", ""), errors.retry_after(headers) or _USUAL_PAUSE)
