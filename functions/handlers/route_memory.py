"""What the ledger remembers between the passes over a kubenet cluster's subnets. Pure."""

from collections.abc import Iterable

import msgspec

from functions.arm import subnets
from functions.arm.errors import ArmError
from functions.arm.resource_id import ResourceId
from functions.fleet.seen import Seen, Unknown
from functions.fleet.subnet_model import Subnet, SubnetSeen
from functions.handlers.verdict import TAKEN, Change, Outcome, Result, Routing
from functions.ledger.routed import Routed, Wrote

# For so long a person is told of what may be lost.
_DAY = 24 * 3600.0  # seconds


def bare_since(seen: Seen) -> float:
    """When a subnet of the cluster was first found without a table; 0 while none is, or AKS is at work."""
    if isinstance(seen.subnets, Unknown) or seen.busy:
        return _held(seen).bare_since
    bare = any(isinstance(one.held, Subnet) and one.table is None for one in seen.subnets)
    return (_held(seen).bare_since or seen.at) if bare else 0.0


def doubts(seen: Seen) -> tuple[tuple[ResourceId, tuple[str, ...]], ...]:
    """The subnets that Tether wrote within a day, and that somebody else wrote at about the same time: in what."""
    return tuple((ResourceId(wrote.subnet), wrote.doubt) for wrote in _verified(seen) if wrote.doubt)


def noted(seen: Seen, outcomes: Iterable[Outcome], given_up: Iterable[Change]) -> Routed | None:
    """What to remember after a pass that saw this and wrote so. None where there is nothing."""
    if isinstance(seen.subnets, Unknown) or isinstance(seen.node_tables, Unknown | ArmError):
        return seen.remembered.routed
    written = [(one, one.change.wants) for one in outcomes if isinstance(one.change.wants, Routing)]
    new = [_wrote(one, wants, seen.at) for one, wants in written if one.result in {*TAKEN, Result.UNKNOWN}]
    again = {wants.kept.casefold() for one, wants in written if one.result in TAKEN}
    kept = {*(text for text in _still_kept(seen) if text.casefold() not in again)}
    kept |= {change.kept for change in given_up if isinstance(change.wants, Routing)}
    replaced = {ResourceId(wrote.subnet) for wrote in new}
    old = (wrote for wrote in _verified(seen) if ResourceId(wrote.subnet) not in replaced)
    routed = Routed(kept=tuple(sorted(kept)), bare_since=bare_since(seen), wrote=(*old, *new))
    return None if routed == Routed() else routed


def in_place(seen: Seen) -> bool:
    """Whether every subnet of the cluster's nodes is known to have the table that AKS made. Unknown means no."""
    if isinstance(seen.subnets, Unknown) or isinstance(seen.node_tables, Unknown | ArmError) or not seen.subnets:
        return False
    own = {table.id for table in seen.node_tables}
    return all(isinstance(one.held, Subnet) and one.held.settled and one.table in own for one in seen.subnets)


def _held(seen: Seen) -> Routed:
    return seen.remembered.routed or Routed()


def _still_kept(seen: Seen) -> list[str]:
    """The tables that are where they should be, and those of before that are missing: a loss that still counts.

    What a subnet shows while Azure is at work on it may be undone as the write fails, and that is nobody's loss.
    """
    assert not isinstance(seen.subnets, Unknown)  # noted has looked
    assert not isinstance(seen.node_tables, Unknown | ArmError)
    own = {table.id for table in seen.node_tables}
    found: list[str] = []
    for one in seen.subnets:
        unsettled = isinstance(one.held, Subnet) and not one.held.settled
        if one.table in own and one.table is not None and not unsettled:
            found.append(Routing(one.id, one.table, b"").kept)
        elif one.table is None or unsettled:
            found += [text for text in _held(seen).kept if ResourceId(text.split(" ")[0]) == one.id]
    return found


def _wrote(outcome: Outcome, wants: Routing, at: float) -> Wrote:
    prints = subnets.prints(wants.body)
    return Wrote(subnet=str(wants.subnet), at=at, prints=prints, doubt=outcome.overlap)


def _verified(seen: Seen) -> tuple[Wrote, ...]:
    """What is not yet known to be whole, or known not to be. A subnet is compared once, when Azure is done with it."""
    if isinstance(seen.subnets, Unknown):
        return _held(seen).wrote
    each = (_compared(wrote, seen.subnets, seen.at) for wrote in _held(seen).wrote)
    return tuple(wrote for wrote in each if wrote is not None)


def _compared(wrote: Wrote, seen: tuple[SubnetSeen, ...], at: float) -> Wrote | None:
    if at >= wrote.at + _DAY:
        return None
    one = next((one for one in seen if one.id == ResourceId(wrote.subnet)), None)
    if wrote.doubt or one is None or not isinstance(one.held, Subnet) or not one.held.settled or not one.body:
        return wrote
    now = subnets.prints(one.body)
    differing = tuple(
        sorted(name for name in now.keys() | wrote.prints.keys() if now.get(name) != wrote.prints.get(name))
    )
    return msgspec.structs.replace(wrote, doubt=differing) if differing else None
