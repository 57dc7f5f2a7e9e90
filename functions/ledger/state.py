"""What Tether remembers of a subject: one row for a node resource group, or for a custom zone.

Events on a cluster's zone, endpoint or the cluster itself meet in one row. The counters `seq`, `done` and `look` are
what keeps work from being lost or done twice (docs/decisions/0004); the rest is what was seen last, for people and for
the rules that need a memory. Only the counters are written under an ETag; of the rest the newer write wins.
"""

from typing import Protocol

import msgspec

from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.ledger.hour import Hour
from functions.ledger.leaving import Unwanted
from functions.ledger.left import Left
from functions.ledger.making import Making
from functions.ledger.move import Move
from functions.ledger.node_dns import NodeDns
from functions.ledger.paused import Paused, merged
from functions.ledger.routed import Routed

# What this worker can read. Each row says its version, so that an older worker leaves a newer worker's rows alone.
# 2 (2026-12): subjects without proof.
VERSION = 2

# How many ids of finished events a row keeps, to know a doubled event again.
KEPT_CAUSES = 20


class LedgerError(Exception):
    """The ledger could not be reached: nothing is known, and nothing was kept."""


class NewerRowError(LedgerError):
    """The row was written by a newer version of Tether: it is left alone."""


class OddRowError(LedgerError):
    """The counters of a row cannot be decoded: they are left alone, and nothing is counted."""


class Mark(msgspec.Struct, frozen=True):
    """What a pass remembers of the counters from before it observed. `made` is as in Counters, 0 for any."""

    seq: int
    look: int
    made: float = 0.0


# Of a pass whose event was counted only while it was observing: it cannot say which events it saw.
TOO_LATE = Mark(0, -1)


class Counters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What tells finished work from work that is still to do.

    `seq` counts the events, `done` how many of them some pass has seen the effect of, `look` the look-agains that were
    asked for, of which the last is due at `look_at` (seconds since 1970, 0 for none). `causes` are the events that
    ended lately. `paused` are the reads that ARM refused and that are not to be repeated yet. `made`: when these
    counters were begun, in seconds since 1970, 0 where that is not known. It tells counters that were forgotten from
    those that were restarted.
    """

    seq: int = 0
    done: int = 0
    look: int = 0
    look_at: float = 0.0
    causes: tuple[str, ...] = ()
    paused: tuple[Paused, ...] = ()
    made: float = 0.0

    @property
    def pending(self) -> bool:
        """Whether an event came that no pass has answered yet."""
        return self.done < self.seq

    def bumped(self, cause: str = "") -> "Counters":
        """One more event, unless it is one that ended already."""
        return self if cause in self.causes else msgspec.structs.replace(self, seq=self.seq + 1)

    def looking(self, at: float, paused: tuple[Paused, ...] = (), now: float = 0.0) -> "Counters":
        """Another pass is to come, at `at`; the one that was to come before it need not. `paused`: what this one met,
        which ended at `now`.
        """
        return msgspec.structs.replace(self, look=self.look + 1, look_at=at, paused=merged(self.paused, paused, now))

    @property
    def mark(self) -> Mark:
        return Mark(self.seq, self.look, self.made)

    @property
    def idle(self) -> bool:
        """Whether nothing is to be done: no event is pending and no other pass is to come."""
        return not self.pending and not self.look_at

    def finished(self, mark: Mark, cause: str, *, looking: bool) -> "Counters":
        """A pass that began at `mark` is over. Without `looking` no other pass is to come, by this one's account.

        Another pass may have asked for one since: that one stands. A mark of counters that were forgotten since answers
        for no event of these.
        """
        if mark.made and mark.made != self.made:
            mark = TOO_LATE
        looking = looking or self.look != mark.look
        causes = (*(held for held in self.causes if held != cause), cause)[-KEPT_CAUSES:] if cause else self.causes
        return msgspec.structs.replace(
            self,
            done=max(self.done, mark.seq),
            causes=causes if not looking else self.causes,
            look_at=self.look_at if looking else 0.0,
        )


GONE = "gone"
"""The state of a cluster that ARM does not know any more."""

LIVES = 1e12
"""Observed.counts_until of a cluster that lives."""


class Observed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last observation in brief, and what the rules remember.

    `gone_since`: when the cluster was first found missing, 0 while it is not. `deleting`: whether it was ever seen
    Deleting. `reversals`: when a change of ours was found undone, in seconds since 1970. `plan`: the id of what the
    limit stopped, and what waits for a person to approve it. `address` is the API server's, and `records` are those
    found right, each as Recording.kept. `born` is the event of the cluster's making, 0 where none was
    seen; `resolved`: when DNS servers were first seen to answer with the address, 0 before.
    `answers_until`: until when wrong answers of theirs may be those of before, 0 while there are none.
    `waits`: since when a change waits for the removal limit, 0 for none.
    `move` is the last change of the address. `making` is what proves that a cluster's creation failed.
    `routed` are the route tables of a kubenet cluster's subnets. `uid` is AKS's own id of this very cluster, empty
    where AKS did not say. `left` are records of clusters that are gone, which are still to be removed. `unwanted` are
    our links that nothing wants, and `node_dns` tells which DNS servers the nodes may ask.

    Only a pass that proves its target to be the row's cluster writes an observation. The memory of a record, a link, a
    move or a creation ends by an act, or by a read that shows it gone, and never because it was not seen.
    """

    at: float = 0.0
    cluster: str = ""
    zone: str = ""
    location: str = ""
    state: str = ""
    private_fqdn: str = ""
    hubs: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    attempt: int = 0
    operations: tuple[Operation, ...] = ()
    gone_since: float = 0.0
    deleting: bool = False
    reversals: tuple[float, ...] = ()
    plan: str = ""
    address: str = ""
    records: tuple[str, ...] = ()
    born: float = 0.0
    resolved: float = 0.0
    answers_until: float = 0.0
    move: Move | None = None
    making: Making | None = None
    routed: Routed | None = None
    waits: float = 0.0
    uid: str = ""
    left: tuple[Left, ...] = ()
    unwanted: tuple[Unwanted, ...] = ()
    node_dns: NodeDns | None = None

    @property
    def proven(self) -> bool:
        """Whether it has the memory of a cluster, or of a custom zone, that some pass proved."""
        return bool(self.cluster or self.zone)

    @property
    def owes(self) -> bool:
        """Whether something of Tether's may still have to be changed or removed: such a row is never forgotten."""
        return bool(self.left or self.records or self.living)

    @property
    def counts_until(self) -> float:
        """Until when (seconds since 1970) the cluster counts as one of the fleet, 0 where none was proven.

        A cluster that is gone counts until it was found so; the window of the limit is added by the reader.
        """
        if not self.cluster:
            return 0.0
        return (self.gone_since or self.at) if self.state == GONE else LIVES

    @property
    def living(self) -> str:
        """The cluster's id, empty where none was seen, or where it is gone."""
        return self.cluster if self.state != GONE else ""


