"""What was intended, what became of it and what was found: one structured line each, with the cause id.

A line is one JSON object, so that a query can read it (docs/operating.md has some). It names resources and codes,
never claims, tokens or bodies of events.
"""

import logging

import msgspec

from functions.handlers.verdict import Change, Finding, Outcome
from functions.work import Work

_log = logging.getLogger("tether")


def intended(change: Change, work: Work) -> None:
    """Before the write: what, on what, and why."""
    _line(logging.INFO, "intent", work, change=_of(change), reason=change.reason)


def planned(change: Change, work: Work) -> None:
    """In mode observe, instead of a write."""
    _line(logging.INFO, "plan", work, change=_of(change), reason=change.reason)


def became(outcome: Outcome, work: Work) -> None:
    """After the write: how it ended for now."""
    error = str(outcome.error) if outcome.error else None
    _line(logging.INFO, "outcome", work, change=_of(outcome.change), result=outcome.result.value, error=error)


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


def passed(work: Work, ended: str, look_again: float | None, changes: int, findings: int) -> None:
    """The end of a pass: how it ended, and in how many seconds the next one comes."""
    numbers = {"attempt": work.attempt, "changes": changes, "findings": findings}
    _line(logging.INFO, "pass", work, ended=ended, lookAgain=look_again, **numbers)


def _of(change: Change) -> dict[str, str]:
    return {
        "handler": change.handler,
        "action": change.action.value,
        "target": str(change.target),
        "vnet": str(change.vnet),
    }


def _line(level: int, event: str, work: Work, **facts: object) -> None:
    told = {key: value for key, value in facts.items() if value is not None}
    line = {"event": event, "cause": work.cause, "target": str(work.target), "why": work.why, **told}
    _log.log(level, msgspec.json.encode(line).decode())
