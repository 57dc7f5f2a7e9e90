"""Random worlds with random troubles, each from one seed, in virtual time: `python -m tests.scenarios.simulation`.

For a while everything goes wrong: ARM's faults, lost and doubled events, dead workers, storage that is down. Then all
of it stops, and after a quiet time every world must be as the policy wants it (simulation_rules.py says what holds).
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from random import Random

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import EventGrid
from localazure.limits import Limits
from localazure.virtual_time import run
from localazure.world import SUBSCRIPTION
from tests.scenarios.mortal_host import Host
from tests.scenarios.odd_neighbours import OddNeighbours
from tests.scenarios.odd_spells import OddSpell, odd_spell
from tests.scenarios.random_forgers import forge_events
from tests.scenarios.random_people import People
from tests.scenarios.random_troubles import ToldFaults, trouble
from tests.scenarios.random_world import RandomWorld
from tests.scenarios.seeded_bugs import BUGS
from tests.scenarios.seeds_command import Verdict, quiet_logs, seeds_command
from tests.scenarios.short_lives import live_shortly, lived_before
from tests.scenarios.simulation_end import IN_TIME, End
from tests.scenarios.simulation_rules import Rules

_START = 1_800_000_000.0  # seconds since 1970: every world begins then

# Of the quiet time, in seconds from where the trouble ends: one more cluster, a sweep, and the end.
_LATE_BIRTH, _SWEEP, _QUIET = 300.0, 900.0, 2100.0

# After so long all links are right: the slowest pace and the sweep are at 900 s, then come a pass and a link.
_BOUND = 1200.0  # seconds

# How long a link may take: the usual minute, less, and so long that the other link of its zone has ended before.
_LINK_WRITES = (20.0, 60.0, 100.0, 180.0, 300.0)  # seconds

MODULE = "tests.scenarios.simulation"


def run_seed(seed: int, bug: str | None = None) -> Verdict:
    """One world, from its seed alone. `bug` is one of seeded_bugs.BUGS, put into Tether for this run."""
    with quiet_logs(), BUGS[bug]() if bug else nullcontext():
        return run(_world(seed))


async def _world(seed: int) -> Verdict:
    dice = Random(seed)
    azure = LocalAzure(Clock(start=_START), seed=seed)
    azure.limits = Limits(azure.clock) if dice.random() < 0.3 else None
    began, busy_for = azure.clock.now(), dice.uniform(300, 1200)
    short = Random(f"short-lived:{seed}")
    world = RandomWorld(azure, Random(dice.random()), busy_for, seed=seed, has_short_lives=short.random() < 0.3)
    _show_late(azure, Random(f"late:{seed}"), busy_for)
    azure.link_writes = _link_writes(Random(f"links:{seed}"), azure)
    people = People(world)
    rules = Rules(azure, world, began)
    trace = rules.trace
    log = logging.getLogger("tether")
    log.addHandler(rules.intents)
    faults = ToldFaults(azure)
    app = arm_app(azure, faults)
    owners = ["first", "second"] if dice.random() < 0.3 else ["first"]
    hosts = [
        Host(azure, app, world, world.policy(owner, second=owner == "second"), Random(dice.random()), rules, trace)
        for owner in owners
    ]
    odd = Random(f"odd:{seed}")
    if odd.random() < 0.5:
        for host in hosts:
            host.printers.append(OddNeighbours(Random(odd.random())))
    rows = Random(f"odd-rows:{seed}")
    is_odd = rows.random() < 0.5
    try:
        async with EventGrid(azure, seed=seed) as grid:
            for host in hosts:
                await grid.subscribe(host.policy.owner, host.hear)
                host.start()
            living = [asyncio.ensure_future(people.live())]
            if world.has_short_lives:
                for host in hosts:
                    lived_before(host, short)
                living.append(asyncio.ensure_future(live_shortly(people, world, short)))
            living.append(asyncio.ensure_future(forge_events(azure, Random(f"forged:{seed}"), busy_for)))
            if is_odd:
                living.append(asyncio.ensure_future(odd_spell(rows, hosts, busy_for)))
            await trouble(azure, dice, busy_for, faults, grid, hosts)
            await asyncio.gather(*living)
            await _quiet(dice, people, grid, hosts, End(rules, hosts), OddSpell(rows, hosts) if is_odd else None)
    finally:
        for host in hosts:
            host.stop()
        log.removeHandler(rules.intents)
        await azure.close()
    for failure in azure.failures:
        rules.broken(f"the local Azure broke: {failure!r}")
    deaths = sum(host.deaths for host in hosts)
    return Verdict(seed, tuple(rules.violations), rules.calls, rules.writes, deaths, tuple(trace), MODULE)


def _show_late(azure: LocalAzure, dice: Random, busy_for: float) -> None:
    """In some worlds the subscription of the clusters is new: Resource Graph shows it after some minutes."""
    if dice.random() < 0.4:
        azure.graph.shown_from[SUBSCRIPTION] = azure.clock.now() + dice.uniform(30, min(600, busy_for))


def _link_writes(dice: Random, azure: LocalAzure) -> Callable[[str], float]:
    """How long new links take, in seconds, by their VNet: in half of the worlds all equally long."""
    if dice.random() < 0.5:
        return azure.link_writes
    drawn: dict[str, float] = {}
    return lambda vnet: drawn.setdefault(vnet, dice.choice(_LINK_WRITES))


async def _quiet(
    dice: Random, people: People, grid: EventGrid, hosts: Sequence[Host], end: End, spell: OddSpell | None
) -> None:
    """Nothing fails any more, but for the events on one more cluster, which may all be lost.

    `spell` makes something odd until that cluster has what it needs, and changes nothing for it.
    """
    clock = hosts[0].azure.clock
    looking = asyncio.ensure_future(end.look_on())
    await asyncio.sleep(30)
    await people.delete_again()
    await asyncio.sleep(_LATE_BIRTH + dice.uniform(0, 60))
    if dice.random() < 0.6:
        grid.faults.lose = dice.choice([0.0, 1.0])
        if spell is not None:
            spell.begin()
        late = await people.late_birth()
        while not late.zone:
            await asyncio.sleep(1)
        await asyncio.sleep(late.zone_at + IN_TIME - clock.now())
        end.in_time(late)
        if spell is not None:
            spell.end()
        grid.faults.lose = 0.0
    await asyncio.sleep(end.since + _SWEEP - clock.now())
    for host in hosts:
        await host.sweep()
    await asyncio.sleep(end.since + _QUIET - clock.now())
    looking.cancel()
    end.judge(_BOUND)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run seeds one after the other, tell of those that fail, and give 1 if any does."""
    return seeds_command(arguments, MODULE, __doc__, run_seed, BUGS, "writes")


if __name__ == "__main__":
    raise SystemExit(main())
