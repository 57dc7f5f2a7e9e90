"""Faults and tokens over a real socket: a dropped connection is dropped, and a token opens ARM's door."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from localazure import fault_effects
from localazure.arm_front import arm_app, droppable
from localazure.azure import LocalAzure
from localazure.fault import Effect
from localazure.faults import Faults
from localazure.identity import Tokens, identity_routes
from localazure.resources.groups import ResourceGroups
from localazure.serving import address, bound, serving
from localazure.store import Json
from tests.unit.localazure.local_arm import GROUP

WHERE = f"{GROUP}?api-version=2024-06-01"
TOKEN_QUERY = "api-version=2019-08-01&resource=https%3A%2F%2Fmanagement.azure.com"


@asynccontextmanager
async def served(azure: LocalAzure, faults: Faults) -> AsyncGenerator[aiohttp.ClientSession]:
    """ARM and the identity endpoint on one port, with a client for them."""
    tokens = Tokens(azure)
    routes = [*identity_routes(azure, tokens, "secret"), Mount("/", arm_app(azure, faults, tokens=tokens))]
    listening = bound()
    async with (
        serving(droppable(Starlette(routes=routes)), listening),
        aiohttp.ClientSession(address(listening)) as client,
    ):
        yield client
    await azure.close()


async def token(client: aiohttp.ClientSession, header: str = "secret", query: str = TOKEN_QUERY) -> tuple[int, Json]:
    async with client.get(f"/msi/token?{query}", headers={"X-IDENTITY-HEADER": header}) as answer:
        return answer.status, await answer.json()


async def authorised(client: aiohttp.ClientSession) -> dict[str, str]:
    return {"authorization": f"Bearer {(await token(client))[1]['access_token']}"}


async def status(client: aiohttp.ClientSession, headers: dict[str, str], patience: float = 10) -> int:
    """Of a GET of the resource group."""
    async with client.get(WHERE, headers=headers, timeout=aiohttp.ClientTimeout(total=patience)) as answer:
        return answer.status


@pytest.mark.parametrize("effect", [fault_effects.dropped_before(), fault_effects.dropped_after()])
async def test_a_dropped_connection_ends_without_an_answer(effect: Effect) -> None:
    azure = LocalAzure()
    faults = Faults(azure)
    async with served(azure, faults) as client:
        headers = await authorised(client)
        # Without `times`: aiohttp sends a PUT again by itself when a kept-alive connection ends before the answer.
        faults.add(effect, method="PUT")
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.put(WHERE, json={"location": "westeurope"}, headers=headers)
        assert (await status(client, headers) == 200) is (effect.drop == "after")


async def test_a_silent_connection_stays_open_until_the_caller_gives_up() -> None:
    azure = LocalAzure()
    faults = Faults(azure)
    async with served(azure, faults) as client:
        headers = await authorised(client)
        faults.add(fault_effects.silent())
        with pytest.raises(TimeoutError):
            await status(client, headers, patience=0.2)


async def test_only_tokens_of_the_identity_endpoint_open_the_door() -> None:
    azure = LocalAzure()
    async with served(azure, Faults(azure)) as client:
        ResourceGroups(azure).create(GROUP, "westeurope")
        assert await status(client, {"authorization": "Bearer made.up"}) == 401
        assert await status(client, await authorised(client)) == 200


async def test_the_identity_endpoint_wants_its_header_and_version() -> None:
    azure = LocalAzure()
    async with served(azure, Faults(azure)) as client:
        assert (await token(client, header="wrong"))[0] == 400
        assert (await token(client, query="api-version=2017-09-01&resource=x"))[0] == 400
        assert (await token(client, query="api-version=2019-08-01"))[0] == 400
        given, body = await token(client)
        assert (given, body["token_type"]) == (200, "Bearer")
        assert len(body["access_token"].split(".")) == 3
