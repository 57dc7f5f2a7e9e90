"""Whose zone, or whose node resource group, a target is: the proof that comes before everything else (rule 8)."""

import asyncio
from dataclasses import replace

from functions.arm import reads
from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.session import Session
from functions.arm.side_by_side import all_read
from functions.fleet.memory import is_another, of_cluster
from functions.fleet.model import ManagedCluster, ResourceGroup
from functions.fleet.ownership import NotProvenError, claimed_manager, normal_location, prove, prove_public_name
from functions.fleet.seen import Seen
from functions.fleet.zone_name import custom_zone, system_zone
from functions.ledger.state import Observed
from functions.policy import Policy

_CLUSTER = "microsoft.containerservice/managedclusters"
_GROUP = "microsoft.resources/resourcegroups"


class CustomZoneNotListedError(Exception):
    """A zone with a name of AKS's custom form that the policy does not list: anyone may have made it (rule 8)."""


class NothingToMendError(Exception):
    """A cluster that is public, or that has no private zone where nothing but zones would be mended."""


class NotAClustersGroupError(Exception):
    """A resource group that no managed cluster is shown to have for its nodes."""


async def identify(session: Session, target: ResourceId, policy: Policy, at: float, remembered: Observed) -> Seen:
    """The cluster and its zone behind a target, which is a zone, a cluster or a node resource group.

    Two reads, one for a custom zone's cluster and none for a custom zone itself. Raises NotProvenError,
    CustomZoneNotListedError, NothingToMendError and NotAClustersGroupError for what is not ours to touch, and as reads
    do. Where something is missing, or not proven, ARM is asked for the cluster that the ledger remembers: that alone
    shows whether it is gone.
    """
    try:
        seen = await _identified(session, target, policy, at, remembered)
    except (ArmError, NotProvenError, NotAClustersGroupError) as error:
        if not remembered.cluster or (isinstance(error, ArmError) and classify(error) is not Kind.GONE):
            raise
        seen = await _vanished(session, target, remembered, at, error)
    return replace(seen, remembered=of_cluster(remembered, seen.cluster, at))


async def _identified(session: Session, target: ResourceId, policy: Policy, at: float, remembered: Observed) -> Seen:
    if target.type == _GROUP:
        return await _of_group(session, target, policy, at, remembered)
    if target.type == _CLUSTER:
        cluster, group = await _with_its_group(session, target, remembered)
        return await _of_cluster(session, cluster, policy, at, group)
    if system_zone(target.name, session.cloud.suffixes) is None:
        return _custom(target, policy, session, at)
    return await _system(session, target, at, remembered)


async def _of_group(session: Session, group: ResourceId, policy: Policy, at: float, remembered: Observed) -> Seen:
    """From something that was written in a node resource group. Anyone may name a manager: the cluster must agree."""
    found = await reads.resource_group(session, group)
    try:
        manager = claimed_manager(found)
    except NotProvenError as error:
        raise NotAClustersGroupError(str(error)) from None
    try:
        cluster = await reads.managed_cluster(session, manager)
    except ArmError as error:
        zone = ResourceId(remembered.zone) if remembered.zone else None
        if classify(error) is not Kind.GONE or zone is None or zone.group_id != group:
            raise
        if _is_foreign(manager, remembered):
            raise NotAClustersGroupError(
                f"{manager.name} does not exist, and the ledger knows another cluster"
            ) from None
        return Seen(zone, normal_location(found.location), at, cluster_is_gone=True)
    if cluster.node_group != group:
        raise NotAClustersGroupError(f"{manager.name} has another node resource group")
    zone = zone_of(cluster)
    if zone is not None and cluster.zone_mode.casefold() == "system":
        prove(zone, cluster, session.cloud.suffixes)
        return Seen(zone, normal_location(cluster.location), at, cluster)
    return await _of_cluster(session, cluster, policy, at)


async def _with_its_group(
    session: Session, target: ResourceId, remembered: Observed
) -> tuple[ManagedCluster, ResourceGroup | None]:
    """The cluster, and in the same round trip the group of the system zone that the ledger remembers.

    That only saves time: the cluster alone says which group is its own. Another's that is not shown is None.
    """
    zone = ResourceId(remembered.zone) if remembered.zone else None
    if zone is None or system_zone(zone.name, session.cloud.suffixes) is None:
        return await reads.managed_cluster(session, target), None
    cluster = asyncio.create_task(reads.managed_cluster(session, target))
    group = asyncio.create_task(reads.resource_group(session, zone.group_id))
    try:
        await all_read(cluster, group)
    except (ArmError, NoAnswerError, NoTokenError):
        if cluster.exception() is not None or cluster.result().node_group == zone.group_id:
            raise
        return cluster.result(), None
    return cluster.result(), group.result()


