"""Which events a pass has to tell."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.events_out import (
    CHANGED,
    NEEDS_ATTENTION,
    RECOVERED,
    Happening,
    Nobody,
    Topic,
    happenings,
    publisher,
)
from functions.handlers.verdict import Action, Change, Finding, Linking, Outcome, Result, Severity
from functions.ledger.state import Observed
from functions.passed import Pass
from functions.settings import SettingsError
from functions.work import Work
from tests.unit.worlds import AT, CLUSTER_ID, HUB, ZONE

CHANGE = Change("zone_links", ZONE, Action.CREATE, Linking(HUB), "resolvers cannot see the zone")
SEEN = Observed(at=AT, cluster=str(CLUSTER_ID))
CLEAN = Observed(at=AT - 60, cluster=str(CLUSTER_ID))
TROUBLED = Observed(at=AT - 60, cluster=str(CLUSTER_ID), findings=("not-authorised", "scope-locked"))


def a_finding(code: str) -> Finding:
    return Finding("zone_links", Severity.ERROR, code, ZONE, "what was seen", "what to do")


def work(attempt: int = 0) -> Work:
    return Work(target=ZONE, why="zone-written", cause="e-1", since=AT - 5, attempt=attempt)


def a_pass(*findings: Finding, results: tuple[Result, ...] = (), observed: Observed | None = SEEN) -> Pass:
    return Pass("settled", tuple(Outcome(CHANGE, result) for result in results), findings, observed=observed)


@pytest.mark.parametrize(
    ("done", "before", "attempt", "types"),
    [
        pytest.param(a_pass(), CLEAN, 0, [], id="nothing to tell"),
        pytest.param(a_pass(results=(Result.STARTED,)), CLEAN, 0, [CHANGED], id="Azure took a change"),
        pytest.param(a_pass(results=(Result.PLANNED, Result.RETRY)), CLEAN, 0, [], id="a plan is no change"),
        pytest.param(a_pass(a_finding("no-hub-found")), CLEAN, 0, [NEEDS_ATTENTION], id="a new finding"),
        pytest.param(
            a_pass(a_finding("not-authorised"), a_finding("scope-locked")), TROUBLED, 3, [], id="known findings"
        ),
        pytest.param(a_pass(a_finding("scope-locked")), TROUBLED, 3, [RECOVERED], id="one of two findings is gone"),
        pytest.param(
            a_pass(a_finding("no-hub-found"), results=(Result.STARTED,)),
            TROUBLED,
            1,
            [CHANGED, NEEDS_ATTENTION, RECOVERED],
            id="all at once",
        ),
        pytest.param(a_pass(observed=None), TROUBLED, 1, [], id="a blind pass recovers nothing"),
        pytest.param(
            a_pass(a_finding("not-readable"), observed=None), CLEAN, 0, [NEEDS_ATTENTION], id="blind, the first time"
        ),
        pytest.param(a_pass(a_finding("not-readable"), observed=None), CLEAN, 2, [], id="blind, once more"),
        pytest.param(a_pass(a_finding("no-hub-found")), None, 0, [NEEDS_ATTENTION], id="no memory, the first time"),
        pytest.param(a_pass(a_finding("no-hub-found")), None, 1, [], id="no memory, once more"),
    ],
)
def test_what_a_pass_tells(done: Pass, before: Observed | None, attempt: int, types: list[str]) -> None:
    assert [happening.type for happening in happenings(work(attempt), done, before, AT)] == types


def one(done: Pass, before: Observed | None = CLEAN) -> Happening:
    (happening,) = happenings(work(), done, before, AT)
    return happening


def test_an_event_names_the_cluster_and_its_cause() -> None:
    happening = one(a_pass(results=(Result.STARTED,)))
    assert happening.subject == str(CLUSTER_ID)
    assert dict(happening.data) == {
        "cluster": str(CLUSTER_ID),
        "target": str(ZONE),
        "cause": "e-1",
        "why": "zone-written",
        "changes": [
            {
                "handler": "zone_links",
                "action": "create",
                "resource": str(ZONE),
                "place": str(HUB),
                "reason": "resolvers cannot see the zone",
            }
        ],
    }


def test_where_no_cluster_is_known_the_zone_is_the_subject() -> None:
    happening = one(a_pass(a_finding("custom-zone-not-listed"), observed=Observed(at=AT)), None)
    assert happening.subject == str(ZONE)
    assert happening.data["cluster"] is None
    assert happening.data["findings"][0]["advice"] == "what to do"


def test_a_pass_made_again_has_the_same_key_and_a_later_one_another() -> None:
    done = a_pass(a_finding("no-hub-found"))
    later = Observed(at=AT + 1000, cluster=str(CLUSTER_ID))
    assert one(done).key == one(done).key
    assert one(done).key != one(done, later).key
    assert one(done).key != one(a_pass(a_finding("scope-locked"))).key


@pytest.mark.parametrize("environment", [{}, {"TETHER_EVENTS_ENDPOINT": " "}])
async def test_without_an_endpoint_nothing_is_published(environment: dict[str, str]) -> None:
    nobody = publisher(environment, "platform-test")
    assert isinstance(nobody, Nobody)
    await nobody.publish([one(a_pass(results=(Result.STARTED,)))])
    await nobody.close()


@pytest.mark.parametrize(
    "endpoint",
    ["http://topic.example/api/events", "topic.example", "https:///api/events", "https://a:b@topic.example/"],
)
def test_an_endpoint_that_no_token_may_go_to_is_refused(endpoint: str) -> None:
    with pytest.raises(SettingsError, match="TETHER_EVENTS_ENDPOINT"):
        publisher({"TETHER_EVENTS_ENDPOINT": endpoint}, "platform-test")


def test_the_client_is_imported_only_when_an_event_goes_out() -> None:
    script = (
        "import sys; from functions.events_out import publisher;"
        "publisher({'TETHER_EVENTS_ENDPOINT': 'https://topic.example/api/events'}, 'o');"
        "print('azure.eventgrid' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done: Any = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"


def test_a_topic_is_where_an_endpoint_is_set() -> None:
    endpoint = "https://topic.westeurope-1.eventgrid.azure.net/api/events"
    assert isinstance(publisher({"TETHER_EVENTS_ENDPOINT": endpoint}, "platform-test"), Topic)
