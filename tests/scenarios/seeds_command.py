"""The command line of a simulation: seeds, one after the other, and what becomes of each."""

import argparse
import logging
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one seed. `trace` tells every call, event and message, in order."""

    seed: int
    violations: tuple[str, ...]
    calls: int
    writes: int
    deaths: int
    trace: tuple[str, ...]
    module: str

    @property
    def replay(self) -> str:
        return f"python -m {self.module} --from {self.seed} --seeds 1"


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
    began, failed, calls, written, deaths = time.monotonic(), 0, 0, 0, 0
    for seed in range(asked.first, asked.first + asked.seeds):
        verdict = run_seed(seed, asked.bug)
        calls, written, deaths = calls + verdict.calls, written + verdict.writes, deaths + verdict.deaths
        if verdict.violations:
            failed += 1
            if asked.seeds == 1:
                sys.stdout.writelines(f"{line}\n" for line in verdict.trace)
            sys.stdout.writelines(f"seed {seed}: {line}\n" for line in verdict.violations)
            sys.stdout.write(f"  replay: {verdict.replay}\n")
    took = time.monotonic() - began
    numbers = f"{asked.seeds} seeds, {failed} failed, {calls} calls, {written} {what}, {deaths} dead workers"
    sys.stdout.write(f"{numbers}, {took:.1f} s\n")
    return 1 if failed else 0


@contextmanager
def quiet_logs() -> Iterator[None]:
    """Tether's log goes to the rules and nowhere else."""
    loggers = {name: logging.getLogger(name) for name in ("tether", "host", "azure")}
    before = {name: (log.level, log.propagate) for name, log in loggers.items()}
    for name, log in loggers.items():
        log.setLevel(logging.INFO if name == "tether" else logging.CRITICAL)
        log.propagate = False
    try:
        yield
    finally:
        for name, log in loggers.items():
            log.setLevel(before[name][0])
            log.propagate = before[name][1]
