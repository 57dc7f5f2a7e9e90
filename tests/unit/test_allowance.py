"""Who may read now, and whose turn is when."""

import pytest

from functions.arm.allowance import Allowance, NoTurnError

SPOKES = "11111111-0000-0000-0000-000000000000"
GROUP = f"https://management.azure.com/subscriptions/{SPOKES}/resourceGroups/nodes"
POLL = f"{GROUP}/providers/Microsoft.Network/privateDnsOperationStatuses/x"
LEFT = "x-ms-ratelimit-remaining-subscription-reads"


def turn(allowance: Allowance, now: float, reads: int = 2) -> float:
    """Seconds until a pass's turn, 0 for one that may begin (and ends at once, having read nothing)."""
    try:
        with allowance.held(SPOKES, reads, now):
            return 0
    except NoTurnError as error:
        return error.retry_after or 0


def told(left: int, now: float = 0, url: str = GROUP) -> Allowance:
    allowance = Allowance()
    allowance.answered(url, 200, {LEFT: str(left)}, now)
    return allowance


@pytest.mark.parametrize(
    ("left", "now", "wait"),
    [
        pytest.param(2, 0, 0, id="as many as a pass needs"),
        pytest.param(1, 0, 0.04, id="one too few, which comes in a twenty-fifth of a second"),
        pytest.param(0, 0, 0.08, id="none"),
        pytest.param(0, 0.08, 0, id="none, but time has passed"),
        pytest.param(16_000, 0, 0, id="an older, larger limit"),
    ],
)
def test_a_pass_begins_when_its_reads_are_there(left: int, now: float, wait: float) -> None:
    assert turn(told(left), now) == pytest.approx(wait)


def test_turns_are_as_far_apart_as_the_bucket_fills() -> None:
    allowance = told(0)
    assert [turn(allowance, 0) for _ in range(4)] == pytest.approx([0.08, 0.16, 0.24, 0.32])


def test_what_passes_under_way_will_read_is_not_given_twice() -> None:
    allowance = told(4)
    with allowance.held(SPOKES, 2, 0), allowance.held(SPOKES, 2, 0):
        assert turn(allowance, 0) > 0
    assert turn(allowance, 0.5) == 0


def test_what_a_pass_has_read_is_held_no_more() -> None:
    allowance = told(4)
    with allowance.held(SPOKES, 2, 0):
        allowance.answered(GROUP, 200, {LEFT: "3"}, 0)
        assert turn(allowance, 0) == 0


def test_an_answer_that_tells_nothing_counts_one() -> None:
    allowance = told(2)
    allowance.answered(GROUP, 404, {}, 0)
    assert turn(allowance, 0) == pytest.approx(0.04)


def test_a_refusal_says_that_nothing_is_left() -> None:
    allowance = told(200)
    allowance.answered(GROUP, 429, {}, 0)
    assert turn(allowance, 0) == pytest.approx(0.08)


def test_a_refusal_by_private_dns_is_of_another_bucket() -> None:
    allowance = told(200)
    allowance.answered(POLL, 429, {}, 0)
    assert turn(allowance, 0) == 0


def test_other_subscriptions_have_buckets_of_their_own() -> None:
    allowance = told(0)
    with allowance.held("22222222-0000-0000-0000-000000000000", 2, 0):
        assert turn(allowance, 0) > 0


def test_a_pass_that_wants_more_than_a_bucket_holds_waits_for_a_full_one() -> None:
    allowance = told(0)
    assert turn(allowance, 0, reads=400) == pytest.approx(10)
    assert turn(allowance, 10, reads=400) == 0
