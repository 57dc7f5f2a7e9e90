"""What stands before an app's functions: Easy Auth with its headers, and runs by hand with the master key."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from localazure.clock import Clock
from localazure.host.easy_auth import EasyAuth, Principal
from localazure.host.functions_host import FunctionsHost, functions_host
from tests.integration.host_apps import write_app

APP = """
import json
import os

import azure.functions as func

app = func.FunctionApp()
ticks = []


@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *")
async def new_year(timer: func.TimerRequest) -> None:
    ticks.append(timer.past_due)


@app.route(route="who", auth_level=func.AuthLevel.ANONYMOUS)
async def who(req: func.HttpRequest) -> func.HttpResponse:
    said = {
        "principal": req.headers.get("X-MS-CLIENT-PRINCIPAL"),
        "id": req.headers.get("X-MS-CLIENT-PRINCIPAL-ID"),
        "easy_auth": os.environ.get("WEBSITE_AUTH_ENABLED"),
        "ticks": ticks,
    }
    return func.HttpResponse(json.dumps(said), mimetype="application/json")
"""
OPERATOR = Principal("ann@example.org", "oid-1", "tenant-1", "api://tether", roles=["Tether.Operator"])
FORGED = {"X-MS-CLIENT-PRINCIPAL": "Zm9yZ2Vk", "X-Ms-Client-Principal-Id": "root"}


@asynccontextmanager
async def running(
    folder: Path, easy_auth: EasyAuth | None = None
) -> AsyncGenerator[tuple[FunctionsHost, aiohttp.ClientSession]]:
    async with (
        functions_host(write_app(folder, APP), {}, Clock(), easy_auth=easy_auth) as host,
        aiohttp.ClientSession(host.url) as session,
    ):
        yield host, session


async def who(session: aiohttp.ClientSession, **headers: str) -> tuple[int, Any]:
    async with session.get("/api/who", headers=headers) as answer:
        return answer.status, await answer.json() if answer.status == 200 else None


async def test_without_easy_auth_a_forged_principal_reaches_the_app(tmp_path: Path) -> None:
    async with running(tmp_path) as (_, session):
        _, said = await who(session, **FORGED)
        assert (said["principal"], said["id"], said["easy_auth"]) == ("Zm9yZ2Vk", "root", None)


async def test_easy_auth_names_who_signed_in_and_takes_forgeries_out(tmp_path: Path) -> None:
    easy_auth = EasyAuth()
    async with running(tmp_path, easy_auth) as (_, session):
        token = easy_auth.sign_in(OPERATOR)
        _, said = await who(session, Authorization=f"Bearer {token}", **FORGED)
        principal = json.loads(base64.b64decode(said["principal"]))
        assert {"typ": "roles", "val": "Tether.Operator"} in principal["claims"]
        assert (said["id"], said["easy_auth"]) == ("oid-1", "True")
        _, anonymous = await who(session, **FORGED)
        assert (anonymous["principal"], anonymous["id"]) == (None, None)
        assert (await who(session, Authorization="Bearer stolen"))[0] == 401


async def test_where_signing_in_is_required_only_excluded_paths_are_open(tmp_path: Path) -> None:
    async with running(tmp_path, EasyAuth(required=True)) as (host, session):
        assert (await who(session))[0] == 401
        async with session.post(host.event_grid_endpoint("nobody"), json=[]) as answer:
            assert answer.status == 404, "Event Grid's webhook is reached"


@pytest.mark.parametrize(
    ("path", "key", "body", "status"),
    [
        pytest.param("/admin/functions/new_year", "master", b'{"input": ""}', 202, id="a timer runs"),
        pytest.param("/Admin/Functions/NEW_YEAR", "master", b"", 202, id="whatever the case"),
        pytest.param("/admin/functions/new_year", "function", b"{}", 401, id="not with a function key"),
        pytest.param("/admin/functions/new_year", "master", b"{", 400, id="not with broken JSON"),
        pytest.param("/admin/functions/who", "master", b"{}", 400, id="not over HTTP"),
        pytest.param("/admin/functions/nobody", "master", b"{}", 404, id="not what is not there"),
    ],
)
async def test_a_run_by_hand_needs_the_master_key(
    tmp_path: Path, path: str, key: str, body: bytes, status: int
) -> None:
    async with running(tmp_path) as (host, session):
        keys = {"master": host.keys.master, "function": host.keys.function}
        async with session.post(path, data=body, headers={"x-functions-key": keys[key]}) as answer:
            assert answer.status == status
        if status == 202:
            async with asyncio.timeout(10):
                while (await who(session))[1]["ticks"] != [False]:
                    await asyncio.sleep(0.01)


async def test_a_test_can_run_a_timer_and_wait_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as (host, session):
        assert (await host.run_now("new_year")).ok
        assert (await who(session))[1]["ticks"] == [False]
