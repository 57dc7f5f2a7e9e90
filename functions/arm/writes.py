"""Writes: each one call of a typed client, each a compare-and-swap where Azure offers one (rule 3)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.arm import errors
from functions.arm.resource_id import ResourceId
from functions.arm.session import RECORD_WRITE_TIMEOUT, Session, guarded

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

    headers: dict[str, str] = {}

    def keep_headers(response: "PipelineResponse[Any, Any]") -> None:
        headers.update({name.casefold(): value for name, value in response.http_response.headers.items()})

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
        )
    )
    address = headers.get("azure-asyncoperation", "")
    return Accepted(address, errors.retry_after(headers) or _USUAL_PAUSE)
