"""ARM's front door: HTTP in, the right resource type called, ARM's headers and error bodies out."""

import asyncio
import json
from dataclasses import replace
from email.utils import formatdate
from typing import cast
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from localazure.answers import Answer, Refused, arm_error
from localazure.arm_path import Target, parse_path
from localazure.azure import LocalAzure
from localazure.faults import ConnectionDropped, Faults, NeverAnswered, Planned
from localazure.identity import Tokens
from localazure.operations import fate_of_request
from localazure.resource_types import providers
from localazure.resources.groups import check_group
from localazure.resources.provider import ArmRequest, Provider, not_allowed
from localazure.store import Json

BODY_LIMIT = 4 * 1024 * 1024
"""ARM takes requests up to 4 MB (Learn, "Azure Resource Manager request limits")."""


def arm_app(azure: LocalAzure, faults: Faults | None = None, *, tokens: Tokens | None = None) -> Starlette:
    """ARM as an ASGI app: every path below `/subscriptions` and `/providers`.

    Without `tokens` any well-formed bearer token is good; with them only those that they issued.
    """
    front = ArmFront(azure, faults or Faults(azure), tokens or Tokens(azure, strict=False))
    return Starlette(routes=[Route("/{path:path}", endpoint=front)])


def droppable(app: ASGIApp) -> ASGIApp:
    """Wrap the outermost app on a uvicorn socket so that a fault can cut the connection without any answer."""

    async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
        cycle = getattr(send, "__self__", None)  # uvicorn's RequestResponseCycle; `send` is its method
        if (transport := getattr(cycle, "transport", None)) is not None:
            scope["localazure.transport"] = transport
        await app(scope, receive, send)

    return with_transport


