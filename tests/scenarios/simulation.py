"""Random worlds with random troubles, each from one seed, in virtual time: `python -m tests.scenarios.simulation`.

For a while everything goes wrong: ARM's faults, lost and doubled events, dead workers, storage that is down. Then all
of it stops, and after a quiet time every world must be as the policy wants it (simulation_rules.py says what holds).
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import Any

from localazure import fault_effects as effects
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import EventGrid
from localazure.faults import Faults
from localazure.limits import Limits
from localazure.virtual_time import run
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_world import RandomWorld
from tests.scenarios.seeded_bugs import BUGS
from tests.scenarios.simulation_rules import Rules

_START = 1_800_000_000.0  # seconds since 1970: every world begins then
_QUIET = 2700.0  # seconds: the slowest pace (900), a lease (600), a link, and some


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one seed. `trace` tells every call, event and message, in order."""

    seed: int
    violations: tuple[str, ...]
    calls: int
    writes: int
    deaths: int
    trace: tuple[str, ...]

    @property
    def replay(self) -> str:
        return f"python -m tests.scenarios.simulation --from {self.seed} --seeds 1"


def run_seed(seed: int, bug: str | None = None) -> Verdict:
    """One world, from its seed alone. `bug` is one of seeded_bugs.BUGS, put into Tether for this run."""
    with _quiet_logs(), BUGS[bug]() if bug else nullcontext():
        return run(_world(seed))


@contextmanager
def _quiet_logs() -> Iterator[None]:
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


async def _world(seed: int) -> Verdict:
    dice = Random(seed)
    azure = LocalAzure(Clock(start=_START), seed=seed)
    azure.limits = Limits(azure.clock) if dice.random() < 0.3 else None
    began, busy_for = azure.clock.now(), dice.uniform(300, 1200)
    world = RandomWorld(azure, Random(dice.random()), busy_for)
    rules = Rules(azure, world, began)
    trace = rules.trace
    log = logging.getLogger("tether")
    log.addHandler(rules.intents)
    faults = Faults(azure)
    app = arm_app(azure, faults)
    owners = ["first", "second"] if dice.random() < 0.3 else ["first"]
    hosts = [
        Host(azure, app, world.policy(owner, second=owner == "second"), Random(dice.random()), rules, trace)
        for owner in owners
    ]
    try:
        async with EventGrid(azure, seed=seed) as grid:
            for host in hosts:
                await grid.subscribe(host.policy.owner, host.hear)
                host.start()
            people = asyncio.ensure_future(world.live())
            await _trouble(dice, busy_for, faults, grid, hosts)
            await people
            await asyncio.sleep(_QUIET / 3)
            for host in hosts:
                await host.sweep()
            await asyncio.sleep(_QUIET * 2 / 3)
        rules.at_the_end(hosts)
    finally:
        for host in hosts:
            host.stop()
        log.removeHandler(rules.intents)
        await azure.close()
    for failure in azure.failures:
        rules.broken(f"the local Azure broke: {failure!r}")
    deaths = sum(host.deaths for host in hosts)
    return Verdict(seed, tuple(rules.violations), rules.calls, rules.writes, deaths, tuple(trace))


async def _trouble(dice: Random, seconds: float, faults: Faults, grid: EventGrid, hosts: Sequence[Host]) -> None:
    """Everything that can go wrong, for so long; nothing after."""
    _break_arm(dice, faults)
    if dice.random() < 0.7:
        for fate in ("lose", "double", "delay", "reorder"):
            setattr(grid.faults, fate, dice.choice([0.0, 0.1, 0.5]))
        grid.faults.lose = dice.choice([0.0, 0.2, 1.0])
    for host in hosts:
        host.chances.death = dice.choice([0.0, 0.005, 0.03])
        host.chances.slow_tables = dice.choice([0.0, 0.05, 0.3])
        host.chances.refused_send = dice.choice([0.0, 0.02, 0.05])
    outages = [
        asyncio.ensure_future(_outage(dice, seconds, host, part)) for host in hosts for part in ("queue", "ledger")
    ]
    await asyncio.sleep(seconds)
    for outage in outages:
        await outage
    faults.clear()
    grid.faults = type(grid.faults)()
    for host in hosts:
        host.chances = type(host.chances)()


