"""Events go out through the real client to a topic on a local https socket, or are given up in time."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.pipeline.transport import AioHttpTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from functions import events_out
from functions.arm.errors import NoTokenError
from functions.events_out import CHANGED, RECOVERED, Happening, Topic
from localazure.certificates import certificates
from localazure.serving import address, bound, serving

AT = 1_800_000_000.0
SUBJECT = "/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/apps/providers/x/y/prod"
FIRST = Happening(CHANGED, SUBJECT, AT, "k-1", {"cluster": SUBJECT, "changes": []})
SECOND = Happening(RECOVERED, SUBJECT, AT, "k-2", {"cluster": SUBJECT, "codes": ["scope-locked"]})


class Identity:
    """A managed identity that gives one token, or none."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = None

    async def get_token_info(self, *scopes: str, options: object = None) -> AccessTokenInfo:
        self.asked += scopes
        if self.error is not None:
            raise self.error
        return AccessTokenInfo("the-token", int(time.time()) + 3600)

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        token = await self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "Identity":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@dataclass
class Place:
    """A local topic and a publisher to it. `status` is what the topic answers, after `delay` seconds."""

    identity: Identity = field(default_factory=Identity)
    got: list[tuple[dict[str, str], list[dict[str, Any]]]] = field(default_factory=list)
    status: int = 200
    delay: float = 0.0
    clock: float = 1000.0
    topic: Topic = field(init=False)

    async def take(self, request: Request) -> Response:
        await asyncio.sleep(self.delay)
        self.got.append((dict(request.headers), await request.json()))
        return Response(status_code=self.status, headers={"Location": "https://127.0.0.1:9/"})


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    place, made, listening = Place(), certificates(tmp_path), bound()
    place.topic = Topic(
        f"{address(listening, tls=True)}/api/events",
        "platform-test",
        lambda: place.identity,
        transport=AioHttpTransport(connection_verify=str(made.authority)),
        now=lambda: place.clock,
    )
    app = Starlette(routes=[Route("/api/events", place.take, methods=["POST"])])
    async with serving(app, listening, made.server):
        yield place
        await place.topic.close()


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == "tether"]


async def test_happenings_arrive_as_one_batch_of_cloud_events_with_the_identitys_token(place: Place) -> None:
    await place.topic.publish([FIRST, SECOND])
    ((headers, events),) = place.got
    assert headers["content-type"].startswith("application/cloudevents-batch+json")
    assert headers["authorization"] == "Bearer the-token"
    assert place.identity.asked == ["https://eventgrid.azure.net/.default"]
    assert [event["type"] for event in events] == [CHANGED, RECOVERED]
    first = events[0]
    assert (first["specversion"], first["source"], first["subject"]) == ("1.0", "/tether/platform-test", SUBJECT)
    assert first["time"].startswith("2027-01-15T08:00:00")
    assert first["data"] == {"cluster": SUBJECT, "changes": []}


async def test_an_event_published_twice_has_the_same_id_and_others_have_others(place: Place) -> None:
    await place.topic.publish([FIRST, SECOND])
    await place.topic.publish([FIRST])
    ids = [event["id"] for _, events in place.got for event in events]
    assert ids[0] == ids[2] != ids[1]


async def test_nothing_is_sent_where_nothing_happened(place: Place) -> None:
    await place.topic.publish([])
    assert (place.got, place.identity.asked) == ([], [])


@pytest.mark.parametrize("status", [302, 401, 403, 404, 413, 429, 503])
async def test_a_topic_that_refuses_stops_nothing(place: Place, status: int, caplog: pytest.LogCaptureFixture) -> None:
    place.status = status
    with caplog.at_level(logging.INFO, "tether"):
        await place.topic.publish([FIRST])
    assert len(place.got) == 1  # no retry, and no redirect followed
    (line,) = said(caplog)
    assert "takes no events" in line
    assert "the-token" not in caplog.text


async def test_an_outage_is_told_once_with_its_end_and_the_topic_is_left_alone_meanwhile(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.status = 503
    with caplog.at_level(logging.INFO, "tether"):
        await place.topic.publish([FIRST])
        await place.topic.publish([FIRST, SECOND])
        place.clock += 31
        await place.topic.publish([FIRST])
        place.status = 200
        await place.topic.publish([FIRST])
        place.clock += 31
        await place.topic.publish([SECOND])
        await place.topic.publish([SECOND])
    assert [len(events) for _, events in place.got] == [1, 1, 1, 1]
    told = said(caplog)
    assert [line.split("topic of TETHER_EVENTS_ENDPOINT ")[1] for line in told] == [
        "takes no events (HttpResponseError); they are lost",
        "takes events again; 5 were lost",
    ]


async def test_a_topic_that_does_not_answer_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_out, "_TIMEOUT", 0.05)
    place.delay = 5.0
    async with asyncio.timeout(2):
        await place.topic.publish([FIRST])
    assert place.got == []


async def test_an_identity_without_a_token_stops_nothing(place: Place) -> None:
    place.identity.error = NoTokenError("no token")
    await place.topic.publish([FIRST])
    assert place.got == []


async def test_a_topic_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    listening = bound()
    endpoint = address(listening, tls=True)
    listening.close()
    topic = Topic(f"{endpoint}/api/events", "platform-test", Identity)
    await topic.publish([FIRST])
    await topic.close()