class ArmFront:
    """The ASGI endpoint: reads a request, asks the faults, calls the resource type, writes the answer."""

    def __init__(self, azure: LocalAzure, faults: Faults, tokens: Tokens) -> None:
        self._azure = azure
        self._faults = faults
        self._tokens = tokens
        self._providers = providers(azure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        method: str = scope["method"]
        try:
            target = parse_path(scope["path"], method)
        except Refused as refused:
            return await self._send(send, refused.answer, method, None)
        fault = self._faults.plan(method, target.type, scope["path"])
        try:
            await fault.before()
            answer = fault.instead or await self._answer(method, target, scope, receive, headers, fault)
            await self._azure.interludes.answered(method, target.id)
            await fault.after()
        except Refused as refused:
            answer = refused.answer
        except ConnectionDropped as dropped:
            return await _drop(scope, dropped)
        except NeverAnswered:
            return await _until_disconnected(receive)
        return await self._send(send, answer, method, target)

    async def _answer(
        self, method: str, target: Target, scope: Scope, receive: Receive, headers: dict[str, str], fault: Planned
    ) -> Answer:
        """Count the request against the limits, then answer it. What is left is told on refusals too."""
        principal = self._tokens.check(headers.get("authorization"))
        left = {} if self._azure.limits is None else self._azure.limits.take(method, target, principal)
        query = {name.lower(): value for name, value in parse_qsl(scope["query_string"].decode())}
        try:
            answer = await self._allowed(method, target, query, receive, headers, principal, fault)
        except Refused as refused:
            answer = refused.answer
        return replace(answer, headers={**left, **answer.headers}) if left else answer

    async def _allowed(
        self,
        method: str,
        target: Target,
        query: dict[str, str],
        receive: Receive,
        headers: dict[str, str],
        principal: str,
        fault: Planned,
    ) -> Answer:
        """Answer a request of a known caller, if ARM lets it through."""
        if not (api_version := query.get("api-version")):
            raise arm_error(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        access = self._azure.access
        access.check(method, target, principal)
        if target.operation is not None:
            return self._azure.operations.look_up(target.operation, result=target.is_result)
        request = ArmRequest(
            method=method,
            id=target.id,
            subscription=target.subscription,
            resource_group=target.resource_group,
            type=target.type,
            name=target.name,
            api_version=api_version,
            headers=headers,
            query=query,
            body=await _read_body(receive),
            action=target.action,
            principal=principal,
        )
        access.check_linked(method, target, principal, request.body)
        provider = self._provider(target, api_version)
        check_group(self._azure, request)
        token = fate_of_request.set(fault.fate)
        try:
            answer = await _dispatch(provider, request)
        finally:
            fate_of_request.reset(token)
        return access.seen_of_list(method, target, principal, answer)

    def _provider(self, target: Target, api_version: str) -> Provider:
        """The resource type's provider, or ARM's 404 for one that nobody has registered."""
        provider = self._providers.get(target.type.casefold())
        if provider is not None:
            return provider
        namespace, _, relative = target.type.partition("/")
        if not any(known.startswith(namespace.casefold() + "/") for known in self._providers):
            raise arm_error(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        raise arm_error(
            404,
            "InvalidResourceType",
            f"The resource type '{relative}' could not be found in the namespace '{namespace}' "
            f"for api version '{api_version}'.",
        )

    async def _send(self, send: Send, answer: Answer, method: str, target: Target | None) -> None:
        content, content_type = _content(answer, target)
        guid = self._azure.guid()
        headers = {
            "cache-control": "no-cache",
            "x-ms-request-id": guid,
            "x-ms-correlation-request-id": guid,
            "date": formatdate(self._azure.clock.now(), usegmt=True),
            **(_rate_limits(method, target) if self._azure.limits is None else {}),
            **answer.headers,
        }
        if content_type:
            headers.setdefault("content-type", content_type)
        headers["content-length"] = str(len(content))
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else content})


async def _dispatch(provider: Provider, request: ArmRequest) -> Answer:
    match request.method, request.name, request.action:
        case "POST", _, _:
            return await provider.post(request)
        case "GET" | "HEAD", "", _:
            return await provider.list(request)
        case "GET" | "HEAD", _, _:
            return await provider.get(request)
        case "PUT", name, _ if name:
            return await provider.put(request)
        case "PATCH", name, _ if name:
            return await provider.patch(request)
        case "DELETE", name, _ if name:
            return await provider.delete(request)
        case _:
            raise not_allowed(request)


async def _read_body(receive: Receive) -> Json | None:
    """The request's JSON object, or nothing; 400 for anything else and 413 for too much."""
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > BODY_LIMIT:
            raise arm_error(413, "RequestContentTooLarge", f"The request content exceeds {BODY_LIMIT} bytes.")
        chunks.append(chunk)
        more = message.get("more_body", False)
    raw = b"".join(chunks)
    if not raw.strip():
        return None
    try:
        body: object = json.loads(raw)
    except ValueError as error:
        raise arm_error(
            400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{error}'."
        ) from None
    if not isinstance(body, dict):
        raise arm_error(400, "InvalidRequestContent", "The request content was invalid: a JSON object is required.")
    return _of_resource_form(cast("Json", body))


def _of_resource_form(body: Json) -> Json:
    """The body, if what every resource has in common has the right type; 400 as ARM says it otherwise."""
    for key, wanted in (("properties", dict), ("tags", dict), ("location", str)):
        if body.get(key) is not None and not isinstance(body[key], wanted):
            raise arm_error(
                400, "InvalidRequestContent", f"The request content was invalid: '{key}' has the wrong type."
            )
    return body


async def _drop(scope: Scope, dropped: ConnectionDropped) -> None:
    """Cut the connection: on a socket for good, in process by an exception that the transport translates."""
    transport: asyncio.Transport | None = scope.get("localazure.transport")
    if transport is None:
        raise dropped
    transport.abort()
    for _ in range(2):  # let the server notice, or it would complain that we never answered
        await asyncio.sleep(0)


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _content(answer: Answer, target: Target | None) -> tuple[bytes, str]:
    """The body's bytes and its content type. AKS leaves the charset out, ARM in front of it does not (recorded)."""
    match answer.body:
        case None:
            return b"", ""
        case str() as text:
            return text.encode(), "text/html"
        case body:
            by_arm = answer.headers.get("x-ms-failure-cause") == "gateway"
            of_aks = (
                target is not None and target.type.casefold().startswith("microsoft.containerservice") and not by_arm
            )
            return msgspec.json.encode(body), "application/json" if of_aks else "application/json; charset=utf-8"


def _rate_limits(method: str, target: Target | None) -> dict[str, str]:
    """Private DNS counts by resource, the others by kind of request; the figures are a fresh caller's.

    Recorded: privatedns/link-create-full-flow, network/vnet-get-with-peering, errors/429-*.
    """
    if target is not None and not target.subscription:
        return {}
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    if target is not None and "privatedns" in target.type.casefold():
        return {"x-ms-ratelimit-remaining-subscription-resource-requests": "499" if kind == "reads" else "11999"}
    left = {"reads": "16499", "writes": "11999", "deletes": "11999"}[kind]
    return {f"x-ms-ratelimit-remaining-subscription-global-{kind}": left}
