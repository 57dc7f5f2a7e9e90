"""What was intended, what became of it and what was found: a line each in the log, and writes in the ledger too.

A line is one JSON object, so that a query can read it (docs/operating.md has some). It names resources and codes,
never claims, tokens or bodies of events.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence

import msgspec

from functions.arm.operations import LookedUp, Operation, Progress
from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Change, Finding, Outcome
from functions.ledger.bodies import cut_entry
from functions.ledger.state import UNTOLD, Entry, Ledger, LedgerError
from functions.work import Work

_log = logging.getLogger("tether")

# A link is made even when the tables do not answer: nodes are waiting (rule 6).
_PATIENCE = 1.0  # seconds


class Journal:
    """The journal of one pass. Every write has its intent told before it and its outcome after it.

    What the ledger cannot keep is told in the log and left in `unkept`, for the Work to carry to a later pass.
    """

    def __init__(self, ledger: Ledger, subject: ResourceId, work: Work) -> None:
        self._ledger = ledger
        self._subject = subject
        self._work = work
        self.unkept: list[Entry] = []

    async def catch_up(self) -> None:
        """Keep what earlier passes could not."""
        for entry in self._work.intents:
            await self._keep(entry)

    async def intended(self, change: Change, at: float, *, again: bool = False) -> Entry:
        """Before the write: what, on what, and why. `again`: it was made before, and others undid it."""
        _line(logging.INFO, "intent", self._work, change=_of(change), reason=change.reason)
        entry = Entry(
            subject=self._subject,
            id=hashlib.sha256(f"{self._work.cause}|{change.target}|{change.place}|{at}".encode()).hexdigest()[:16],
            at=at,
            cause=self._work.cause,
            handler=change.handler,
            action=change.action.value,
            target=str(change.target),
            reason=change.reason,
            before=change.before,
            after=change.after,
            by=self._work.by,
            place=change.place,
            again=again,
            follows=change.follows,
        )
        await self._keep(entry)
        return entry

    def keeps(self, entry: Entry) -> bool:
        """Whether an intent is in the tables, where the next worker finds it if this one dies."""
        return all(held.id != entry.id for held in self.unkept)

    async def became(self, outcome: Outcome, entry: Entry, at: float) -> None:
        """After the write: how it ended for now."""
        overlap = f"somebody else wrote at the same moment: {', '.join(outcome.overlap)}" if outcome.overlap else ""
        error = str(outcome.error or outcome.trouble or overlap) or None
        told = {"change": _of(outcome.change), "result": outcome.result.value, "error": error}
        _line(logging.INFO, "outcome", self._work, **told)
        ended = msgspec.structs.replace(entry, result=outcome.result.value, error=error or "", ended=at)
        self.unkept = [held for held in self.unkept if held.id != entry.id]
        await self._keep(ended)

    async def _keep(self, entry: Entry) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._ledger.intend(entry)
        except (LedgerError, TimeoutError):
            self.unkept.append(cut_entry(entry))  # for the Work, and a queue's message has room for little


# A write takes at most 60 s (rule 5); an intent that is older and has no outcome was left by a worker that died.
_LEFT_OPEN = 120.0  # seconds

# A zone that serves many clusters sees bursts of passes, whose entries stand before that of a dead worker.
_LOOKED_THROUGH = 100  # entries


async def close_left_open(ledger: Ledger, subject: ResourceId, at: float) -> None:
    """Close the intents whose worker died before it could say what became of them: nobody knows, and the pass looks."""
    try:
        for entry in await ledger.journal(subject, _LOOKED_THROUGH):
            if not entry.result and entry.at < at - _LEFT_OPEN:
                await _closed(ledger, entry, at)
    except LedgerError as error:
        _log.warning("the journal of %s is not looked through for open intents: %s", subject, error)


async def close_all_left_open(ledger: Ledger, at: float) -> int:
    """The same for all subjects: a row may have had its last pass when the intent was young. How many there were."""
    found = await ledger.left_open(at - _LEFT_OPEN)
    for entry in found:
        await _closed(ledger, entry, at)
    return len(found)


# Between an intent and its write: the tables get a second (_PATIENCE), the rest is computing.
_BEFORE_WRITE = 5.0  # seconds

# Writes that are counted by the journal: one that Azure took and failed later made nothing, and must not count.
_COUNTED = "microsoft.network/virtualnetworks/subnets"


async def close_failed(ledger: Ledger, subject: ResourceId, looked_up: Sequence[LookedUp], at: float) -> None:
    """Conclude the entries of subnet writes that Azure took and that failed later, with Azure's error.

    Without the tables they stay as they are, and count as made.
    """
    failed = [one for one in looked_up if one.progress is Progress.FAILED and one.operation.target.type == _COUNTED]
    try:
        entries = await ledger.journal(subject, _LOOKED_THROUGH) if failed else ()
        for one in failed:
            for entry in entries:
                if _started(entry, one.operation):
                    error = f"Azure took it, and it failed later: {one.error}"
                    await ledger.conclude(msgspec.structs.replace(entry, result="refused", error=error, ended=at))
    except LedgerError as error:
        _log.warning("the journal of %s does not say which writes failed: %s", subject, error)


def _started(entry: Entry, operation: Operation) -> bool:
    same = entry.target.casefold() == str(operation.target).casefold()
    return same and entry.result == "started" and 0 <= operation.since - entry.at <= _BEFORE_WRITE


async def _closed(ledger: Ledger, entry: Entry, at: float) -> None:
    await ledger.conclude(msgspec.structs.replace(entry, result="unknown", error=UNTOLD, ended=at))


def planned(change: Change, work: Work) -> None:
    """In mode observe, instead of a write."""
    _line(logging.INFO, "plan", work, change=_of(change), reason=change.reason)


def found(finding: Finding, work: Work) -> None:
    """Something that needs a person."""
    _line(
        logging.WARNING,
        "finding",
        work,
        code=finding.code,
        severity=finding.severity.value,
        handler=finding.handler,
        resource=str(finding.target),
        seen=finding.seen,
        advice=finding.advice,
    )


def passed(
    work: Work, ended: str, look_again: float | None, *, changes: int, findings: int, error: str | None = None
) -> None:
    """The end of a pass: how it ended, and in how many seconds the next one comes."""
    numbers = {"attempt": work.attempt, "changes": changes, "findings": findings}
    _line(logging.INFO, "pass", work, ended=ended, lookAgain=look_again, error=error, **numbers)


def _of(change: Change) -> dict[str, str]:
    return {
        "handler": change.handler,
        "action": change.action.value,
        "target": str(change.target),
        "place": change.place,
    }


def _line(level: int, event: str, work: Work, **facts: object) -> None:
    told = {key: value for key, value in facts.items() if value is not None}
    line = {"event": event, "cause": work.cause, "target": str(work.target), "why": work.why, **told}
    _log.log(level, msgspec.json.encode(line).decode())