async def _outage(dice: Random, seconds: float, host: Host, part: str) -> None:
    """Queue or tables are down for a while, or not at all."""
    if dice.random() < 0.6:
        return
    begins, lasts = dice.uniform(0, seconds * 0.8), dice.uniform(5, 180)
    store: Any = getattr(host, part)
    await asyncio.sleep(begins)
    store.down = True
    host.told("down", part)
    await asyncio.sleep(min(lasts, seconds - begins))
    store.down = False
    host.told("up", part)


def _break_arm(dice: Random, faults: Faults) -> None:
    """A few of localazure's effects, each on some of the requests.

    Not `stuck`: what Azure never ends nobody can mend. A cluster is denied only once, for twice means that it is gone.
    """
    for effect, where in dice.sample(_TROUBLES, dice.randint(0, 6)):
        faults.add(effect(dice), probability=dice.choice([0.03, 0.15, 0.5]), **where)


_LINKS = "/virtualNetworkLinks/tether-"
_STATUS = "privateDnsOperationStatuses"
_TROUBLES: list[tuple[Any, dict[str, Any]]] = [
    (lambda dice: effects.latency(dice.choice([0.5, 2.0, 8.0, 20.0])), {}),
    (lambda dice: effects.throttled(dice.choice([None, 7, 40])), {}),
    (lambda dice: effects.too_many_requests(dice.choice([2, 17, 90])), {}),
    (lambda dice: effects.throttled(dice.choice([None, 11, 60])), {"method": "PUT"}),
    (lambda _: effects.another_operation(), {"method": "PUT"}),
    (lambda _: effects.precondition_failed(), {"method": "PUT"}),
    (lambda _: effects.internal_error(), {}),
    (lambda _: effects.server_timeout(), {}),
    (lambda _: effects.unavailable_html(), {}),
    (lambda _: effects.not_authorised(), {}),
    (lambda _: effects.denied_by_policy(), {"method": "PUT"}),
    (lambda _: effects.denied_by_assignment(), {"method": "PUT"}),
    (lambda _: effects.locked(), {"method": "PUT"}),
    (lambda _: effects.not_found(), {"path": _STATUS}),
    (lambda _: effects.not_found(), {"path": r"/privateDnsZones/", "method": "GET"}),
    (lambda _: effects.not_found(), {"path": r"/managedClusters/", "method": "GET", "times": 1}),
    (lambda _: effects.not_found(), {"path": r"/resourceGroups/[^/]+$", "method": "GET"}),
    (lambda _: effects.dropped_before(), {}),
    (lambda _: effects.dropped_after(), {}),
    (lambda _: effects.dropped_after(), {"method": "PUT"}),
    (lambda _: effects.silent(), {}),
    (lambda _: effects.fails_late(), {"path": _LINKS}),
    (lambda _: effects.forgotten(), {"path": _LINKS}),
    (lambda _: effects.foreign_address(), {"path": _LINKS}),
    (lambda dice: effects.hidden_after_create(dice.choice([5, 40])), {}),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds one after the other, tell of those that fail, and give 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--from", type=int, default=1, dest="first", help="the first one")
    parser.add_argument("--bug", choices=sorted(BUGS), help="put a known bug into Tether")
    asked = parser.parse_args(arguments)
    began, failed, calls, deaths = time.monotonic(), 0, 0, 0
    for seed in range(asked.first, asked.first + asked.seeds):
        verdict = run_seed(seed, asked.bug)
        calls, deaths = calls + verdict.calls, deaths + verdict.deaths
        if verdict.violations:
            failed += 1
            if asked.seeds == 1:
                sys.stdout.writelines(f"{line}\n" for line in verdict.trace)
            sys.stdout.writelines(f"seed {seed}: {line}\n" for line in verdict.violations)
            sys.stdout.write(f"  replay: {verdict.replay}\n")
    took = time.monotonic() - began
    sys.stdout.write(f"{asked.seeds} seeds, {failed} failed, {calls} calls, {deaths} dead workers, {took:.1f} s\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
