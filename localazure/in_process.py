"""A transport for the real Azure SDK clients that leads into an ASGI app of this process, without sockets."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, MutableMapping
from types import TracebackType
from typing import Any, Self, cast, override
from urllib.parse import unquote, urlsplit

from azure.core.exceptions import (
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from multidict import CIMultiDict
from starlette.types import ASGIApp, Message

from localazure.faults import ConnectionDropped


class InProcessTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Give it to a client as `transport=`. `read_timeout` counts on the event loop's clock, virtual or not.

    A dropped connection raises ServiceRequestError before the work and ServiceResponseError after it; a silent one
    ServiceResponseTimeoutError, as azure-core's aiohttp transport does.
    """

    def __init__(self, app: ASGIApp, *, read_timeout: float = 300) -> None:
        self._app = app
        self._read_timeout = read_timeout
        self.sent = 0
        """How many requests went through."""

    @override
    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        self.sent += 1
        exchange = _Exchange(request)
        try:
            async with asyncio.timeout(kwargs.get("read_timeout", self._read_timeout)):
                await self._app(exchange.scope, exchange.receive, exchange.send)
        except ConnectionDropped as dropped:
            raise (ServiceResponseError if dropped.after_work else ServiceRequestError)(str(dropped)) from dropped
        except TimeoutError as error:
            raise ServiceResponseTimeoutError(f"no answer to {request.method} {request.url}") from error
        return InProcessResponse(request, exchange.status, exchange.headers, bytes(exchange.content))

    @override
    async def open(self) -> None:
        """Nothing to open."""

    @override
    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to leave."""


class _Exchange:
    """One request and its answer as ASGI sees them."""

    def __init__(self, request: HttpRequest) -> None:
        url = urlsplit(request.url)
        self._content: object = request.content
        self._read = False
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode(),
            "query_string": url.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()],
            "server": (url.hostname, url.port or 443),
            "client": ("127.0.0.1", 1),
        }
        self.status = 0
        self.headers = CIMultiDict[str]()
        self.content = bytearray()

    async def receive(self) -> Message:
        if self._read:
            await asyncio.Event().wait()  # a client that waits never disconnects; its timeout ends this
        self._read = True
        return {"type": "http.request", "body": await _bytes(self._content), "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers.extend((name.decode(), value.decode("latin-1")) for name, value in message["headers"])
        else:
            self.content += message.get("body", b"")


class InProcessResponse(AsyncHttpResponse):
    """An answer that is wholly there already."""

    def __init__(self, request: HttpRequest, status: int, headers: CIMultiDict[str], content: bytes) -> None:
        self._request = request
        self._status = status
        self._headers = headers
        self._content = content
        self._encoding: str | None = None

    @property
    @override
    def request(self) -> HttpRequest:
        return self._request

    @property
    @override
    def status_code(self) -> int:
        return self._status

    @property
    @override
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    @override
    def reason(self) -> str:
        return ""

    @property
    @override
    def content_type(self) -> str | None:
        return self._headers.get("content-type")

    @property
    @override
    def is_closed(self) -> bool:
        return True

    @property
    @override
    def is_stream_consumed(self) -> bool:
        return True

    @property
    @override
    def encoding(self) -> str | None:
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    @override
    def url(self) -> str:
        return self._request.url

    @property
    @override
    def content(self) -> bytes:
        return self._content

    @override
    def text(self, encoding: str | None = None) -> str:
        return self._content.decode(encoding or self._encoding or "utf-8")

    @override
    def json(self) -> Any:
        return json.loads(self._content)

    @override
    def raise_for_status(self) -> None:
        if self._status >= 400:
            raise HttpResponseError(response=self)

    @override
    async def read(self) -> bytes:
        return self._content

    @override
    async def iter_raw(self, **kwargs: Any) -> AsyncIterator[bytes]:
        yield self._content

    @override
    async def iter_bytes(self, **kwargs: Any) -> AsyncIterator[bytes]:
        yield self._content

    @override
    async def close(self) -> None:
        """Nothing to close."""

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to leave."""


async def _bytes(content: object) -> bytes:
    match content:
        case None:
            return b""
        case str() as text:
            return text.encode()
        case bytes() as raw:
            return raw
        case AsyncIterable():
            return b"".join([part async for part in cast("AsyncIterable[bytes]", content)])
        case _:
            raise TypeError(f"the in-process transport sends text and bytes, not {type(content).__name__}")
