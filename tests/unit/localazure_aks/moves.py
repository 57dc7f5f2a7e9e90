"""What the tests of an API server's moves begin with: a cluster that is up, its record, what is told."""

from typing import Any

from localazure.azure import LocalAzure
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import ZONES, Bench

ENDPOINTS = "Microsoft.Network/privateEndpoints"
NICS = "Microsoft.Network/networkInterfaces"
BALANCERS = "Microsoft.Network/loadBalancers"


async def a_cluster(bench: Bench, *, linked: bool = True, **said: Any) -> str:
    """A private cluster that is up, its zone linked to the hub, and its id."""

    async def link(zone: str) -> None:
        await bench.link(zone, bench.world.hub)

    if linked:
        bench.when_the_zone_is_born(link)
    return (await (await bench.create(**said)).result()).id


def record(azure: LocalAzure, kind: str = "A") -> list[str]:
    """The addresses in the only record set of a kind."""
    found = [held.properties for held in azure.store.of_type(f"{ZONES}/{kind}")]
    field, key = {"A": ("aRecords", "ipv4Address"), "AAAA": ("aaaaRecords", "ipv6Address")}[kind]
    return [entry[key] for properties in found for entry in properties[field]]


def heard(azure: LocalAzure) -> list[str]:
    """What is told from now on: `Write Microsoft.Network/…/write`, failures with a mark."""
    told: list[str] = []

    def hear(event: Json) -> None:
        failed = "" if event["eventType"].endswith("Success") else "FAILED "
        told.append(failed + event["data"]["operationName"])

    azure.listen(hear)
    return told
