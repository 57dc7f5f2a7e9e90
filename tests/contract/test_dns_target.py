"""The contract of a DNS target: BIND, an Azure private zone and the simulation's own keep the same."""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address

import dns.asyncquery
import dns.message
import dns.name
import dns.rcode
import dns.tsig
import dns.update
import pytest

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.record import NO_RECORD, Address, Owner
from functions.dns.rfc2136 import Rfc2136Target
from functions.dns.signing import SigningKey
from functions.dns.target import Target, TargetError, Trouble
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.bind import HOW_TO_INSTALL, ServedZone, TsigKey, bind, is_installed
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.resources.groups import ResourceGroups
from localazure.resources.private_zones import PrivateZones
from localazure.resources.record_sets import RecordSets
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.story import Token
from tests.unit.worlds import CLUSTER_ID, an_id

ZONE = "privatelink.westeurope.azmk8s.io"
NAME = f"aks-1a2b3c.{ZONE}"
OURS = Owner("platform-test", CLUSTER_ID)
OTHERS = Owner("platform-other", CLUSTER_ID)
LONG = Owner("platform-test", ResourceId(f"{an_id('Microsoft.ContainerService/managedClusters', 'c' * 63, 'g' * 90)}"))


def addresses(*texts: str) -> frozenset[Address]:
    return frozenset(map(ip_address, texts))


OLD, NEW = addresses("10.0.0.4"), addresses("10.0.0.5")
BOTH = addresses("10.0.0.4", "fd00::4")


@dataclass
class Place:
    """A target, and what other people do there behind its back: records as (type, text), and how they read them."""

    target: Target
    write: Callable[[str, str, str], Awaitable[None]]
    noted: Callable[[str], Awaitable[set[str]]]


@asynccontextmanager
async def in_memory(zone: str) -> AsyncIterator[Place]:
    target = MemoryTarget(zone)

    async def write(name: str, kind: str, text: str) -> None:
        held = await target.read(name)
        match kind:
            case "CNAME":
                target.others_alias(name)
            case "TXT":
                target.others_put(name, *held.addresses, ttl=held.ttl, texts=(text,))
            case _:
                target.others_put(name, *held.addresses, ip_address(text))

    async def noted(name: str) -> set[str]:
        return {text for _, text in (await target.read(name)).version}

    yield Place(target, write, noted)


@asynccontextmanager
async def on_bind(zone: str) -> AsyncIterator[Place]:
    if not is_installed():
        pytest.skip(f"BIND is not installed: {HOW_TO_INSTALL}")
    key, other = TsigKey(), TsigKey("others.", "hmac-sha512")
    async with bind(ServedZone(zone, (key, other))) as server:
        signing = SigningKey(key.name, key.algorithm, base64.b64decode(key.secret))
        target = Rfc2136Target(dns.name.from_text(zone), (("127.0.0.1", server.port),), signing)

        async def write(name: str, kind: str, text: str) -> None:
            update = dns.update.UpdateMessage(dns.name.from_text(zone))
            update.add(dns.name.from_text(name), 300, kind, f'"{text}"' if kind == "TXT" else text)
            update.use_tsig(dns.tsig.Key(other.name, other.secret, other.algorithm))
            reply = await dns.asyncquery.tcp(update, "127.0.0.1", port=server.port, timeout=5)
            assert reply.rcode() == dns.rcode.NOERROR

        async def noted(name: str) -> set[str]:
            question = dns.message.make_query(name, "TXT")
            reply = await dns.asyncquery.udp(question, "127.0.0.1", port=server.port, timeout=5)
            texts = {b"".join(rdata.strings).decode() for rrset in reply.answer for rdata in rrset}
            return {text for text in texts if not text.startswith("heritage=tether")}

        yield Place(target, write, noted)


