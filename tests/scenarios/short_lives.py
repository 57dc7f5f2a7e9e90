"""Clusters that live for minutes: many before a random world begins, and some in it, drawn from their own Random."""

import asyncio
from random import Random

from functions.arm.resource_id import ResourceId
from functions.ledger.state import GONE, Counters, Observed, Row
from localazure.world import SUBSCRIPTION
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_people import People
from tests.scenarios.random_world import CLUSTERS, Plan, RandomWorld

_HOUR = 3600.0  # seconds


def lived_before(host: Host, dice: Random) -> None:
    """Rows of clusters that ended hours ago: remembered for 90 days, and none of the fleet."""
    now = host.azure.clock.now()
    for nth in range(dice.randint(30, 60)):
        group = ResourceId(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/MC_apps_past{nth}_westeurope")
        cluster = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{CLUSTERS}/past{nth}"
        gone = now - _HOUR - dice.uniform(1, 20 * _HOUR)
        observed = Observed(at=gone, cluster=cluster, location="westeurope", state=GONE, gone_since=gone)
        host.ledger.held[group] = Row(group, Counters(seq=1, done=1, made=gone - 600), observed, str(group))


async def live_shortly(people: People, world: RandomWorld, dice: Random) -> None:
    """Clusters that are deleted soon after their birth, also while AKS still creates them."""
    plans: list[Plan] = []
    for nth in range(dice.randint(2, 4)):
        await asyncio.sleep(dice.uniform(5, 60))
        spoke = world.spokes[0]
        plans.append(
            Plan(
                id=f"{spoke.group}/providers/{CLUSTERS}/short{nth}",
                spoke=spoke,
                born=0.0,
                mode="system",
                excluded=False,
                lockdown=False,
                dies=None,
                is_short=True,
            )
        )
        world.plans.append(plans[-1])
        await people.create(plans[-1])
    for plan in plans:
        await asyncio.sleep(dice.uniform(20, 120))
        await people.delete(plan)
