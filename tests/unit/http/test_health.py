"""Health: each thing that Tether needs, taken away in turn."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from functions.arm.errors import NoTokenError
from functions.http.desk import Desk
from functions.http.routes import CLUSTERS, HEALTH
from functions.settings import SettingsError
from tests.scenarios.story import Story
from tests.unit.http.desks import Caller, call


class NoToken:
    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        raise NoTokenError("no token for that scope (test)")


class SlowToken:
    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        await asyncio.sleep(3600)
        raise AssertionError


def without_queue(here: Story, caller: Caller) -> Desk:
    here.queue.down = True
    return caller.desk()


def without_tables(here: Story, caller: Caller) -> Desk:
    here.live.ledger.down = True  # type: ignore[attr-defined]
    return caller.desk()


def without_blobs(_: Story, caller: Caller) -> Desk:
    caller.documents.down = True
    return caller.desk()


def without_token(_: Story, caller: Caller) -> Desk:
    return replace(caller.desk(), credential=NoToken())  # type: ignore[arg-type]


def with_a_slow_token(_: Story, caller: Caller) -> Desk:
    return replace(caller.desk(), credential=SlowToken())  # type: ignore[arg-type]


def test_all_is_well_and_the_queues_are_counted() -> None:
    async def story(here: Story, caller: Caller) -> None:
        here.queue.put(b"{}")
        here.queue.poison.append(b"junk")
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["status"], told.body["mode"]) == (200, "healthy", "enforce")
        assert (told.body["queueDepth"], told.body["poisonDepth"]) == (1, 1)
        assert here.transport.asked == []

    call(story)


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        pytest.param(without_queue, "queue", id="the queue cannot be reached"),
        pytest.param(without_tables, "tables", id="the tables cannot be reached"),
        pytest.param(without_blobs, "blobs", id="the reports cannot be reached"),
        pytest.param(without_token, "token", id="no token is to be had"),
        pytest.param(with_a_slow_token, "token", id="the identity endpoint says nothing"),
    ],
)
def test_what_is_missing_is_named_and_only_that(broken: Callable[[Story, Caller], Desk], part: str) -> None:
    async def story(here: Story, caller: Caller) -> None:
        desk = broken(here, caller)
        told = await caller.ask(HEALTH, desk=lambda: desk)
        assert (told.status, told.body["status"]) == (503, "failing")
        parts = ("policy", "settings", "queue", "tables", "blobs", "token")
        assert [name for name in parts if not told.body[name]["ok"]] == [part]
        assert told.body[part]["detail"]

    call(story)


async def test_a_setting_that_cannot_be_used_is_named_by_health_and_stops_the_rest() -> None:
    def broken() -> Desk:
        raise SettingsError("AzureWebJobsStorage is not set")

    caller = Caller(None, None)  # type: ignore[arg-type]
    health = await caller.ask(HEALTH, desk=broken)
    assert (health.status, health.body["settings"]["detail"]) == (503, "AzureWebJobsStorage is not set")
    rest = await caller.ask(CLUSTERS, desk=broken)
    assert (rest.status, rest.code) == (503, "settings-invalid")


async def test_a_mistake_of_our_own_is_a_problem_without_its_secrets() -> None:
    def broken() -> Desk:
        raise RuntimeError("AccountKey=c2VjcmV0")

    told = await Caller(None, None).ask(CLUSTERS, desk=broken)  # type: ignore[arg-type]
    assert (told.status, told.code) == (500, "internal-error")
    assert "c2VjcmV0" not in told.body["detail"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_a_wrong_method_is_told_which_is_right(method: str) -> None:
    told = await Caller(None, None).ask(HEALTH, method)  # type: ignore[arg-type]
    assert (told.status, told.code, told.headers["allow"]) == (405, "method-not-allowed", "GET")
