"""A DNS target without a server, for the simulation. Passes the contract of the real ones (test_dns_target)."""

from dataclasses import dataclass, field, replace

from functions.dns.record import NO_RECORD, Address, Owner, Record
from functions.dns.target import TargetError, Trouble
from functions.fleet.zone_name import labels


@dataclass
class MemoryTarget:
    """Records in a dict, by their full names in lower case; what others noted at a name stands in `version`.

    `trouble` is what every call meets until it is taken away; `mute` counts writes that are made and not answered.
    """

    zone: str
    held: dict[str, Record] = field(default_factory=dict[str, Record])
    trouble: Trouble | None = None
    mute: int = 0
    asked: int = 0
    written: list[tuple[str, Record, Record]] = field(default_factory=list[tuple[str, Record, Record]])
    """Every write that was made: the name, what was there and what is there now."""

    @property
    def name(self) -> str:
        return f"{self.zone} in memory"

    def covers(self, name: str) -> bool:
        held, zone = labels(name), labels(self.zone)
        return all(held) and held[-len(zone) :] == zone

    async def read(self, name: str) -> Record:
        self._check(name)
        return self.held.get(_key(name), NO_RECORD)

    async def swap(self, name: str, before: Record, addresses: frozenset[Address], ttl: int, owner: Owner) -> None:
        if before.in_the_way:
            raise TargetError(Trouble.DENIED, f"{name} is a {', '.join(before.in_the_way)}")
        self._write(name, before, Record(addresses, ttl, (owner.text,), version=before.version))

    async def remove(self, name: str, before: Record) -> None:
        self._write(name, before, Record(version=before.version))

    def others_put(self, name: str, *addresses: Address, ttl: int = 300, texts: tuple[str, ...] = ()) -> None:
        """What somebody else writes, without asking: addresses, and texts of their own."""
        held = self.held.get(_key(name), NO_RECORD)
        version = (*held.version, *(("TXT", text) for text in texts))
        self.held[_key(name)] = replace(held, addresses=frozenset(addresses), ttl=ttl, version=version)

    def others_alias(self, name: str) -> None:
        """Somebody else makes the name an alias."""
        self.held[_key(name)] = Record(in_the_way=("CNAME",))

    def _check(self, name: str) -> None:
        self.asked += 1
        if not self.covers(name):
            raise TargetError(Trouble.WRONG_ZONE, f"{name} is not in {self.zone}")
        if self.trouble is not None:
            raise TargetError(self.trouble, f"{self.name}: {self.trouble.value}")

    def _write(self, name: str, before: Record, after: Record) -> None:
        self._check(name)
        held = self.held.get(_key(name), NO_RECORD)
        if held != before:
            raise TargetError(Trouble.RACE_LOST, f"{name} was changed since it was read")
        self.held[_key(name)] = after
        self.written.append((_key(name), held, after))
        if self.mute:
            self.mute -= 1
            raise TargetError(Trouble.UNREACHABLE, "no answer came", unsure=True)


def _key(name: str) -> str:
    return ".".join(labels(name))