async def _of_cluster(
    session: Session, cluster: ManagedCluster, policy: Policy, at: float, beside: ResourceGroup | None = None
) -> Seen:
    """The zone of a cluster, by its private name and its mode. `beside` is a group that was read with the cluster."""
    zone = zone_of(cluster)
    if zone is None:
        return _without_zone(session, cluster, policy, at)
    if cluster.zone_mode.casefold() != "system":
        return replace(_custom(zone, policy, session, at), cluster=cluster)
    group = beside if beside is not None and beside.id == zone.group_id else None
    group = group or await reads.resource_group(session, zone.group_id)
    if claimed_manager(group) != cluster.id:
        raise NotProvenError("the cluster's node resource group names another manager")
    prove(zone, cluster, session.cloud.suffixes)
    return Seen(zone, normal_location(cluster.location), at, cluster)


def zone_of(cluster: ManagedCluster) -> ResourceId | None:
    """The id of the private zone in which a cluster has its name, None when it has none. It need not be there yet."""
    if not cluster.private or cluster.zone_mode.casefold() == "none":
        return None
    if cluster.zone_mode.casefold() != "system":
        return _zone_id(cluster.zone_mode)
    name = (cluster.properties.private_fqdn or "").partition(".")[2]
    if not name or cluster.node_group is None:
        return None
    return _zone_id(f"{cluster.node_group}/providers/Microsoft.Network/privateDnsZones/{name}")


def _zone_id(text: str) -> ResourceId | None:
    """The id, None for text that is none: reads refuse such a cluster (oddities.py), and it is never taken for one."""
    try:
        return ResourceId(text)
    except InvalidResourceIdError:
        return None


def row_of(cluster: ManagedCluster, policy: Policy, suffixes: tuple[str, ...]) -> ResourceId | None:
    """The ledger's row of a cluster: its node resource group, whatever its zone mode. None for one to leave alone.

    Such are public clusters, those with a custom zone that the policy does not list, those without a zone where
    nothing but zones would be mended, and those that a tag excludes.
    """
    if not cluster.private or policy.scope.excludes(cluster.tags):
        return None
    zone = zone_of(cluster)
    if zone is None:
        wanted = cluster.zone_mode.casefold() == "none" and matters_without_zone(cluster, policy)
    else:
        wanted = system_zone(zone.name, suffixes) is not None or zone in policy.custom_zones
    return cluster.node_group if wanted else None


def matters_without_zone(cluster: ManagedCluster, policy: Policy) -> bool:
    """Whether something is mended of a cluster that has no private zone: its records, or its subnet's route table."""
    return bool(policy.records) or (cluster.kubenet and policy.route_tables.attach)


async def _system(session: Session, zone: ResourceId, at: float, remembered: Observed) -> Seen:
    group = await reads.resource_group(session, zone.group_id)
    manager = claimed_manager(group)
    try:
        cluster = await reads.managed_cluster(session, manager)
    except ArmError as error:
        if classify(error) is not Kind.GONE:
            raise
        if _is_foreign(manager, remembered):
            raise NotProvenError(
                "the cluster that its resource group names does not exist, and is not its own"
            ) from None
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


def _without_zone(session: Session, cluster: ManagedCluster, policy: Policy, at: float) -> Seen:
    """A private cluster of zone mode `none`."""
    if not cluster.private or not matters_without_zone(cluster, policy):
        raise NothingToMendError(str(cluster.id))
    prove_public_name(cluster, session.cloud.suffixes)
    return Seen(None, normal_location(cluster.location), at, cluster)


def _is_foreign(manager: ResourceId, remembered: Observed) -> bool:
    """Whether a group names another cluster than the one that was proven there: that one is not gone with it."""
    return bool(remembered.cluster) and manager != ResourceId(remembered.cluster)


def _is_elsewhere(cluster: ManagedCluster, target: ResourceId) -> bool:
    """Whether a cluster has another node resource group than the one that the target is, or lies in."""
    if target.type == _CLUSTER or cluster.node_group is None:
        return False
    return cluster.node_group != (target if target.type == _GROUP else target.group_id)


async def _vanished(session: Session, target: ResourceId, remembered: Observed, at: float, error: Exception) -> Seen:
    """What became of the cluster that the ledger remembers, when something around it is missing or not proven (rule 9).

    ARM shows                                      verdict
    no such cluster, and its subscription          gone
    no such cluster, nor its subscription          raises: that proves nothing
    another cluster under its id, or one with
    another node resource group                    gone; with the same private name, the records are the new cluster's
    another, without a private name (yet)          raises `error`: whose the records are is not known
    the cluster, Deleting                          that cluster: AKS deletes its node resource group first
    the cluster, otherwise                         raises `error`: only something around it cannot be seen
    """
    known = ResourceId(remembered.cluster)
    zone = ResourceId(remembered.zone) if remembered.zone else None
    try:
        cluster = await reads.managed_cluster(session, known)
    except ArmError as missing:
        if classify(missing) is not Kind.GONE:
            raise
        await reads.subscription(session, known.subscription)
        return Seen(zone, remembered.location, at, cluster_is_gone=True)
    name = (cluster.properties.private_fqdn or "").casefold()
    if name and (is_another(cluster, remembered) or _is_elsewhere(cluster, target)):
        taken = name == remembered.private_fqdn.casefold()
        return Seen(zone, remembered.location, at, cluster_is_gone=True, name_is_taken=taken)
    if cluster.deleting:
        return Seen(zone, remembered.location, at, cluster)
    raise error
