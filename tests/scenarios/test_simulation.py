"""Whatever happens, the world ends as the policy wants it, and nobody else's things are touched."""

import pytest

from tests.scenarios.seeded_bugs import BUGS
from tests.scenarios.simulation import main, run_seed

# The last ones showed mistakes that were mended: locked groups, custom zones, forgotten pauses.
SEEDS = [*range(1, 69), 78, 114, 148, 163]
A_FEW = 6

# Which rule finds which mistake.
CAUGHT = {
    "dropped-requeue": "asks for nothing after",
    "missing-if-none-match": "which is not ours, was changed",
    "acknowledged-failure": "was acknowledged though the queue refused",
    "mark-of-now": "after its last event",
    "suffix-for-equality": "nobody's zone",
}


@pytest.mark.parametrize("seeds", [SEEDS[nth : nth + A_FEW] for nth in range(0, len(SEEDS), A_FEW)], ids=str)
def test_once_the_trouble_stops_every_world_ends_as_the_policy_wants_it(seeds: list[int]) -> None:
    verdicts = [run_seed(seed) for seed in seeds]
    assert {verdict.replay: verdict.violations for verdict in verdicts if verdict.violations} == {}


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_put_into_tether_is_found(bug: str) -> None:
    found = (seed for seed in SEEDS if any(CAUGHT[bug] in said for said in run_seed(seed, bug).violations))
    assert next(found, None) is not None


def test_a_seed_is_the_same_world_each_time() -> None:
    first, again = run_seed(20), run_seed(20)
    assert first.deaths > 0
    assert first == again


def test_a_failing_seed_is_told_with_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "1", "--seeds", "1", "--bug", "dropped-requeue"]) == 1
    assert "python -m tests.scenarios.simulation --from 1 --seeds 1" in capsys.readouterr().out
