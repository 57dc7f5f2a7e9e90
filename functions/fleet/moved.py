"""When an API server moved, when its new address came to be served, and how far the restarts are. Pure.

A move is told from what is remembered and what is seen, so that a pass that dies before it is kept is made again.
"""

import hashlib
from dataclasses import dataclass

import msgspec

from functions.arm.operations import LookedUp, Operation, Progress
from functions.arm.resource_id import ResourceId
from functions.dns.record import Record
from functions.fleet import restart_report
from functions.fleet.address import ApiServer
from functions.fleet.restart_report import Report
from functions.fleet.seen import Seen, Unknown
from functions.ledger.move import Move

# AKS's own records may be kept for 300 s, and a record of a policy's for a day at most.
_AKS_TTL, _LONGEST_TTL = 300, 86400  # seconds

# A command whose end does not come in this time has none: the script waits two minutes.
_LONGEST_RUN = 1800.0  # seconds

_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0  # seconds, after commands that got nowhere

UNDONE = "restart-undone"
"""The trouble of a move whose restarts are undone: to go on would restart the same workloads for ever."""

# What the script says by its exit code; see there.
_NOT_PERMITTED = 4


def moved(seen: Seen) -> Move | None:
    """The cluster's last move, as of now; None where there was none, or the cluster ends.

    the address                                  verdict
    not known now, or the first one ever         the move that is remembered
    lacks one of those that are remembered       a new move
    else                                         the move that is remembered, brought up to date
    """
    if seen.cluster is None or seen.cluster_ends:
        return None
    move = _begun(seen, seen.cluster.id) or seen.remembered.move
    return None if move is None else _heard(_served(move, seen), seen)


def running(seen: Seen, move: Move) -> LookedUp | None:
    """The command that restarts for this move, while it runs: as it was looked up, or as it is remembered."""
    looked_up = [looked for looked in seen.operations if _awaited(looked.operation, move)]
    if looked_up:
        return looked_up[0] if looked_up[0].progress is Progress.RUNNING else None
    kept = [held for held in seen.remembered.operations if _awaited(held, move)]
    return LookedUp(kept[0], Progress.RUNNING) if kept else None


def _awaited(operation: Operation, move: Move) -> bool:
    return operation.command == move.id and operation.since > move.heard


def _begun(seen: Seen, cluster: ResourceId) -> Move | None:
    server, before = seen.api_server, seen.remembered.address
    if isinstance(server, Unknown) or server.doubt is not None or not before:
        return None
    if not set(before.split()) - set(server.text.split()):
        return None
    said = "\0".join((str(cluster).casefold(), before, server.text, str(seen.at)))
    return Move(
        id=hashlib.sha256(said.encode()).hexdigest()[:16],
        at=seen.at,
        old=before,
        new=server.text,
        ttl=_ttl(seen),
    )


def _ttl(seen: Seen) -> int:
    """For how long someone may keep what was answered before the move."""
    records = () if isinstance(seen.records, Unknown) else seen.records
    kept = (record.held.ttl for record in records if isinstance(record.held, Record))
    akss = 0 if isinstance(seen.api_server, Unknown) else seen.api_server.ttl
    return min(_LONGEST_TTL, max(_AKS_TTL, akss, *kept))


def _served(move: Move, seen: Seen) -> Move:
    """When the new address came to be answered. What cannot be asked now tells nothing; a wrong answer begins it anew.

    Whose a record is makes no difference here: clients do not ask for that.
    """
    if isinstance(seen.api_server, Unknown) or seen.api_server.doubt is not None:
        return move
    here = _where_served(seen, seen.api_server)
    if here.wrong:
        return msgspec.structs.replace(move, served_at=0.0)
    if move.served_at or here.unknown:
        return move
    return msgspec.structs.replace(move, served_at=seen.at)


@dataclass(frozen=True, slots=True)
class _Where:
    wrong: bool
    unknown: bool


def _where_served(seen: Seen, server: ApiServer) -> _Where:
    records = () if isinstance(seen.records, Unknown) else seen.records
    held = [record.held for record in records]
    answers = () if isinstance(seen.answers, Unknown) else seen.answers
    wrong = (
        (server.published is not None and server.published != server.addresses)
        or any(isinstance(one, Record) and one.addresses != server.addresses for one in held)
        or any(answer.speaks and bool(answer.addresses - server.addresses) for answer in answers)
    )
    return _Where(wrong, unknown=not all(isinstance(one, Record) for one in held))


def _heard(move: Move, seen: Seen) -> Move:
    """What the last command came to, once it is heard of."""
    for looked in seen.operations:
        operation = looked.operation
        runs = looked.progress is Progress.RUNNING and seen.at < operation.since + _LONGEST_RUN
        if _awaited(operation, move) and not runs:
            return _after(move, looked, operation, seen.at)
    return move


def _after(move: Move, looked: LookedUp, operation: Operation, at: float) -> Move:
    move = msgspec.structs.replace(move, commands=move.commands + 1, heard=operation.since)
    match looked.progress:
        case Progress.FAILED:
            reason = looked.error.message if looked.error else ""
            return _stuck(move, "restart-command-not-run", reason[:500], at)
        case Progress.SUCCEEDED if looked.ran is not None and looked.ran.exit_code == _NOT_PERMITTED:
            return _stuck(move, "restart-not-permitted", "the cluster does not permit it", at)
        case Progress.SUCCEEDED if looked.ran is not None and looked.ran.exit_code == 0:
            report = restart_report.read(looked.ran.output, move.id)
            size = len(looked.ran.output)
            if report is None:
                return _stuck(move, "restart-output-cut", f"{size} characters came, and no last line", at)
            return _reported(move, report, at)
        case Progress.SUCCEEDED if looked.ran is not None:
            return _stuck(move, "restart-failed", f"the script ended with exit code {looked.ran.exit_code}", at)
        case _:
            return _stuck(move, "restart-result-lost", "Azure does not know the command", at)


def _reported(move: Move, report: Report, at: float) -> Move:
    """What a report says of the move.

    restarted and   refused   as many to go as before   verdict
    not up again    any       any                       got nowhere: wait for them
    up again        any       yes                       got nowhere: somebody undoes it, and would be restarted for ever
    up again        any       no                        the next command, if any are to go
    none            some      any                       got nowhere
    """
    told = msgspec.structs.replace(
        move,
        commands=move.commands - report.listing,
        listed=report.listing,
        ended=not report.to_go,
        left=report.to_go,
        names=report.names,
        by_hand=report.by_hand,
        by_hand_names=report.by_hand_names,
        trouble="",
        said="",
        troubles=0,
        again_at=0.0,
    )
    if report.listing:
        return told
    before = 0 if report.restarted else move.troubles
    if report.waiting:
        return _stuck(told, "restart-not-ready", f"{report.waiting} restarted, and not up again", at, before)
    if report.refused and not report.restarted:
        return _stuck(told, "restart-refused-by-cluster", f"{report.refused} could not be patched", at, before)
    if 0 < move.left <= report.to_go:
        said = f"{report.restarted} were restarted, and {report.to_go} are left, no fewer than before"
        return _stuck(told, UNDONE, said, at, move.troubles)
    return told


def _stuck(move: Move, trouble: str, said: str, at: float, before: int | None = None) -> Move:
    """One more command that got nowhere: each doubles the pause before the next."""
    troubles = (move.troubles if before is None else before) + 1
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(troubles - 1, 10))
    return msgspec.structs.replace(move, trouble=trouble, said=said, troubles=troubles, again_at=at + pause)
