"""The VNets that hold a cluster's nodes, read from ARM."""

import asyncio

from functions.arm import reads
from functions.arm.errors import ArmError, Kind, classify
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.arm.side_by_side import all_read
from functions.arm.understood import NotUnderstoodError, Odd
from functions.fleet.model import ManagedCluster
from functions.fleet.network_model import VirtualNetwork
from functions.fleet.oddities import odd_network, odd_subnets
from functions.fleet.seen import NOT_SHOWN, UNKNOWN, Unknown, Unreadable

type _Read = tuple[VirtualNetwork, ...] | Unreadable


async def observe_spokes(
    session: Session, cluster: ManagedCluster | None
) -> tuple[tuple[VirtualNetwork, ...] | Unknown, tuple[Unreadable, ...]]:
    """The cluster's VNets, and what ARM refuses to show, which keeps no hub of the policy from being linked.

    A VNet that AKS made has no id in the cluster's body. It is read from the node resource group, one LIST, because a
    person may have given it DNS servers and a peering since. `NOT_SHOWN` when the cluster names no subnet and that
    group shows no VNet either. Without a cluster nothing is known, and nothing is read. Raises as reads do.
    """
    if cluster is None:
        return UNKNOWN, ()
    named = [asyncio.create_task(_named(session, vnet)) for vnet in sorted(cluster.own_vnets)]
    group = cluster.node_group if cluster.properties.vnet_of_aks else None
    made = [asyncio.create_task(_in_group(session, group))] if group is not None else []
    await all_read(*named, *made)
    unnamed = [_not_understood(cluster.id, odd) for odd in odd_subnets(cluster)]
    read = [*(task.result() for task in (*named, *made)), *unnamed]
    unreadable = tuple(one for one in read if isinstance(one, Unreadable))
    spokes = tuple(vnet for one in read if not isinstance(one, Unreadable) for vnet in one)
    if not spokes and not unreadable:
        return NOT_SHOWN, ()
    return spokes, unreadable


async def _named(session: Session, vnet: ResourceId) -> _Read:
    """A VNet that the cluster names. One that is gone counts as unreadable: nodes stand in it all the same."""
    try:
        return _understood(await reads.virtual_network(session, vnet))
    except NotUnderstoodError as error:
        return _not_understood(vnet, error.odd)
    except ArmError as error:
        if classify(error) in {Kind.DENIED, Kind.GONE}:
            return Unreadable(vnet, error)
        raise


async def _in_group(session: Session, group: ResourceId) -> _Read:
    """The VNets of the node resource group. None while AKS has not made the group yet."""
    try:
        return _understood(*await reads.virtual_networks(session, group))
    except NotUnderstoodError as error:
        return _not_understood(group, error.odd)
    except ArmError as error:
        match classify(error):
            case Kind.DENIED:
                return Unreadable(group, error)
            case Kind.GONE:
                return ()
            case _:
                raise


def _understood(*vnets: VirtualNetwork) -> _Read:
    """The VNets, or the first of which it cannot be told what lies in it."""
    for vnet in vnets:
        if (odd := odd_network(vnet)) is not None:
            return _not_understood(vnet.id, odd)
    return vnets


def _not_understood(target: ResourceId, odd: Odd) -> Unreadable:
    return Unreadable(target, NotUnderstoodError(odd).refusal, odd)
