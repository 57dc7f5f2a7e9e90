"""Everything that can go wrong in a simulated world, drawn from its seed, for as long as its trouble lasts."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any, override

from localazure import fault_effects as effects
from localazure.answers import Refused
from localazure.arm_path import parse_path
from localazure.azure import LocalAzure
from localazure.event_grid import EventGrid
from localazure.faults import Faults, Planned
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import SCRIPTED
from tests.scenarios.random_world import LISTED


class ToldFaults(Faults):
    """Faults that tell the rules which answers they made up, so that all others are Azure's own."""

    @override
    def plan(self, method: str, resource_type: str, path: str) -> Planned:
        planned = super().plan(method, resource_type, path)
        scripted = SCRIPTED.get()
        if scripted is not None:
            scripted.extend(effect.name for effect in planned.effects if effect.answer is not None)
        return planned


type Troubles = Sequence[tuple[Any, dict[str, Any]]]
"""Effects of localazure, each made with the dice, and the requests that they hit."""


async def trouble(
    azure: LocalAzure,
    dice: Random,
    seconds: float,
    faults: Faults,
    grid: EventGrid,
    hosts: Sequence[Host],
    troubles: Troubles | None = None,
) -> None:
    """Everything that can go wrong, for so long; nothing after. `troubles` are ARM's, links' where none are given."""
    _break_arm(dice, faults, _TROUBLES if troubles is None else troubles)
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
    outages += [asyncio.ensure_future(_neighbour(azure, dice, seconds))]
    outages += [asyncio.ensure_future(_deployment(dice, seconds, hosts[0]))]
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


async def _neighbour(azure: LocalAzure, dice: Random, seconds: float) -> None:
    """Somebody else in the subscription reads until nothing is left of what all may read of private DNS."""
    target = parse_path(LISTED, "GET")
    for _ in range(dice.randint(0, 3) if azure.limits else 0):
        await asyncio.sleep(dice.uniform(0, seconds / 3))
        with suppress(Refused):
            for nth in count():  # each neighbour has a bucket of ARM's own, and all share that of private DNS
                azure.limits.take("GET", target, f"neighbour {nth % 5}")


async def _deployment(dice: Random, seconds: float, host: Host) -> None:
    """Somebody deploys another policy, or nobody does."""
    if dice.random() < 0.4:
        await asyncio.sleep(dice.uniform(0, seconds * 0.9))
        host.deploy()


def _break_arm(dice: Random, faults: Faults, troubles: Troubles) -> None:
    """A few of localazure's effects, each on some of the requests.

    Not `stuck`: what Azure never ends nobody can mend. A cluster is denied only once, for twice means that it is gone.
    """
    for effect, where in dice.sample(troubles, dice.randint(0, 6)):
        faults.add(effect(dice), probability=dice.choice([0.03, 0.15, 0.5]), **where)


_LINKS = "/virtualNetworkLinks/tether-"
_STATUS = "privateDnsOperationStatuses"
_TROUBLES: Troubles = [
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
