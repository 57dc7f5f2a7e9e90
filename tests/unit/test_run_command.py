"""A run command's request, and what each form of its result is taken for."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from functions.arm import run_command
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.errors import ArmError
from functions.arm.operations import LOST, LookedUp, Operation, Progress, Ran
from functions.arm.session import Session
from localazure.in_process import InProcessTransport
from tests.scenarios.story import Token
from tests.unit.worlds import AT, CLUSTER_ID

RESULT = f"https://management.azure.com{CLUSTER_ID}/commandResults/c1?api-version={run_command.API}"


def answered(
    status: int, body: object = None, headers: dict[str, str] | None = None
) -> tuple[Callable[..., Awaitable[None]], list[Any]]:
    """An ARM that answers everything so, and what it was asked."""
    asked: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        asked.append((scope["method"], scope["path"], json.loads(message.get("body") or b"null")))
        told = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status, "headers": told})
        await send({"type": "http.response.body", "body": content})

    return app, asked


def session(app: Any) -> Session:
    return Session(PUBLIC, TokenSource(Token()), InProcessTransport(app))  # type: ignore[arg-type]


@pytest.mark.parametrize("entra", [True, False])
def test_a_command_is_sent_with_its_files_and_with_a_token_only_where_the_cluster_asks(entra: bool) -> None:
    app, asked = answered(202, headers={"location": RESULT})

    async def story() -> None:
        accepted = await run_command.start(session(app), CLUSTER_ID, "sh a.sh", {"a.sh": b"true"}, entra=entra)
        assert (accepted.address, accepted.pause) == (RESULT, 15.0)

    asyncio.run(story())
    [(method, path, body)] = asked
    assert (method, path) == ("POST", f"{CLUSTER_ID}/runCommand")
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(body.pop("context"))))
    assert {name: archive.read(name) for name in archive.namelist()} == {"a.sh": b"true"}
    assert body == {"command": "sh a.sh", **({"clusterToken": "a.b.c"} if entra else {})}


def test_an_answer_without_an_address_is_a_command_that_was_lost() -> None:
    app, _ = answered(202)
    accepted = asyncio.run(run_command.start(session(app), CLUSTER_ID, "true", {}, entra=False))
    assert accepted.address == LOST


def test_a_refusal_is_raised() -> None:
    app, _ = answered(403, {"error": {"code": "AuthorizationFailed", "message": "no"}})
    with pytest.raises(ArmError, match="AuthorizationFailed"):
        asyncio.run(run_command.start(session(app), CLUSTER_ID, "true", {}, entra=False))


def looked_up(address: str, status: int, body: object) -> LookedUp:
    app, _ = answered(status, body)
    operation = Operation(CLUSTER_ID, address, AT, AT, "0a1b")
    return asyncio.run(run_command.look_up(session(app), operation))


def a_result(state: str, **more: object) -> dict[str, object]:
    return {"id": "c1", "properties": {"provisioningState": state, **more}}


@pytest.mark.parametrize(
    ("status", "body", "progress"),
    [
        pytest.param(202, None, Progress.RUNNING, id="202"),
        pytest.param(200, a_result("Running"), Progress.RUNNING, id="200, and it runs"),
        pytest.param(200, a_result("Succeeded", exitCode=0, logs="ok"), Progress.SUCCEEDED, id="it ran"),
        pytest.param(200, a_result("Succeeded", exitCode=3), Progress.SUCCEEDED, id="it ran, and badly"),
        pytest.param(200, a_result("Succeeded"), Progress.RUNNING, id="no exit code yet"),
        pytest.param(200, a_result("Succeeded", exitCode="0"), Progress.RUNNING, id="an exit code that is a text"),
        pytest.param(200, a_result("Succeeded", exitCode=0, logs={}), Progress.SUCCEEDED, id="an object as output"),
        pytest.param(200, a_result("WaitingForPod: 1/2"), Progress.RUNNING, id="free text"),
        pytest.param(200, {"id": "c1", "properties": {"provisioningState": None}}, Progress.RUNNING, id="a null state"),
        pytest.param(200, a_result("Failed", reason="no node"), Progress.FAILED, id="it never ran"),
        pytest.param(200, a_result("Failed", reason=["no node"]), Progress.FAILED, id="a list as reason"),
        pytest.param(200, a_result("Failed", logs=1, exitCode=None), Progress.FAILED, id="a number as output"),
        pytest.param(200, b"<html>", Progress.RUNNING, id="a proxy's page"),
        pytest.param(200, b'{"properties": {"logs": "\xe9"}}', Progress.RUNNING, id="output that is no UTF-8"),
        pytest.param(200, b'{"properties": ' + b"[" * 100_000, Progress.RUNNING, id="lists that are too deep"),
        pytest.param(404, {"code": "NotFound", "message": "no"}, Progress.UNKNOWN, id="ARM does not know it"),
        pytest.param(429, {"error": {"code": "TooManyRequests"}}, Progress.RUNNING, id="throttled"),
        pytest.param(503, b"", Progress.RUNNING, id="ARM is ill"),
    ],
)
def test_what_a_look_up_says(status: int, body: object, progress: Progress) -> None:
    assert looked_up(RESULT, status, body).progress is progress


def test_a_result_has_its_exit_code_and_what_fits_of_its_output() -> None:
    looked = looked_up(RESULT, 200, a_result("Succeeded", exitCode=3, logs="x" * 700_000))
    assert looked.ran == Ran(3, "x" * 600 * 1024)


def test_a_reason_names_nobody() -> None:
    looked = looked_up(RESULT, 200, a_result("Failed", reason="user 'somebody@example' may not"))
    assert looked.error is not None
    assert "somebody" not in looked.error.message


@pytest.mark.parametrize("address", [LOST, "https://example.com/commandResults/c1"])
def test_our_token_goes_to_arm_alone(address: str) -> None:
    assert looked_up(address, 200, a_result("Succeeded", exitCode=0)).progress is Progress.UNKNOWN
