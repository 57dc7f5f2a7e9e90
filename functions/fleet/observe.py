"""One zone of AKS's read fresh from ARM, with its cluster and as much around it as was asked for."""

import asyncio
from dataclasses import replace
from enum import Enum

from functions.arm import reads
from functions.arm.errors import ArmError, Kind, classify
from functions.arm.operations import LookedUp, Operation, Progress, look_up
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.fleet.model import ManagedCluster, VirtualNetwork
from functions.fleet.ownership import NotProvenError, claimed_manager, normal_location, prove
from functions.fleet.seen import NOTHING_REMEMBERED, UNKNOWN, Links, Seen, Unreadable
from functions.fleet.zone_name import custom_zone, system_zone
from functions.ledger.state import Observed
from functions.policy import Mode, Policy

_CLUSTER = "microsoft.containerservice/managedclusters"


class Depth(Enum):
    """How much to read."""

    URGENT = "urgent"  # nodes are waiting: the proof and no more, two reads (rule 6)
    FULL = "full"  # the spokes too, so that hubs can be discovered


class CustomZoneNotListedError(Exception):
    """A zone with a name of AKS's custom form that the policy does not list: anyone may have made it (rule 8)."""


class NothingToLinkError(Exception):
    """A cluster that has no private zone of its own: it is public, or its zone mode is `none`."""


async def observe(
    session: Session,
    target: ResourceId,
    policy: Policy,
    at: float,
    depth: Depth,
    operations: tuple[Operation, ...] = (),
    remembered: Observed = NOTHING_REMEMBERED,
) -> Seen:
    """Everything that `decide` needs to know of one zone, or an error; never a part for the whole.

    `target` is the zone itself or its cluster. Raises NotProvenError, CustomZoneNotListedError and NothingToLinkError
    for what is not ours to touch, ArmError (a 404 says that the zone, group or cluster is gone), NoAnswerError and
    NoTokenError.
    """
    seen = replace(await _identified(session, target, policy, at), remembered=remembered)
    if seen.cluster is not None and depth is Depth.FULL and policy.discover_resolvers:
        spokes, unreadable = await _spokes(session, seen.cluster)
    else:
        spokes, unreadable = UNKNOWN, ()
    # Last, since a read that fails would forget the pause that ARM names for looking again.
    looked_up = tuple([await _looked_up(session, operation, at) for operation in operations])
    return replace(
        seen,
        spokes=spokes,
        links=await _links(session, seen, policy, looked_up, depth),
        operations=looked_up,
        unreadable=unreadable,
    )


async def _identified(session: Session, target: ResourceId, policy: Policy, at: float) -> Seen:
    """Whose zone it is, proven."""
    if target.type == _CLUSTER:
        return await _of_cluster(session, target, policy, at)
    if system_zone(target.name, session.cloud.suffixes) is None:
        return _custom(target, policy, session, at)
    return await _system(session, target, at)


async def _of_cluster(session: Session, target: ResourceId, policy: Policy, at: float) -> Seen:
    """The zone of a cluster, by its private name and its mode. Two reads, as from the zone's side."""
    cluster = await reads.managed_cluster(session, target)
    zone = zone_of(cluster)
    if zone is None:
        raise NothingToLinkError(str(target))
    if cluster.zone_mode.casefold() != "system":
        return replace(_custom(zone, policy, session, at), cluster=cluster)
    group = await reads.resource_group(session, zone.group_id)
    if claimed_manager(group) != cluster.id:
        raise NotProvenError("the cluster's node resource group names another manager")
    prove(zone, cluster, session.cloud.suffixes)
    return Seen(zone, normal_location(cluster.location), at, cluster)


def zone_of(cluster: ManagedCluster) -> ResourceId | None:
    """The id of the private zone in which a cluster has its name, None when it has none. It need not be there yet."""
    access = cluster.properties.api_server_access_profile
    if access is None or not access.enable_private_cluster or cluster.zone_mode.casefold() == "none":
        return None
    if cluster.zone_mode.casefold() != "system":
        return ResourceId(cluster.zone_mode)
    name = (cluster.properties.private_fqdn or "").partition(".")[2]
    group = cluster.properties.node_resource_group
    if not name or not group:
        return None
    return ResourceId(
        f"/subscriptions/{cluster.id.subscription}/resourceGroups/{group}/providers/Microsoft.Network/privateDnsZones/{name}"
    )


async def _system(session: Session, zone: ResourceId, at: float) -> Seen:
    group = await reads.resource_group(session, zone.group_id)
    try:
        cluster = await reads.managed_cluster(session, claimed_manager(group))
    except ArmError as error:
        if classify(error) is not Kind.GONE:
            raise
        return Seen(zone, normal_location(group.location), at, cluster_is_gone=True)
    prove(zone, cluster, session.cloud.suffixes)
    return Seen(zone, normal_location(cluster.location), at, cluster)


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


async def _links(session: Session, seen: Seen, policy: Policy, looked_up: tuple[LookedUp, ...], depth: Depth) -> Links:
    """The links, as far as they must be known (docs/decisions/0001).

    While nodes wait they are not read before the first write; after one, its operation tells enough, unless that was
    lost or met a conflict. A pass that has no operation to look up, and one that writes nothing, lists them.
    """
    unhurried = depth is Depth.FULL and (not looked_up or seen.ends)
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