class Row(msgspec.Struct, frozen=True):
    """One subject's row. A subject that nobody has written of has an empty one.

    `proven`: whether a pass has seen a cluster or a listed custom zone behind it. Until then it only counts events
    (docs/decisions/0014).

    `odd` says why what the row holds cannot be decoded, empty where it can. Nothing of it is known then: `observed` is
    empty, `memory` is None, and the row is neither overwritten nor forgotten.
    """

    subject: ResourceId
    counters: Counters = Counters()
    observed: Observed = Observed()
    target: str = ""  # what the last event named: the zone, or the cluster
    proven: bool = True
    odd: str = ""

    @property
    def memory(self) -> Observed | None:
        """What is remembered, None where that is not known."""
        return None if self.odd else self.observed


def in_brief(observed: Observed) -> Observed:
    """What `watch` needs of an observation: when it was, the cluster and its state, and what is left to remove.

    Also the commands that run in the cluster, which others wait for (pod_restarts.is_crowded).
    """
    commands = tuple(operation for operation in observed.operations if operation.command)
    return Observed(
        at=observed.at, cluster=observed.cluster, state=observed.state, left=observed.left, operations=commands
    )


def glance(row: Row) -> Row:
    """A row with what `watch` needs: whether an event or a look-again is awaited, and the observation in brief."""
    counters = Counters(seq=int(row.counters.pending), look_at=row.counters.look_at)
    return Row(row.subject, counters, in_brief(row.observed), odd=row.odd)


class UnprovenError(LedgerError):
    """The subscription has too many subjects without proof: no counters are kept for another one."""


MOST_UNPROVEN = 500
"""How many subjects without proof a subscription may have at a time."""

_GROUPS = "microsoft.resources/resourcegroups"


def yields(observed: Observed, held: Observed) -> bool:
    """Whether an observation is not kept: its pass knew of no cluster, and a row with a proven one is there by now.

    Another worker's proof came in between. A pass that knows the row's cluster names it, also when it is gone.

    the row holds      the observation names                                    verdict
    a custom zone      no zone, no cluster, nothing left                        yields
    a cluster          a cluster, this or another                               is kept
    a cluster          none, and one that is not there                          yields
    a cluster          none, and does not leave the cluster's name to remove    yields, where it has a name
    a cluster          none, and leaves its name to remove (fleet/memory.py)    is kept: another cluster took over
    """
    if held.cluster and not observed.cluster:
        name = held.private_fqdn.casefold()
        if observed.state == GONE or (name and name not in {entry.name.casefold() for entry in observed.left}):
            return True
    return held.proven and not observed.proven and not observed.left


def proves(subject: ResourceId, observed: Observed) -> bool:
    """Whether an observation makes a row of its subject.

    the observation                                a row
    names a cluster, or what one left behind       yes: a pass proved it
    names a zone, and the subject is that zone     yes: of custom zones only the listed ones get that far
    names a zone, and the subject is a group       no: anyone may have made the group
    """
    return bool(observed.cluster or observed.left) or (bool(observed.zone) and subject.type != _GROUPS)


