"""The subnets of a kubenet cluster's nodes, and the route tables that AKS may have made for them."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace

import msgspec

from functions.arm import reads, subnets
from functions.arm.errors import ArmError, Kind, classify
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.side_by_side import all_read
from functions.arm.understood import NotUnderstoodError, one
from functions.fleet.model import ManagedCluster, decode_hook
from functions.fleet.oddities import odd_subnets
from functions.fleet.ownership import NotProvenError, claimed_manager
from functions.fleet.seen import Seen
from functions.fleet.subnet_model import RouteTable, Subnet, SubnetSeen

_subnet = msgspec.json.Decoder(Subnet, dec_hook=decode_hook)

# What a person may have kept from Tether, and what may be gone: told by the handler, and no reason to see nothing.
_TOLD = frozenset({Kind.DENIED, Kind.GONE, Kind.INVALID})

type _Neighbours = tuple[ResourceId, ...] | ArmError


async def observe_subnets(session: Session, seen: Seen, cluster: ManagedCluster) -> Seen:
    """`seen` with the cluster's subnets and its node resource group's route tables, all read side by side.

    None are known while AKS names no node resource group, and none of a group that names another manager (rule 8).
    Other clusters of the subscriptions of the cluster and its VNets are listed where a table may have to be attached.
    A table of somebody else's is read too, to tell what is in it. Raises as reads do, but not for what ARM refuses to
    show: that is told.
    """
    group = cluster.node_group
    if group is None or not cluster.node_subnets:
        return seen
    proving = asyncio.create_task(_is_its_group(session, seen, cluster, group))
    routing = asyncio.create_task(_told(reads.route_tables(session, group)))
    listing = asyncio.create_task(_others(session, cluster) if cluster.failed else _nobody_asked())
    reading = [asyncio.create_task(_subnet_seen(session, subnet)) for subnet in cluster.node_subnets]
    await all_read(proving, routing, listing, *reading)
    if not proving.result():
        return seen
    tables, listed, held = routing.result(), listing.result(), [task.result() for task in reading]
    if listed is None and any(isinstance(one.held, Subnet) and one.table is None for one in held):
        listed = await _others(session, cluster)
    near = [replace(one, neighbours=_on(one.id, listed)) for one in held]
    theirs = [asyncio.create_task(_foreign(session, one, tables)) for one in near]
    await all_read(*theirs)
    return replace(seen, subnets=tuple(task.result() for task in theirs), node_tables=tables)


async def _is_its_group(session: Session, seen: Seen, cluster: ManagedCluster, group: ResourceId) -> bool:
    """Whether the group names the cluster as its manager. Of a zone in that very group, that was proven already."""
    if seen.zone is not None and seen.zone.group_id == group:
        return True
    try:
        return claimed_manager(await reads.resource_group(session, group)) == cluster.id
    except NotProvenError:
        return False


async def _subnet_seen(session: Session, subnet: ResourceId) -> SubnetSeen:
    body = await _told(subnets.read(session, subnet))
    if isinstance(body, ArmError):
        return SubnetSeen(subnet, body)
    return SubnetSeen(subnet, one(_subnet, body), body)


async def _foreign(session: Session, one: SubnetSeen, tables: tuple[RouteTable, ...] | ArmError) -> SubnetSeen:
    known = () if isinstance(tables, ArmError) else tables
    if one.table is None or any(one.table == table.id for table in known):
        return one
    return replace(one, foreign=await _told(reads.route_table(session, one.table)))


async def _others(session: Session, cluster: ManagedCluster) -> tuple[ManagedCluster, ...] | ArmError:
    """Every other cluster of the subscriptions of the cluster and its VNets, or why one of them cannot be listed."""
    near = {cluster.id.subscription.casefold(), *(subnet.subscription.casefold() for subnet in cluster.node_subnets)}
    lists = [asyncio.create_task(_told(reads.managed_clusters(session, one))) for one in sorted(near)]
    await all_read(*lists)
    found: list[ManagedCluster] = []
    for listed in (task.result() for task in lists):
        if isinstance(listed, ArmError):
            return listed
        odd = (*listed.odd, *(odd for one in listed.items for odd in odd_subnets(one)))
        if odd:
            return NotUnderstoodError(odd[0]).refusal  # it may be in the same subnet
        found += [one for one in listed.items if one.id != cluster.id]
    return tuple(found)


async def _nobody_asked() -> None:
    """In place of a list that nothing needs yet."""


def _on(subnet: ResourceId, listed: tuple[ManagedCluster, ...] | ArmError | None) -> _Neighbours | None:
    """The clusters that name a subnet, for their nodes or their API server."""
    if listed is None or isinstance(listed, ArmError):
        return listed
    return tuple(one.id for one in listed if subnet in one.own_subnets)


async def _told[T](read: Coroutine[None, None, T]) -> T | ArmError:
    """What a read gives, or the refusal that is worth telling."""
    try:
        return await read
    except ArmError as error:
        if classify(error) in _TOLD:
            return error
        raise
