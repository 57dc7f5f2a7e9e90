"""What an answer to a write is taken for: the status decides, and not what an SDK makes of the rest."""

import asyncio
from typing import Any

import pytest

from functions.arm import run_command, subnets, writes
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.operations import LOST
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.writes import Accepted
from localazure.in_process import InProcessTransport
from localazure.virtual_time import run as run_in_virtual_time
from tests.scenarios.story import Token
from tests.unit.worlds import CLUSTER_ID

GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/net"
VNET = ResourceId(f"{GROUP}/providers/Microsoft.Network/virtualNetworks/spoke")
SUBNET = VNET.child("subnets", "nodes")
LINK = ResourceId(f"{GROUP}/providers/Microsoft.Network/privateDnsZones/z.test/virtualNetworkLinks/hub")
ADDRESS = "https://management.azure.com/operations/1"


def session(status: int, headers: dict[str, str]) -> tuple[Session, list[str]]:
    """An ARM that answers everything so, and the API versions that it was asked in."""
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        asked.append(scope["query_string"].decode())
        told = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": b"<html>"})

    return Session(PUBLIC, TokenSource(Token()), InProcessTransport(app)), asked  # type: ignore[arg-type]


async def put_subnet(session: Session) -> Accepted:
    return await subnets.put(session.network(SUBNET.subscription), SUBNET, b"{}", None)


async def command(session: Session) -> Accepted:
    return await run_command.start(session, CLUSTER_ID, "true", {}, entra=False)


async def link(session: Session) -> Accepted:
    return await writes.create_link(session, LINK, VNET, {})


BEGUN = pytest.mark.parametrize(
    ("write", "usual"),
    [
        pytest.param(put_subnet, 10.0, id="subnet"),
        pytest.param(command, 15.0, id="command"),
        pytest.param(link, 30.0, id="link"),
    ],
)


@BEGUN
@pytest.mark.parametrize("status", [200, 201, 202])
def test_any_2xx_is_a_write_that_was_taken_whatever_its_body(write: Any, usual: float, status: int) -> None:
    headers = {"Azure-AsyncOperation": ADDRESS, "Location": ADDRESS, "Retry-After": "7"}
    assert asyncio.run(write(session(status, headers)[0])) == Accepted(ADDRESS, 7.0)


@BEGUN
@pytest.mark.parametrize("status", [201, 202])
def test_a_pause_that_is_no_number_of_seconds_is_none(write: Any, usual: float, status: int) -> None:
    headers = {"Retry-After": "Sat, 21 Nov 2026 09:00:00 GMT"}
    assert asyncio.run(write(session(status, headers)[0])) == Accepted(LOST, usual)


@BEGUN
@pytest.mark.parametrize("status", [307, 409, 412, 503])
def test_anything_else_is_a_refusal(write: Any, usual: float, status: int) -> None:
    with pytest.raises(ArmError) as told:
        asyncio.run(write(session(status, {"Location": "https://example.com/"})[0]))
    assert told.value.status == status


@pytest.mark.parametrize(
    ("write", "seconds"),
    [
        pytest.param(put_subnet, 60, id="subnet"),
        pytest.param(command, 60, id="command"),
        pytest.param(link, 15, id="link"),
    ],
)
def test_a_write_without_an_answer_is_waited_for_so_long(write: Any, seconds: float) -> None:
    async def silent(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def story() -> float:
        with pytest.raises(NoAnswerError):
            await write(Session(PUBLIC, TokenSource(Token()), InProcessTransport(silent)))  # type: ignore[arg-type]
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(story()) == seconds


def test_a_command_is_sent_in_the_version_whose_results_are_read() -> None:
    arm, asked = session(202, {})
    asyncio.run(command(arm))
    assert asked == [f"api-version={run_command.API}"]


def test_a_client_is_made_once_for_each_subscription() -> None:
    arm, _ = session(200, {})
    assert arm.network("a") is arm.network("A")
    assert arm.network("a") is not arm.network("b")
    assert arm.container_service("a") is not arm.network("a")
