"""What is kept for people: drift reports, the last round of `watch`, plans that were stopped, and approvals of them.

A JSON document each: `drift/latest.json`, `drift/<date>.json`, `watch/latest.json`, `watch/unseen.json`,
`plans/<id>.json` and `approvals/<id>.json`.
"""

import logging
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from functions.plan import Approval

_log = logging.getLogger("tether")

_LATEST = "drift/latest.json"
_WATCHED, _AWAITED, _UNSEEN = "watch/latest.json", "watch/awaited.json", "watch/unseen.json"

# An event that waits says so again within 900 s, the slowest pace. Anybody who can send an event can name some.
_WAITED = 1000.0  # seconds
_MOST_UNSEEN = 200  # subscriptions
_OLDEST = 1800.0  # seconds: an event's own time is what its sender says


class ReportsError(Exception):
    """The reports could not be reached: nothing is known, and nothing was kept."""


class OddReportError(ReportsError):
    """A report is there and cannot be decoded. Others can be read."""


class Told(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A finding in a report."""

    code: str
    severity: str
    target: str
    seen: str
    advice: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A change that Tether would make. `key` is what an approval names it by (plan.key).

    `place` is where: the VNet of a link, the DNS target of a record.
    """

    key: str
    handler: str
    action: str
    target: str
    place: str
    reason: str


class Gap(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the survey cannot tell of a zone or cluster, and what it lacks."""

    target: str
    lacks: str


class DriftReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One sweep: what was seen, what should change, and what became of that.

    `at` is the survey's instant, in seconds since 1970, and `seconds` how long it took. `findings` counts them by code;
    `found`, `wanted` and `unclear` list the first thousand each, with the whole numbers in `findings`, `changes` and
    `unclear_count`. `unreadable` are subscriptions and management groups of the scope of which nothing can be seen.
    `queued` counts passes that were asked for; `stopped` the changes that wait for a person to approve `plan`, those
    that passes stopped before among them, and `waiting` lists the first thousand of these.
    """

    at: float
    mode: str = ""
    seconds: float = 0.0
    queries: int = 0
    rows: int = 0
    clusters: int = 0
    zones: int = 0
    excluded: int = 0
    changes: int = 0
    queued: int = 0
    findings: dict[str, int] = {}
    found: tuple[Told, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    unclear_count: int = 0
    unclear: tuple[Gap, ...] = ()
    unreadable: tuple[str, ...] = ()
    plan: str = ""
    stopped: int = 0
    waiting: tuple[Wanted, ...] = ()
    note: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a change is decided: what a pass looks at, and the ledger's row for it."""

    target: str
    subject: str


class Plan(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Changes that the limit stopped, all of them, under the id of exactly these, and the passes that would make them.

    `at` is when they were stopped, in seconds since 1970.
    """

    id: str
    at: float
    changes: tuple[Wanted, ...]
    places: tuple[Place, ...] = ()


class Round(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One round of `watch`: when it ended (seconds since 1970), the clusters it saw, what it could not read.

    `unseen` are the subscriptions that Resource Graph does not show (Scopes.unseen), and since when.
    `odd` are the resources, the first twenty, that were listed or remembered and cannot be understood; `odd_count` is
    how many there are.
    """

    at: float
    clusters: int = 0
    unreadable: tuple[str, ...] = ()
    unseen: dict[str, float] = {}
    odd: tuple[str, ...] = ()
    odd_count: int = 0


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """Subscriptions that events wait for, and that Resource Graph does not show: since when, and last at."""

    waiting: dict[str, tuple[float, float]] = {}


class Plans(Protocol):
    """What a pass needs of the plans, and that only when the limit stops it. Every call may raise ReportsError."""

    async def approvals(self, now: float) -> tuple[Approval, ...]:
        """Those that hold now."""
        ...

    async def keep_plan(self, plan: Plan) -> None:
        """Keep what was stopped, for a person to approve by its id. The same again changes nothing."""
        ...


class Documents(Protocol):
    """A store of named documents. Every call may raise ReportsError."""

    async def read(self, name: str) -> bytes | None:
        """The document, None when there is none."""
        ...

    async def write(self, name: str, body: bytes) -> None:
        """Keep the document, in place of one of that name."""
        ...

    async def names(self, prefix: str) -> list[str]:
        """The names that begin so."""
        ...


class Reports:
    """What is kept of sweeps, rounds and plans. Every call may raise ReportsError."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    async def keep(self, report: DriftReport) -> None:
        """Keep a report as the latest and as its day's."""
        body = msgspec.json.encode(report)
        await self._documents.write(f"drift/{day_of(report.at)}.json", body)
        await self._documents.write(_LATEST, body)

    async def latest(self) -> DriftReport | None:
        return await self._document(_LATEST, DriftReport)

    async def of_day(self, day: str) -> DriftReport | None:
        """The last report of a day (UTC, `2026-11-20`)."""
        return await self._document(f"drift/{day}.json", DriftReport) if _is_day(day) else None

    async def keep_plan(self, plan: Plan) -> None:
        await self._documents.write(f"plans/{plan.id}.json", msgspec.json.encode(plan))

    async def plan(self, plan_id: str) -> Plan | None:
        return await self._document(f"plans/{plan_id}.json", Plan) if _is_id(plan_id) else None

    async def approve(self, approval: Approval) -> None:
        """Keep a person's word. Another for the same plan takes its place."""
        await self._documents.write(f"approvals/{approval.plan}.json", msgspec.json.encode(approval))

    async def approvals(self, now: float) -> tuple[Approval, ...]:
        """Those that hold now."""
        found: list[Approval] = []
        for name in await self._documents.names("approvals/"):
            body = await self._documents.read(name)
            try:
                held = None if body is None else msgspec.json.decode(body, type=Approval)
            except (msgspec.MsgspecError, ValueError) as error:
                # What was not understood was not given.
                _log.error("the approval %s permits nothing, since it cannot be read: %s", name, error)
                continue
            if held is not None and held.holds(now):
                found.append(held)
        return tuple(found)

    async def keep_round(self, watched: Round) -> None:
        """Keep a round of `watch` as the last one."""
        await self._documents.write(_WATCHED, msgspec.json.encode(watched))

    async def last_round(self) -> Round | None:
        return await self._document(_WATCHED, Round)

    async def note_unseen(self, subscription: str, since: float, at: float) -> None:
        """Keep that an event waits for a subscription, in lower case.

        Of two writers at once one may be lost: each event says it again.
        """
        held = await self._document(_UNSEEN, Unseen) or Unseen()
        first, _ = held.waiting.get(subscription, (at, at))
        young = {name: one for name, one in held.waiting.items() if name != subscription and one[1] > at - _WAITED}
        newest = sorted(young.items(), key=lambda item: item[1][1])[-(_MOST_UNSEEN - 1) :]
        waiting = {**dict(newest), subscription: (min(first, max(since, at - _OLDEST)), at)}
        await self._documents.write(_UNSEEN, msgspec.json.encode(Unseen(waiting=waiting)))

    async def unseen(self, at: float) -> dict[str, float]:
        """The subscriptions that events wait for, and since when."""
        held = await self._document(_UNSEEN, Unseen) or Unseen()
        return {name: first for name, (first, last) in held.waiting.items() if last > at - _WAITED}

    async def awaited_since(self, now: float) -> float:
        """Since when somebody asks for the first round in vain. The first to ask begins to count."""
        held = await self._document(_AWAITED, Round)
        if held is None:
            await self._documents.write(_AWAITED, msgspec.json.encode(Round(at=now)))
        return now if held is None else held.at

    async def _document[T](self, name: str, kind: type[T]) -> T | None:
        body = await self._documents.read(name)
        try:
            return None if body is None else msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, ValueError) as error:
            raise OddReportError(f"the report {name} cannot be read: {error}") from None


def day_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _is_day(text: str) -> bool:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat() == text
    except ValueError:
        return False


def _is_id(text: str) -> bool:
    """Whether a text has the form of a plan's id: it comes from a person, and becomes part of a blob's name."""
    return len(text) == 16 and all(sign in "0123456789abcdef" for sign in text)
