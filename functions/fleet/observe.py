"""One zone of AKS's read fresh from ARM, with its cluster and as much around it as was asked for."""

import asyncio
from enum import Enum

from functions.arm import reads
from functions.arm.errors import ArmError, Kind, classify
from functions.arm.operations import LookedUp, Operation, Progress, look_up
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.model import ManagedCluster, VirtualNetwork
from functions.fleet.ownership import NotProvenError, claimed_manager, normal_location, prove
from functions.fleet.seen import UNKNOWN, Links, Seen, Unreadable
from functions.fleet.zone_name import custom_zone, system_zone
from functions.policy import Mode, Policy


class Depth(Enum):
    """How much to read."""

    URGENT = "urgent"  # nodes are waiting: the proof and no more, two reads (rule 6)
    FULL = "full"  # the spokes too, so that hubs can be discovered


class CustomZoneNotListedError(Exception):
    """A zone with a name of AKS's custom form that the policy does not list: anyone may have made it (rule 8)."""


async def observe(
    session: Session, zone: ResourceId, policy: Policy, at: float, depth: Depth, operations: tuple[Operation, ...] = ()
) -> Seen:
    """Everything that `decide` needs to know of one zone, or an error; never a part for the whole.

    Raises NotProvenError and CustomZoneNotListedError for a zone that is not ours to touch, ArmError (a 404 says that
    the zone, group or cluster is gone), NoAnswerError and NoTokenError.
    """
    looked_up = tuple([await _looked_up(session, operation, at) for operation in operations])
    if system_zone(zone.name, session.cloud.suffixes) is None:
        seen = _custom(zone, policy, session, at)
    else:
        seen = await _system(session, zone, at)
    if seen.cluster is not None and depth is Depth.FULL and policy.discover_resolvers:
        spokes, unreadable = await _spokes(session, seen.cluster)
    else:
        spokes, unreadable = UNKNOWN, ()
    return Seen(
        zone=seen.zone,
        location=seen.location,
        at=at,
        cluster=seen.cluster,
        spokes=spokes,
        links=await _links(session, zone, policy, looked_up),
        operations=looked_up,
        unreadable=unreadable,
    )


async def _system(session: Session, zone: ResourceId, at: float) -> Seen:
    group = await reads.resource_group(session, zone.group_id)
    cluster = await _claimed_cluster(session, claimed_manager(group))
    prove(zone, cluster, session.cloud.suffixes)
    return Seen(zone, normal_location(cluster.location), at, cluster)


async def _claimed_cluster(session: Session, manager: ResourceId) -> ManagedCluster:
    """The cluster that a group names. One that may not be read proves nothing, so its refusal is no finding of ours."""
    try:
        return await reads.managed_cluster(session, manager)
    except ArmError as error:
        if classify(error) is Kind.GONE:
            raise NotProvenError("the cluster that the resource group names does not exist") from None
        raise


def _custom(zone: ResourceId, policy: Policy, session: Session, at: float) -> Seen:
    form = custom_zone(zone.name, session.cloud.suffixes)
    if form is None:
        raise NotProvenError("the zone's name is not of a form that AKS uses")
    if zone not in policy.custom_zones:
        raise CustomZoneNotListedError(str(zone))
    return Seen(zone, form.region, at)


async def _looked_up(session: Session, operation: Operation, at: float) -> LookedUp:
    """An operation that is not due yet is running: asking early would only spend reads."""
    if operation.due > at:
        return LookedUp(operation, Progress.RUNNING, pause=operation.due - at)
    return await look_up(session, operation)


async def _spokes(
    session: Session, cluster: ManagedCluster
) -> tuple[tuple[VirtualNetwork, ...], tuple[Unreadable, ...]]:
    """The cluster's VNets, and those that ARM refuses to show, which keeps no hub of the policy from being linked."""
    vnets = sorted(cluster.own_vnets)
    read = await asyncio.gather(*(reads.virtual_network(session, vnet) for vnet in vnets), return_exceptions=True)
    spokes: list[VirtualNetwork] = []
    unreadable: list[Unreadable] = []
    for vnet, result in zip(vnets, read, strict=True):
        match result:
            case VirtualNetwork():
                spokes.append(result)
            case ArmError() if classify(result) in {Kind.DENIED, Kind.GONE}:
                unreadable.append(Unreadable(vnet, result))
            case _:
                raise result
    return tuple(spokes), tuple(unreadable)


async def _links(session: Session, zone: ResourceId, policy: Policy, looked_up: tuple[LookedUp, ...]) -> Links:
    """Links are read only when a write says that there may be one we do not know (rule 4), or when nothing is written.

    Listing before the first write would cost the nodes a round trip and the subscription one of its 500 reads.
    """
    if policy.mode is Mode.OBSERVE or any(_needs_list(looked) for looked in looked_up):
        return Links(await reads.links(session, zone), complete=True)
    named = [looked.operation.target for looked in looked_up if _exists_already(looked)]
    read = [await reads.link(session, target) for target in named]
    return Links(tuple(link for link in read if link is not None))


def _needs_list(looked: LookedUp) -> bool:
    conflict = looked.error is not None and classify(looked.error) is Kind.CONFLICT
    return looked.progress is Progress.UNKNOWN or (conflict and not _exists_already(looked))


def _exists_already(looked: LookedUp) -> bool:
    return looked.error is not None and looked.error.code == "PreconditionFailed"
