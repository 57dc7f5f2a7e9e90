"""Health tells when `watch` last ended a round, and whether that is too long ago."""

import asyncio
from dataclasses import replace

import pytest

from functions import telemetry
from functions.around import Around
from functions.http.routes import HEALTH
from functions.ledger.reports import Round
from functions.policy import PolicyError
from functions.role import Role
from functions.triggers.timers import round_of_watch
from localazure import fault_effects as effects
from localazure.world import SUBSCRIPTION
from tests.scenarios.story import Story
from tests.unit.http.desks import Caller, MemoryQueues, call


async def a_round(here: Story) -> None:
    await round_of_watch(here.live, MemoryQueues(here.queue))


def test_the_last_round_is_told_with_what_it_saw() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.create()
        await a_round(here)
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["watch"]["ok"]) == (200, True)
        assert (told.body["lastWatch"]["clusters"], told.body["lastWatch"]["unreadable"]) == (1, [])
        here.faults.add(effects.not_authorised(), method="GET")
        await a_round(here)
        assert (await caller.ask(HEALTH)).body["lastWatch"]["unreadable"] == [SUBSCRIPTION]

    call(story)


@pytest.mark.parametrize(("silence", "status"), [(300, 200), (302, 503)])
def test_a_watch_that_is_silent_for_five_minutes_is_not_healthy(silence: float, status: int) -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_round(here)
        await asyncio.sleep(silence - 0.5)
        told = await caller.ask(HEALTH)
        assert told.status == status
        assert ("timers" in told.body["watch"]["detail"]) is (status == 503)

    call(story)


@pytest.mark.parametrize(("silence", "status"), [(299, 200), (301, 503)])
def test_a_fresh_deployment_has_its_five_minutes_whichever_worker_is_asked(silence: float, status: int) -> None:
    async def story(here: Story, caller: Caller) -> None:
        assert (await caller.ask(HEALTH)).status == 200
        await asyncio.sleep(silence)
        told = await Caller(here.live, here.queue).ask(HEALTH)
        assert (told.status, told.body["lastWatch"]) == (status, None)

    call(story)


def test_a_round_of_the_future_is_not_healthy_for_ever() -> None:
    async def story(here: Story, caller: Caller) -> None:
        await here.live.reports.keep_round(Round(at=253_402_300_799.0))
        told = await caller.ask(HEALTH)
        assert told.status == 503
        assert "ahead of this worker's clock" in told.body["watch"]["detail"]
        await a_round(here)
        assert (await caller.ask(HEALTH)).status == 200

    call(story)


def test_a_round_that_could_not_do_its_work_does_not_count() -> None:
    async def story(here: Story, caller: Caller) -> None:
        here.ledger.down = True
        with pytest.raises(Exception, match="ledger"):
            await a_round(here)
        here.ledger.down = False
        assert (await caller.ask(HEALTH)).body["lastWatch"] is None

    call(story)


def test_with_an_invalid_policy_health_answers_and_rounds_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Story, caller: Caller) -> None:
        monkeypatch.setattr("time.time", here.azure.clock.now)
        here.live = caller.live = replace(here.live, around=PolicyError("TETHER_POLICY: hubs is no list"))
        await a_round(here)
        told = await caller.ask(HEALTH)
        assert (told.status, told.body["policy"]["ok"], told.body["watch"]["ok"]) == (503, False, True)
        assert told.body["lastWatch"]["clusters"] == 0

    call(story)


def test_a_round_is_made_though_nobody_can_keep_or_count(caplog: pytest.LogCaptureFixture) -> None:
    class Unreachable(MemoryQueues):
        async def depth(self, queue: str) -> int:
            self.queue.down = True
            try:
                return await super().depth(queue)
            finally:
                self.queue.down = False

    async def story(here: Story, caller: Caller) -> None:
        here.documents.down = True
        await here.create()
        await round_of_watch(here.live, Unreachable(here.queue))
        assert [work.why for work in here.queue.sent] == ["watch"]
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert [line.split(":")[0] for line in told] == [
            "the poison queue is not counted",
            "a round of watch is not kept for health",
        ]

    call(story, deaf=True)


@pytest.fixture
def depths(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is told of messages that nobody could finish."""

    class Heard(telemetry.Silent):
        def poisoned(self, depth: int) -> None:
            told.append(depth)

    told: list[int] = []
    monkeypatch.setattr(telemetry, "_told", Heard())
    return told


def test_each_round_tells_how_many_messages_nobody_could_finish(depths: list[int]) -> None:
    async def story(here: Story, caller: Caller) -> None:
        await a_round(here)
        here.queue.poison += [b"junk", b"more"]
        await a_round(here)
        assert depths == [0, 2]

    call(story)


@pytest.mark.parametrize(
    ("role", "counted"),
    [
        pytest.param(Role.PRIVILEGED, 5, id="the second app has two queues"),
        pytest.param(Role.SHARING, 2, id="the plain app may not read the second one's"),
        pytest.param(Role.ALONE, 2, id="alone"),
    ],
)
def test_a_round_counts_the_queues_that_its_app_takes_messages_from(
    role: Role, counted: int, depths: list[int]
) -> None:
    class Both(MemoryQueues):
        async def depth(self, queue: str) -> int:
            return {"tether-work-poison": 2, "tether-privileged-poison": 3}[queue]

    async def story(here: Story, caller: Caller) -> None:
        assert isinstance(here.live.around, Around)
        live = replace(here.live, around=replace(here.live.around, role=role))
        await round_of_watch(live, Both(here.queue))
        assert depths == [counted]

    call(story)


@pytest.mark.parametrize(
    ("role", "minute", "tidied"),
    [
        pytest.param(Role.PRIVILEGED, 17, True, id="once an hour"),
        pytest.param(Role.PRIVILEGED, 18, False, id="and not each minute"),
        pytest.param(Role.SHARING, 17, False, id="the plain app's sweep does it"),
    ],
)
def test_the_second_app_tidies_its_ledger_since_it_has_no_sweep(
    role: Role, minute: int, tidied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(here: Story, caller: Caller) -> None:
        assert isinstance(here.live.around, Around)
        at, forgotten = 500_000 * 3600.0 + 60 * minute, list[tuple[float, float]]()

        async def forget(before: float, unproven: float) -> int:
            forgotten.append((before, unproven))
            return 0

        monkeypatch.setattr(here.ledger, "forget", forget)
        live = replace(here.live, around=replace(here.live.around, role=role, now=lambda: at))
        await round_of_watch(live, MemoryQueues(here.queue))
        assert forgotten == ([(at - 90 * 86400.0, at - 3600.0)] if tidied else [])

    call(story)
