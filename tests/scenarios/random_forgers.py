"""Forged events: they name things that do not exist, in the node resource groups of real clusters."""

import asyncio
from collections.abc import Callable, Sequence
from random import Random

from localazure.azure import LocalAzure

_ZONES = "Microsoft.Network/privateDnsZones"
_LINKS = f"{_ZONES}/virtualNetworkLinks"
_CLUSTERS = "Microsoft.ContainerService/managedClusters"


async def forge_events(azure: LocalAzure, dice: Random, seconds: float) -> None:
    """For so long, and in half of the worlds. Nothing that exists is changed."""
    if dice.random() < 0.5:
        return
    for _ in range(dice.randint(1, 12)):
        await asyncio.sleep(dice.uniform(0, seconds / 8))
        clusters = azure.store.of_type(_CLUSTERS)
        if clusters:
            cluster = dice.choice(clusters)
            subscription, group = cluster.id.split("/")[2], cluster.properties["nodeResourceGroup"]
            subject, action, operation = dice.choice(_FORGERIES)(dice)
            azure.emit(action, "Success", f"/subscriptions/{subscription}/resourceGroups/{group}/{subject}", operation)


def _zone(dice: Random) -> str:
    return f"99999999-0000-4000-8000-{dice.getrandbits(48):012x}.privatelink.westeurope.azmk8s.io"


_FORGERIES: Sequence[Callable[[Random], tuple[str, str, str]]] = (
    lambda dice: (f"providers/{_ZONES}/{_zone(dice)}", "Write", f"{_ZONES}/write"),
    lambda dice: (f"providers/{_ZONES}/{_zone(dice)}", "Delete", f"{_ZONES}/delete"),
    lambda dice: (f"providers/{_ZONES}/{_zone(dice)}/virtualNetworkLinks/x", "Delete", f"{_LINKS}/delete"),
    lambda dice: (f"providers/{_ZONES}/{_zone(dice)}/A/team", "Write", f"{_ZONES}/A/write"),
    lambda _: (
        "providers/Microsoft.Network/privateEndpoints/kube-apiserver",
        "Write",
        "Microsoft.Network/privateEndpoints/write",
    ),
)
