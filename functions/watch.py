"""Every minute: what no event told of, and what a dead worker left undone (rule 7).

Events are hints; this is the guarantee. It asks AKS itself, one LIST a subscription. Resource Graph, whose delay has no
bound, is asked for one thing only: the subscriptions below the policy's management groups, by one query a round.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from functions.arm import reads
from functions.arm.errors import ArmError, NoAnswerError, NoTokenError
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.understood import Odd
from functions.around import Around
from functions.fleet.identify import row_of
from functions.fleet.model import ManagedCluster
from functions.handlers import not_understood_findings
from functions.handlers.verdict import Finding
from functions.ledger import journal
from functions.ledger.coalescing import resent
from functions.ledger.instants import has_passed, is_due_later
from functions.ledger.state import Ledger, NewerRowError, Observed, OddRowError, Row
from functions.queue import WorkQueue
from functions.role import Role
from functions.telling_queue import TellingQueue
from functions.work import Work

_log = logging.getLogger("tether")

# A row is overdue when its event, or its look-again, has waited for so long.
_OVERDUE = 60.0  # seconds

# A cluster that is being changed is looked at so often, besides what its own passes ask for.
_AGAIN = 300.0  # seconds

# How often the same finding is written to the log.
_TOLD_AGAIN = 3600.0  # seconds

# An app that has no sweep looks at clusters at rest so often, and at so many a round: some eight reads each.
_REST = 3600.0  # seconds
_A_ROUND = 20


@dataclass(slots=True)
class Pauses:
    """Until when (seconds since 1970) each subscription's list is not to be asked for. Belongs to one worker."""

    until: dict[str, float] = field(default_factory=dict[str, float])
    told: dict[Finding, float] = field(default_factory=dict["Finding", float])
    """When each finding was last written to the log: once an hour, and not every minute."""

    def is_news(self, finding: Finding, at: float) -> bool:
        """Whether a finding is to be written to the log now, which is noted."""
        if at - self.told.get(finding, -_TOLD_AGAIN) < _TOLD_AGAIN:
            return False
        self.told = {held: when for held, when in self.told.items() if at - when < _TOLD_AGAIN}
        self.told[finding] = at
        return True

    def hold(self, subscription: str, at: float) -> bool:
        return at < self.until.get(subscription, 0.0)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a round came to."""

    clusters: int
    woken: int
    resent: int
    unreadable: tuple[str, ...]
    unseen: Mapping[str, float] = field(default_factory=dict[str, float])
    odd: tuple[Finding, ...] = ()
    """What was listed, or remembered, and cannot be understood."""


async def watch(around: Around, queue: WorkQueue, ledger: Ledger, pauses: Pauses | None = None) -> Watched:
    """One round. A subscription that cannot be read is told and passed over. Raises QueueError and LedgerError.

    `pauses` are those of the rounds before: a list that was refused is not asked for before its Retry-After is over.
    """
    with around.session.noting_pauses() as met:
        return await _round(around, TellingQueue(queue, lambda: around.paused(met)), ledger, pauses or Pauses())


async def _round(around: Around, queue: WorkQueue, ledger: Ledger, pauses: Pauses) -> Watched:
    at = around.now()
    rows = {row.subject: row for row in await ledger.watched()}
    listed = await _listed(around, at, pauses)
    woken: list[ResourceId] = []
    resting: dict[ResourceId, ResourceId] = {}
    for cluster in listed.clusters:
        subject = row_of(cluster, around.policy, around.session.cloud.suffixes)
        if subject is None:
            continue
        if wants_a_look(cluster, rows.get(subject), at):
            woken += await _wake(cluster.id, subject, at, queue, ledger)
        elif rests(rows.get(subject), around):
            resting[subject] = cluster.id
    looked = {subject: rows[subject].observed.at if subject in rows else 0.0 for subject in resting}
    for subject in whose_turn(looked, at):
        woken += await _wake(resting[subject], subject, at, queue, ledger)
    for row in (*listed.missed(rows.values(), at), *owing(rows.values(), at)):
        woken += await _wake(row.subject, row.subject, at, queue, ledger)
    again = await _resend(at, queue, ledger, set(woken))
    for row in rows.values():
        if row.counters.pending or row.counters.look_at:
            around.scopes.awaits(around.policy, row.subject.subscription, at)
    unread = (row for row in rows.values() if row.odd)
    memory = (not_understood_findings.memory_not_understood(row.subject, row.odd) for row in unread)
    odd = (*listed.findings, *memory)
    _tell([finding for finding in odd if pauses.is_news(finding, at)], at)
    return Watched(len(listed.clusters), len(woken), again, listed.unreadable, around.scopes.unseen(at), odd)


def _tell(findings: Iterable[Finding], at: float) -> None:
    for finding in findings:
        work = Work(target=finding.target, why="watch", cause=f"watch-{int(at)}", since=at)
        journal.found(finding, work)


@dataclass(frozen=True, slots=True)
class _Listed:
    """AKS's own lists, of the subscriptions that could be read. `odd` are, by subscription, the clusters that could not
    be understood: they are there.
    """

    clusters: tuple[ManagedCluster, ...]
    subscriptions: frozenset[str]
    unreadable: tuple[str, ...]
    odd: tuple[tuple[str, Odd], ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(
            not_understood_findings.not_understood(odd, ResourceId(f"/subscriptions/{subscription}"))
            for subscription, odd in self.odd
        )

    def missed(self, rows: Iterable[Row], at: float) -> Iterator[Row]:
        """Rows of clusters that are in no list, though their subscription was read: of whose end no event told.

        So is one that is listed with another node resource group: it was created again, and has another row. Where the
        id of a listed cluster cannot be read, none of its subscription is missed: it may be that one.
        """
        there = {str(cluster.id).casefold(): cluster.node_group for cluster in self.clusters}
        there |= {str(odd.id).casefold(): None for _, odd in self.odd if odd.id is not None}
        whole = self.subscriptions - {subscription for subscription, odd in self.odd if odd.id is None}
        for row in rows:
            cluster = row.observed.living.casefold()
            if not cluster or _subscription_of(cluster) not in self.subscriptions or _is_awaited(row, at):
                continue
            is_missed = cluster not in there and _subscription_of(cluster) in whole
            if is_missed or there.get(cluster) not in {None, row.subject}:
                yield row


def owing(rows: Iterable[Row], at: float) -> Iterator[Row]:
    """Rows with something left to remove that no message is on its way for."""
    for row in rows:
        if row.observed.left and not row.observed.living and not row.counters.look_at and not _is_awaited(row, at):
            yield row


def _is_awaited(row: Row, at: float) -> bool:
    return row.counters.pending or is_due_later(row.counters.look_at, at)


def _subscription_of(cluster: str) -> str:
    """The subscription in a cluster's id in lower case, empty for text that is none."""
    return cluster.split("/")[2] if cluster.count("/") > 2 else ""