class Ledger(Protocol):
    """What the loop needs of its memory. Every call may raise LedgerError, and each counter call is atomic.

    A row of a newer version raises NewerRowError where it is named, and is left out where many are asked for. A subject
    without proof (Row.proven) has counters and no row: it is in `rows` only while something is to be done for it, in no
    page, and never counts.
    """

    async def read(self, subject: ResourceId) -> Row: ...

    async def bump(
        self,
        subject: ResourceId,
        at: float,
        cause: str = "",
        target: ResourceId | None = None,
        *,
        known: bool = False,
    ) -> Counters:
        """One more event, at `at`, on `target`: the counters after it. An event that ended already changes nothing.

        Raises UnprovenError where the subscription has too many subjects without proof, unless the subject is `known`:
        ARM showed its cluster.
        """
        ...

    async def look_again(
        self, subject: ResourceId, at: float, target: ResourceId, paused: tuple[Paused, ...] = (), now: float = 0.0
    ) -> Counters:
        """Another pass is to come, on `target` where no event has named one: the counters after that was written.

        `paused` and `now` are as in Counters.looking.

        Raises UnprovenError as `bump` does.
        """
        ...

    async def finish(self, subject: ResourceId, mark: Mark, cause: str, *, looking: bool) -> None:
        """A pass is over (see Counters.finished). Changes nothing of a subject that has no counters."""
        ...

    async def remember(self, subject: ResourceId, observed: Observed) -> None:
        """Keep an observation, unless a newer one is there, or it `yields`, and its cluster's row for `row_of`. One
        that `proves` its subject makes it a row, with the counters that it has. One that does not is kept where `bump`
        would count.
        """
        ...

    async def row_of(self, cluster: ResourceId) -> ResourceId | None:
        """The subject of the row in which a cluster was last seen alive, None where it never was, or is gone."""
        ...

    async def overdue(self, before: float) -> tuple[Row, ...]:
        """Rows with an event that nobody answered since `before`, or whose look-again was due before it.

        One more sort: rows with such an instant that is hours ahead of `before`, which a wrong clock wrote.
        """
        ...

    async def watched(self) -> tuple[Row, ...]:
        """The rows of `rows`, each with what is needed of the whole fleet at once, and no more (see glance)."""
        ...

    async def rows(self) -> tuple[Row, ...]:
        """All rows, and the subjects without proof that something is to be done for."""
        ...

    async def page(self, after: ResourceId | None, most: int, subscription: str = "") -> tuple[Row, ...]:
        """The first `most` rows that come after a subject's, in an order that never changes: by subscription, then by a
        hash of the subject. Of one subscription where that is named.
        """
        ...

    async def hour(self, at: float) -> Hour:
        """What the removal limit counts at `at`: clusters by their rows, of whatever version, and by the journal whose
        clusters saw a change that counts. A change that took nothing does not count, one without an outcome does.
        """
        ...

    async def forget(self, before: float, unproven: float) -> int:
        """Remove rows and journal entries without a write since `before`, and subjects without proof since `unproven`;
        how many. Where something is still to be done for a row or a subject, it stays; so does a row that `owes`.
        """
        ...

    async def intend(self, entry: "Entry") -> None:
        """Keep an intent, before its write."""
        ...

    async def conclude(self, entry: "Entry") -> None:
        """Keep what became of an intent: the same entry with its result."""
        ...

    async def left_open(self, before: float) -> tuple["Entry", ...]:
        """The intents from before then, of whatever subject, of which nobody said what became of them."""
        ...

    async def journal(self, subject: ResourceId, most: int = 100) -> tuple["Entry", ...]:
        """The subject's entries, the newest first."""
        ...


# Actions that add, or go on with what was counted.
ADDS = frozenset({"create", "continue"})

# Results of changes that were made not to happen (verdict.Result), so that the limit need not count them.
TOOK_NOTHING = frozenset({"already", "gone", "retry", "refused"})


UNTOLD = "the worker that made it did not say what became of it"
"""The error of an intent whose worker died over it, once it is closed."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the journal: what was intended, why, by which cause, and what became of it (empty until known)."""

    subject: ResourceId
    id: str
    at: float
    cause: str
    handler: str
    action: str
    target: str
    reason: str
    before: str = ""
    after: str = ""
    by: str = ""  # the person who asked, for what came by HTTP
    place: str = ""  # where (Change.place): records of several targets have one cluster as their target
    again: bool = False  # makes again what others undid
    result: str = ""
    error: str = ""
    ended: float = 0.0
    follows: bool = False
    """Whether it is a record of ours that follows its API server (verdict.Change.follows)."""

    @property
    def counts(self) -> bool:
        """Whether the removal limit counts it."""
        return self.action not in ADDS and not self.follows and self.result not in TOOK_NOTHING


def subject_of(zone: ResourceId, *, system: bool) -> ResourceId:
    """The row that a zone's events meet in: its node resource group's, or a custom zone's own."""
    return zone.group_id if system else zone
