"""Records that are left, in a pass that could not see the cluster: DNS is read all the same, and nothing is removed.

A record of a cluster that ARM cannot show is not known to be an orphan. It ends as a duty when a read shows that it is
gone, whatever removed it; until then it is reported, and looked at every hour.
"""

from dataclasses import replace

import msgspec

from functions.arm.resource_id import ResourceId
from functions.around import Around
from functions.fleet.memory import left_behind
from functions.fleet.observe_left import in_turn
from functions.fleet.observe_records import read_records
from functions.handlers.api_server_findings import left_unread
from functions.handlers.record_memory import is_clean
from functions.ledger.left import Left
from functions.ledger.state import Observed
from functions.passed import Pass
from functions.role import Role
from functions.work import GROUPS, Work

# Between two looks at what is left while ARM does not show the cluster.
_LEFT_WAIT = 3600.0  # seconds


async def with_duties(done: Pass, work: Work, around: Around, before: Observed | None) -> Pass:
    """The pass, with what is left of the row's records: read, reported, and looked at again.

    A pass that is to be repeated anyway is left as it is.
    """
    if before is None or done.follow_up is not None or around.role is Role.PRIVILEGED:
        return done
    if not (before.left or before.records):
        return done
    waiting = in_turn(before.left, around.now()) if around.targets else []
    clean = {entry.key for entry in waiting if await _is_gone(entry, around)}
    left = tuple(entry for entry in before.left if entry.key not in clean)
    maybe = (left_behind(before, around.now()),) if before.living and before.records else ()
    findings = tuple(left_unread(entry, done.ended) for entry in (*left, *maybe))
    done = replace(done, findings=(*done.findings, *findings))
    if clean:
        done = replace(done, observed=msgspec.structs.replace(done.observed or before, left=left))
    if not (left or maybe):
        return done
    target = work.row if work.row.type == GROUPS else work.target
    follow_up = msgspec.structs.replace(work, target=target, why="look-again", operations=(), always=False, intents=())
    return replace(done, follow_up=follow_up, delay=_LEFT_WAIT)


async def _is_gone(entry: Left, around: Around) -> bool:
    """Whether every target was read, and none holds a record of this deployment for the entry's cluster."""
    zone = ResourceId(entry.zone) if entry.zone else None
    records = await read_records(entry.name, zone, around.targets)
    known = {record.place for record in records}
    clean = all(is_clean(record, entry, around.policy.owner) for record in records)
    return bool(records) and clean and known.issuperset(entry.places)
