"""The HTTP routes in Microsoft's runtime, over real sockets: https to ARM, Azurite, Easy Auth in front."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import BinaryBase64EncodePolicy
from azure.storage.queue.aio import QueueClient

from functions.arm.resource_id import ResourceId
from functions.queue import POISON
from functions.work import Work, encode
from localazure.azurite import PROGRAM
from localazure.host.easy_auth import EasyAuth, Principal
from localazure.host.functions_host import FunctionsHost
from localazure.running import Running, running
from localazure.store import Json
from localazure.up import policy_for
from localazure.world import HubAndSpoke, cluster_request, hub_and_spoke

ROOT = Path(__file__).parents[2]
TENANT = "55555555-5555-4555-8555-555555555555"
APP = "66666666-6666-4666-8666-666666666666"
OPERATOR = Principal("ada@example.com", "77777777-7777-4777-8777-777777777777", TENANT, APP, ("Tether.Operator",))
NEVER = "0 0 0 1 1 *"  # once a year: an hourly sweep would mend within half a minute what these tests break
LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")


@dataclass
class Setup:
    """A running app, and someone who calls it with a function key; `operator` is a token of one who may write."""

    local: Running
    host: FunctionsHost
    world: HubAndSpoke
    person: aiohttp.ClientSession
    operator: str

    async def ask(self, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
        async with self.person.request(method, f"{self.host.url}/api/{path}", **more) as answer:
            body = await answer.json(content_type=None)
            if answer.status >= 400 and "code" in (body or {}):
                assert answer.content_type == "application/problem+json"
            return answer.status, body

    async def write(self, path: str, **more: Any) -> tuple[int, Any]:
        return await self.ask(path, "POST", headers={"Authorization": f"Bearer {self.operator}"}, **more)

    async def create(self) -> str:
        cluster = f"{self.world.group}/providers/Microsoft.ContainerService/managedClusters/team"
        url = f"{self.local.http}{cluster}?api-version=2026-08-01"
        body = cluster_request(self.world.node_subnet, self.world.location)
        async with self.person.put(url, json=body, headers={"Authorization": "Bearer any"}) as answer:
            assert answer.status == 201
        return cluster


@asynccontextmanager
async def set_up(policy: Json | None = None, *, strange: str = "") -> AsyncGenerator[Setup]:
    """`policy` on top of one that enforces; `strange` in its place, as it is."""
    async with running(speed=120.0) as local:
        world = hub_and_spoke(local.azure)
        front = EasyAuth()
        settings = {"TETHER_TENANT_ID": TENANT, "TETHER_CLIENT_ID": APP, "TETHER_SWEEP_SCHEDULE": NEVER}
        wanted = strange or {**policy_for(world), **(policy or {})}
        async with local.app(ROOT, policy=wanted, settings=settings, easy_auth=front) as host:
            key = {"x-functions-key": host.keys.function}
            async with aiohttp.ClientSession(headers=key) as person:
                yield Setup(local, host, world, person, front.sign_in(OPERATOR))


async def until_at_rest(setup: Setup) -> None:
    """The cluster is up, and Tether has seen that and expects nothing more, so that `watch` lets it be."""
    async with asyncio.timeout(60):
        while True:
            _, page = await setup.ask("clusters")
            match page["value"]:
                case [{"state": "Succeeded", "eventWaits": False, "looksAgainAt": None}]:
                    return
                case _:
                    await asyncio.sleep(0.1)


async def test_a_person_looks_plans_and_mends() -> None:
    async with set_up() as setup:
        cluster = await setup.create()
        await until_at_rest(setup)
        path = f"clusters/{setup.world.subscription}/{ResourceId(cluster).group}/team"
        (link,) = [held for held in setup.local.azure.store.of_type(LINKS) if "/tether-" in held.id]
        setup.local.azure.store.remove(link.id)

        status, page = await setup.ask(path)
        assert (status, page["state"], page["accessMode"], page["unread"]) == (200, "Succeeded", "private-link", [])
        assert page["record"]["addresses"] == page["addresses"]
        status, plan = await setup.ask(f"{path}/reconcile", "POST")
        assert (status, plan["dryRun"], [change["action"] for change in plan["changes"]]) == (200, True, ["create"])
        assert setup.local.azure.store.get(link.id) is None

        status, refused = await setup.ask(f"{path}/reconcile?dryRun=false", "POST")
        assert (status, refused["code"]) == (403, "principal-required")
        forged = {"X-MS-CLIENT-PRINCIPAL": OPERATOR.header()}
        status, refused = await setup.ask(f"{path}/reconcile?dryRun=false", "POST", headers=forged)
        assert (status, refused["code"]) == (403, "principal-required")
        assert setup.local.azure.store.get(link.id) is None

        status, done = await setup.write(f"{path}/reconcile?dryRun=false")
        assert (status, [change["result"] for change in done["changes"]]) == (202, ["started"])
        assert setup.local.azure.store.get(link.id) is not None
        status, page = await setup.ask(done["status"].removeprefix("/api/"))
        assert page["journal"][0]["by"].startswith("ada@example.com (")
        assert page["journal"][0]["result"] == "started"

        status, listed = await setup.ask("clusters?top=1")
        assert (status, [one["id"].rpartition("/")[2] for one in listed["value"]]) == (200, ["team"])
        assert (await setup.ask("clusters?finding=any"))[1]["value"] == []


async def test_a_sweep_finds_what_differs_and_its_report_is_kept() -> None:
    async with set_up({"mode": "observe"}) as setup:
        await until_up_without_names(setup)
        status, none = await setup.ask("drift")
        assert (status, none["code"]) == (404, "no-report")
        status, report = await setup.write("sweep")
        assert (status, report["mode"], report["clusters"], report["queued"]) == (200, "observe", 1, 0)
        assert report["changes"] == 1
        assert (await setup.ask("drift"))[1] == report
        status, refused = await setup.write("sweep?approve=0123456789abcdef")
        assert (status, refused["code"]) == (409, "mode-observe")
        path = f"clusters/{setup.world.subscription}/{ResourceId(setup.world.group).group}/team/reconcile?dryRun=false"
        status, refused = await setup.write(path)
        assert (status, refused["code"]) == (409, "mode-observe")


async def until_up_without_names(setup: Setup) -> None:
    """A cluster whose zone is there and whose link nobody makes."""
    await setup.create()
    async with asyncio.timeout(30):
        while not setup.local.azure.store.of_type("Microsoft.Network/privateDnsZones"):
            await asyncio.sleep(0.05)


async def test_health_counts_what_lies_in_the_queues_and_replay_puts_it_back() -> None:
    async with set_up() as setup:
        status, health = await setup.ask("health")
        assert (status, health["status"], health["queueDepth"], health["poisonDepth"]) == (200, "healthy", 0, 0)
        assert setup.local.storage is not None
        zone = f"{setup.world.group}/providers/Microsoft.Network/privateDnsZones/privatelink.westeurope.azmk8s.io"
        work = Work(target=ResourceId(zone), why="zone-written", cause="c", since=1.0)
        connection = setup.local.storage.connection_string
        good = QueueClient.from_connection_string(connection, POISON, message_encode_policy=BinaryBase64EncodePolicy())
        junk = QueueClient.from_connection_string(connection, POISON)
        async with good, junk:
            await good.create_queue()
            await good.send_message(encode(work))
            await good.send_message(b"junk")
            await junk.send_message("{ not base64 }")
            assert (await setup.ask("health"))[1]["poisonDepth"] == 3
            status, refused = await setup.ask("poison/replay", "POST")
            assert (status, refused["code"]) == (403, "principal-required")
            assert await setup.write("poison/replay") == (200, {"replayed": 1, "left": 2})
            assert (await good.get_queue_properties()).approximate_message_count == 2


async def test_with_a_broken_policy_health_names_the_field_and_nothing_else_answers() -> None:
    async with set_up(strange='{"owner": "x", "scope": {"subscriptions": []}, "hubz": []}') as setup:
        status, health = await setup.ask("health")
        assert (status, health["policy"]["ok"]) == (503, False)
        assert "hubz" in health["policy"]["detail"]
        for path, method in (("clusters", "GET"), ("drift", "GET"), ("sweep", "POST"), ("poison/replay", "POST")):
            status, problem = await setup.ask(path, method)
            assert (status, problem["code"]) == (503, "policy-invalid")


async def test_bad_requests_are_problems_and_a_wrong_key_is_the_platforms() -> None:
    async with set_up() as setup:
        for path, method, more, status, code in (
            ("health", "DELETE", {}, 405, "method-not-allowed"),
            ("health?x=1", "GET", {}, 400, "query-invalid"),
            ("clusters/prod/rg/team", "GET", {}, 400, "id-malformed"),
            ("sweep", "POST", {"data": b"{"}, 400, "body-not-json"),
            ("sweep", "POST", {"data": b" " * 65537}, 413, "body-too-large"),
        ):
            told, problem = await setup.ask(path, method, **more)
            assert (told, problem["code"]) == (status, code)
        for key in ("", "wrong"):
            assert (await setup.ask("health", headers={"x-functions-key": key}))[0] == 401
