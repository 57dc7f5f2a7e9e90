"""What in a policy is valid and yet probably not meant, or needs something besides the policy."""

import re
from collections.abc import Iterator

from functions.arm.clouds import ALL_SUFFIXES
from functions.fleet.zone_name import custom_zone
from functions.policy import Mode, Policy

# What infra/main.bicep replaces by the subscription that is deployed to.
_DEPLOYED_TO = "00000000-0000-0000-0000-000000000000"

# Nobody's subscription: what stands in an example until somebody puts a real one there.
_PLACEHOLDER = re.compile(r"^(.)\1{7}-\1{4}-\1{4}-\1{4}-\1{12}$")

# Above this, most of the fleet could change within an hour before anybody is asked.
_MUCH = 0.5

# Seconds. Nodes give up after ten minutes without their API server's name (azure-facts, AKS).
_LONG = 300


def doubts(policy: Policy) -> Iterator[str]:
    """What is valid and yet probably not meant, or needs something besides the policy, the gravest first."""
    yield from _of_subscriptions(policy)
    yield from _of_hubs(policy)
    if policy.mode is Mode.OBSERVE:
        yield "mode is observe: Tether will only tell what it would do. With enforce it does it."
    yield from _of_custom_zones(policy)
    yield from _of_dns(policy)
    yield from _of_clusters(policy)
    if policy.http.keys_may_write:
        yield "http.keysMayWrite: whoever learns a function key may have Tether write."
    if policy.max_changed_share > _MUCH:
        yield f"maxChangedShare is {policy.max_changed_share:g}: most of the fleet may change before a person is asked."


def _of_subscriptions(policy: Policy) -> Iterator[str]:
    named = {
        "scope.subscriptions": policy.scope.subscriptions,
        "scope.hubSubscriptions": policy.scope.hub_subscriptions,
        "hubs": tuple(hub.vnet.subscription for hub in policy.hubs),
    }
    for field, subscriptions in named.items():
        for subscription in sorted(set(subscriptions)):
            if subscription == _DEPLOYED_TO:
                yield f"{field}: {subscription} stands for the subscription that azd deploys to; else put yours."
            elif _PLACEHOLDER.match(subscription):
                yield f"{field}: {subscription} looks like a placeholder. Put a subscription of yours there."


def _of_hubs(policy: Policy) -> Iterator[str]:
    discovers = policy.discover_resolvers and bool(policy.scope.hub_subscriptions)
    if not policy.hubs and not discovers:
        yield "No zone will ever be linked: hubs names none, and none can be discovered. " + (
            "Name them, or the subscriptions of those that may be discovered in scope.hubSubscriptions."
            if policy.discover_resolvers
            else "Name them, or set discoverResolvers."
        )
    elif policy.discover_resolvers and not policy.scope.hub_subscriptions:
        yield "discoverResolvers finds no hub: scope.hubSubscriptions names no subscription in which one may lie."
    if policy.scope.hub_subscriptions and not policy.discover_resolvers:
        yield "scope.hubSubscriptions does nothing: discoverResolvers is false."
    vnets = [hub.vnet for hub in policy.hubs]
    for vnet in sorted({vnet for vnet in vnets if vnets.count(vnet) > 1}):
        yield f"hubs names {vnet.name} more than once: it serves whatever any of the entries says."


def _of_custom_zones(policy: Policy) -> Iterator[str]:
    discovers = policy.discover_resolvers and bool(policy.scope.hub_subscriptions)
    for zone in policy.custom_zones:
        parts = custom_zone(zone.name, ALL_SUFFIXES)
        if parts and policy.hubs and not discovers and not any(hub.serves(parts.region, None) for hub in policy.hubs):
            yield (
                f"customZones: no hub serves {zone.name}. A custom zone goes by the region in its name, "
                f"{parts.region}, and hubs with tags are not for it."
            )


def _of_dns(policy: Policy) -> Iterator[str]:
    on_servers = [target for target in policy.records if target.tsig is not None]
    if on_servers or policy.resolution.enabled:
        why = "keeping records" if on_servers else "asking whether names resolve"
        yield f"The app needs VNet integration, with a way to the DNS servers on port 53, UDP and TCP, for {why}."
    settings = sorted({target.tsig.setting for target in on_servers if target.tsig is not None})
    if settings:
        yield f"The app needs the setting {', '.join(settings)} with the secret, best as a Key Vault reference."
    if policy.resolution.servers and not policy.resolution.enabled:
        yield "resolution.servers does nothing: resolution.enabled is false."
    for number, target in enumerate(policy.records):
        if target.ttl > _LONG:
            yield f"records[{number}].ttl is {target.ttl}: after a move, resolvers may hold the old address that long."
        if target.adopt:
            yield f"records[{number}].adopt: a record of a cluster's name that somebody made by hand becomes Tether's."


def _of_clusters(policy: Policy) -> Iterator[str]:
    tables, failed, restarts = policy.route_tables, policy.failed_clusters, policy.pod_restarts
    if tables.reattach and not tables.attach:
        yield "routeTables.reattach does nothing: routeTables.attach is false."
    if failed.reconcile and not policy.resolution.enabled:
        yield (
            "failedClusters.reconcile without resolution.enabled waits a quarter of an hour after each link, since "
            "Tether cannot ask whether the name resolves."
        )
    if restarts.namespaces and not restarts.runs_commands:
        yield "podRestarts.namespaces does nothing: podRestarts.enabled and podRestarts.list are false."
    if restarts.enabled and restarts.list:
        yield "podRestarts.list does nothing beside podRestarts.enabled: what is restarted is not listed before."
    strong = {"failedClusters.reconcile": failed.reconcile, "podRestarts": restarts.runs_commands}
    if names := " and ".join(name for name, on in strong.items() if on):
        yield (
            f"{names}: the rights for that are close to being admin of every cluster in scope. Deployed for Azure, a "
            "second app has them, and its own policy must say the same (docs/operating.md, Two apps)."
        )
