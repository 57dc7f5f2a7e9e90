"""What a policy means, in words: one line for each thing that it decides."""

from collections.abc import Iterator, Sequence

from functions.arm.resource_id import ResourceId
from functions.policy import OWNER_TAG, Hub, Mode, Policy, RecordTarget

type Line = tuple[str, str]
"""What it is about, in a word or two, and the sentence. No secret is in it: a policy holds none."""


def meaning(policy: Policy) -> Iterator[Line]:
    """Everything that the policy says, defaults too, in the order in which an operator asks."""
    yield "owner", f"{policy.owner}: in the tag {OWNER_TAG} and in the names of what is made; the mark of what is ours"
    yield "mode", _mode(policy)
    yield from _scope(policy)
    yield from _hubs(policy)
    yield from (("custom zone", f"{_named(zone)} is linked to hubs of its region") for zone in policy.custom_zones)
    if not policy.custom_zones:
        yield "custom zones", "none: only zones that AKS made are linked"
    if policy.link_tags:
        yield "link tags", ", ".join(f"{name}={value}" for name, value in policy.link_tags.items())
    yield from (("records", _record(target)) for target in policy.records)
    if not policy.records:
        yield "records", "none are kept: names of clusters are known only where a zone is linked"
    yield "resolution", _resolution(policy)
    yield "route tables", _route_tables(policy)
    yield "failed clusters", _failed_clusters(policy)
    yield "pod restarts", _pod_restarts(policy)
    yield "HTTP", _http(policy)
    yield "removal", _removal(policy)
    yield "limit", _limit(policy)


def _mode(policy: Policy) -> str:
    if policy.mode is Mode.OBSERVE:
        return "observe: decides and logs what it would do, and writes nothing to Azure or DNS"
    return "enforce: does what it decides"


def _scope(policy: Policy) -> Iterator[Line]:
    scope = policy.scope
    if scope.subscriptions:
        yield (
            "looks after",
            f"clusters in {_number(len(scope.subscriptions), 'subscription')}: {_all(scope.subscriptions)}",
        )
    if scope.management_groups:
        groups = _number(len(scope.management_groups), "management group")
        yield "looks after", f"clusters below {groups}, at any depth: {_all(scope.management_groups)}"
    name, _, value = scope.exclude_tag.partition("=")
    tag = f"{name}={value}" if value else f"{name}, whatever its value"
    yield "leaves alone", f"clusters with the tag {tag}"


def _hubs(policy: Policy) -> Iterator[Line]:
    for hub in policy.hubs:
        yield "hub", f"{_named(hub.vnet)} serves {_served(hub)}"
    if policy.hubs and all(hub.locations for hub in policy.hubs):
        regions = sorted({region for hub in policy.hubs for region in hub.locations})
        yield "", f"No hub is named for clusters outside {_all(regions)}."
    if not policy.hubs:
        yield "hubs", "none are named"
    if not policy.discover_resolvers:
        yield "discovered hubs", "none: discoverResolvers is false"
    elif not policy.scope.hub_subscriptions:
        yield "discovered hubs", "none: a hub is discovered only in scope.hubSubscriptions, which names no subscription"
    else:
        where = _number(len(policy.scope.hub_subscriptions), "subscription")
        which = "the VNet that is peered with a cluster's and holds the DNS servers that are set there"
        yield "discovered hubs", f"{which}, if it lies in {where}: {_all(policy.scope.hub_subscriptions)}"


def _served(hub: Hub) -> str:
    where = f"clusters in {_all(hub.locations)}" if hub.locations else "clusters in every region"
    tags = _all([f"{name}={value}" for name, value in hub.tags.items()])
    return f"{where} with the {'tag' if len(hub.tags) == 1 else 'tags'} {tags}" if hub.tags else where


def _record(target: RecordTarget) -> str:
    adopt = "takes over records of clusters' names that nobody owns" if target.adopt else "leaves others' records alone"
    how = f"TTL {target.ttl} s; {adopt}"
    if target.authoritative:
        how += "; said to hold every cluster's name of its region (authoritative)"
    if target.private_zone is not None:
        return f"in the Azure zone {_named(target.private_zone)}; {how}"
    signed = ""
    if target.tsig is not None:
        secret = f"its secret is in the app setting {target.tsig.setting}"
        signed = f" signed with the key {target.tsig.name} ({target.tsig.algorithm}; {secret})"
    return f"in {target.zone_name} on {_all(target.servers)},{signed}; {how}"


def _resolution(policy: Policy) -> str:
    if not policy.resolution.enabled:
        return "is not checked: no DNS server is asked whether a name resolves"
    more = f", and {_all(policy.resolution.servers)} for every cluster" if policy.resolution.servers else ""
    return f"is checked: asked are the custom DNS servers of each cluster's VNets{more}"


def _route_tables(policy: Policy) -> str:
    if not policy.route_tables.attach:
        return "are left alone: nothing of a cluster's subnets is read"
    also = " and for any other that has lost it" if policy.route_tables.reattach else "; for no other"
    return f"AKS's own is attached to the subnet of a kubenet cluster whose creation failed for want of it{also}"


def _failed_clusters(policy: Policy) -> str:
    if not policy.failed_clusters.reconcile:
        return "are told to a person, with the command; Tether puts none again"
    return "are put again as they are, at most three times, where only the creation failed and its cause is mended"


def _pod_restarts(policy: Policy) -> str:
    restarts = policy.pod_restarts
    if restarts.enabled:
        what = "workloads that may hold an API server's old address are restarted by a command in the cluster"
    elif restarts.list:
        what = "workloads that may hold an API server's old address are listed by a command in the cluster"
    else:
        return "none: nothing is ever run in a cluster"
    return f"{what}, in {_number(len(restarts.namespaces), 'namespace')}: {_all(restarts.namespaces)}"


def _http(policy: Policy) -> str:
    if policy.http.keys_may_write:
        return "whoever has a function key may write"
    return "writing takes a signed-in principal with the role Tether.Operator; a function key alone only reads"


def _removal(policy: Policy) -> str:
    gone = "what Tether made for a cluster goes when the cluster is gone"
    if policy.prune:
        return f"{gone}; links of its own go too when two looks show that nothing needs their hub"
    return f"{gone}; a link of its own whose hub leaves this policy stays, and is told"


def _limit(policy: Policy) -> str:
    share = f"{policy.max_changed_share:.0%}".replace("%", " %")
    most = f"changes and removals in at most {share} of the fleet an hour, 3 clusters at least"
    rest = "the rest waits, for the hour to pass or for a person who approves"
    return f"{most}; {rest}. A record that follows its API server does not count"


def _named(resource: ResourceId) -> str:
    return f"{resource.name} (group {resource.group}, subscription {resource.subscription})"


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _all(words: Sequence[str]) -> str:
    return ", ".join(words)
