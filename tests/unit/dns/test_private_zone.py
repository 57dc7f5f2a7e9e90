"""What an Azure private zone's own ways mean to a record: two resources, ETags, metadata, refusals and silence."""

from collections.abc import AsyncIterator
from ipaddress import ip_address
from typing import Any

import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.dns.private_zone import PrivateZoneTarget, ZoneRecords
from functions.dns.record import NO_RECORD, Address, Owner, Record
from functions.dns.target import TargetError, Trouble
from localazure import fault_effects, fault_refusals
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.faults import Faults
from localazure.resources.groups import ResourceGroups
from localazure.resources.private_zones import PrivateZones
from localazure.resources.record_sets import RecordSets
from tests.scenarios.story import ListeningTransport, Token
from tests.unit.worlds import CLUSTER_ID, CUSTOM_ZONE

NAME = f"aks-1.{CUSTOM_ZONE.name}"
OURS = Owner("platform-test", CLUSTER_ID)


def addresses(*texts: str) -> frozenset[Address]:
    return frozenset(map(ip_address, texts))


class World:
    """A local Azure with one private zone, and the target in it."""

    def __init__(self) -> None:
        self.azure = LocalAzure(seed=3)
        self.faults = Faults(self.azure)
        self.transport = ListeningTransport(arm_app(self.azure, self.faults))
        self.session = Session(PUBLIC, TokenSource(Token()), self.transport)  # type: ignore[arg-type]
        ResourceGroups(self.azure).create(str(CUSTOM_ZONE.group_id), "westeurope")
        PrivateZones(self.azure).place(str(CUSTOM_ZONE))
        self.target = PrivateZoneTarget(self.session, CUSTOM_ZONE)

    def put(self, kind: str, *texts: str, name: str = "aks-1", **metadata: str) -> None:
        field, key = {"A": ("aRecords", "ipv4Address"), "AAAA": ("aaaaRecords", "ipv6Address")}[kind]
        records = [{key: text} for text in texts]
        properties = {"ttl": 300, "metadata": metadata, field: records}
        RecordSets(self.azure, kind).create(str(CUSTOM_ZONE.child(kind, name)), properties)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.session.close()
    await made.azure.close()
    assert made.azure.failures == []


async def trouble_of(call: Any) -> TargetError:
    with pytest.raises(TargetError) as refused:
        await call
    return refused.value


async def test_an_address_costs_two_reads_and_its_absence_three(world: World) -> None:
    await world.target.read(NAME)
    assert len(world.transport.asked) == 3
    world.put("A", "10.0.0.4")
    await world.target.read(NAME)
    assert len(world.transport.asked) == 5


async def test_only_what_changes_is_written(world: World) -> None:
    await world.target.swap(NAME, NO_RECORD, addresses("10.0.0.4"), 60, OURS)
    assert world.transport.asked == [f"PUT {CUSTOM_ZONE.child('A', 'aks-1')}"]


async def test_the_owner_is_kept_in_the_metadata_beside_what_others_noted(world: World) -> None:
    world.put("A", "10.0.0.4", team="network")
    await world.target.swap(NAME, await world.target.read(NAME), addresses("10.0.0.5"), 60, OURS)
    held = world.azure.store.get(str(CUSTOM_ZONE.child("A", "aks-1")))
    assert held is not None
    assert held.properties["metadata"] == {
        "team": "network",
        "heritage": "tether",
        "owner": "platform-test",
        "cluster": str(CLUSTER_ID),
    }


async def test_a_foreign_set_beside_ours_leaves_the_record_without_one_owner(world: World) -> None:
    await world.target.swap(NAME, NO_RECORD, addresses("10.0.0.4"), 60, OURS)
    world.put("AAAA", "fd00::9")
    record = await world.target.read(NAME)
    assert record.addresses == addresses("10.0.0.4", "fd00::9")
    assert record.owner is None


async def test_another_tools_heritage_is_no_owner_of_ours(world: World) -> None:
    world.put("A", "10.0.0.4", heritage="external-dns", owner="platform-test", cluster=str(CLUSTER_ID))
    assert (await world.target.read(NAME)).owners == ()


async def test_a_race_lost_at_the_second_set_shows_at_the_next_read(world: World) -> None:
    world.put("AAAA", "fd00::9")
    error = await trouble_of(world.target.swap(NAME, NO_RECORD, addresses("10.0.0.4", "fd00::4"), 60, OURS))
    assert error.trouble is Trouble.RACE_LOST
    assert (await world.target.read(NAME)).addresses == addresses("10.0.0.4", "fd00::9")


async def test_the_whole_zone_is_read_in_one_list(world: World) -> None:
    for number in range(3):
        world.put("A", f"10.0.0.{number}", name=f"AKS-{number}")
    world.put("AAAA", "fd00::1", name="aks-1")
    world.put("A", "10.0.0.9", name="@")
    read = await world.target.read_all()
    everything, zone = read.known, CUSTOM_ZONE.name
    assert everything.keys() == {zone, *(f"aks-{number}.{zone}" for number in range(3))}
    assert everything[NAME] == await world.target.read(NAME)
    assert sum("ALL" in call for call in world.transport.asked) == 1


