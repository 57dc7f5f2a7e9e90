"""Random worlds of kubenet clusters and their subnets, one for each seed.

Run as `python -m tests.scenarios.kubenet_simulation`.

As in simulation.py everything goes wrong for a while, and then all of it stops, but for the pipelines that take tables
off. After a quiet time every cluster that can come up is up, all others are told of, and no subnet has lost anything.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import nullcontext
from random import Random
from typing import Any

from localazure import fault_effects as effects
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import EventGrid
from localazure.limits import Limits
from localazure.virtual_time import run
from tests.scenarios.kubenet_bugs import BUGS
from tests.scenarios.kubenet_end import End
from tests.scenarios.kubenet_people import People
from tests.scenarios.kubenet_rules import KubenetRules
from tests.scenarios.kubenet_world import KubenetWorld
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_troubles import ToldFaults, Troubles, trouble
from tests.scenarios.seeds_command import Verdict, quiet_logs, seeds_command

_START = 1_800_000_000.0  # seconds since 1970: every world begins then

# Of the quiet time, in seconds from where the trouble ends: one more cluster, a sweep, and the end. A name that did
# not resolve is waited for for 900 s, the slowest pace is another 900 s, and a creation takes minutes, three times.
_LATE_BIRTH, _SWEEP, _BOUND = 60.0, 900.0, 4500.0

MODULE = "tests.scenarios.kubenet_simulation"


def run_seed(seed: int, bug: str | None = None) -> Verdict:
    """One world, from its seed alone. `bug` is one of kubenet_bugs.BUGS, put into Tether for this run."""
    with quiet_logs(), BUGS[bug]() if bug else nullcontext():
        return run(_world(seed))


async def _world(seed: int) -> Verdict:
    dice = Random(seed)
    azure = LocalAzure(Clock(start=_START), seed=seed)
    azure.limits = Limits(azure.clock) if dice.random() < 0.3 else None
    began, busy_for = azure.clock.now(), dice.uniform(600, 1800)
    world: Any = KubenetWorld(azure, Random(dice.random()), busy_for, seed=seed)
    people = People(world, Random(dice.random()))
    rules = KubenetRules(azure, world, began, dice=Random(dice.random()))
    log = logging.getLogger("tether")
    log.addHandler(rules.intents)
    faults = ToldFaults(azure)
    app = arm_app(azure, faults)
    owners = ["first", "second"] if dice.random() < 0.15 else ["first"]
    hosts = [
        Host(azure, app, world, world.policy(owner), Random(dice.random()), rules, rules.trace) for owner in owners
    ]
    try:
        async with EventGrid(azure, seed=seed) as grid:
            for host in hosts:
                await grid.subscribe(host.policy.owner, host.hear)
                host.start()
            living = asyncio.ensure_future(people.live())
            if dice.random() < 0.2:  # whose creation fails for a reason that nobody mends
                nodes = effects.fails_late(_NODES, "exit status=50")
                faults.add(nodes, probability=0.9, method="PUT", path=_CLUSTERS)
            rules.deadly = dice.choice([0.0, 0.0, 0.3, 0.8])
            await trouble(azure, dice, busy_for, faults, grid, hosts, _TROUBLES)
            rules.deadly = 0.0
            await living
            await people.over()
            await _quiet(dice, people, grid, hosts, End(rules, hosts))
    finally:
        people.leave()
        for host in hosts:
            host.stop()
        log.removeHandler(rules.intents)
        await azure.close()
    for failure in azure.failures:
        rules.broken(f"the local Azure broke: {failure!r}")
    deaths = sum(host.deaths for host in hosts)
    written = rules.taken.get("subnet", 0) + rules.taken.get("cluster", 0)
    return Verdict(seed, tuple(rules.violations), rules.calls, written, deaths, tuple(rules.trace), MODULE)


async def _quiet(dice: Random, people: People, grid: EventGrid, hosts: Sequence[Host], end: End) -> None:
    """Nothing fails any more, but for the events on one more cluster, which may all be lost."""
    clock = hosts[0].azure.clock
    await asyncio.sleep(_LATE_BIRTH)
    if dice.random() < 0.5:
        grid.faults.lose = dice.choice([0.0, 1.0])
        end.newborn.append(people.world.newborn())
        await people.create(end.newborn[0])
    await asyncio.sleep(end.since + _SWEEP - clock.now())
    grid.faults.lose = 0.0
    for host in hosts:
        await host.sweep()
    while not end.holds() and clock.now() < end.since + _BOUND:
        await asyncio.sleep(60)
    end.judge()


_SUBNETS, _CLUSTERS = r"/subnets/nodes-\d+$", r"/managedClusters/team\d+$"
_NODES = "VMExtensionProvisioningError"
_TROUBLES: Troubles = [
    (lambda dice: effects.latency(dice.choice([0.5, 2.0, 8.0])), {}),
    (lambda dice: effects.latency(dice.choice([2.0, 8.0])), {"path": _SUBNETS}),
    (lambda dice: effects.throttled(dice.choice([None, 7, 40])), {}),
    (lambda dice: effects.throttled(dice.choice([None, 11, 60])), {"path": _SUBNETS}),
    (lambda dice: effects.too_many_requests(dice.choice([2, 17, 90])), {}),
    (lambda _: effects.another_operation(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.another_operation(), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.precondition_failed(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.precondition_failed(), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.internal_error(), {}),
    (lambda _: effects.server_timeout(), {}),
    (lambda _: effects.unavailable_html(), {"method": "PUT"}),
    (lambda _: effects.not_authorised(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.not_authorised(), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.locked(), {"method": "PUT"}),
    (lambda _: effects.not_authorised(), {"method": "GET", "path": _SUBNETS}),
    (lambda _: effects.dropped_before(), {}),
    (lambda _: effects.dropped_after(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.dropped_after(), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.silent(), {}),
    (lambda _: effects.fails_late(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.fails_late(_NODES, "exit status=52"), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.fails_late(_NODES, "exit status=50"), {"method": "PUT", "path": _CLUSTERS}),
    (lambda _: effects.forgotten(), {"method": "PUT", "path": _SUBNETS}),
    (lambda _: effects.forgotten(), {"method": "PUT", "path": _CLUSTERS}),
]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds one after the other, tell of those that fail, and give 1 if any does."""
    return seeds_command(arguments, MODULE, __doc__, run_seed, BUGS, "subnets and clusters written")


if __name__ == "__main__":
    raise SystemExit(main())
