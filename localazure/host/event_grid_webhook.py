"""The webhook through which Event Grid calls functions: `/runtime/webhooks/EventGrid?functionName=…&code=…`.

Source: Learn, "Azure Event Grid trigger for Azure Functions" and "Endpoint validation with Event Grid event schema";
for CloudEvents the abuse protection of "CloudEvents v1.0 schema with Azure Event Grid". The answer is held until the
functions returned: 202 when all succeeded, 500 when one failed, so that Event Grid delivers again.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localazure.host.bindings import Function
from localazure.host.routes import Invoke, Keys
from localazure.host.worker_process import WorkerGone
from localazure.store import Json

_log = logging.getLogger(__name__)


class EventGridWebhook:
    """Answers validation handshakes, and runs a function once for every event delivered to it."""

    def __init__(self, functions: Mapping[str, Function], keys: Keys, invoke: Invoke) -> None:
        self._functions = functions
        self._keys = keys
        self._invoke = invoke

    async def answer(self, request: Request) -> Response:
        if not self._keys.allow_event_grid(request.query_params.get("code")):
            return Response(status_code=401)
        function = self._functions.get(request.query_params.get("functionName", "").casefold())
        if function is None or function.kind != "eventGridTrigger":
            return Response("cannot find the function", status_code=404)
        if request.method == "OPTIONS":
            origin = request.headers.get("webhook-request-origin", "")
            return Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
        try:
            document: object = json.loads(await request.body())
        except ValueError:
            return Response("the body is not JSON", status_code=400)
        candidates = cast("list[object]", document) if isinstance(document, list) else [document]
        events = [cast("Json", candidate) for candidate in candidates if isinstance(candidate, dict)]
        if not events or len(events) < len(candidates):
            return Response("the body holds something that is no event", status_code=400)
        return await self._dispatch(request, function, events)

    async def _dispatch(self, request: Request, function: Function, events: list[Json]) -> Response:
        match request.headers.get("aeg-event-type", "").casefold():
            case "subscriptionvalidation":
                return JSONResponse({"validationResponse": events[0].get("data", {}).get("validationCode")})
            case "unsubscribe":
                return Response(status_code=202)
            case "notification":
                done = await asyncio.gather(*(self._run(function, event) for event in events))
                return Response(status_code=202 if all(done) else 500)
            case other:
                return Response(f"aeg-event-type {other!r} is unknown", status_code=400)

    async def _run(self, function: Function, event: Json) -> bool:
        try:
            done = await self._invoke(function.name, {function.argument: {"json": json.dumps(event)}})
        except WorkerGone as error:
            _log.warning("%s: %s", function.name, error)
            return False
        if not done.ok:
            _log.error("%s failed on event %s: %s", function.name, event.get("id"), done.error)
        return done.ok
