"""Whatever happens, the records end true, nobody else's are touched, and nothing goes that is not gone."""

import pytest

from tests.scenarios.record_bugs import BUGS
from tests.scenarios.record_simulation import main, run_seed

SEEDS = range(1, 101)
A_FEW = 10

# Which rule finds which mistake, and the first seed that shows it: the search begins there.
CAUGHT = {
    "owner-not-checked": ("it was nobody's", 5),
    "removed-at-first-404": ("removed while its cluster lives", 28),
    "no-prerequisite": ("it was kept for", 2),
    "written-in-doubt": ("not where the API server was for certain", 14),
    "no-intent": ("without its intent", 1),
    "memory-of-nothing": ("forgot its cluster", 2),
    "nothing-left": ("is not left to remove", 1),
}


@pytest.mark.parametrize("seeds", [SEEDS[nth : nth + A_FEW] for nth in range(0, len(SEEDS), A_FEW)], ids=str)
def test_once_the_trouble_stops_every_record_is_true_and_nobody_elses_was_touched(seeds: list[int]) -> None:
    verdicts = [run_seed(seed) for seed in seeds]
    assert {verdict.replay: verdict.violations for verdict in verdicts if verdict.violations} == {}
    assert sum(verdict.writes for verdict in verdicts) > len(verdicts), "worlds in which nothing is written try nothing"


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_with_records_is_found(bug: str) -> None:
    words, first = CAUGHT[bug]
    seeds = [*range(first, SEEDS.stop), *range(SEEDS.start, first)]
    found = (seed for seed in seeds if any(words in said for said in run_seed(seed, bug).violations))
    assert next(found, None) is not None


def test_a_seed_is_the_same_world_each_time() -> None:
    first, again = run_seed(4), run_seed(4)
    assert first.writes > 0
    assert first == again


def test_a_failing_seed_is_told_with_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "1", "--seeds", "1", "--bug", "no-intent"]) == 1
    assert "python -m tests.scenarios.record_simulation --from 1 --seeds 1" in capsys.readouterr().out
