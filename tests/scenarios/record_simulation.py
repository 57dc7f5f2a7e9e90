"""Random worlds whose API servers move, each from one seed: `python -m tests.scenarios.record_simulation`.

As in simulation.py everything goes wrong for a while, and then all of it stops: after a quiet time every record must be
true, nobody else's may have been touched, and nothing may be left of clusters that are gone.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from typing import Any

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import EventGrid
from localazure.virtual_time import run
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_forgers import forge_events
from tests.scenarios.record_bugs import BUGS
from tests.scenarios.record_end import End
from tests.scenarios.record_places import mortal_targets
from tests.scenarios.record_rules import RecordRules
from tests.scenarios.record_troubles import DeniedFaults, die_with_clusters, trouble
from tests.scenarios.record_world import RecordWorld
from tests.scenarios.seeds_command import Verdict, quiet_logs, seeds_command

_START = 1_800_000_000.0  # seconds since 1970: every world begins then

# Of the quiet time, in seconds from where the trouble ends: a sweep, and the end.
_SWEEP, _QUIET = 900.0, 2100.0

# What the limit stopped goes on as the hours pass, in a pass or by the next sweep: each sees three changes at least.
_HOUR, _HOURS = 3600.0, 6  # seconds, and how many

# After so long all records are true: the slowest pace and the sweep are at 900 s, then come a pass and a write.
_BOUND = 1200.0  # seconds

MODULE = "tests.scenarios.record_simulation"


def run_seed(seed: int, bug: str | None = None) -> Verdict:
    """One world, from its seed alone. `bug` is one of record_bugs.BUGS, put into Tether for this run."""
    with quiet_logs(), BUGS[bug]() if bug else nullcontext():
        return run(_world(seed))


async def _world(seed: int) -> Verdict:
    dice = Random(seed)
    azure = LocalAzure(Clock(start=_START), seed=seed)
    began, busy_for = azure.clock.now(), dice.uniform(300, 1200)
    world: Any = RecordWorld(azure, Random(dice.random()), busy_for, seed=seed)
    world.exclude_some(Random(f"tagged:{seed}"))
    rules = RecordRules(azure, world, began)
    log = logging.getLogger("tether")
    log.addHandler(rules.intents)
    faults = DeniedFaults(azure)
    app = arm_app(azure, faults)
    owners = ["first", "second"] if dice.random() < 0.2 else ["first"]
    targets = mortal_targets(world.server, rules.judge)
    hosts = [
        Host(azure, app, world, world.policy(owner), Random(dice.random()), rules, rules.trace, targets=targets)
        for owner in owners
    ]
    try:
        async with EventGrid(azure, seed=seed) as grid:
            for host in hosts:
                await grid.subscribe(host.policy.owner, host.hear)
                host.start()
            people = asyncio.ensure_future(world.live())
            forging = asyncio.ensure_future(forge_events(azure, Random(f"forged:{seed}"), busy_for))
            dying = asyncio.ensure_future(die_with_clusters(world, Random(f"silent:{seed}"), busy_for))
            await trouble(azure, dice, busy_for, faults, grid, hosts, world.server)
            await asyncio.gather(forging, dying)
            await people
            await world.over()
            await _quiet(hosts, rules, End(rules, hosts))
    finally:
        for host in hosts:
            host.stop()
        log.removeHandler(rules.intents)
        await azure.close()
    for failure in azure.failures:
        rules.broken(f"the local Azure broke: {failure!r}")
    deaths = sum(host.deaths for host in hosts)
    return Verdict(
        seed,
        tuple(rules.violations),
        rules.calls,
        rules.records,
        deaths,
        tuple(rules.trace),
        MODULE,
    )


async def _quiet(hosts: Sequence[Host], rules: RecordRules, end: End) -> None:
    """Nothing fails any more. What the limit stopped goes on as the hour passes."""
    looking = asyncio.ensure_future(end.look_on())
    await asyncio.sleep(_SWEEP)
    await _sweep(hosts, rules)
    await asyncio.sleep(_QUIET - _SWEEP)
    for _ in range(_HOURS):
        if end.holds() or not rules.intents.limited:
            break
        await asyncio.sleep(_HOUR)
        await _sweep(hosts, rules)
    looking.cancel()
    end.judge(_BOUND)


async def _sweep(hosts: Sequence[Host], rules: RecordRules) -> None:
    for host in hosts:
        await host.sweep()
        report = await host.reports.latest()
        if report is not None and report.stopped:
            rules.intents.limited.add(host.policy.owner)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds one after the other, tell of those that fail, and give 1 if any does."""
    return seeds_command(arguments, MODULE, __doc__, run_seed, BUGS, "records")


if __name__ == "__main__":
    raise SystemExit(main())
