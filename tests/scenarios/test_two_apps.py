"""Two apps from one package: the plain one may not put clusters or run commands, and asks the one that may."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from functions import second_app
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.ledger.state import Entry
from functions.live import Live
from functions.policy import Mode, Policy
from functions.queue import QueueError
from functions.role import Role
from functions.second_app import Ask
from functions.triggers import privileged
from localazure import fault_effects as effects
from localazure.aks import maintenance
from localazure.world import SUBSCRIPTION
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import ListeningTransport, MemoryQueue, Story, Token, kept, lines, tell
from tests.scenarios.test_failed_clusters import bringing_up, puts
from tests.scenarios.test_pod_restarts import Pods, following


@dataclass
class AskedQueue:
    """The second app's queue as the plain one sees it."""

    down: bool = False
    sent: list[bytes] = field(default_factory=list[bytes])

    async def ask(self, ask: Ask) -> None:
        if self.down:
            raise QueueError("the queue tether-privileged cannot be reached (test)")
        self.sent.append(second_app.encode(ask))


@dataclass
class TwoApps:
    """The plain app's story, and the second app's in the same world, each with its own memory, queue and policy."""

    plain: Story
    second: Story
    between: AskedQueue

    async def passes(self, seconds: float) -> None:
        """Let Azure's time pass for both."""
        await asyncio.gather(
            self.plain.passes(seconds, watching=True), self.second.passes(seconds, watching=True), self._hand(seconds)
        )

    async def _hand(self, seconds: float) -> None:
        clock = self.plain.azure.clock
        end, number = clock.now() + seconds, 0
        while clock.now() < end:
            while self.between.sent:
                number += 1
                body, message = self.between.sent.pop(0), f"{number}-{clock.now()}"
                await privileged.take(body, message, clock.now(), self.second.live)
            await asyncio.sleep(1)


def tell_both(
    story: Callable[[TwoApps], Awaitable[None]], plain: Callable[[Any], Policy], second: Callable[[Any], Policy]
) -> None:
    """Tell a story of both apps."""

    async def told(here: Story) -> None:
        assert isinstance(here.live.around, Around)
        between = AskedQueue()
        here.live = replace(here.live, around=replace(here.live.around, role=Role.SHARING, second=between))
        await story(TwoApps(here, second_story(here, second(here.world)), between))

    tell(told, plain)


def second_story(here: Story, policy: Policy) -> Story:
    transport = ListeningTransport(here.transport.app)
    session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
    ledger, documents = MemoryLedger(), MemoryDocuments()
    reports = Reports(documents)
    targets = Targets(policy.records, lambda record: kept(record, session, here.servers))
    clock = here.azure.clock.now
    around = Around(session, policy, Scopes(), clock, ledger, reports, targets, role=Role.PRIVILEGED)
    queue = MemoryQueue(clock)
    live = Live(queue, around, ledger, reports)
    return replace(here, queue=queue, live=live, transport=transport, documents=documents)


def writes(here: Story) -> list[str]:
    """What an app wrote, or ran."""
    return [call for call in here.transport.asked if not call.startswith("GET") and "/descendants" not in call]


async def failed(both: TwoApps) -> str:
    """A cluster that could not be made, since its hub could not be linked in time, and can be now."""
    both.plain.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
    cluster = await both.plain.create()
    await both.passes(900)
    assert both.plain.state(cluster) == "Failed"
    both.plain.faults.clear()
    return cluster


def codes(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {line["code"] for line in lines(caplog, "finding")}


def test_the_second_app_puts_the_cluster_and_the_plain_one_links_its_zone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Succeeded"
        assert {call.split("/")[-2] for call in writes(both.second)} == {"managedClusters"}
        assert len(writes(both.second)) == 1
        assert writes(both.plain)
        assert all("/virtualNetworkLinks/tether-" in call for call in writes(both.plain)[1:])

    tell_both(story, bringing_up(), bringing_up())
    assert "left-to-second-app" in codes(caplog)


def test_without_a_word_from_the_plain_app_its_own_watch_finds_the_cluster() -> None:
    async def story(both: TwoApps) -> None:
        both.between.down = True
        cluster = await failed(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Succeeded"
        assert len(writes(both.second)) == 1

    tell_both(story, bringing_up(), bringing_up())


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(bringing_up(reconcile=False), id="that says no"),
        pytest.param(bringing_up(mode=Mode.OBSERVE), id="in mode observe"),
    ],
)
def test_the_second_app_goes_by_its_own_policy(second: Callable[[Any], Policy]) -> None:
    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        await both.passes(3600)
        assert both.plain.state(cluster) == "Failed"
        assert writes(both.second) == []

    tell_both(story, bringing_up(), second)


