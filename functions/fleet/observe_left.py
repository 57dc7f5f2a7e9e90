"""The names that former clusters of a row left behind: whether they are still left, and what targets hold under them.

A record is removed only while ARM shows that no cluster has the name: the same id can be created again with it.
"""

import asyncio
from collections.abc import Sequence

from functions.arm import reads
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.observe_records import Targets, read_records
from functions.fleet.seen import LeftSeen, Seen
from functions.ledger.left import Left

# So many names a pass reads; a row with more takes them in turns of this many seconds.
_AT_ONCE, _TURN = 10, 900


async def observe_left(session: Session, seen: Seen, targets: Targets) -> tuple[LeftSeen, ...]:
    """Read what is left of the row's former clusters. Raises nothing that concerns only one of them."""
    own = (str(seen.cluster_id).casefold(), seen.private_fqdn)
    waiting = in_turn([entry for entry in seen.remembered.left if entry.key != own], seen.at)
    return tuple(await asyncio.gather(*(_read(session, seen, entry, targets) for entry in waiting)))


def in_turn(entries: Sequence[Left], at: float) -> list[Left]:
    """At most ten of the entries: others at other times, so that a few that stay do not keep the rest waiting."""
    first = int(at // _TURN) * _AT_ONCE % len(entries) if len(entries) > _AT_ONCE else 0
    return [*entries[first:], *entries[:first]][:_AT_ONCE]


async def _read(session: Session, seen: Seen, entry: Left, targets: Targets) -> LeftSeen:
    gone, taken = await _standing(session, seen, entry)
    zone = ResourceId(entry.zone) if entry.zone else None
    return LeftSeen(entry, gone, taken, await read_records(entry.name, zone, targets))


async def _standing(session: Session, seen: Seen, entry: Left) -> tuple[bool, bool]:
    """Whether no cluster has the name now, and whether a cluster of the same id has it; both False: not known."""
    if seen.cluster is not None and seen.cluster.id == ResourceId(entry.cluster):
        name = (seen.cluster.properties.private_fqdn or "").casefold()
        return bool(name) and name != entry.name, False
    cluster = ResourceId(entry.cluster)
    try:
        name = ((await reads.managed_cluster(session, cluster)).properties.private_fqdn or "").casefold()
        return bool(name) and name != entry.name, name == entry.name
    except ArmError as error:
        if classify(error) is not Kind.GONE:
            return False, False
    except (NoAnswerError, NoTokenError):
        return False, False
    try:
        await reads.subscription(session, cluster.subscription)
    except (ArmError, NoAnswerError, NoTokenError):
        return False, False
    return True, False
