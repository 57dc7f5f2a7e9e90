"""What the policy's DNS targets hold under the private names of a whole fleet: read once, each target on its own."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.record import Record
from functions.dns.target import Target, TargetError, Trouble
from functions.fleet.identify import zone_of
from functions.fleet.observe_records import Targets
from functions.fleet.seen import UNKNOWN, RecordSeen, Seen
from functions.fleet.survey import Survey
from functions.fleet.survey_join import Item
from functions.policy import Policy, RecordTarget

# Names that are asked for side by side, as many as a DNS server's target takes.
_AT_ONCE = 64

# A target that fails so often with nothing well in between is asked no more in this sweep.
_GIVEN_UP = 16

# One that is slow delays the report by no more than this. 10,000 names take a DNS server a few seconds.
_LONGEST = 60.0  # seconds

_IN_A_ROW = 100  # clusters, some milliseconds


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a target was not read, wholly or for some clusters: how many, and the first of them."""

    error: TargetError
    first: ResourceId
    clusters: int


@dataclass(slots=True)
class _Reading:
    """One target, the clusters whose names belong into it, and what came of reading it."""

    target: RecordTarget
    wanted: list[tuple[ResourceId, str]] = field(default_factory=list[tuple[ResourceId, str]])
    held: dict[str, Record] = field(default_factory=dict[str, Record])
    error: TargetError | None = None

    @property
    def unread(self) -> Unread | None:
        missed = [cluster for cluster, name in self.wanted if name not in self.held]
        return Unread(self.error, missed[0], len(missed)) if self.error is not None and missed else None

    async def read(self, store: Target) -> None:
        if isinstance(store, PrivateZoneTarget):
            await self._whole(store)
        else:
            await self._each(store)

    async def _whole(self, store: PrivateZoneTarget) -> None:
        """An Azure zone allows few reads, and gives all of its records in one list."""
        try:
            there = await store.read_all()
        except TargetError as error:
            self.error = error
            return
        for _, name in self.wanted:
            found = there.at(name.removesuffix("."))
            if isinstance(found, Record):
                self.held[name] = found
            else:
                self.error = TargetError(Trouble.UNREACHABLE, found)

    async def _each(self, store: Target) -> None:
        names = iter(dict.fromkeys(name for _, name in self.wanted))
        in_a_row, now = 0, asyncio.get_running_loop().time
        until = now() + _LONGEST

        async def ask_on() -> None:
            nonlocal in_a_row
            for name in names:  # all of them take from the same names
                try:
                    self.held[name] = await store.read(name)
                    in_a_row = 0
                except TargetError as error:
                    self.error = error
                    in_a_row += 1
                if in_a_row >= _GIVEN_UP:
                    return
                if now() > until:
                    self.error = TargetError(Trouble.UNREACHABLE, f"not all names were answered in {_LONGEST:g} s")
                    return

        await asyncio.gather(*(ask_on() for _ in range(min(_AT_ONCE, len(self.wanted)))))


@dataclass(frozen=True, slots=True)
class Records:
    """The records of the fleet, by cluster, and by its place each target of which some could not be read.

    `of_clusters` is None for a policy that keeps no records.
    """

    of_clusters: Mapping[ResourceId, tuple[RecordSeen, ...]] | None = None
    unread: Mapping[str, Unread] = field(default_factory=dict[str, Unread])

    def beside(self, told: Iterable[Item]) -> Iterator[Item]:
        """The items in their order, each cluster with its records. A record that could not be read is left out."""
        for item in told:
            if self.of_clusters is None or not isinstance(item, Seen) or item.cluster is None:
                yield item
            else:
                yield replace(item, records=self.of_clusters.get(item.cluster.id, UNKNOWN))


async def read_records(survey: Survey, policy: Policy, targets: Targets) -> Records:
    """Read all targets side by side, each for all names that belong into it. Never raises for one that fails."""
    if not targets:
        return Records()
    readings: dict[str, _Reading] = {}
    held: dict[ResourceId, tuple[RecordSeen, ...]] = {}
    for number, (cluster, name, zone) in enumerate(_named(survey, policy)):
        held[cluster] = ()
        for target in targets.for_name(name, zone):
            readings.setdefault(target.place, _Reading(target)).wanted.append((cluster, name))
        if number % _IN_A_ROW == 0:
            await asyncio.sleep(0)
    await asyncio.gather(*(reading.read(targets.store(place)) for place, reading in readings.items()))
    for place, reading in readings.items():
        for cluster, name in reading.wanted:
            if (record := reading.held.get(name)) is not None:
                held[cluster] += (RecordSeen(reading.target, place, record),)
    return Records(held, {place: unread for place, reading in readings.items() if (unread := reading.unread)})


def _named(survey: Survey, policy: Policy) -> Iterator[tuple[ResourceId, str, ResourceId | None]]:
    """The clusters with a private name, that name in lower case, and the zone in which AKS keeps it."""
    for row in survey.clusters.values():
        if not row.private_fqdn or policy.scope.excludes(row.tags):
            continue
        try:
            cluster = row.cluster()
            zone = zone_of(cluster)
        except InvalidResourceIdError:
            continue  # the survey's items tell of it
        if cluster.private:
            yield cluster.id, row.private_fqdn.casefold(), zone
