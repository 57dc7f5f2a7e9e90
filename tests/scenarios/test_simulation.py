"""Whatever happens, the world ends as the policy wants it, and nobody else's things are touched."""

import pytest

from tests.scenarios.seeded_bugs import BUGS
from tests.scenarios.simulation import main, run_seed

SEEDS = range(1, 361)
A_FEW = 12

# Which rule finds which mistake, and the first seed that shows it: the search begins there.
CAUGHT = {
    "dropped-requeue": ("asks for nothing after", 1),
    "missing-if-none-match": ("which is not ours, was changed", 23),
    "acknowledged-failure": ("was acknowledged though the queue refused", 1),
    "mark-of-now": ("after its last event", 12),
    "suffix-for-equality": ("nobody's zone", 23),
    "unlimited-removal": ("th cluster within the hour", 73),
    "one-count": ("th cluster within the hour", 500592),
    "rows-for-clusters": ("th cluster within the hour", 73),
    "anybodys-links": ("not ours", 18),
    "forgotten-pause": ("again before its pause is over", 4),
    "intents-left-open": ("has no outcome", 6),
    "unlisted-for-removed": ("it is linked, and its row says so", 2),
    "removed-on-one-look": ("on one look", 156),
    "memory-of-nothing": ("forgot its cluster", 1),
    "unshown-for-outside": ("no pass on", 33),
    "nothing-to-read": ("messages are poisoned", 31),
    "list-for-item": ("sweep raised", 4),
    "odd-row-stops-watch": ("has no link to", 23),
}


@pytest.mark.parametrize("seeds", [SEEDS[nth : nth + A_FEW] for nth in range(0, len(SEEDS), A_FEW)], ids=str)
def test_once_the_trouble_stops_every_world_ends_as_the_policy_wants_it(seeds: list[int]) -> None:
    verdicts = [run_seed(seed) for seed in seeds]
    assert {verdict.replay: verdict.violations for verdict in verdicts if verdict.violations} == {}


@pytest.mark.parametrize("bug", BUGS)
def test_a_mistake_put_into_tether_is_found(bug: str) -> None:
    words, first = CAUGHT[bug]
    seeds = [first, *range(first + 1, SEEDS.stop), *range(SEEDS.start, min(first, SEEDS.stop))]
    found = (seed for seed in seeds if any(words in said for said in run_seed(seed, bug).violations))
    assert next(found, None) is not None


def test_a_seed_is_the_same_world_each_time() -> None:
    first, again = run_seed(20), run_seed(20)
    assert first.deaths > 0
    assert first == again


def test_a_failing_seed_is_told_with_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", "1", "--seeds", "1", "--bug", "dropped-requeue"]) == 1
    assert "python -m tests.scenarios.simulation --from 1 --seeds 1" in capsys.readouterr().out