async def _listed(around: Around, at: float, pauses: Pauses) -> _Listed:
    """One LIST a subscription. One that is refused with a Retry-After is not asked for before that is over."""
    clusters: list[ManagedCluster] = []
    odd: list[tuple[str, Odd]] = []
    read: list[str] = []
    unreadable: list[str] = []
    for subscription in await around.scopes.subscriptions(around.session, around.policy, at):
        if pauses.hold(subscription, at):
            unreadable.append(subscription)
            continue
        try:
            listed = await reads.managed_clusters(around.session, subscription)
            clusters += listed.items
            odd += [(subscription.casefold(), one) for one in listed.odd]
            read.append(subscription.casefold())
        except (ArmError, NoAnswerError, NoTokenError) as error:
            _log.warning("the clusters of %s cannot be listed: %s", subscription, error)
            unreadable.append(subscription)
            if isinstance(error, ArmError) and error.retry_after is not None:
                pauses.until[subscription] = around.now() + error.retry_after
    return _Listed(tuple(clusters), frozenset(read), tuple(unreadable), tuple(odd))


def wants_a_look(cluster: ManagedCluster, row: Row | None, at: float) -> bool:
    """Whether a cluster of AKS's list should be looked at.

    AKS says         the row says                          look
    busy             nothing                               yes
    busy             a look-again is due within a day      no: it has its message, and `resent` its back
    busy             seen less than five minutes ago       no
    busy             seen before                           yes
    Failed           nothing, or another state             yes
    settled          nothing                               no: the sweep looks at what rests
    settled          another state                         yes: to record it
    any              an event without its pass             no: `resent` sees to it
    settled          what cannot be decoded                no: the sweep looks at it, and `watch` reports it
    """
    state = cluster.properties.provisioning_state.casefold()
    if row is not None and row.odd and cluster.settled:
        return False
    if row is None or row.observed == Observed():
        nothing_known = row is None or not row.counters.pending
        return nothing_known and (not cluster.settled or state == "failed")
    if row.counters.pending or is_due_later(row.counters.look_at, at):
        return False
    if cluster.settled:
        return row.observed.state.casefold() != state
    return has_passed(row.observed.at, _AGAIN, at) or row.observed.state.casefold() != state


