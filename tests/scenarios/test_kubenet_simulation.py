"""Whatever happens, no subnet loses anything, no cluster that was up is put, and all that can come up does."""

import pytest

from tests.scenarios.kubenet_bugs import BUGS
from tests.scenarios.kubenet_simulation import main, run_seed

SEEDS = range(1, 16)
A_FEW = 5

# Where a mistake is looked for: some show only in a world where much else happens.
FAR = 400

# Which rule finds which mistake, and the first seed that shows it: the search begins there.
CAUGHT = {
    "put-after-it-was-up": ("goes on with what was interrupted", 12),
    "scaling-for-creation": ("goes on with what was interrupted", 122),
    "known-properties-only": ("is lost", 1),
    "no-if-match": ("not with an ETag that was read", 1),
    "judged-as-it-was": ("is lost", 27),
    "nothing-kept-of-before": ("the journal's before lacks", 1),
    "foreign-table-replaced": ("routeTable of", 15),
    "attached-while-busy": ("is creating", 1),
    "company-overlooked": ("is not alone in it", 3),
    "absent-list-trusted": ("does not list who is in it", 5),
    "unread-routes": ("leads elsewhere", 15),
    "endless-tug": ("whoever undoes it wants it so", 28),
    "cause-taken-for-mended": ("does not have its table", 3),
    "uncounted-puts": ("and never came up", 17),
    "left-failed": ("was made after the trouble", 2),
    "no-intent": ("without its intent", 1),
}


@pytest.mark.parametrize("seeds", [SEEDS[nth : nth + A_FEW] for nth in range(0, len(SEEDS), A_FEW)], ids=str)
def test_once_the_trouble_stops_clusters_are_up_or_told_of_and_no_subnet_has_lost_anything(seeds: list[int]) -> None:
    verdicts = [run_seed(seed) for seed in seeds]
    assert {verdict.replay: verdict.violations for verdict in verdicts if verdict.violations} == {}
    assert sum(verdict.writes for verdict in verdicts) > len(verdicts), "worlds in which nothing is written try nothing"


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_with_subnets_and_clusters_is_found(bug: str) -> None:
    words, first = CAUGHT[bug]
    seeds = [*range(first, FAR), *range(1, first)]
    found = (seed for seed in seeds if any(words in said for said in run_seed(seed, bug).violations))
    assert next(found, None) is not None


def test_a_seed_is_the_same_world_each_time() -> None:
    first, again = run_seed(3), run_seed(3)
    assert first.writes > 0
    assert first == again


def test_a_failing_seed_is_told_with_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "1", "--seeds", "1", "--bug", "no-intent"]) == 1
    assert "python -m tests.scenarios.kubenet_simulation --from 1 --seeds 1" in capsys.readouterr().out