@asynccontextmanager
async def in_private_zone(zone: str) -> AsyncIterator[Place]:
    azure = LocalAzure(seed=3)
    zone_id = an_id("Microsoft.Network/privateDnsZones", zone, "dns")
    ResourceGroups(azure).create(str(zone_id.group_id), "westeurope")
    PrivateZones(azure).place(str(zone_id))
    session = Session(PUBLIC, TokenSource(Token()), InProcessTransport(arm_app(azure, Faults(azure))))  # type: ignore[arg-type]

    def held(kind: str, name: str) -> ResourceId:
        return zone_id.child(kind, name.removesuffix(zone).removesuffix(".") or "@")

    async def write(name: str, kind: str, text: str) -> None:
        before = azure.store.get(str(held("A", name)))
        match kind:
            case "TXT":  # as a note on the set itself, which is what a PUT could lose
                assert before is not None
                noted = {**before.properties.get("metadata", {}), "note": text}
                RecordSets(azure, "A").create(str(before.id), {**before.properties, "metadata": noted})
            case "CNAME":
                RecordSets(azure, "CNAME").create(str(held("CNAME", name)), {"cnameRecord": {"cname": text}})
            case _:
                field, key = {"A": ("aRecords", "ipv4Address"), "AAAA": ("aaaaRecords", "ipv6Address")}[kind]
                there = azure.store.get(str(held(kind, name)))
                properties = there.properties if there else {"ttl": 300}
                records = [*properties.get(field, []), {key: text}]
                RecordSets(azure, kind).create(str(held(kind, name)), {**properties, field: records})

    async def noted(name: str) -> set[str]:
        found = azure.store.get(str(held("A", name)))
        return {found.properties["metadata"]["note"]} if found and "note" in found.properties["metadata"] else set()

    yield Place(PrivateZoneTarget(session, zone_id), write, noted)
    await session.close()
    await azure.close()
    assert azure.failures == []


PLACES = {"memory": in_memory, "bind": on_bind, "private zone": in_private_zone}


@pytest.fixture(params=list(PLACES))
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with PLACES[request.param](ZONE) as made:
        yield made


async def test_a_name_that_nobody_wrote_has_no_record(place: Place) -> None:
    assert await place.target.read(NAME) == NO_RECORD


async def test_what_was_created_is_read_with_its_owner_and_ttl(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.ttl, record.owner, record.in_the_way) == (OLD, 60, OURS, ())


