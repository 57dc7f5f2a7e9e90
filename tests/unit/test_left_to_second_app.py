"""The truth table of privileged.left: what the plain app says, and whom it asks, of what it may not do itself."""

import pytest

from functions.fleet.seen import Seen
from functions.handlers import concerns, privileged
from functions.handlers.verdict import Verdict
from functions.ledger.move import Move
from functions.ledger.state import Observed
from functions.policy import FailedClusters, PodRestarts, Policy, Resolution
from functions.role import Role
from tests.unit.test_failed_clusters import looking_at as failed
from tests.unit.test_pod_restarts import AFTER_A_DAY, MOVE, but
from tests.unit.test_pod_restarts import looking_at as moved
from tests.unit.test_pod_restarts import record as record_of
from tests.unit.test_resolution import LONG_AGO, denies, hearing
from tests.unit.worlds import AT, HUB, ZONE, a_policy

RESTARTS = PodRestarts(enabled=True, namespaces=("apps",))
BOTH = a_policy(HUB, failed_clusters=FailedClusters(reconcile=True), pod_restarts=RESTARTS)
NEITHER = a_policy(HUB)
DAY = 24 * 3600.0
WAS_DELETING = failed(remembered=Observed(deleting=True, zone=str(ZONE)))


def said(verdict: Verdict) -> str:
    words = [finding.code for finding in verdict.findings] + [f"ask {handler}" for handler in verdict.asked]
    if verdict.look_again is not None:
        words.append(f"look again in {verdict.look_again:.0f} s")
    assert not verdict.changes
    return ", ".join(words) or "nothing"


@pytest.mark.parametrize(
    ("move", "policy", "role", "expected"),
    [
        pytest.param(None, BOTH, Role.SHARING, "nothing", id="it never moved"),
        pytest.param(MOVE, BOTH, Role.SHARING, "left-to-second-app, ask pod_restarts", id="it is time"),
        pytest.param(MOVE, BOTH, Role.PLAIN, "second-app-missing", id="it is time, and nobody is there"),
        pytest.param(
            but(served_at=AT - 299),
            BOTH,
            Role.SHARING,
            "ask pod_restarts, look again in 1 s",
            id="the old answer may still be held",
        ),
        pytest.param(
            but(served_at=AT - 299), BOTH, Role.PLAIN, "look again in 1 s", id="the same, and nobody is there"
        ),
        pytest.param(MOVE, NEITHER, Role.SHARING, "pods-may-hold-old-address", id="the policy does not want it"),
        pytest.param(but(ended=True), BOTH, Role.SHARING, "nothing", id="none is left"),
        pytest.param(
            but(served_at=AT - 299 - DAY), BOTH, Role.SHARING, "left-to-second-app, ask pod_restarts", id="for a day"
        ),
        pytest.param(AFTER_A_DAY, BOTH, Role.SHARING, "nothing", id="a day later"),
    ],
)
def test_what_is_said_of_a_move(move: Move | None, policy: Policy, role: Role, expected: str) -> None:
    assert said(privileged.left(moved(move), policy, role)) == expected


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        pytest.param(0.0, "ask pod_restarts, look again in 10 s", id="just now"),
        pytest.param(DAY - 1, "ask pod_restarts, look again in 900 s", id="almost a day ago"),
        pytest.param(DAY, "nothing", id="a day ago"),
    ],
)
def test_the_second_app_is_asked_from_the_beginning_of_a_move_whose_records_still_lag(
    age: float, expected: str
) -> None:
    world = moved(but(at=AT - age, served_at=0.0), records=(record_of("10.1.0.4"),))
    assert said(privileged.left(world, BOTH, Role.SHARING)) == expected


@pytest.mark.parametrize(
    ("world", "policy", "role", "expected"),
    [
        pytest.param(failed(), BOTH, Role.SHARING, "left-to-second-app, ask failed_clusters", id="failed"),
        pytest.param(failed(None), BOTH, Role.SHARING, "left-to-second-app, ask failed_clusters", id="failed unseen"),
        pytest.param(failed(), BOTH, Role.PLAIN, "second-app-missing", id="nobody is there"),
        pytest.param(failed(), NEITHER, Role.SHARING, "cluster-creation-failed", id="the policy does not want it"),
        pytest.param(failed(state="Succeeded"), BOTH, Role.SHARING, "nothing", id="not failed"),
        pytest.param(failed(state="Deleting"), BOTH, Role.SHARING, "nothing", id="deleting"),
        pytest.param(WAS_DELETING, BOTH, Role.SHARING, "nothing", id="what failed is its deletion"),
    ],
)
def test_what_is_said_of_a_failed_cluster(world: Seen, policy: Policy, role: Role, expected: str) -> None:
    assert said(privileged.left(world, policy, role)) == expected


@pytest.mark.parametrize("role", list(Role))
def test_only_an_app_that_may_puts_clusters_and_only_the_second_does_nothing_else(role: Role) -> None:
    verdict = concerns.decide(failed(), BOTH, role)
    may = role in {Role.ALONE, Role.PRIVILEGED}
    assert {change.handler for change in verdict.changes} == ({"failed_clusters"} if may else set())
    assert bool(verdict.linked) is (role is not Role.PRIVILEGED)


def test_that_a_name_does_not_resolve_is_the_plain_apps_to_say() -> None:
    policy = a_policy(HUB, resolution=Resolution(enabled=True))
    world = hearing(denies(), remembered=LONG_AGO)
    assert {role for role in Role if concerns.decide(world, policy, role).findings} == set(Role) - {Role.PRIVILEGED}
