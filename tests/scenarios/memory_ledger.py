"""The ledger without storage, for the simulation. Passes the contract of the real one (contract/test_ledger.py)."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from functions.arm.resource_id import ResourceId
from functions.ledger.entities import key, partition
from functions.ledger.hour import FRESH, WINDOW, Hour
from functions.ledger.hour_tables import claims
from functions.ledger.instants import NEVER, WRONG_CLOCK, is_newer
from functions.ledger.paused import Paused
from functions.ledger.state import (
    MOST_UNPROVEN,
    Counters,
    Entry,
    LedgerError,
    Mark,
    Observed,
    Row,
    UnprovenError,
    glance,
    proves,
    yields,
)


@dataclass
class MemoryLedger:
    """Rows in a dict. `down` makes it unreachable."""

    down: bool = False
    unproven: int = MOST_UNPROVEN
    held: dict[ResourceId, Row] = field(default_factory=dict[ResourceId, Row])
    bumped: dict[ResourceId, float] = field(default_factory=dict[ResourceId, float])
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    clusters: dict[ResourceId, ResourceId] = field(default_factory=dict[ResourceId, ResourceId])

    async def read(self, subject: ResourceId) -> Row:
        self._check()
        return self.held.get(subject, Row(subject, proven=False))

    async def bump(
        self,
        subject: ResourceId,
        at: float,
        cause: str = "",
        target: ResourceId | None = None,
        *,
        known: bool = False,
    ) -> Counters:
        self._begin(subject, at, known=known)
        if cause not in self.held[subject].counters.causes:
            self.bumped[subject] = at
        counters = self._count(subject, lambda counters: counters.bumped(cause))
        self.held[subject] = msgspec.structs.replace(self.held[subject], target=str(target or subject))
        return counters

    async def look_again(
        self, subject: ResourceId, at: float, target: ResourceId, paused: tuple[Paused, ...] = (), now: float = 0.0
    ) -> Counters:
        self._begin(subject, at, known=False)
        counters = self._count(subject, lambda counters: counters.looking(at, paused, now))
        held = self.held[subject]
        self.held[subject] = msgspec.structs.replace(held, target=held.target or str(target))
        return counters

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        self._check()
        if subject in self.held:
            self._count(subject, lambda counters: counters.finished(mark, cause, looking=looking))

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        row = await self.read(subject)
        if row.odd or is_newer(row.observed.at, observed.at) or yields(observed, row.observed):
            return
        proven = row.proven or proves(subject, observed)
        if subject not in self.held and not proven and self._is_crowded(subject):
            return
        self.held[subject] = msgspec.structs.replace(row, observed=observed, proven=proven)
        held = row.observed
        if observed.living:
            self.clusters[ResourceId(observed.cluster)] = subject
        elif held.living and self.clusters.get(ResourceId(held.cluster)) == subject:
            del self.clusters[ResourceId(held.cluster)]

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        self._check()
        return self.clusters.get(cluster)

    async def overdue(self, before: float) -> tuple[Row, ...]:
        self._check()
        return tuple(
            row
            for row in self.held.values()
            if (row.counters.pending and not before <= self.bumped[row.subject] <= before + WRONG_CLOCK)
            or 0 < row.counters.look_at < before
            or row.counters.look_at > before + NEVER
        )

    async def rows(self) -> tuple[Row, ...]:
        self._check()
        return tuple(
            row for row in self.held.values() if row.proven or not row.counters.idle or bool(row.observed.plan)
        )

    async def watched(self) -> tuple[Row, ...]:
        return tuple(map(glance, await self.rows()))

    async def page(self, after: ResourceId | None, most: int, subscription: str = "") -> tuple[Row, ...]:
        self._check()
        last = _order(after) if after is not None else ("", "")
        rows = sorted(self.proven(), key=lambda row: _order(row.subject))
        wanted = subscription.casefold()
        return tuple(
            [row for row in rows if _order(row.subject) > last and wanted in ("", partition(row.subject))][:most]
        )

    async def hour(self, at: float) -> Hour:
        self._check()
        since = at - WINDOW
        fleet = sum(row.observed.counts_until > since for row in self.proven())
        counted = (entry for entry in self.entries.values() if since <= entry.at < at + WRONG_CLOCK and entry.counts)
        waits = [row for row in self.held.values() if row.observed.waits and self._written(row) >= at - FRESH]
        return Hour(
            fleet,
            claims((str(entry.subject), entry.at) for entry in counted),
            claims((str(row.subject), row.observed.waits) for row in waits),
        )

    async def left_open(self, before: float) -> tuple[Entry, ...]:
        self._check()
        return tuple(entry for entry in self.entries.values() if not entry.result and entry.at < before)

    async def forget(self, before: float, unproven: float) -> int:
        self._check()
        old = [
            subject
            for subject, row in self.held.items()
            if (self._written(row) < before and not row.counters.pending and not row.observed.owes)
            or (self._written(row) < unproven and not row.proven and row.counters.idle)
        ]
        done = [entry.id for entry in self.entries.values() if entry.at < before]
        for subject in old:
            del self.held[subject]
        for id_ in done:
            del self.entries[id_]
        return len(old) + len(done)

    async def intend(self, entry: Entry) -> None:
        self._check()
        self.entries[entry.id] = entry

    async def conclude(self, entry: Entry) -> None:
        self._check()
        self.entries[entry.id] = entry

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple[Entry, ...]:
        self._check()
        found = [entry for entry in self.entries.values() if entry.subject == subject]
        return tuple(sorted(found, key=lambda entry: (-entry.at, entry.id))[:most])

    def proven(self) -> list[Row]:
        return [row for row in self.held.values() if row.proven]

    def _written(self, row: Row) -> float:
        return max(row.observed.at, self.bumped.get(row.subject, row.counters.made))

    def _begin(self, subject: ResourceId, at: float, *, known: bool) -> None:
        self._check()
        if subject in self.held:
            return
        if self._is_crowded(subject) and not known:
            raise UnprovenError(f"no counters for {subject}: its subscription has too many subjects without proof")
        self.held[subject] = Row(subject, Counters(made=at), proven=False)

    def _is_crowded(self, subject: ResourceId) -> bool:
        beside = [one for one in self.held.values() if partition(one.subject) == partition(subject) and not one.proven]
        return len(beside) >= self.unproven

    def _count(self, subject: ResourceId, change: Callable[[Counters], Counters]) -> Counters:
        row = self.held[subject]
        self.held[subject] = msgspec.structs.replace(row, counters=change(row.counters))
        return self.held[subject].counters

    def _check(self) -> None:
        if self.down:
            raise LedgerError("the ledger cannot be reached (test)")


def _order(subject: ResourceId) -> tuple[str, str]:
    return partition(subject), key(subject)