def rests(row: Row | None, around: Around) -> bool:
    """Whether a cluster that does not want a look is the second app's to look at in its turn.

    It has no sweep, AKS's list shows no move, and it must know where a cluster is before it moves.
    """
    if around.role is not Role.PRIVILEGED or not around.policy.pod_restarts.runs_commands:
        return False
    return row is None or not (row.counters.pending or row.counters.look_at)


def whose_turn(looked: Mapping[ResourceId, float], at: float) -> list[ResourceId]:
    """Who was not looked at for an hour, longest ago first. `looked`: when, in seconds since 1970, 0 for never."""
    due = [subject for subject, last in looked.items() if has_passed(last, _REST, at)]
    return sorted(due, key=lambda subject: (looked[subject], subject))[:_A_ROUND]


async def _wake(
    target: ResourceId, subject: ResourceId, at: float, queue: WorkQueue, ledger: Ledger
) -> tuple[ResourceId, ...]:
    """Ask for a pass. Gives the subject, or nothing for a row of a newer version, whose workers watch it."""
    cause = f"watch-{int(at)}"
    work = Work(target=target, subject=subject, why="watch", cause=cause, since=at)
    try:
        await ledger.bump(subject, at, cause, target, known=True)
    except (NewerRowError, OddRowError) as error:
        _log.warning("%s", error)
        return ()
    await queue.send(work, 0)
    return (subject,)


async def _resend(at: float, queue: WorkQueue, ledger: Ledger, woken: Collection[ResourceId]) -> int:
    """Send again what has waited too long: its message, or its worker, is gone. One too many is dropped as it comes.

    A row that was woken in this round has its message: the pass on that answers for what was overdue, too.
    """
    sent = 0
    for row in await ledger.overdue(at - _OVERDUE):
        look, target = resent(row.counters), _target(row)
        if look is None or target is None or row.subject in woken:
            continue
        work = Work(
            target=target,
            subject=row.subject,
            why="overdue",
            cause=f"watch-{int(at)}",
            since=row.observed.at or at,
            attempt=row.observed.attempt,
            operations=row.observed.operations,
            look=look,
        )
        await queue.send(work, 0)
        sent += 1
    return sent


def _target(row: Row) -> ResourceId | None:
    """What a row's work is about: what its last event named, or the zone that was seen.

    Where that cannot be read, it is the row's own subject: a pass finds from any of them to the cluster.
    """
    named = row.target or row.observed.zone
    try:
        return ResourceId(named) if named else None
    except InvalidResourceIdError:
        return row.subject
