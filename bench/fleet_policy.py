"""The policy with which benchmarks look after a made-up fleet."""

from functions.arm.resource_id import ResourceId
from functions.policy import Hub, Mode, Policy, Scope
from localazure.fleet import Fleet
from localazure.world import HUB_SUBSCRIPTION


def policy_of(fleet: Fleet, *, discovers: bool = False) -> Policy:
    """Enforces in all of the fleet; its hubs are named, or discovered."""
    return Policy(
        owner="bench",
        mode=Mode.ENFORCE,
        scope=Scope(subscriptions=fleet.subscriptions, hub_subscriptions=(HUB_SUBSCRIPTION,)),
        hubs=() if discovers else tuple(Hub(vnet=ResourceId(hub)) for hub in fleet.hubs),
        discover_resolvers=discovers,
    )
