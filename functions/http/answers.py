"""What the routes answer, as types: encoded from these, and described by these in the OpenAPI document."""

from datetime import UTC, datetime

import msgspec

from functions.handlers.verdict import Change, Finding
from functions.ledger.reports import Round
from functions.ledger.state import Entry, Row

MEMORY_NOT_UNDERSTOOD = "memory-not-understood"


class Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of an answer. Times are RFC 3339 in UTC, durations seconds, resources Azure ids."""


class ShownFinding(Shown, frozen=True, kw_only=True):
    """Something that needs a person (docs/findings.md has every code)."""

    code: str
    severity: str
    handler: str
    resource: str
    seen: str
    advice: str

    @classmethod
    def of(cls, finding: Finding) -> "ShownFinding":
        return cls(
            code=finding.code,
            severity=finding.severity.value,
            handler=finding.handler,
            resource=str(finding.target),
            seen=finding.seen,
            advice=finding.advice,
        )


class ShownChange(Shown, frozen=True, kw_only=True):
    """A write: `planned` by a dry run, or made, and then `result` says how it ended for now."""

    handler: str
    target: str
    action: str
    before: str
    after: str
    reason: str
    result: str
    error: str = ""

    @classmethod
    def of(cls, change: Change, result: str = "planned", error: str = "") -> "ShownChange":
        return cls(
            handler=change.handler,
            target=str(change.target),
            action=change.action.value,
            before=change.before,
            after=change.after or f"a link to {change.place}",
            reason=change.reason,
            result=result,
            error=error,
        )


class ShownEntry(Shown, frozen=True, kw_only=True):
    """A line of the journal. `result` is empty while nobody knows what became of the write."""

    at: datetime
    by: str
    cause: str
    handler: str
    action: str
    target: str
    reason: str
    before: str
    after: str
    result: str
    error: str
    ended: datetime | None

    @classmethod
    def of(cls, entry: Entry) -> "ShownEntry":
        return cls(
            at=moment(entry.at),
            by=entry.by,
            cause=entry.cause,
            handler=entry.handler,
            action=entry.action,
            target=entry.target,
            reason=entry.reason,
            before=entry.before,
            after=entry.after,
            result=entry.result,
            error=entry.error,
            ended=known_moment(entry.ended),
        )


class ShownCluster(Shown, frozen=True, kw_only=True):
    """A cluster as the ledger remembers it from its last pass.

    Of a row that cannot be decoded only its node resource group is known, which is its `id` then, with the finding
    `memory-not-understood`.
    """

    id: str
    location: str
    state: str
    zone: str
    private_fqdn: str
    linked_to: tuple[str, ...]
    findings: tuple[str, ...]
    seen_at: datetime
    looks_again_at: datetime | None
    event_waits: bool
    gone_since: datetime | None

    @classmethod
    def of(cls, row: Row) -> "ShownCluster":
        held = row.observed
        return cls(
            id=held.cluster or str(row.subject),
            location=held.location,
            state=held.state,
            zone=held.zone,
            private_fqdn=held.private_fqdn,
            linked_to=held.hubs,
            findings=(MEMORY_NOT_UNDERSTOOD,) if row.odd else held.findings,
            seen_at=moment(held.at),
            looks_again_at=known_moment(row.counters.look_at),
            event_waits=row.counters.pending,
            gone_since=known_moment(held.gone_since),
        )


class ClusterPage(Shown, frozen=True, kw_only=True):
    """Clusters, one subscription after the other. `continuation` goes into the next request; null on the last page."""

    value: tuple[ShownCluster, ...]
    continuation: str | None


class Reconciliation(Shown, frozen=True, kw_only=True):
    """The plan of a dry run, or what was done. `looksAgainIn` (seconds) is set when another pass is to come.

    `error` says why a pass could not see (`ended` is `not-seen` then); `status` is where to look how it goes on.
    """

    cluster: str
    dry_run: bool
    ended: str
    changes: tuple[ShownChange, ...]
    findings: tuple[ShownFinding, ...]
    looks_again_in: float | None
    cause: str
    status: str
    error: str = ""


class Check(Shown, frozen=True, kw_only=True):
    """One thing that Tether needs. `detail` says what is wrong with it."""

    ok: bool
    detail: str = ""


class ShownRound(Shown, frozen=True, kw_only=True):
    """The last round of `watch`: when it ended, the clusters it saw, the subscriptions that could not be read.

    `unseen` are those that Resource Graph does not show, with the time since when.
    `notUnderstood` lists the first twenty clusters, or rows of the ledger, that cannot be understood;
    `notUnderstoodCount` says how many there are.
    """

    at: datetime
    clusters: int
    unreadable: tuple[str, ...]
    unseen: dict[str, datetime]
    not_understood: tuple[str, ...] = ()
    not_understood_count: int = 0

    @classmethod
    def of(cls, watched: Round) -> "ShownRound":
        return cls(
            at=moment(watched.at),
            clusters=watched.clusters,
            unreadable=watched.unreadable,
            unseen={name: moment(since) for name, since in watched.unseen.items()},
            not_understood=watched.odd,
            not_understood_count=watched.odd_count,
        )


class Health(Shown, frozen=True, kw_only=True):
    """Whether Tether can do its work. Depths are counts of messages, null when the queue cannot be reached.

    `watch` is whether rounds of it end. `lastWatch` and `lastSweep` are null where that is not known.
    """

    status: str
    policy: Check
    mode: str | None
    settings: Check
    queue: Check
    tables: Check
    blobs: Check
    token: Check
    watch: Check
    queue_depth: int | None
    poison_depth: int | None
    last_watch: ShownRound | None
    last_sweep: datetime | None


class Replayed(Shown, frozen=True, kw_only=True):
    """What became of the poison queue: put back to be worked on, and left since no worker can read it."""

    replayed: int
    left: int


_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


def moment(seconds: float) -> datetime:
    """An instant in seconds since 1970 as RFC 3339 tells it; beyond what that can tell, the last or the first."""
    return datetime.fromtimestamp(min(max(seconds, 0.0), _LAST), UTC)


def known_moment(seconds: float) -> datetime | None:
    """The same, None for 0, which the ledger writes for never."""
    return moment(seconds) if seconds else None