def test_in_mode_observe_the_plain_app_asks_for_nothing() -> None:
    async def story(both: TwoApps) -> None:
        await both.plain.create()
        await both.passes(1800)
        assert both.between.sent == []
        assert both.second.queue.sent == [] or {item.why for item in both.second.queue.sent} <= {"watch", "look-again"}

    tell_both(story, bringing_up(mode=Mode.OBSERVE), bringing_up(mode=Mode.OBSERVE))


@pytest.mark.parametrize("fails", [b"", b"{}", b'{"cluster":"/subscriptions/x","handler":"failed_clusters"}'])
def test_what_is_no_request_goes_to_the_poison_queue(fails: bytes) -> None:
    async def story(both: TwoApps) -> None:
        await privileged.take(fails, "1", both.second.azure.clock.now(), both.second.live)
        assert both.second.queue.poison == [fails]

    tell_both(story, bringing_up(), bringing_up())


def test_whoever_writes_into_its_queue_makes_it_look_and_no_more() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await both.plain.create()
        await both.passes(1500)
        assert both.plain.state(cluster) == "Succeeded"
        ask = Ask(cluster=ResourceId(cluster), handler="failed_clusters")
        for _ in range(5):
            both.between.sent.append(second_app.encode(ask))
        await both.passes(600)
        assert writes(both.second) == []
        assert puts(both.second, cluster) == []

    tell_both(story, bringing_up(), bringing_up())


def test_the_second_app_restarts_what_the_move_left_behind() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await both.plain.create()
        await both.passes(900)
        pods = Pods(both.plain, ["a", "b"])
        both.plain.azure.run_command = pods.run
        await maintenance.maintenance(both.plain.azure, cluster)
        await both.passes(3600)
        assert {mode.split()[2] for _, mode in pods.ran} == {"restart"}
        assert set(pods.marks) == {"a", "b"}
        assert [call for call in writes(both.plain) if "runCommand" in call] == []
        assert [call for call in writes(both.second) if "runCommand" not in call] == []

    tell_both(story, following(), following())


def test_a_second_app_that_came_later_knows_where_a_cluster_was_before_it_moved() -> None:
    async def story(both: TwoApps) -> None:
        cluster = await both.plain.create()
        await both.plain.passes(1500, watching=True)
        assert both.plain.state(cluster) == "Succeeded"
        both.between.sent.clear()
        await both.passes(300)
        pods = Pods(both.plain, ["a"])
        both.plain.azure.run_command = pods.run
        await maintenance.maintenance(both.plain.azure, cluster)
        await both.passes(3600)
        assert set(pods.marks) == {"a"}

    tell_both(story, following(), following())


def test_a_second_app_that_restarts_nothing_gets_to_know_no_cluster_that_rests() -> None:
    async def story(both: TwoApps) -> None:
        await both.plain.create()
        await both.plain.passes(1500, watching=True)
        await both.passes(300)
        assert await both.second.ledger.rows() == ()

    tell_both(story, bringing_up(), bringing_up())


def test_the_limit_of_the_second_app_names_no_approval_that_nobody_could_give(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(both: TwoApps) -> None:
        cluster = await failed(both)
        for number in range(3):
            group = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other-{number}")
            await both.second.ledger.intend(
                Entry(
                    subject=group,
                    id=f"{number}",
                    at=both.plain.azure.clock.now() + 900,
                    cause="other",
                    handler="failed_clusters",
                    action="update",
                    target=str(group),
                    reason="",
                    result="started",
                )
            )
        await both.passes(1200)
        assert both.plain.state(cluster) == "Failed"

    tell_both(story, bringing_up(), bringing_up())
    (advice,) = {line["advice"] for line in lines(caplog, "finding") if line["code"] == "change-limit"}
    assert "maxChangedShare" in advice
    assert "approve" not in advice


def test_where_there_is_no_second_app_people_are_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        assert isinstance(here.live.around, Around)
        here.live = replace(here.live, around=replace(here.live.around, role=Role.PLAIN))
        here.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
        cluster = await here.create()
        await here.passes(900, watching=True)
        here.faults.clear()
        await here.passes(3600, watching=True)
        assert here.state(cluster) == "Failed"
        assert puts(here, cluster) == []

    tell(story, bringing_up())
    assert "second-app-missing" in codes(caplog)
