"""Calls of ARM that tell all that was answered: status, headers and body, also of a refusal."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from azure.core.rest import HttpRequest

from functions.arm.errors import NoAnswerError, retry_after
from functions.arm.operations import is_arms
from functions.arm.session import CLUSTER_WRITE_TIMEOUT, Session, guarded
from smoke.scrubbed import scrubbed, scrubbed_json

# Headers that tell how Azure works, and not who asks.
_KEPT = ("retry-after", "etag", "azure-asyncoperation", "location", "x-ms-failure-cause", "content-type")

_ENDS = frozenset({"succeeded", "failed", "canceled"})
_USUAL_PAUSE = 5.0  # seconds, where Azure names none


class StillRunningError(Exception):
    """An operation did not end within the time that it was given."""


@dataclass(frozen=True, slots=True)
class Told:
    """One call and its answer. `at` is when it was answered, in seconds since 1970."""

    method: str
    path: str
    status: int
    headers: dict[str, str]
    body: Any
    at: float
    sent: dict[str, str] = field(default_factory=dict[str, str])
    api_version: str = ""

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def properties(self) -> dict[str, Any]:
        held = self.body.get("properties") if isinstance(self.body, dict) else None
        return held if isinstance(held, dict) else {}

    @property
    def etag(self) -> str:
        return str(self.body.get("etag", "")) if isinstance(self.body, dict) else ""

    @property
    def code(self) -> str:
        """The error's code, wrapped in `error` or bare; of a poll that failed too. Empty where there is none."""
        held = self.body if isinstance(self.body, dict) else {}
        error = held.get("error", held)
        return str(error.get("code", "")) if isinstance(error, dict) else ""

    @property
    def state(self) -> str:
        """A poll's `status`, in lower case."""
        return str(self.body.get("status", "")).casefold() if isinstance(self.body, dict) else ""

    @property
    def said(self) -> str:
        """Status and code, as people say them."""
        return f"{self.status} {self.code}".strip()

    def shown(self) -> dict[str, Any]:
        """What is recorded of it."""
        headers = {name: scrubbed(text) for name, text in self.headers.items() if name in _KEPT}
        call = {
            "call": f"{self.method} {scrubbed(self.path)}",
            "api": self.api_version,
            "sent": scrubbed_json(self.sent),
        }
        return {**call, "status": self.status, "headers": headers, "body": scrubbed_json(self.body)}


class Wire:
    """The way to ARM. `now` gives seconds since 1970, `sleep` waits for some: another clock's in tests."""

    def __init__(self, session: Session, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self.session = session
        self.now = now
        self.sleep = sleep

    async def send(
        self, method: str, path: str, api_version: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Told:
        """Send a request to a path of ARM, or to an address of ARM's. Raises NoAnswerError and NoTokenError alone."""
        at_arm = path.startswith("/")
        url = f"{self.session.cloud.arm}{path}" if at_arm else path
        if not at_arm and not is_arms(self.session, path):
            raise NoAnswerError("ARM names an address that is not its own: our token does not go there")
        parameters = {"api-version": api_version} if api_version else {}
        request = HttpRequest(method, url, params=parameters, json=body, headers=headers)
        client = self.session.private_dns("")
        answer = await guarded(lambda: client.send_request(request, read_timeout=CLUSTER_WRITE_TIMEOUT), method)
        held = {name.casefold(): text for name, text in answer.headers.items()}
        return Told(
            method, path, answer.status_code, held, _decoded(answer.content), self.now(), headers or {}, api_version
        )

    async def follow(self, told: Told, within: float) -> list[Told]:
        """Look an operation up until it ends: every poll, none where there is no operation. Raises StillRunningError.

        `within` is in seconds. The last poll's `state` says how it ended, or its status where there is no such.
        """
        address = told.headers.get("azure-asyncoperation") or told.headers.get("location")
        polls: list[Told] = []
        until = self.now() + within
        pause = retry_after(told.headers) or _USUAL_PAUSE
        while told.ok and address:
            if self.now() > until:
                raise StillRunningError(f"{told.method} {told.path} did not end within {within:.0f} s")
            await self.sleep(pause)
            polls.append(await self.send("GET", address, ""))
            last = polls[-1]
            if not last.ok or last.state in _ENDS or (last.status != 202 and not last.state):
                break
            pause = retry_after(last.headers) or _USUAL_PAUSE
        return polls


def ended_well(told: Told, polls: list[Told]) -> bool:
    """Whether a write, and the operation that it started, came to what was asked for."""
    last = polls[-1] if polls else told
    return last.ok and last.state not in {"failed", "canceled"}


def _decoded(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return f"{len(content)} bytes that are no JSON"
