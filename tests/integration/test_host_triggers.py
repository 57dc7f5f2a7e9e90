"""What wakes functions, over real sockets: the Event Grid webhook, HTTP, queue and timer triggers, on Azurite."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import ResourceExistsError
from azure.storage.queue import TextBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from localazure.azurite import PROGRAM, azurite
from localazure.clock import Clock
from localazure.host.functions_host import FunctionsHost, functions_host
from tests.integration.host_apps import write_app

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")

EVENT = {"id": "1", "topic": "/t", "subject": "", "eventType": "E", "dataVersion": "1", "data": {}}
CLOUD_EVENT = {"id": "c", "source": "/t", "specversion": "1.0", "type": "E", "subject": "", "data": {}}
VALIDATION = {**EVENT, "data": {"validationCode": "512d38b6"}}


class Setup:
    """A running host, a session to call it, and its queue."""

    def __init__(self, host: FunctionsHost, session: aiohttp.ClientSession, connection: str) -> None:
        self.host = host
        self.session = session
        self._connection = connection

    def queue(self, name: str = "work") -> QueueClient:
        return QueueClient.from_connection_string(
            self._connection, name, message_encode_policy=TextBase64EncodePolicy()
        )

    async def deliver(self, body: Any, kind: str = "Notification", **changes: str) -> aiohttp.ClientResponse:
        url = changes.get("url") or self.host.event_grid_endpoint("on_event")
        async with self.session.post(url, json=body, headers={"aeg-event-type": kind}) as answer:
            await answer.read()
            return answer

    async def seen(self) -> list[Any]:
        async with self.session.get(
            f"{self.host.url}/api/seen", headers={"x-functions-key": self.host.keys.function}
        ) as answer:
            said = await answer.json()
            return said["seen"]


@asynccontextmanager
async def running(folder: Path, *, speed: float = 1.0) -> AsyncGenerator[Setup]:
    async with azurite() as storage, aiohttp.ClientSession() as session:
        settings = {"QUEUE": "work", "AzureWebJobsStorage": storage.connection_string}
        async with functions_host(write_app(folder), settings, Clock(speed)) as host:
            yield Setup(host, session, storage.connection_string)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that will be so, with a limit far above what it takes."""
    async with asyncio.timeout(20):
        while not await holds():
            await asyncio.sleep(0.02)


async def test_event_grid_wakes_its_function_and_waits_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as setup:
        good = setup.host.event_grid_endpoint("on_event")
        assert (await setup.deliver([EVENT])).status == 202
        assert (await setup.deliver([EVENT, {**EVENT, "subject": "fail"}])).status == 500
        assert (await setup.deliver(CLOUD_EVENT)).status == 202
        assert (await setup.deliver([CLOUD_EVENT, CLOUD_EVENT])).status == 202
        names = sorted(name for name, *_ in await setup.seen())
        assert names == ["CloudEvent"] * 3 + ["EventGridEvent"] * 3

        lower = good.replace("/runtime/webhooks/EventGrid", "/RUNTIME/Webhooks/eventgrid").replace(
            "on_event", "ON_EVENT"
        )
        assert (await setup.deliver([EVENT], url=lower)).status == 202
        assert (await setup.deliver([EVENT], url=good + "x")).status == 401
        assert (await setup.deliver([EVENT], url=good.replace("on_event", "echo"))).status == 404
        assert (await setup.deliver([EVENT], "Surprise")).status == 400
        assert (await setup.deliver([1])).status == 400
        async with setup.session.post(
            good, json=[VALIDATION], headers={"aeg-event-type": "SubscriptionValidation"}
        ) as answer:
            assert await answer.json() == {"validationResponse": "512d38b6"}
        async with setup.session.options(good, headers={"WebHook-Request-Origin": "eventgrid.azure.net"}) as answer:
            assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


async def test_http_calls_reach_the_function_of_their_route(tmp_path: Path) -> None:
    async with running(tmp_path) as setup:
        url = setup.host.url
        async with setup.session.put(f"{url}/API/echo/Anna/3?a=b", data="hello") as answer:
            assert (answer.status, answer.headers["x-tiny"]) == (201, "yes")
            assert await answer.json(content_type=None) == ["PUT", {"name": "Anna", "count": "3"}, {"a": "b"}, "hello"]
        for path, status in {"echo/Anna": 201, "broken": 500, "seen": 401, "nothing": 404}.items():
            async with setup.session.get(f"{url}/api/{path}") as answer:
                assert answer.status == status, path
        async with setup.session.get(f"{url}/api/seen?code={setup.host.keys.function}") as answer:
            assert answer.status == 200
        async with setup.session.post(f"{url}/api/seen?code={setup.host.keys.function}") as answer:
            assert answer.status == 405


async def test_a_message_runs_once_and_a_bad_one_ends_in_the_poison_queue(tmp_path: Path) -> None:
    async with running(tmp_path) as setup, setup.queue() as queue, setup.queue("work-poison") as poison:
        await _make(queue)
        await queue.send_message("good")
        await queue.send_message("fail")

        async def poisoned() -> bool:
            try:
                return (await poison.get_queue_properties()).approximate_message_count == 1
            except Exception as error:
                if getattr(error, "status_code", None) != 404:
                    raise
                return False

        await until(poisoned)
        seen = [entry for entry in await setup.seen() if entry[0] in ("good", "fail")]
        assert sorted(seen) == [["fail", 1, True, True], ["fail", 2, True, True], ["good", 1, True, True]]
        assert (await queue.get_queue_properties()).approximate_message_count == 0


async def test_a_message_that_is_not_base64_ends_in_the_poison_queue_too(tmp_path: Path) -> None:
    async with running(tmp_path) as setup, setup.queue() as queue, setup.queue("work-poison") as poison:
        await _make(queue)
        await _make(poison)
        raw = QueueClient.from_connection_string(setup._connection, "work")
        async with raw:
            await raw.send_message("{ not base64 }")

        async def poisoned() -> bool:
            return (await poison.get_queue_properties()).approximate_message_count == 1

        await until(poisoned)


async def test_when_the_worker_dies_its_message_stays_leased_and_another_worker_comes(tmp_path: Path) -> None:
    async with running(tmp_path, speed=0.5) as setup, setup.queue() as queue:
        await _make(queue)
        await queue.send_message("hang")
        await until(lambda: _has_seen(setup, "hang"))
        before = setup.host.worker_pid
        setup.host.kill()
        assert (await setup.deliver([EVENT])).status == 202
        assert setup.host.worker_pid != before
        assert not await _has_seen(setup, "hang")
        assert await queue.peek_messages() == []
        assert (await queue.get_queue_properties()).approximate_message_count == 1


async def test_timers_follow_azures_clock(tmp_path: Path) -> None:
    async with running(tmp_path, speed=600) as setup:

        async def ticked() -> bool:
            return [entry[0] for entry in await setup.seen()].count("tick") >= 2

        await until(ticked)


async def _make(queue: QueueClient) -> None:
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


async def _has_seen(setup: Setup, body: str) -> bool:
    return body in [entry[0] for entry in await setup.seen()]
