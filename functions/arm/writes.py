"""Writes: each one call of a typed client, each a compare-and-swap where Azure offers one (rule 3)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from functions.arm import errors
from functions.arm.operations import LOST
from functions.arm.resource_id import ResourceId
from functions.arm.session import RECORD_WRITE_TIMEOUT, Session, guarded
from functions.telemetry import telemetry

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest, PipelineResponse
    from azure.core.rest import AsyncHttpResponse

# Azure names 30 s for private DNS (recorded privatedns/zone-link-record-full-flow-2024-06-01); used when it names none.
_USUAL_PAUSE = 30.0

type Options = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """ARM took a write and carries it out: where to ask, and in how many seconds."""

    address: str
    pause: float


async def begin(call: Callable[[Options], Awaitable[object]], method: str, timeout: float) -> Mapping[str, str]:  # noqa: ASYNC109 - the transport keeps it
    """The headers, by name in lower case, of the answer with which ARM took a write.

    `call` gets the options of one call of a typed client that begins an operation: one request, of at most `timeout`
    seconds, without polling. ARM's answer decides whether it was taken, and not what the SDK makes of it: the SDK also
    fails on a 2xx that its specification does not name, and on a Retry-After that is no number.
    Raises ArmError, NoTokenError, or NoAnswerError when it is not known whether the write was taken.
    """
    answers: list[AsyncHttpResponse] = []

    def keep(response: "PipelineResponse[Any, AsyncHttpResponse]") -> None:
        answers.append(response.http_response)

    async def answered() -> None:
        try:
            await call({"polling": False, "raw_response_hook": keep, "read_timeout": timeout})
        except (HttpResponseError, ValueError):
            if not (answers and 200 <= answers[-1].status_code < 300):
                raise

    await guarded(answered, method)
    telemetry().called(method, answers[-1].status_code)
    return {name.casefold(): value for name, value in answers[-1].headers.items()}


def accepted(headers: Mapping[str, str], usual_pause: float, address: str = "azure-asyncoperation") -> Accepted:
    """What the headers of an answer say of the operation. `usual_pause` (seconds) is for one that names none."""
    return Accepted(headers.get(address) or LOST, errors.retry_after(headers) or usual_pause)


def sent_once(request: "PipelineRequest[HttpRequest]") -> None:
    """A typed client's `raw_request_hook`: the bytes of a file object go as they are, and aiohttp sends them once.

    aiohttp sends a PUT again when the connection drops without an answer (client.py, IDEMPOTENT_METHODS), up to a
    minute later, when the body may be out of date; a body that it cannot rewind it does not.
    """
    held = request.http_request
    body: bytes = held.content.read()
    headers = {**held.headers, "Content-Length": str(len(body))}
    request.http_request = HttpRequest(held.method, held.url, headers=headers, content=_NotRewound(body))


class _NotRewound:
    """A body that aiohttp cannot rewind. A new request has it whole: azure-core makes one for a claims challenge."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


async def create_link(session: Session, link: ResourceId, vnet: ResourceId, tags: dict[str, str]) -> Accepted:
    """Ask for a link from the zone that is the link's parent to a VNet, without registration, unless it is there.

    Whether it is there is judged while the operation runs, not now: `If-None-Match: *` on a link that exists is
    accepted with 202 and fails in the poll (recorded privatedns/link-put-if-none-match-conflict).
    Raises ArmError, NoTokenError, or NoAnswerError when it is not known whether the link was asked for.
    """
    from azure.core import MatchConditions
    from azure.mgmt.privatedns.models import SubResource, VirtualNetworkLink, VirtualNetworkLinkProperties

    body = VirtualNetworkLink(
        location="global",
        tags=tags,
        properties=VirtualNetworkLinkProperties(
            virtual_network=SubResource(id=str(vnet)),
            registration_enabled=False,
        ),
    )
    client = session.private_dns(link.subscription)
    headers = await begin(
        lambda options: client.virtual_network_links.begin_create_or_update(
            link.group, link.parent.name, link.name, body, match_condition=MatchConditions.IfMissing, **options
        ),
        "PUT",
        RECORD_WRITE_TIMEOUT,
    )
    return accepted(headers, _USUAL_PAUSE)


async def delete_link(session: Session, link: ResourceId, etag: str | None) -> Accepted | None:
    """Ask for a link to be removed, unless it was changed since it was read with `etag`. None when it is gone already.

    202 with an operation, or 204 for a link that is not there (recorded privatedns/link-delete, -missing-204).
    Raises as create_link does.
    """
    from azure.core import MatchConditions

    client = session.private_dns(link.subscription)
    conditions: Options = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
    headers = await begin(
        lambda options: client.virtual_network_links.begin_delete(
            link.group, link.parent.name, link.name, **conditions, **options
        ),
        "DELETE",
        RECORD_WRITE_TIMEOUT,
    )
    return accepted(headers, _USUAL_PAUSE) if "azure-asyncoperation" in headers else None
