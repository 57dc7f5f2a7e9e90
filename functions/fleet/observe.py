"""One cluster and its zone read fresh from ARM, with as much around them as was asked for."""

import asyncio
from dataclasses import replace
from enum import Enum

from functions.arm import reads, run_command
from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.operations import LookedUp, Operation, Progress, look_up
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.side_by_side import all_read
from functions.arm.understood import NotUnderstoodError
from functions.fleet.identify import identify
from functions.fleet.observe_address import observe_address
from functions.fleet.observe_spokes import observe_spokes
from functions.fleet.oddities import odd_subnets
from functions.fleet.seen import NOT_ASKED, NOTHING_REMEMBERED, UNKNOWN, Links, Seen, Unknown
from functions.ledger.state import Observed
from functions.policy import Mode, Policy

# Reads that show whose a zone is: the resource group and the cluster.
_PROOF = 2


class Depth(Enum):
    """How much to read."""

    URGENT = "urgent"  # nodes are waiting: the proof and no more, two reads (rule 6)
    MOVED = "moved"  # where the API server is, and who tells its clients: its address may have changed
    FULL = "full"  # all of it, the spokes too, so that hubs can be discovered


async def observe(
    session: Session,
    target: ResourceId,
    policy: Policy,
    at: float,
    depth: Depth,
    operations: tuple[Operation, ...] = (),
    remembered: Observed | None = NOTHING_REMEMBERED,
) -> Seen:
    """Everything that `decide` needs to know of ARM's, or an error; never a part for the whole.

    `target` is a zone, a cluster or a node resource group. `remembered` is None where the ledger does not answer.
    Raises as `identify` does for what is not ours to touch, ArmError (a 404 says that the zone, group or cluster is
    gone), NoAnswerError and NoTokenError.
    """
    seen = await identify(session, target, policy, at, remembered or NOTHING_REMEMBERED)
    linked_before = _linked_before(remembered)
    discovers = depth is Depth.FULL and policy.discover_resolvers
    prunes = depth is Depth.FULL and policy.prune  # which nodes ask which servers decides whether a link may go
    asks = depth is not Depth.URGENT and policy.resolution.enabled
    routes = depth is Depth.FULL and policy.route_tables.attach
    follows = depth is not Depth.URGENT and policy.follows_addresses
    spoken = asyncio.create_task(observe_spokes(session, seen.cluster if discovers or asks or prunes else None))
    routed = asyncio.create_task(_routed(session, seen) if routes else _as_it_is(seen))
    located = asyncio.create_task(_located(session, seen) if follows else _as_it_is(seen))
    linked = asyncio.create_task(_unknown() if operations else _links(session, seen, policy, (), depth))
    await all_read(spoken, routed, located, linked)
    (spokes, unreadable), listed = spoken.result(), linked.result()
    found, odd = located.result(), (*located.result().odd, *routed.result().odd)
    seen = replace(routed.result(), spokes=spokes, unreadable=unreadable, api_server=found.api_server, odd=odd)
    if not isinstance(listed, Unknown):
        return replace(seen, links=listed)
    # Last, since a read that fails would forget the pause that ARM names for looking again.
    looked_up = tuple([await _looked_up(session, operation, at) for operation in operations])
    about_links = tuple(looked for looked in looked_up if looked.operation.of_zone)
    try:
        links = await _links(session, seen, policy, about_links, depth, linked_before=linked_before)
    except (ArmError, NoAnswerError) as error:
        # The pass that follows looks the operations up again, and must keep to what ARM said of them just now.
        named = (looked.pause or 0.0 for looked in looked_up if looked.operation.due <= at)
        error.retry_after = max(error.retry_after or 0.0, *named, 0.0) or None
        raise
    return replace(seen, links=links, operations=looked_up)


def _linked_before(remembered: Observed | None) -> bool:
    """Whether hubs may be linked of which no operation tells."""
    return remembered is None or bool(remembered.hubs)


def expected(depth: Depth, operations: tuple[Operation, ...], at: float, remembered: Observed | None) -> int:
    """How many reads of ARM an observation takes, as far as can be told before: the proof, the links, a look each."""
    due = sum(operation.due <= at for operation in operations)
    waiting = any(operation.of_zone for operation in operations)
    unhurried = depth is Depth.FULL and (not waiting or _linked_before(remembered))
    return _PROOF + due + unhurried


async def _looked_up(session: Session, operation: Operation, at: float) -> LookedUp:
    """An operation that is not due yet is running: asking early would only spend reads."""
    if operation.due > at:
        return LookedUp(operation, Progress.RUNNING, pause=operation.due - at)
    return await (run_command.look_up if operation.command else look_up)(session, operation)


async def _routed(session: Session, seen: Seen) -> Seen:
    """With the subnets of a kubenet cluster's nodes, once AKS is done with it: no other needs a route table."""
    if seen.cluster is None or not seen.cluster.kubenet or not seen.cluster.settled or seen.cluster_ends:
        return seen
    if odd := odd_subnets(seen.cluster):
        return replace(seen, odd=odd)  # of those that can be read nothing could be concluded
    from functions.fleet.observe_subnets import observe_subnets  # not for the sake of a zone's birth

    try:
        return await observe_subnets(session, seen, seen.cluster)
    except NotUnderstoodError as error:
        return replace(seen, odd=(error.odd,))


async def _located(session: Session, seen: Seen) -> Seen:
    """With where the API server is, of a cluster that is known."""
    if seen.cluster is None:
        return seen
    try:
        return replace(seen, api_server=await observe_address(session, seen.cluster, seen.zone))
    except NotUnderstoodError as error:
        return replace(seen, odd=(error.odd,))


async def _unknown() -> Unknown:
    """In place of links that have to wait for what became of those that were asked for."""
    return UNKNOWN


async def _as_it_is(seen: Seen) -> Seen:
    return seen


async def _links(
    session: Session,
    seen: Seen,
    policy: Policy,
    looked_up: tuple[LookedUp, ...],
    depth: Depth,
    *,
    linked_before: bool = False,
) -> Links:
    """The links, as far as they must be known (docs/decisions/0001).

    While nodes wait they are not read before the first write; after one, its operation tells enough, unless that was
    lost or met a conflict. A pass lists them that has no operation to look up, that writes nothing, or that may have
    linked a hub in an earlier pass (`linked_before`).
    """
    if seen.zone is None or depth is Depth.MOVED or not seen.links_matter:
        return NOT_ASKED
    unhurried = depth is Depth.FULL and (not looked_up or seen.ends or linked_before)
    if unhurried or policy.mode is Mode.OBSERVE or any(_needs_list(looked) for looked in looked_up):
        return await _listed(session, seen.zone)
    named = [looked.operation.target for looked in looked_up if _exists_already(looked)]
    read = [await reads.link(session, target) for target in named]
    return Links(tuple(link for link in read if link is not None))


async def _listed(session: Session, zone: ResourceId) -> Links:
    """All links; none of a zone that is not there (yet): the cluster's own state says which."""
    try:
        return Links(await reads.links(session, zone), complete=True)
    except ArmError as error:
        if classify(error) is not Kind.GONE:
            raise
        return Links((), complete=True, zone_is_there=False)


def _needs_list(looked: LookedUp) -> bool:
    conflict = looked.error is not None and classify(looked.error) is Kind.CONFLICT
    return looked.progress is Progress.UNKNOWN or (conflict and not _exists_already(looked))


def _exists_already(looked: LookedUp) -> bool:
    return looked.error is not None and looked.error.code == "PreconditionFailed"
