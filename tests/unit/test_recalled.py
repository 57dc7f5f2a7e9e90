"""What an urgent pass could not know when it began is not forgotten by what it remembers."""

import pytest

from functions.ledger.state import Observed
from functions.passed import Pass
from functions.settle import recalled

MEMORY = Observed(at=1.0, deleting=True, gone_since=2.0, reversals=(3.0,))


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        pytest.param(Observed(state="Failed"), (True, 0.0), id="a failed deletion is still one"),
        pytest.param(Observed(gone_since=9.0), (True, 2.0), id="a cluster is gone since it was first missing"),
        pytest.param(Observed(state="Succeeded"), (False, 0.0), id="a cluster that lives is not deleted"),
    ],
)
def test_a_pass_without_memory_keeps_what_the_row_knew(seen: Observed, kept: tuple[bool, float]) -> None:
    observed = recalled(Pass("settled", observed=seen), MEMORY).observed
    assert observed is not None
    assert (observed.deleting, observed.gone_since) == kept
    assert observed.reversals == (3.0,)


def test_a_pass_that_could_not_see_leaves_the_row_alone() -> None:
    assert recalled(Pass("not-seen"), MEMORY).observed is None
