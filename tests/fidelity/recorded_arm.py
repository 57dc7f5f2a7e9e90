"""An ARM that answers with recorded bytes, for Tether's own reads and writes: an in-process transport, no sockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.session import Session
from functions.fleet.observe_records import NO_TARGETS
from functions.handlers.means import Means
from localazure.in_process import InProcessTransport
from tests.scenarios.story import Token

type Json = dict[str, Any]


@dataclass
class RecordedArm:
    """Answers by method, and by path where one is named: `PUT`, or `GET /subscriptions/…`. An answer is a recorded
    `response`; of several, each is given once and the last for ever.
    """

    answers: dict[str, list[Json]]
    hears: list[tuple[str, Json]] = field(default_factory=list)
    """The If-Match and the body of each PUT."""

    def session(self) -> Session:
        """A session whose every request comes here."""
        return Session(PUBLIC, TokenSource(Token()), InProcessTransport(self))  # type: ignore[arg-type]

    def means(self) -> Means:
        return Means(self.session(), NO_TARGETS)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        if scope["method"] == "PUT":
            given = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.hears.append((given.get("if-match", ""), json.loads(message["body"])))
        path = f"{scope['method']} {scope['path'].casefold()}"
        left = self.answers.get(path) or self.answers[scope["method"]]
        answer = left.pop(0) if len(left) > 1 else left[0]
        headers = [(name.encode(), value.encode()) for name, value in answer["headers"].items()]
        await send({"type": "http.response.start", "status": answer["status"], "headers": headers})
        await send({"type": "http.response.body", "body": content_of(answer)})


def ask[T](arm: RecordedArm, question: Callable[[Session], Awaitable[T]]) -> T:
    """What a question to a recorded ARM comes to."""

    async def asked() -> T:
        return await question(arm.session())

    return asyncio.run(asked())


def shows(body: Json) -> Json:
    """A GET's answer with this body."""
    return {"status": 200, "headers": {"content-type": "application/json"}, "body": body}


def content_of(answer: Json) -> bytes:
    body = answer["body"]
    return body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()


def path_of(url: str) -> str:
    """How `answers` names the path of an address."""
    return urlsplit(url).path.casefold()
