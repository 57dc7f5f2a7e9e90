"""Where a simulated world keeps records, as people write and read there; and how a mortal worker does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Protocol

from functions.arm.session import Session
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.record import Address, Owner, Record, owner_of
from functions.dns.target import Target, TargetError, Trouble
from functions.fleet.observe_records import Targets
from functions.policy import RecordTarget
from localazure.azure import LocalAzure
from localazure.resources.record_sets import RecordSets
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.mortal_worker import RUNNING, Worker
from tests.scenarios.record_stories import HUB_ZONE, SERVED


class Place(Protocol):
    """One target of the policy. What people write there, they do not ask for."""

    target: RecordTarget

    @property
    def name(self) -> str: ...

    def read(self, name: str) -> Record: ...

    def write(self, name: str, record: Record) -> None: ...

    def all(self) -> dict[str, Record]: ...


@dataclass
class ServerPlace:
    """The zone on DNS servers."""

    kept: MemoryTarget
    target: RecordTarget

    @property
    def name(self) -> str:
        return self.target.place

    def read(self, name: str) -> Record:
        return self.kept.held.get(name, Record())

    def write(self, name: str, record: Record) -> None:
        self.kept.held[name] = record

    def all(self) -> dict[str, Record]:
        return {name: held for name, held in self.kept.held.items() if held.is_there}


@dataclass
class AzurePlace:
    """The Azure zone in the hub. Its A records alone: no cluster of these worlds has an IPv6 address."""

    azure: LocalAzure
    target: RecordTarget

    @property
    def name(self) -> str:
        return self.target.place

    def read(self, name: str) -> Record:
        held = self.azure.store.get(_record_id(name))
        if held is None:
            return Record()
        properties = held.properties
        said = properties.get("metadata") or {}
        text = f"heritage=tether,owner={said.get('owner')},cluster={said.get('cluster')}"
        addresses = frozenset(ip_address(record["ipv4Address"]) for record in properties["aRecords"])
        return Record(addresses, properties["ttl"], (text,) if said.get("heritage") else ())

    def write(self, name: str, record: Record) -> None:
        sets = RecordSets(self.azure, "A")
        if not record.addresses:
            sets.remove(_record_id(name))
            return
        owner = owner_of(record.owners[0]) if record.owners else None
        said = {} if owner is None else {"owner": owner.deployment, "cluster": str(owner.cluster)}
        metadata = {"metadata": {"heritage": "tether"} | said} if said else {}
        addresses = [{"ipv4Address": str(address)} for address in record.addresses]
        sets.create(_record_id(name), {"ttl": record.ttl, "aRecords": addresses, **metadata})

    def all(self) -> dict[str, Record]:
        found = self.azure.store.of_type("Microsoft.Network/privateDnsZones/A", HUB_ZONE)
        names = [f"{held.name}.{SERVED}".casefold() for held in found]
        return {name: self.read(name) for name in names}


def _record_id(name: str) -> str:
    return f"{HUB_ZONE}/A/{name.removesuffix(f'.{SERVED}')}"


type Judge = Callable[[str, str, Record, Record], None]
"""Told of every write of Tether's that a store took: the place, the name, what was there and what is there now."""


@dataclass
class MortalTarget:
    """A zone on servers as a worker reaches it, who may die at every call. An answer is lost at times."""

    worker: Worker
    kept: MemoryTarget
    place: str
    judge: Judge
    name: str = ""

    def covers(self, name: str) -> bool:
        return self.kept.covers(name)

    async def read(self, name: str) -> Record:
        return await self._asked(lambda: self.kept.read(name))

    async def swap(self, name: str, before: Record, addresses: frozenset[Address], ttl: int, owner: Owner) -> None:
        await self._written(name, lambda: self.kept.swap(name, before, addresses, ttl, owner))

    async def remove(self, name: str, before: Record) -> None:
        await self._written(name, lambda: self.kept.remove(name, before))

    async def _written(self, name: str, write: Callable[[], Awaitable[None]]) -> None:
        async def act() -> None:
            held = self.kept.held.get(name, Record())
            await write()
            self.worker.host.told("wrote", f"{name} on {self.place}: {held} -> {self.kept.held[name]}")
            self.judge(self.place, name, held, self.kept.held[name])
            if (invocation := RUNNING.get()) is not None:
                invocation.wrote = True
            if self.worker.host.dice.random() < self.worker.host.chances.refused_send:
                raise TargetError(Trouble.UNREACHABLE, "no answer came", unsure=True)

        await self._asked(act)

    async def _asked(self, act: Callable[[], Awaitable[Any]]) -> Any:
        return await self.worker.call(act, self.worker.host.dice.uniform(0.001, 0.1))


def mortal_targets(kept: MemoryTarget, judge: Judge) -> Callable[[Worker, Session], Targets]:
    """The targets of a worker's policy."""

    def targets(worker: Worker, session: Session) -> Targets:
        def make(record: RecordTarget) -> Target:
            if record.private_zone is not None:
                return PrivateZoneTarget(session, record.private_zone)
            return MortalTarget(worker, kept, record.place, judge, record.place)

        return Targets(worker.host.policy.records, make)

    return targets
