"""The command line of a simulation: seeds, one after the other."""

import argparse
import sys
import time
from collections.abc import Collection, Sequence
from typing import Protocol

from tests.scenarios.simulation import Verdict


class RunSeed(Protocol):
    def __call__(self, seed: int, bug: str | None = None) -> Verdict: ...


def seeds_command(
    arguments: Sequence[str] | None, module: str, doc: str | None, run_seed: RunSeed, bugs: Collection[str], what: str
) -> int:
    """Run seeds one after the other, tell of those that fail, and give 1 if any does. `what` are the writes."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=doc)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first one")
    parser.add_argument("--bug", choices=sorted(bugs), help="put a known bug into Tether")
    asked = parser.parse_args(arguments)
    began, failed, written, deaths = time.monotonic(), 0, 0, 0
    for seed in range(asked.first, asked.first + asked.seeds):
        verdict = run_seed(seed, asked.bug)
        written, deaths = written + verdict.writes, deaths + verdict.deaths
        if verdict.violations:
            failed += 1
            if asked.seeds == 1:
                sys.stdout.writelines(f"{line}\n" for line in verdict.trace)
            sys.stdout.writelines(f"seed {seed}: {line}\n" for line in verdict.violations)
            sys.stdout.write(f"  replay: {verdict.replay}\n")
    took = time.monotonic() - began
    sys.stdout.write(f"{asked.seeds} seeds, {failed} failed, {written} {what}, {deaths} dead workers, {took:.1f} s\n")
    return 1 if failed else 0
