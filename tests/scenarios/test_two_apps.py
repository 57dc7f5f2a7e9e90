"""Two apps from one package: the plain one may not put clusters or run commands, and asks the one that may."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions import second_app
from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.ledger.state import Counters, Entry, Row
from functions.policy import Mode, Policy
from functions.role import Role
from functions.second_app import Ask
from functions.telemetry import Milestone
from functions.triggers import privileged
from functions.watch import rests, whose_turn
from localazure import fault_effects as effects
from localazure.aks import maintenance
from localazure.world import SUBSCRIPTION
from tests.scenarios.story import Story, lines, tell
from tests.scenarios.test_failed_clusters import bringing_up, puts
from tests.scenarios.test_pod_restarts import Pods, following
from tests.scenarios.test_resolution import Milestones, asking, listening
from tests.scenarios.two_apps import TwoApps, failed, tell_both, writes
from tests.unit.worlds import CLUSTER_ID, ZONE


def codes(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {line["code"] for line in lines(caplog, "finding")}


def _asking(cluster: str, handler: str = "failed_clusters") -> bytes:
    return b'{"cluster":"%b","handler":"%b"}' % (cluster.encode(), handler.encode())


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


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="no fields"),
        pytest.param(b'{"cluster":"/subscriptions/x","handler":"failed_clusters"}', id="no id"),
        pytest.param(_asking(str(CLUSTER_ID.group_id)), id="a group"),
        pytest.param(_asking(str(ZONE)), id="a zone"),
        pytest.param(_asking(str(CLUSTER_ID), "zone_links"), id="a concern of the plain app"),
        pytest.param(_asking(str(CLUSTER_ID))[:-1] + b',"change":"put"}', id="a change"),
    ],
)
def test_what_is_no_request_goes_to_the_poison_queue(fails: bytes) -> None:
    async def story(both: TwoApps) -> None:
        await privileged.take(fails, "1", both.second.azure.clock.now(), both.second.live)
        assert both.second.queue.poison == [fails]
        assert both.second.queue.waiting() == 0

    tell_both(story, bringing_up(), bringing_up())


def test_each_message_is_an_event_of_its_own_and_one_that_comes_twice_is_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "tether")

    async def story(both: TwoApps) -> None:
        cluster = await both.plain.create()
        await both.plain.passes(1500, watching=True)
        both.between.sent.clear()
        for message, passes in (("first", 1), ("first", 1), ("second", 2)):
            await privileged.take(_asking(cluster), message, both.second.azure.clock.now(), both.second.live)
            await both.second.passes(30)
            asked = [line for line in lines(caplog, "pass") if line["cause"].startswith("asked-")]
            assert len(asked) == passes, message

    tell_both(story, bringing_up(), bringing_up())


def test_only_the_plain_app_tells_how_long_a_zone_took(monkeypatch: pytest.MonkeyPatch) -> None:
    milestones = Milestones()
    monkeypatch.setattr("functions.passed.telemetry", lambda: milestones)

    async def story(both: TwoApps) -> None:
        listening(both.plain)
        second = listening(both.second)
        cluster = await both.plain.create()
        await both.passes(1500)
        assert both.plain.state(cluster) == "Succeeded"
        assert second.asked, "it has seen the name resolve too"
        told = [milestone for milestone, _ in milestones.told]
        assert sorted(told, key=list(Milestone).index) == list(Milestone)

    tell_both(story, asking, asking)


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


def test_a_move_that_nobody_tells_it_of_is_found_by_its_own_watch_within_the_hour() -> None:
    async def story(both: TwoApps) -> None:
        both.between.down = True
        cluster = await both.plain.create()
        await both.passes(1500)
        pods = Pods(both.plain, ["a"])
        both.plain.azure.run_command = pods.run
        await maintenance.maintenance(both.plain.azure, cluster)
        await both.passes(3600 + 900)
        assert set(pods.marks) == {"a"}

    tell_both(story, following(), following())


def test_an_app_that_has_a_sweep_leaves_clusters_at_rest_to_it() -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(1500, watching=True)
        asked = len(here.transport.asked)
        await here.passes(2 * 3600, watching=True)
        assert {call.rpartition("/")[2] for call in here.transport.asked[asked:]} == {"managedClusters"}

    tell(story, following())


@pytest.mark.parametrize(
    ("counters", "rests_so"),
    [
        pytest.param(Counters(seq=2, done=2), True, id="nothing waits"),
        pytest.param(Counters(seq=2, done=1), False, id="an event waits for its pass"),
        pytest.param(Counters(seq=2, done=2, look=1, look_at=5.0), False, id="a look-again is to come"),
    ],
)
def test_a_cluster_that_is_to_be_looked_at_anyway_gets_no_turn(counters: Counters, rests_so: bool) -> None:
    async def story(both: TwoApps) -> None:
        around = both.second.live.around
        assert isinstance(around, Around)
        assert rests(Row(subject=CLUSTER_ID.group_id, counters=counters), around) is rests_so
        assert rests(None, around)

    tell_both(story, following(), following())


def test_those_that_were_looked_at_longest_ago_come_first_and_all_get_their_turn() -> None:
    clusters = [CLUSTER_ID.group_id.child("providers/x/y", f"{number}") for number in range(50)]
    looked = dict.fromkeys(clusters, 0.0)
    for minute in range(3):
        turn = whose_turn(looked, 10_000.0 + 60 * minute)
        assert len(turn) == (20, 20, 10)[minute]
        looked.update(dict.fromkeys(turn, 10_000.0 + 60 * minute))
    assert whose_turn(looked, 10_180.0) == []
    assert whose_turn(looked, 13_601.0) == sorted(clusters)[:20]


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
