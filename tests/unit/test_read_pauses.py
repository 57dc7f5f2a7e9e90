"""Which reads are not sent again yet, and who hears of that."""

import pytest

from functions.arm.allowance import NoTurnError
from functions.arm.read_pauses import ReadPauses

LIST = "/subscriptions/S/resourceGroups/nodes/providers/Microsoft.Network/privateDnsZones/z/virtualNetworkLinks"


def left(pauses: ReadPauses, now: float, path: str = LIST) -> float:
    """Seconds until a read may be sent, 0 for now."""
    try:
        pauses.check(path, now)
    except NoTurnError as error:
        return error.retry_after or 0.0
    return 0.0


@pytest.mark.parametrize(
    ("now", "path", "seconds"),
    [
        pytest.param(100, LIST, 58, id="at once"),
        pytest.param(157, LIST.casefold(), 1, id="a second before its pause is over, in another case"),
        pytest.param(158, LIST, 0, id="when it is over"),
        pytest.param(100, f"{LIST}/one", 0, id="another path"),
    ],
)
def test_a_refused_read_is_not_sent_before_its_pause_is_over(now: float, path: str, seconds: float) -> None:
    pauses = ReadPauses()
    pauses.refused(LIST, 58, 100)
    assert left(pauses, now, path) == seconds


def test_what_another_worker_met_counts_from_when_it_is_heard_of_and_shortens_nothing() -> None:
    pauses = ReadPauses()
    pauses.refused(LIST, 58, 100)
    pauses.learn([(LIST.casefold(), 10), ("/other", 20)], 100)
    assert (left(pauses, 100), left(pauses, 100, "/other")) == (58, 20)


def test_a_pass_notes_what_is_refused_and_what_it_did_not_ask() -> None:
    pauses = ReadPauses()
    pauses.refused("/before", 60, 0)
    with pauses.noting() as met:
        pauses.refused(LIST, 58, 10)
        assert left(pauses, 10, "/before") == 50
    pauses.refused("/after", 58, 10)
    assert met == {LIST.casefold(): 68, "/before": 60}


def test_pauses_that_are_over_do_not_pile_up() -> None:
    pauses = ReadPauses()
    for number in range(5000):
        pauses.refused(f"/{number}", 1, number)
    assert len(pauses) <= 1001
