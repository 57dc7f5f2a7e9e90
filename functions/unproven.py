"""Passes that did not prove the row's cluster: they change no memory of it (docs/decisions/0012). Pure."""

from dataclasses import replace

import msgspec

from functions import pace
from functions.arm.allowance import NoTurnError
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.fleet.memory import left_behind
from functions.fleet.scope import NotShownError
from functions.fleet.seen import Seen
from functions.handlers import scope_findings, zone_link_findings
from functions.handlers.verdict import Finding
from functions.handlers.zone_link_removal import GONE_AFTER
from functions.ledger.state import GONE, Observed
from functions.passed import Pass, followed
from functions.work import URGENT, Work

NOT_UNDERSTOOD = "not-understood"
"""How a pass ends that read something of which it cannot be told whose it is or what it needs."""


def blind(work: Work, error: ArmError | NoAnswerError | NoTokenError, at: float, before: Observed | None) -> Pass:
    """After failing to observe: a refusal needs a person, a 404 can be that all is gone, the rest passes by itself.

    `before` is what the ledger remembers, None where that is not known. A cluster that was proven there stays
    remembered: its absence is seen by `identify`, and nothing else shows it.
    """
    attempt = work.attempt if isinstance(error, NoTurnError) else work.attempt + 1
    delay = pace.after_blindness(attempt, work.since, at, error)
    if isinstance(error, NotShownError):
        return _not_shown(work, error, at, delay)
    kind = classify(error) if isinstance(error, ArmError) else None
    findings: tuple[Finding, ...] = ()
    if isinstance(error, ArmError) and kind in {Kind.DENIED, Kind.INVALID}:
        findings = (zone_link_findings.not_readable(work.target, error),)
    if delay is None:
        missing = GONE if kind is Kind.GONE else ""
        return unproven("gone" if missing else "not-seen", findings, at, before, missing)
    done = _not_seen(work, error, findings, attempt, delay)
    return _not_missed(done, at, before) if kind is Kind.GONE else done


def _not_missed(done: Pass, at: float, before: Observed | None) -> Pass:
    """After a 404 that did not show the row's cluster to be gone: the two looks of its removal start over.

    `identify` raises such a 404 only where ARM shows the cluster, or where it does not show its subscription.
    """
    if before is None or not (before.cluster and before.gone_since):
        return done
    return replace(done, observed=msgspec.structs.replace(before, at=at, gone_since=0.0))


def _not_seen(work: Work, error: Exception, findings: tuple[Finding, ...], attempt: int, delay: float) -> Pass:
    done = followed(work, "not-seen", (), findings, work.operations, attempt, delay)
    if done.follow_up is not None and work.why == URGENT:
        done = replace(done, follow_up=msgspec.structs.replace(done.follow_up, why=URGENT))
    return replace(done, error=str(error))


def _not_shown(work: Work, error: NotShownError, at: float, delay: float | None) -> Pass:
    """Retry while Resource Graph does not show the subscription, and report it after some minutes. Remembers nothing.

    After half an hour the event is given up: `watch` lists the subscription as soon as it is shown.
    """
    findings = scope_findings.not_shown(work.target, work.since, at, delay)
    if delay is None:
        return Pass("not-visible", findings=findings, error=str(error), keeps_looks=True)
    return _not_seen(work, error, findings, work.attempt + 1, delay)


def not_understood(work: Work, findings: tuple[Finding, ...], at: float, before: Observed | None) -> Pass:
    """After reading what cannot be understood: nothing is concluded from it, and the row's memory stays.

    Azure will probably say the same again, so it is read at the pace of what is settled, and after a day no more:
    `watch` and the sweep still report it.
    """
    attempt = work.attempt + 1
    delay = pace.after_oddity(attempt, work.since, at)
    done = followed(work, NOT_UNDERSTOOD, (), findings, work.operations, attempt, delay)
    kept = unproven(NOT_UNDERSTOOD, findings, at, before)
    return replace(done, observed=kept.observed, noted=kept.noted, keeps_looks=kept.keeps_looks)


def unproven(ended: str, findings: tuple[Finding, ...], at: float, before: Observed | None, state: str = "") -> Pass:
    """A pass whose target is not proven to be the row's cluster: the row's memory and its next look stay as they are.

    A row in which no cluster was ever proven keeps what was found there, so that it is reported once.
    """
    codes = tuple(finding.code for finding in findings)

    def noted(held: Observed) -> Observed | None:
        if not held.proven:
            return msgspec.structs.replace(held, at=at, findings=codes, state=state)
        new = tuple(code for code in codes if code not in held.findings)
        return msgspec.structs.replace(held, findings=(*held.findings, *new)) if new else None

    observed = None if before is None else noted(before)
    keeps = before is None or before.proven
    return Pass(ended, findings=findings, observed=observed, noted=noted, keeps_looks=keeps)


def in_another_row(work: Work, seen: Seen, at: float, before: Observed) -> Pass:
    """The row's cluster was created again with another node resource group, where it has a row of its own.

    This row's cluster is gone. Its record is left to remove, unless the new cluster has the same private name.
    """
    name = (seen.cluster.properties.private_fqdn or "").casefold() if seen.cluster is not None else ""
    former = left_behind(before, at)
    left = {entry.key: entry for entry in before.left}
    if former.name and former.name != name:
        left.setdefault(former.key, former)
    gone = msgspec.structs.replace(
        before,
        at=at,
        state=GONE,
        gone_since=before.gone_since or at,
        findings=(),
        operations=(),
        left=tuple(left.values()),
        records=before.records if former.name != name else (),
    )
    if not left:
        return Pass("in-another-row", observed=gone)
    follow_up = msgspec.structs.replace(
        work, target=work.row, why="look-again", operations=(), always=False, intents=()
    )
    return Pass("in-another-row", follow_up=follow_up, delay=GONE_AFTER, observed=gone)
