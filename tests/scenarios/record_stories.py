"""What the stories of records begin with: policies with DNS targets, a cluster whose record is written, its address."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import msgspec

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.dns.record import NO_RECORD, Owner, Record
from functions.fleet.observe_records import Targets
from functions.policy import Policy, RecordTarget, Tsig
from localazure.aks import maintenance
from localazure.resources.private_zones import PrivateZones
from localazure.resources.record_sets import RecordSets
from localazure.store import Json, Resource
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.story import OWNER, ZONES, Story, a_policy

SERVED = "privatelink.westeurope.azmk8s.io"
"""The zone that the hub's DNS servers keep."""

HUB_ZONE = f"/subscriptions/{HUB_SUBSCRIPTION}/resourceGroups/hub-westeurope/providers/{ZONES}/{SERVED}"
"""The Azure zone of the same name, in the hub."""


LISTED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/apps/providers/{ZONES}/{SERVED}"
"""A custom zone of clusters."""


def on_servers(zone: str = SERVED, **more: Any) -> RecordTarget:
    tsig = Tsig(name="tether.", secret="@env:TSIG_SECRET")
    return RecordTarget(zone=zone, servers=("10.0.0.4:53",), tsig=tsig, authoritative=zone.count(".") < 4, **more)


def in_azure(**more: Any) -> RecordTarget:
    return RecordTarget(private_zone=ResourceId(HUB_ZONE), authoritative=True, **more)


def keeping(*records: RecordTarget, **more: Any) -> Any:
    """A policy that links the hub by its name and keeps records: on the hub's servers where nothing else is said."""

    def policy(world: HubAndSpoke) -> Policy:
        return a_policy(world, world.hub, **({"records": records or (on_servers(),)} | more))

    return policy


async def settled(here: Story, **said: Any) -> str:
    """A cluster that came up, with all that Tether does for it."""
    cluster = await here.create(**said)
    await here.passes(900, watching=True)
    assert here.state(cluster) == "Succeeded"
    return cluster


def body(here: Story, cluster: str) -> Resource:
    held = here.azure.store.get(cluster)
    assert held is not None
    return held


def name_of(here: Story, cluster: str) -> str:
    return str(body(here, cluster).properties["privateFQDN"]).casefold()


def server(here: Story, zone: str = SERVED) -> MemoryTarget:
    return here.servers.setdefault(zone, MemoryTarget(zone))


def told(here: Story, cluster: str, zone: str = SERVED) -> tuple[str, ...]:
    """What the servers answer for a cluster's name."""
    return shown(server(here, zone).held.get(name_of(here, cluster), NO_RECORD))


def shown(record: Record) -> tuple[str, ...]:
    return tuple(sorted(map(str, record.addresses)))


def true(here: Story, cluster: str) -> tuple[str, ...]:
    return tuple(sorted(maintenance.addresses(here.azure, cluster)))


def owner(cluster: str, deployment: str = OWNER) -> Owner:
    return Owner(deployment, ResourceId(cluster))


def a_foreign_record(cluster: str, deployment: str = "platform-other", address: str = "10.9.9.9") -> Record:
    return Record(frozenset({ip_address(address)}), 300, (owner(cluster, deployment).text,))


def placed_hub_zone(here: Story) -> None:
    PrivateZones(here.azure).place(HUB_ZONE)


def in_hub_zone(here: Story, cluster: str, kind: str = "A") -> Json:
    """The record set of a cluster in the hub's Azure zone, empty where there is none."""
    name = name_of(here, cluster).removesuffix(f".{SERVED}")
    held = here.azure.store.get(f"{HUB_ZONE}/{kind}/{name}")
    return {} if held is None else held.properties


def written_in_hub_zone(here: Story, cluster: str, address: str, **more: Any) -> None:
    """Somebody writes there by hand."""
    name = name_of(here, cluster).removesuffix(f".{SERVED}")
    RecordSets(here.azure, "A").create(
        f"{HUB_ZONE}/A/{name}", {"ttl": 300, "aRecords": [{"ipv4Address": address}], **more}
    )


def deploy(here: Story, *records: RecordTarget) -> None:
    """Somebody deploys a policy that keeps other records."""
    around = here.live.around
    assert isinstance(around, Around)
    targets = Targets(records, lambda record: server(here, record.zone_name))
    policy = msgspec.structs.replace(around.policy, records=records)
    here.live = replace(here.live, around=replace(around, policy=policy, targets=targets))
