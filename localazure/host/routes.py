"""HTTP triggers: from a function's route, methods and level of authorisation to a Starlette route.

Source: Learn, "Azure Functions HTTP trigger" (route, methods, authLevel) and "Work with access keys".
"""

import base64
import hmac
import logging
import re
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localazure.host.bindings import Function
from localazure.host.worker_process import Invoked, WorkerGone
from localazure.store import Json

_log = logging.getLogger(__name__)
_METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]
# `{name}`, `{name?}`, `{name:type}`, `{*rest}`
_PARAMETER = re.compile(r"/?\{(\*?)(\w+)(?::(\w+)(?:\([^)]*\))?)?(\?)?\}")
_CONVERTERS = {"int": "int", "long": "int", "guid": "uuid"}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of the app: for functions, for admin functions (the master key), for the Event Grid webhook."""

    function: str
    master: str
    event_grid: str

    def allow(self, level: str, given: str | None) -> bool:
        """May a caller with this key call a function of this level? The master key opens everything."""
        match level.casefold():
            case "anonymous":
                return True
            case "function":
                return _same(given, self.function) or _same(given, self.master)
            case "admin":
                return _same(given, self.master)
            case _:
                raise ValueError(f"there is no authLevel {level!r}")

    def allow_event_grid(self, given: str | None) -> bool:
        """May a caller with this key deliver events?"""
        return _same(given, self.event_grid) or _same(given, self.master)


class Invoke(Protocol):
    """Runs a function of the app; raises WorkerGone when the worker ends first."""

    async def __call__(self, function: str, inputs: Json, metadata: Json | None = None) -> Invoked: ...


def http_routes(function: Function, prefix: str, keys: Keys, invoke: Invoke) -> list[Route]:
    """The routes of an HTTP-triggered function; several where parameters are optional."""
    level = str(function.trigger.get("authLevel", "function"))
    methods = [str(method).upper() for method in function.trigger.get("methods") or _METHODS]

    async def call(request: Request) -> Response:
        if not keys.allow(level, request.query_params.get("code") or request.headers.get("x-functions-key")):
            return Response(status_code=401)
        try:
            done = await invoke(function.name, {function.argument: await _value(request)})
        except WorkerGone as error:
            _log.warning("%s: %s", function.name, error)
            return Response(status_code=503)
        if not done.ok:
            _log.error("%s failed: %s", function.name, done.error)
            return Response(status_code=500)
        return _response(done.returned)

    return [
        Route(path, call, methods=methods) for path in paths(str(function.trigger.get("route", "")), function, prefix)
    ]


def paths(route: str, function: Function, prefix: str) -> list[str]:
    """A route in Starlette's words, longest first. A function without a route is found under its name."""
    written = "/" + "/".join(part for part in (prefix, (route or function.name).strip("/")) if part)
    optional = [match.start() for match in _PARAMETER.finditer(written) if match.group(4)]
    return [_PARAMETER.sub(_parameter, written[:end]) or "/" for end in (len(written), *reversed(optional))]


def _parameter(match: re.Match[str]) -> str:
    rest, name, kind, _ = match.groups()
    slash = "/" if match.group(0).startswith("/") else ""
    converter = "path" if rest else _CONVERTERS.get(kind or "")
    return f"{slash}{{{name}:{converter}}}" if converter else f"{slash}{{{name}}}"


async def _value(request: Request) -> Json:
    content: Json = {
        "method": request.method,
        "url": str(request.url),
        "headers": dict(request.headers),
        "params": {name: str(value) for name, value in request.path_params.items()},
        "query": dict(request.query_params),
        "body": base64.b64encode(await request.body()).decode(),
    }
    return {"http": content}


def _response(returned: Json | None) -> Response:
    """What the function returned. A function that returns nothing answers 204, as the host does."""
    if returned is None:
        return Response(status_code=204)
    if "http" not in returned:
        return Response(str(next(iter(returned.values()))), media_type="text/plain")
    answer: Json = returned["http"]
    body: dict[str, Any] = answer["body"] or {}
    content = base64.b64decode(body["bytes"]) if "bytes" in body else str(next(iter(body.values()), "")).encode()
    return Response(content, status_code=answer["status"], headers=answer["headers"])


def _same(given: str | None, key: str) -> bool:
    return given is not None and hmac.compare_digest(given.encode(), key.encode())
