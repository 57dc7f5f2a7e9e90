"""The whole Functions host: the worker with the app in it, and everything that wakes its functions."""

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from localazure.clock import Clock
from localazure.host import host_json
from localazure.host.bindings import BindingError, Function, functions
from localazure.host.by_hand import ByHand
from localazure.host.easy_auth import SETTING, EasyAuth
from localazure.host.event_grid_webhook import EventGridWebhook
from localazure.host.queue_listener import QueueListener
from localazure.host.routes import Keys, http_routes
from localazure.host.timer import Timer
from localazure.host.worker_process import Invoked, NotIndexed, WorkerProcess
from localazure.serving import address, bound, serving
from localazure.store import Json

_log = logging.getLogger(__name__)
RESTART_PAUSE = 1.0  # seconds before another try when a worker would not start


class FunctionsHost:
    """A running app, made by `functions_host`: where it answers, and its functions by lower-case name."""

    def __init__(self, app: Path, settings: Mapping[str, str], url: str, keys: Keys) -> None:
        self.app = app
        self.url = url
        self.keys = keys
        self.functions: dict[str, Function] = {}
        self.by_hand = ByHand(self.functions, keys, self.invoke)
        self._settings = settings
        self._worker: WorkerProcess | None = None
        self._up = asyncio.Event()

    @property
    def indexed_in(self) -> float:
        """Seconds from the start of the present worker process until it had indexed the app."""
        return self._worker.indexed_in if self._worker else 0.0

    @property
    def worker_pid(self) -> int | None:
        return self._worker.pid if self._worker and not self._worker.gone.is_set() else None

    def event_grid_endpoint(self, function: str) -> str:
        """The URL that an Event Grid subscription delivers to."""
        return f"{self.url}/runtime/webhooks/EventGrid?functionName={function}&code={self.keys.event_grid}"

    async def invoke(self, function: str, inputs: Json, metadata: Json | None = None) -> Invoked:
        """Run a function, waiting for the worker when it is just being started. Raises WorkerGone."""
        await self._up.wait()
        assert self._worker is not None
        return await self._worker.invoke(function, inputs, metadata)

    async def run_now(self, function: str) -> Invoked:
        """Run a timer (or any function that HTTP does not wake) at once and wait for its end. Raises WorkerGone."""
        await self._up.wait()
        return await self.by_hand.run(function)

    def kill(self) -> None:
        """Take the worker away as if its instance had died: what ran is lost, its queue messages stay leased."""
        if self._worker is not None:
            self._up.clear()
            self._worker.kill()

    def connection(self, function: Function) -> str:
        """The storage connection string of a trigger: the app setting it names, else `AzureWebJobsStorage`."""
        name: str = function.trigger.get("connection") or "AzureWebJobsStorage"
        if name not in self._settings:
            raise BindingError(
                f"function {function.name} needs a connection string in the app setting {name}, which is not set; "
                "connections by identity need Azure"
            )
        return self._settings[name]

    async def load(self) -> None:
        """Start the worker for the first time. Raises NotIndexed or BindingError."""
        self._worker, indexed = await WorkerProcess.start(self.app, self._settings)
        try:
            self.functions.update(functions(indexed, self._settings))
        except BindingError:
            await self._worker.stop()
            raise
        self._up.set()

    async def keep_running(self) -> None:
        """Start a new worker whenever one ended, for ever."""
        while self._worker is not None:
            await self._worker.gone.wait()
            self._up.clear()
            _log.warning("the worker ended; starting another")
            try:
                self._worker, _ = await WorkerProcess.start(self.app, self._settings)
            except NotIndexed as error:
                _log.error("the app cannot be indexed any more: %s", error)
                await asyncio.sleep(RESTART_PAUSE)
                continue
            self._up.set()

    async def stop(self) -> None:
        if self._worker is not None:
            await self._worker.stop()


@asynccontextmanager
async def functions_host(
    app: Path,
    settings: Mapping[str, str],
    clock: Clock,
    *,
    keys: Keys | None = None,
    port: int = 0,
    seed: int = 0,
    easy_auth: EasyAuth | None = None,
) -> AsyncGenerator[FunctionsHost]:
    """Run the app folder `app` with `settings` as its environment, on a port of 127.0.0.1, until the context ends.

    With `easy_auth` the app's HTTP stands behind it and its environment says so; without, principal headers reach
    the app as a caller sent them.

    Raises NotIndexed when the app cannot be loaded, BindingError or ValueError for bindings or a host.json that this
    host cannot follow. Timers and the lease of queue messages follow `clock`; polling and delays stay real seconds.
    """
    settled = host_json.read(app)
    listening = bound(port)
    settings = {**settings, **(SETTING if easy_auth else {})}
    host = FunctionsHost(app, settings, address(listening), keys or new_keys())
    try:
        await host.load()
    except BaseException:
        listening.close()
        raise
    tasks: set[asyncio.Task[None]] = set()
    try:
        routes = _routes(host, settled.route_prefix)
        listeners = _listeners(host, settled, clock, Random(seed))
        front: ASGIApp = Starlette(routes=routes)
        async with serving(easy_auth.around(front) if easy_auth else front, listening):
            tasks = {asyncio.get_running_loop().create_task(work) for work in (host.keep_running(), *listeners)}
            for task in tasks:
                task.add_done_callback(_complain)
            yield host
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await host.stop()


def new_keys() -> Keys:
    """Fresh random keys."""
    return Keys(*(secrets.token_urlsafe(24) for _ in range(3)))


def _routes(host: FunctionsHost, prefix: str) -> list[Route]:
    webhook = EventGridWebhook(host.functions, host.keys, host.invoke)
    routes = [Route("/runtime/webhooks/eventgrid", webhook.answer, methods=["POST", "OPTIONS"]), host.by_hand.route()]
    for function in host.functions.values():
        if function.kind == "httpTrigger":
            routes += http_routes(function, prefix, host.keys, host.invoke)
    for route in routes:  # the host takes paths without regard to case
        route.path_regex = re.compile(route.path_regex.pattern, re.IGNORECASE)
    return routes


def _listeners(
    host: FunctionsHost, settled: host_json.HostJson, clock: Clock, random: Random
) -> list[Coroutine[Any, Any, None]]:
    """What polls and waits for the functions that nobody calls: one coroutine for each queue and timer trigger."""
    queues = [
        QueueListener(function, host.connection(function), settled.queues, clock, host.invoke, random)
        for function in host.functions.values()
        if function.kind == "queueTrigger"
    ]
    timers = [
        Timer(function, clock, host.invoke) for function in host.functions.values() if function.kind == "timerTrigger"
    ]
    return [listener.run() for listener in (*queues, *timers)]


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.critical("a part of the host ended: %r", error, exc_info=error)