# What a record set can have that cannot be understood, as changes of its body.
ODD = [
    pytest.param({"properties": {"ttl": "short"}}, id="a text as TTL"),
    pytest.param({"properties": {"ttl": 300, "aRecords": [{"ipv4Address": "10.0.0"}]}}, id="half an address"),
    pytest.param({"properties": {"ttl": 300, "aRecords": [{"ipv4Address": 7}]}}, id="a number as address"),
    pytest.param({"properties": {"ttl": 300, "metadata": {"team": 7}}}, id="a number as metadata"),
    pytest.param({"properties": []}, id="a list as properties"),
    pytest.param({"etag": 5}, id="a number as ETag"),
]


def printed_odd(world: World, change: dict[str, Any]) -> None:
    """Change what the zone's list prints of the record set `odd`."""
    held = world.azure.store.get(str(CUSTOM_ZONE.child("A", "odd")))
    assert held is not None
    held.body.update(change)


@pytest.mark.parametrize("change", ODD)
async def test_an_odd_record_set_makes_its_own_name_unknown_and_no_other(world: World, change: dict[str, Any]) -> None:
    world.put("A", "10.0.0.4")
    world.put("A", "10.0.0.5", name="odd")
    printed_odd(world, change)
    read = await world.target.read_all()
    held = read.at(NAME)
    assert isinstance(held, Record)
    assert held.addresses == addresses("10.0.0.4")
    assert isinstance(read.at(f"odd.{CUSTOM_ZONE.name}"), str)
    assert read.at(f"other.{CUSTOM_ZONE.name}") == NO_RECORD


async def test_an_odd_record_set_without_a_readable_id_makes_every_unlisted_name_unknown(world: World) -> None:
    read = ZoneRecords({NAME: NO_RECORD}, {}, "a record set of the zone is not understood")
    assert read.at(NAME) == NO_RECORD
    assert read.at(f"other.{CUSTOM_ZONE.name}") == "a record set of the zone is not understood"


async def test_an_odd_record_set_of_another_type_says_nothing_of_addresses(world: World) -> None:
    world.put("A", "10.0.0.4")
    soa = world.azure.store.get(str(CUSTOM_ZONE.child("SOA", "@")))
    assert soa is not None
    soa.body["properties"] = "odd"
    read = await world.target.read_all()
    assert (read.unread, read.nameless) == ({}, "")
    assert read.at(CUSTOM_ZONE.name) == NO_RECORD


async def test_nulls_in_a_record_set_mean_nothing(world: World) -> None:
    world.put("A", "10.0.0.4")
    before = (await world.target.read_all()).known[NAME]
    held = world.azure.store.get(str(CUSTOM_ZONE.child("A", "aks-1")))
    assert held is not None
    held.properties.update(metadata={"team": None}, aaaaRecords=None)
    assert (await world.target.read_all()).known[NAME] == before
    assert await world.target.read(NAME) == before


async def test_a_zone_that_is_not_there_is_the_wrong_zone(world: World) -> None:
    missing = ResourceId(str(CUSTOM_ZONE).replace("westeurope", "northeurope"))
    target = PrivateZoneTarget(world.session, missing)
    write = target.swap(f"aks-1.{missing.name}", NO_RECORD, addresses("10.0.0.4"), 60, OURS)
    assert (await trouble_of(write)).trouble is Trouble.WRONG_ZONE


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_a_refusal_is_denied(world: World, method: str) -> None:
    world.faults.add(fault_refusals.not_authorised(), method=method)
    error = await trouble_of(called(world, method))
    assert (error.trouble, error.unsure) == (Trouble.DENIED, False)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_throttling_is_busy_for_as_long_as_azure_says(world: World, method: str) -> None:
    world.faults.add(fault_refusals.throttled(17), method=method)
    error = await trouble_of(called(world, method))
    assert (error.trouble, error.pause) == (Trouble.BUSY, 17)


async def test_a_conflict_is_a_lost_race_for_a_write_alone(world: World) -> None:
    for method, trouble in (("GET", Trouble.BUSY), ("PUT", Trouble.RACE_LOST)):
        world.faults.add(fault_refusals.precondition_failed(), method=method)
        error = await trouble_of(called(world, method))
        assert error.trouble is trouble


@pytest.mark.parametrize(("method", "unsure"), [("GET", False), ("PUT", True)])
async def test_a_dropped_connection_is_unreachable_and_a_write_is_unsure(
    world: World, method: str, unsure: bool
) -> None:
    world.faults.add(fault_effects.dropped_after(), method=method)
    error = await trouble_of(called(world, method))
    assert (error.trouble, error.unsure) == (Trouble.UNREACHABLE, unsure)


def called(world: World, method: str) -> Any:
    if method == "GET":
        return world.target.read(NAME)
    return world.target.swap(NAME, NO_RECORD, addresses("10.0.0.4"), 60, OURS)
