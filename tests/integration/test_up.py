"""Everything up together: as a context in this process, and as the command that users run."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from localazure.azurite import PROGRAM
from localazure.running import running
from localazure.up import policy_for
from localazure.world import SUBSCRIPTION, hub_and_spoke
from tests.integration.host_apps import write_app

needs_azurite = pytest.mark.skipif(not PROGRAM.exists(), reason="Azurite is not installed: run `make test` or `npm ci`")
ROOT = Path(__file__).parent.parent.parent


async def call(session: aiohttp.ClientSession, method: str, url: str, **sent: Any) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    async with session.request(method, url, **sent) as answer:
        content = await answer.read()
        return answer.status, json.loads(content) if content else None


async def test_the_sdk_reaches_arm_over_https_with_a_token_of_the_managed_identity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running(storage=False, speed=100, strict_tokens=True) as local:
        world = hub_and_spoke(local.azure)
        for name, value in local.app_settings().items():
            monkeypatch.setenv(name, value)
        async with ManagedIdentityCredential() as credential:
            client = PrivateDnsManagementClient(
                credential,
                SUBSCRIPTION,
                base_url=local.https,
                credential_scopes=[f"{local.https}/.default"],
                # aiohttp reads SSL_CERT_FILE when it is imported, long before this test.
                connection_verify=str(local.authority),
            )
            async with client:
                making = await client.private_zones.begin_create_or_update(
                    world.group.rpartition("/")[2], "example.internal", {"location": "global"}, polling_interval=0.05
                )
                assert (await making.result()).name == "example.internal"
        async with aiohttp.ClientSession() as session:
            url = f"{local.http}{world.group}?api-version=2024-03-01"
            assert (await call(session, "GET", url, headers={"Authorization": "Bearer made-up"}))[0] == 401


@needs_azurite
async def test_what_happens_in_azure_wakes_the_app(tmp_path: Path) -> None:
    async with running(speed=60) as local:
        async with (
            local.app(write_app(tmp_path), settings={"QUEUE": "work"}) as host,
            aiohttp.ClientSession() as session,
        ):
            hub_and_spoke(local.azure)
            seen: list[list[str]] = []
            async with asyncio.timeout(20):
                while len(seen) < 3:
                    await asyncio.sleep(0.05)
                    _, said = await call(session, "GET", f"{host.url}/api/seen?code={host.keys.function}")
                    seen = [entry for entry in said["seen"] if entry[0] == "EventGridEvent"]
            assert {kind for _, kind, _ in seen} == {"Microsoft.Resources.ResourceWriteSuccess"}
        assert local.event_grid.subscriptions == []
    assert local.azure.failures == []


async def test_a_service_principal_signs_in_and_finds_its_subscriptions() -> None:
    """The calls that az CLI makes, in its order (seen with az 2.x against this Azure)."""
    async with running(storage=False, strict_tokens=True) as local, aiohttp.ClientSession() as session:
        world = hub_and_spoke(local.azure)
        tenant = local.azure.tenant
        _, found = await call(session, "GET", f"{local.http}/{tenant}/v2.0/.well-known/openid-configuration")
        assert found["token_endpoint"] == f"{local.https}/{tenant}/oauth2/v2.0/token"
        sent = {"grant_type": "client_credentials", "client_id": "ann", "scope": f"{local.https}/.default"}
        url = f"{local.http}/{tenant}/oauth2/v2.0/token"
        _, signed_in = await call(session, "POST", url, data=sent)
        headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
        _, tenants = await call(session, "GET", f"{local.http}/tenants?api-version=2022-12-01", headers=headers)
        assert [one["tenantId"] for one in tenants["value"]] == [tenant]
        subscriptions = f"{local.http}/subscriptions?api-version=2022-12-01"
        _, listed = await call(session, "GET", subscriptions, headers=headers)
        assert world.subscription in [one["subscriptionId"] for one in listed["value"]]
        local.azure.access.unreadable.add(world.subscription)
        _, listed = await call(session, "GET", subscriptions, headers=headers)
        assert world.subscription not in [one["subscriptionId"] for one in listed["value"]]
        status, said = await call(session, "POST", url, data={**sent, "grant_type": "password"})
        assert (status, said["error"]) == (400, "unsupported_grant_type")
        _, clouds = await call(session, "GET", f"{local.http}/metadata/endpoints?api-version=2022-09-01")
        assert clouds[0]["resourceManager"] == local.https


async def test_a_person_can_look_and_meddle_over_http() -> None:
    async with running(storage=False, speed=10) as local, aiohttp.ClientSession(local.http) as session:
        world = hub_and_spoke(local.azure)
        assert (await call(session, "GET", "/_local/clock"))[1]["speed"] == 10
        assert await call(session, "GET", "/_local/events") == (200, {"subscriptions": []})
        question = {"vnet": world.spoke, "name": "nobody.privatelink.westeurope.azmk8s.io"}
        assert (await call(session, "POST", "/_local/lookup", json=question))[1]["addresses"] == []

        url, headers = f"{world.group}?api-version=2024-03-01", {"Authorization": "Bearer any"}
        throttled = {"effect": "throttled", "method": "GET", "times": 1}
        assert (await call(session, "POST", "/_local/faults", json=throttled))[0] == 201
        assert [(await call(session, "GET", url, headers=headers))[0] for _ in range(2)] == [429, 200]
        assert (await call(session, "POST", "/_local/event-faults", json={"lose": 1.0}))[0] == 201
        assert local.event_grid.faults.lose == 1.0
        assert (await call(session, "DELETE", "/_local/faults"))[0] == 204
        assert local.event_grid.faults.lose == 0.0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_local/faults", b"{"),
        ("/_local/faults", b"[1]"),
        ("/_local/faults", b'{"effect": "unheard of"}'),
        ("/_local/event-faults", b'{"loose": 1}'),
        ("/_local/event-faults", b'{"lose": "often"}'),
        ("/_local/lookup", b'{"vnet": "/nowhere", "name": "x"}'),
        ("/_local/lookup", b"[]"),
    ],
)
async def test_wrong_control_input_is_answered_with_a_sentence(path: str, body: bytes) -> None:
    async with running(storage=False) as local, aiohttp.ClientSession(local.http) as session:
        status, said = await call(session, "POST", path, data=body)
        assert status == 400
        assert said["error"]


async def test_a_fault_drops_the_connection_on_a_real_socket() -> None:
    async with running(storage=False) as local, aiohttp.ClientSession(local.http) as session:
        world = hub_and_spoke(local.azure)
        await call(session, "POST", "/_local/faults", json={"effect": "dropped_before", "path": "resourceGroups"})
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{world.group}?api-version=2024-03-01", headers={"Authorization": "Bearer any"})


@needs_azurite
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_comes_up_and_ends_without_a_trace(tmp_path: Path, sign: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localazure", "up", "--no-app"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    async with asyncio.timeout(30):
        while not said or not said[-1].startswith("Ready"):
            said.append((await process.stdout.readline()).decode())
    told = "".join(said)
    process.send_signal(sign)
    rest, errors = await process.communicate()
    assert process.returncode == 0
    assert rest.decode().strip() == "Stopped."
    assert errors == b""
    assert "curl -X PUT" in told
    assert "az cloud register --name Local" in told
    assert "export TETHER_ARM_ENDPOINT=https://127.0.0.1:" in told
    assert [name for name in os.listdir(tmp_path) if name.startswith("localazure-")] == []  # noqa: PTH208 - async
    assert json.loads((tmp_path / ".localazure" / "cluster.json").read_text())["location"] == "westeurope"


@needs_azurite
async def test_an_app_that_cannot_be_served_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    write_app(tmp_path / "app")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "localazure", "up", "--app", str(tmp_path / "app")),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert b"QUEUE, which is not set" in errors
    assert b"Traceback" not in errors


async def test_help_shows_examples() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "localazure", "up", "--help", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"examples:" in output


async def test_the_policy_of_up_names_both_hubs_and_enforces() -> None:
    async with running(storage=False) as local:
        policy = policy_for(hub_and_spoke(local.azure, second_hub=True))
        assert policy["mode"] == "enforce"
        assert len(policy["hubs"]) == 2