async def test_the_case_of_a_name_and_its_final_dot_make_no_difference(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    assert await place.target.read(f"{NAME.upper()}.") == await place.target.read(NAME)


async def test_a_record_changes_to_a_new_address_and_a_new_ttl(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    await place.target.swap(NAME, await place.target.read(NAME), NEW, 30, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.ttl, record.owner) == (NEW, 30, OURS)


async def test_only_the_ttl_changes(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    await place.target.swap(NAME, await place.target.read(NAME), OLD, 30, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.ttl, record.owner) == (OLD, 30, OURS)


async def test_writing_what_is_there_already_changes_nothing(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    await place.target.swap(NAME, await place.target.read(NAME), OLD, 60, OURS)
    assert (await place.target.read(NAME)).addresses == OLD


async def test_creating_what_somebody_else_created_is_a_lost_race(place: Place) -> None:
    await place.write(NAME, "A", "10.9.9.9")
    await lost(place.target.swap(NAME, NO_RECORD, OLD, 60, OURS))
    assert (await place.target.read(NAME)).addresses == addresses("10.9.9.9")


@pytest.mark.parametrize("kind", ["A", "AAAA"])
async def test_changing_what_was_changed_meanwhile_is_a_lost_race(place: Place, kind: str) -> None:
    await place.target.swap(NAME, NO_RECORD, BOTH, 60, OURS)
    seen = await place.target.read(NAME)
    await place.write(NAME, kind, {"A": "10.9.9.9", "AAAA": "fd00::9"}[kind])
    changed = await place.target.read(NAME)
    # An Azure zone keeps A and AAAA apart: what is no part of the race there is written before it is lost.
    await lost(place.target.swap(NAME, seen, addresses("10.0.0.5", "fd00::5"), 60, OURS))
    now = (await place.target.read(NAME)).addresses
    assert changed.addresses - BOTH <= now


async def test_removing_what_was_changed_meanwhile_is_a_lost_race(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    seen = await place.target.read(NAME)
    await place.write(NAME, "A", "10.9.9.9")
    await lost(place.target.remove(NAME, seen))
    assert (await place.target.read(NAME)).addresses == OLD | addresses("10.9.9.9")


async def test_an_owner_that_changed_is_a_lost_race(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    seen = await place.target.read(NAME)
    await place.target.swap(NAME, seen, OLD, 60, OTHERS)
    assert (await place.target.read(NAME)).owner == OTHERS
    await lost(place.target.swap(NAME, seen, NEW, 60, OURS))
    assert (await place.target.read(NAME)).addresses == OLD


async def test_what_is_removed_is_gone_with_its_owner(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, BOTH, 60, OURS)
    await place.target.remove(NAME, await place.target.read(NAME))
    assert await place.target.read(NAME) == NO_RECORD


async def test_a_foreign_record_is_read_without_an_owner_and_can_be_adopted(place: Place) -> None:
    await place.write(NAME, "A", "10.9.9.9")
    record = await place.target.read(NAME)
    assert (record.addresses, record.owner, record.is_there) == (addresses("10.9.9.9"), None, True)
    await place.target.swap(NAME, record, NEW, 60, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.owner) == (NEW, OURS)


async def test_what_others_note_at_the_name_stays(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
    await place.write(NAME, "TXT", "team=network")
    await place.target.swap(NAME, await place.target.read(NAME), NEW, 60, OURS)
    assert await place.noted(NAME) == {"team=network"}
    assert (await place.target.read(NAME)).owner == OURS


async def test_an_alias_is_in_the_way_and_no_address_is_put_beside_it(place: Place) -> None:
    await place.write(NAME, "CNAME", "elsewhere.example.")
    record = await place.target.read(NAME)
    assert (record.in_the_way, record.addresses) == (("CNAME",), frozenset())
    with pytest.raises(TargetError) as refused:
        await place.target.swap(NAME, record, NEW, 60, OURS)
    assert refused.value.trouble is Trouble.DENIED
    assert await place.target.read(NAME) == record


@pytest.mark.parametrize("kind", ["memory", "bind"])  # in an Azure zone that is Azure's to refuse, and unrecorded
async def test_an_alias_that_came_since_the_read_is_a_lost_race(kind: str) -> None:
    async with PLACES[kind](ZONE) as place:
        await place.write(NAME, "CNAME", "elsewhere.example.")
        await lost(place.target.swap(NAME, NO_RECORD, NEW, 60, OURS))
        assert (await place.target.read(NAME)).in_the_way == ("CNAME",)


async def test_both_kinds_of_addresses_come_and_go(place: Place) -> None:
    await place.target.swap(NAME, NO_RECORD, BOTH, 60, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.owner) == (BOTH, OURS)
    await place.target.swap(NAME, record, addresses("fd00::5"), 60, OURS)
    record = await place.target.read(NAME)
    assert (record.addresses, record.owner) == (addresses("fd00::5"), OURS)
    await place.target.swap(NAME, record, NEW, 60, OURS)
    assert (await place.target.read(NAME)).addresses == NEW


async def test_the_owner_of_a_cluster_with_the_longest_id_is_read_whole(place: Place) -> None:
    assert len(LONG.text) > 255
    await place.target.swap(NAME, NO_RECORD, OLD, 60, LONG)
    record = await place.target.read(NAME)
    assert record.owner == LONG
    await place.target.swap(NAME, record, NEW, 60, LONG)
    assert (await place.target.read(NAME)).owner == LONG


@pytest.mark.parametrize("zone", [NAME, f"{NAME}."])
@pytest.mark.parametrize("kind", list(PLACES))
async def test_a_zone_that_is_the_exact_name_holds_the_record_at_its_apex(kind: str, zone: str) -> None:
    if kind == "private zone":
        zone = zone.removesuffix(".")  # Azure has no zones with a final dot
    async with PLACES[kind](zone) as place:
        assert place.target.covers(NAME)
        await place.target.swap(NAME, NO_RECORD, OLD, 60, OURS)
        await place.target.swap(NAME, await place.target.read(NAME), BOTH, 60, OURS)
        record = await place.target.read(NAME)
        assert (record.addresses, record.owner) == (BOTH, OURS)
        await place.target.remove(NAME, record)
        assert await place.target.read(NAME) == NO_RECORD


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        (NAME, True),
        (f"{NAME.upper()}.", True),
        (ZONE, True),
        (f"a.b.{ZONE}", True),
        (f"bad{ZONE}", False),
        ("privatelink.northeurope.azmk8s.io", False),
        ("westeurope.azmk8s.io", False),
        (f"a..{ZONE}", False),
        ("", False),
        (".", False),
    ],
)
async def test_names_are_in_the_zone_by_their_labels(place: Place, name: str, covered: bool) -> None:
    assert place.target.covers(name) is covered
    if not covered:
        with pytest.raises(TargetError) as refused:
            await place.target.read(name)
        assert refused.value.trouble is Trouble.WRONG_ZONE


async def lost(write: Awaitable[None]) -> None:
    with pytest.raises(TargetError) as refused:
        await write
    assert refused.value.trouble is Trouble.RACE_LOST
    assert not refused.value.unsure
