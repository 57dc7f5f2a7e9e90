import pytest

from functions.arm.allowance import NoTurnError
from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.operations import LOST, Operation
from functions.handlers.verdict import Action, Change, Finding, Linking, Outcome, Result, Severity, Verdict
from functions.pace import after_blindness, after_pass, attempts, held, pace, until_asked
from tests.unit.worlds import AT, HUB, ZONE, a_cluster, seen

CHANGE = Change("zone_links", ZONE, Action.CREATE, Linking(HUB), "")
RUNNING = Operation(ZONE, "https://management.azure.com/operations/1", AT, AT + 30)
BUSY, CALM = seen(a_cluster(state="Creating")), seen(a_cluster(state="Succeeded"))
ERROR = Finding("zone_links", Severity.ERROR, "not-authorised", ZONE, "", "")
WARNING = Finding("zone_links", Severity.WARNING, "no-hub-found", ZONE, "", "")


def test_nodes_that_wait_are_not_kept_waiting() -> None:
    assert [pace(n, busy=True) for n in (1, 2, 3, 4, 99)] == [5, 10, 20, 30, 30]


def test_where_nobody_waits_tether_is_patient() -> None:
    assert [pace(n, busy=False) for n in (1, 2, 3, 4, 5, 6, 99)] == [30, 60, 120, 240, 480, 900, 900]


def test_a_second_app_that_cannot_be_asked_is_asked_ever_more_seldom() -> None:
    assert [until_asked(waited) for waited in (-5, 0, 60, 300, 900, 86400)] == [60, 60, 60, 300, 900, 900]


@pytest.mark.parametrize(
    ("verdict", "outcomes", "findings", "number"),
    [
        pytest.param(Verdict(), (), (), 0, id="all is well"),
        pytest.param(Verdict(), (Outcome(CHANGE, Result.APPLIED),), (), 0, id="a write was made"),
        pytest.param(Verdict(), (Outcome(CHANGE, Result.RETRY),), (), 4, id="refused for now"),
        pytest.param(Verdict(), (), (WARNING,), 4, id="a person is needed"),
        pytest.param(Verdict(), (Outcome(CHANGE, Result.STARTED, operation=RUNNING),), (), 3, id="a write was started"),
        pytest.param(Verdict(operations=(RUNNING,)), (), (), 3, id="a write of before is under way"),
    ],
)
def test_only_what_is_done_is_progress(
    verdict: Verdict, outcomes: tuple[Outcome, ...], findings: tuple[Finding, ...], number: int
) -> None:
    assert attempts(3, verdict, outcomes, findings) == number


@pytest.mark.parametrize(
    ("world", "verdict", "outcomes", "findings", "delay"),
    [
        pytest.param(BUSY, Verdict(), (), (), None, id="all is well"),
        pytest.param(BUSY, Verdict(look_again=0), (), (), 0, id="decide wants to see more"),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.STARTED, pause=30),), (), 30, id="a write was started"),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.RETRY),), (), 5, id="refused for now"),
        pytest.param(CALM, Verdict(), (Outcome(CHANGE, Result.RETRY),), (), 30, id="refused for now, nobody waits"),
        pytest.param(
            BUSY, Verdict(), (Outcome(CHANGE, Result.RETRY, pause=17),), (), 17, id="never before ARM's pause"
        ),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.UNKNOWN),), (), 5, id="no answer came"),
        pytest.param(CALM, Verdict(), (Outcome(CHANGE, Result.GONE),), (), None, id="the zone is gone"),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.GONE),), (), 5, id="or not there yet"),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.PLANNED),), (), None, id="only a plan"),
        pytest.param(BUSY, Verdict(), (Outcome(CHANGE, Result.REFUSED),), (ERROR,), 5, id="a person may mend it soon"),
        pytest.param(CALM, Verdict(), (), (ERROR,), 30, id="or later"),
        pytest.param(BUSY, Verdict(), (), (WARNING,), None, id="a warning waits for its event"),
    ],
)
def test_when_the_next_pass_comes(
    world: object, verdict: Verdict, outcomes: tuple[Outcome, ...], findings: tuple[Finding, ...], delay: float | None
) -> None:
    assert after_pass(1, AT, world, verdict, outcomes, findings) == delay  # type: ignore[arg-type]


def test_a_finding_is_not_looked_at_for_ever() -> None:
    assert after_pass(1, AT - 2 * 24 * 3600, CALM, Verdict(), (), (ERROR,)) is None


@pytest.mark.parametrize(
    ("error", "attempt", "age", "delay"),
    [
        pytest.param(NoAnswerError(""), 1, 0, 5, id="no answer, while the cluster is young"),
        pytest.param(NoAnswerError(""), 9, 86400 * 9, 900, id="no answer, and never given up"),
        pytest.param(ArmError(429, "", "", retry_after=40), 1, 0, 40, id="throttled"),
        pytest.param(NoTurnError(429, "", "", retry_after=1.4), 9, 0, 1.4, id="not its turn yet, which is no failure"),
        pytest.param(ArmError(404, "ResourceNotFound", ""), 1, 10, 5, id="not there yet, perhaps"),
        pytest.param(ArmError(404, "ResourceNotFound", ""), 4, 60, None, id="not there, and looked for often enough"),
        pytest.param(ArmError(404, "ResourceNotFound", ""), 1, 300, None, id="not there any more"),
        pytest.param(ArmError(403, "AuthorizationFailed", ""), 1, 10, 5, id="a right that someone may be giving"),
        pytest.param(ArmError(403, "AuthorizationFailed", ""), 9, 86401, None, id="a right that nobody gave in a day"),
    ],
)
def test_after_a_pass_that_saw_nothing(error: Exception, attempt: int, age: float, delay: float | None) -> None:
    assert after_blindness(attempt, AT - age, AT, error) == delay


def test_a_refused_write_is_not_due_before_its_pause_whatever_else_is_looked_at() -> None:
    later = Operation(ZONE, LOST, AT, AT)
    started = Operation(HUB, "https://management.azure.com/x", AT, AT + 30)
    outcomes = (
        Outcome(CHANGE, Result.RETRY, operation=later, pause=11),
        Outcome(CHANGE, Result.STARTED, operation=started, pause=30),
        Outcome(CHANGE, Result.GONE),
    )
    assert [operation.due - AT for operation in held(outcomes, 1, AT, busy=True)] == [11, 30]
    assert [operation.due - AT for operation in held(outcomes, 4, AT + 9, busy=True)] == [39, 30]
