"""Records in an Azure private DNS zone, with their owner in the metadata of the record set."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.record_sets import (
    RecordSet,
    delete_record_set,
    put_record_set,
    record_set,
    record_sets,
)
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.dns.record import NO_RECORD, Address, Owner, Record, in_order
from functions.dns.target import TargetError, Trouble
from functions.fleet.zone_name import labels

type _Kind = Literal["A", "AAAA"]

_KINDS: tuple[tuple[_Kind, int], ...] = (("A", 4), ("AAAA", 6))
_OURS = ("heritage", "owner", "cluster")
_NOT_SAID = ""  # stands for the owner of a record set that does not tell, beside one that does
_APEX = "@"

_TROUBLES = {
    Kind.RETRY: Trouble.BUSY,
    Kind.CONFLICT: Trouble.RACE_LOST,  # 412, and 409 for what stands in the way since it was read
    Kind.DENIED: Trouble.DENIED,
    Kind.GONE: Trouble.WRONG_ZONE,
    Kind.INVALID: Trouble.DENIED,
}


_READ = frozenset({"A", "AAAA", "CNAME"})


@dataclass(frozen=True, slots=True)
class ZoneRecords:
    """The records of a whole zone, by full name in lower case.

    `unread` are names with something that cannot be understood, and why. `nameless`: why a name that is in neither may
    hold something all the same, empty where it surely holds nothing.
    """

    known: Mapping[str, Record]
    unread: Mapping[str, str] = field(default_factory=dict[str, str])
    nameless: str = ""

    def at(self, name: str) -> Record | str:
        """What a name holds, or why that is not known. Absent means that the zone was listed without it."""
        if (record := self.known.get(name)) is not None:
            return record
        return self.unread.get(name) or self.nameless or NO_RECORD


class PrivateZoneTarget:
    """One private zone. Fulfils functions.dns.target.Target.

    A and AAAA are two resources, each with an ETag of its own and each naming the owner, so a record with both kinds
    of addresses is written in two steps, A first. A race lost at the second leaves the first: whoever reads again sees
    what is missing. Metadata of others stays.
    """

    def __init__(self, session: Session, zone: ResourceId) -> None:
        self._session = session
        self._zone = zone
        self._labels = labels(zone.name)

    @property
    def name(self) -> str:
        return f"{self._zone.name} in {self._zone.group_id}"

    def covers(self, name: str) -> bool:
        held = labels(name)
        return all(held) and held[-len(self._labels) :] == self._labels

    async def read(self, name: str) -> Record:
        """Two of the zone's reads (500 in 5 minutes) for a name with an address, three for one without: only that
        one can be an alias. A sweep asks `read_all`.
        """
        relative = self._relative(name)
        async with _translated():
            asked = (record_set(self._session, self._zone, kind, relative) for kind, _ in _KINDS)
            found = [held for held in await asyncio.gather(*asked) if held is not None]
            if not found:
                alias = await record_set(self._session, self._zone, "CNAME", relative)
                found = [alias] if alias else []
            return _record(found)

    async def read_all(self) -> ZoneRecords:
        """Every name of the zone that holds an address or an alias, in one list.

        A record set that cannot be understood makes its own name unknown, or every name that is not listed otherwise
        where its name cannot be read either. The others are known.
        """
        by_name: dict[str, list[RecordSet]] = defaultdict(list)
        unread: dict[str, str] = {}
        nameless = ""
        async with _translated():
            listed = await record_sets(self._session, self._zone)
        for held in listed.items:
            if held.kind in _READ:
                by_name[held.name.casefold()].append(held)
        for odd in listed.odd:
            if odd.id is None:
                nameless = f"a record set of the zone, whose id cannot be read, is not understood: {odd}"
            elif odd.id.type.rpartition("/")[2].upper() in _READ:
                unread[odd.id.name.casefold()] = f"{odd.id.name} is not understood: {odd}"
        known: dict[str, Record] = {}
        for name, found in by_name.items():
            try:
                known[name] = _record(found)
            except NoAnswerError as error:
                unread[name] = str(error)
        zone = ".".join(self._labels)
        full = {name: zone if name == _APEX else f"{name}.{zone}" for name in (*known, *unread)}
        return ZoneRecords(
            {full[name]: record for name, record in known.items() if name not in unread},
            {full[name]: why for name, why in unread.items()},
            nameless,
        )

    async def swap(self, name: str, before: Record, addresses: frozenset[Address], ttl: int, owner: Owner) -> None:
        if before.in_the_way:
            raise TargetError(Trouble.DENIED, f"{name} is a {', '.join(before.in_the_way)}: no address can stand there")
        relative, version = self._relative(name), dict(before.version)
        async with _translated(writing=True):
            for kind, family in _KINDS:
                wanted = [address for address in in_order(addresses) if address.version == family]
                if wanted:
                    metadata = {**_others_metadata(version, kind), **_metadata(owner)}
                    etag = version.get(kind)
                    await put_record_set(self._session, self._zone, kind, relative, wanted, ttl, metadata, etag)
                elif kind in version:
                    await delete_record_set(self._session, self._zone, kind, relative, version[kind])

    async def remove(self, name: str, before: Record) -> None:
        relative, version = self._relative(name), dict(before.version)
        async with _translated(writing=True):
            for kind, _ in _KINDS:
                if kind in version:
                    await delete_record_set(self._session, self._zone, kind, relative, version[kind])

    def _relative(self, name: str) -> str:
        if not self.covers(name):
            raise TargetError(Trouble.WRONG_ZONE, f"{name[:253]!a} is not in {self._zone.name}")
        return ".".join(labels(name)[: -len(self._labels)]) or _APEX


def _record(found: list[RecordSet]) -> Record:
    """What the record sets at one name say together."""
    if any(held.kind == "CNAME" for held in found):
        return Record(in_the_way=("CNAME",))
    owners = sorted({_owner_text(held) for held in found})
    return Record(
        addresses=frozenset[Address]().union(*(held.addresses for held in found)),
        ttl=max((held.properties.ttl for held in found), default=0),
        owners=() if owners == [_NOT_SAID] else tuple(owners),
        version=tuple(pair for held in found for pair in _version(held)),
    )


def _version(held: RecordSet) -> list[tuple[str, str]]:
    """The ETag by the record type, and what others noted on the set by type and key: a PUT must send it again."""
    others = sorted((key, value) for key, value in held.metadata.items() if key not in _OURS)
    return [(held.kind, held.etag), *((f"{held.kind}/{key}", value) for key, value in others)]


def _others_metadata(version: dict[str, str], kind: str) -> dict[str, str]:
    return {key.removeprefix(f"{kind}/"): value for key, value in version.items() if key.startswith(f"{kind}/")}


def _owner_text(held: RecordSet) -> str:
    said = held.metadata
    if said.get("heritage") != "tether":
        return _NOT_SAID
    return f"heritage=tether,owner={said.get('owner', '')},cluster={said.get('cluster', '')}"


def _metadata(owner: Owner) -> dict[str, str]:
    return {"heritage": "tether", "owner": owner.deployment, "cluster": str(owner.cluster)}


@asynccontextmanager
async def _translated(*, writing: bool = False) -> AsyncGenerator[None]:
    """Raise what ARM's errors mean to whoever keeps a record."""
    try:
        yield
    except ArmError as error:
        trouble = _TROUBLES[classify(error)]
        if trouble is Trouble.RACE_LOST and not writing:
            trouble = Trouble.BUSY  # a read races with nobody
        raise TargetError(trouble, str(error), pause=error.retry_after) from None
    except NoAnswerError as error:
        raise TargetError(Trouble.UNREACHABLE, str(error), unsure=writing) from None
    except NoTokenError as error:
        raise TargetError(Trouble.UNREACHABLE, str(error)) from None
