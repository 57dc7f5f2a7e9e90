"""`POST /admin/functions/<name>`: run a function now, whatever would wake it, as the host's admin API does.

Source: Learn, "Manually run a non HTTP-triggered function": the master key, `{"input": "…"}`, 202 at once.
"""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localazure.host.bindings import Function
from localazure.host.ncrontab import Schedule
from localazure.host.routes import Invoke, Keys
from localazure.host.worker_process import Invoked, WorkerGone
from localazure.store import Json

_log = logging.getLogger(__name__)


class ByHand:
    """Runs functions for whoever holds the master key."""

    def __init__(self, functions: Mapping[str, Function], keys: Keys, invoke: Invoke) -> None:
        self._functions = functions
        self._keys = keys
        self._invoke = invoke
        self._running: set[asyncio.Task[None]] = set()

    def route(self) -> Route:
        return Route("/admin/functions/{name}", self.answer, methods=["POST"])

    async def answer(self, request: Request) -> Response:
        """202 and a run in the background; its failure is only logged, as in Azure."""
        given = request.headers.get("x-functions-key") or request.query_params.get("code")
        if not self._keys.allow("admin", given):
            return Response(status_code=401)
        function = self._functions.get(request.path_params["name"].casefold())
        if function is None:
            return Response(status_code=404)
        if function.kind == "httpTrigger":
            return Response("a function with an HTTP trigger is called at its route", status_code=400)
        try:
            sent: object = json.loads(await request.body() or b"{}")
        except ValueError:
            return Response("the body is not JSON", status_code=400)
        said = str(sent.get("input") or "") if isinstance(sent, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - JSON
        task = asyncio.get_running_loop().create_task(self._run(function, said))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return Response(status_code=202)

    async def run(self, name: str, said: str = "") -> Invoked:
        """Run a function and wait for its end. Raises KeyError for one that is not there, and WorkerGone."""
        function = self._functions[name.casefold()]
        value = timer_value(function, None) if function.kind == "timerTrigger" else {"string": said}
        return await self._invoke(function.name, {function.argument: value})

    async def _run(self, function: Function, said: str) -> None:
        try:
            done = await self.run(function.name, said)
        except WorkerGone as error:
            _log.warning("%s: %s", function.name, error)
            return
        if not done.ok:
            _log.error("%s failed: %s", function.name, done.error)


def timer_value(function: Function, due: datetime | None, *, past_due: bool = False) -> Json:
    """What a timer trigger hands to its function; `due` is None for a run by hand, which has no schedule status."""
    status: Json | None = None
    if due is not None:
        schedule = Schedule.parse(function.trigger["schedule"])
        status = {"Last": due.isoformat(), "Next": schedule.after(due).isoformat(), "LastUpdated": due.isoformat()}
    value = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
    return {"json": json.dumps(value)}
