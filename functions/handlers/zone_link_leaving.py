"""When our links to hubs that nothing wants any more go: on the second look, and never on a partial view (rule 9)."""

from collections.abc import Collection, Container, Iterable

from functions.arm.operations import Progress
from functions.arm.resource_id import ResourceId
from functions.fleet.network_model import Link
from functions.fleet.resolvers import Resolvers, resolvers
from functions.fleet.seen import Seen, Unknown
from functions.handlers import node_dns, node_dns_findings
from functions.handlers import zone_link_findings as findings
from functions.handlers.link_names import link_id
from functions.handlers.verdict import Verdict, joined
from functions.handlers.zone_link_removal import GONE_AFTER, is_ours, remove
from functions.handlers.zone_link_wanted import wanted
from functions.ledger.leaving import Unwanted
from functions.ledger.node_dns import NodeDns
from functions.policy import Policy

_BY_POLICY = "the policy names no such hub, and does not look for hubs"
_BY_DISCOVERY = "the policy names no such hub, and no DNS server of the cluster's VNets is in it"


def decide(seen: Seen, policy: Policy, hubs: Container[ResourceId]) -> Verdict:
    """What becomes of our links that nothing wants, and which nodes may still need one.

    the links, the hubs       nodes, VNet                                 prune   verdict
    not all known             any                                         any     nothing
    all known                 nodes may ask DNS servers of before, or
                              that is not known; the hub is the
                              cluster's own VNet                          any     finding
    all known                 nodes ask the servers of now                no      finding
    all known, unwanted for
    less than ten minutes     nodes ask the servers of now                yes     look again when they are over
    all known, unwanted for
    ten minutes or more       nodes ask the servers of now                yes     change: remove
    """
    links = unwanted(seen, policy, hubs) or []
    dns = node_dns.noted(seen, doubted=_is_doubted(seen, policy, hubs))
    held = bool(links) and _may_be_asked(seen, dns)
    each = [_of_link(link, seen, policy, held=held) for link in links if not _is_going(link, seen)]
    told = node_dns_findings.about_nodes(seen.cluster, dns, link_is_held=held) if seen.cluster and dns else []
    return joined([*each, Verdict(findings=tuple(told))])


def unwanted(seen: Seen, policy: Policy, hubs: Container[ResourceId]) -> list[Link] | None:
    """Our links to hubs that nothing wants, on the system zone of a cluster that lives. None where that is not known.

    It is not known while not all links are, or while a hub may still be found: a VNet was not read, or is not shown, or
    a DNS server is in no VNet that is peered and Connected, as while a peering is being made again. A custom zone
    serves clusters that want different hubs, so that nothing on it is known to be unwanted.
    """
    if seen.cluster is None or seen.ends or not seen.in_node_group or not seen.links.complete:
        return None
    if policy.discover_resolvers and (
        isinstance(seen.spokes, Unknown) or not seen.shows_all_spokes or resolvers(seen.spokes).stray
    ):
        return None
    return _to_others(seen, policy, hubs)


def noted(seen: Seen, policy: Policy) -> tuple[Unwanted, ...]:
    """What to remember of them. A pass that does not know keeps what was remembered, but for the hubs that it wants."""
    links = _unwanted(seen, policy)
    if links is None:
        hubs = _hubs(seen, policy) if seen.cluster is not None and not seen.ends else ()
        named = {link_id(seen.place, hub, policy.owner) for hub in hubs}
        return tuple(one for one in seen.remembered.unwanted if ResourceId(one.link) not in named)
    each = (Unwanted(link=str(link.id), since=_since(link, seen, policy), reason=_reason(policy)) for link in links)
    return tuple(sorted(each, key=lambda one: one.link))


def nodes_noted(seen: Seen, policy: Policy) -> NodeDns | None:
    """What to remember of the DNS servers that the nodes ask."""
    return node_dns.noted(seen, doubted=_is_doubted(seen, policy, _hubs(seen, policy)))


def is_unheard(seen: Seen, policy: Policy) -> bool:
    """Whether a survey shows what the ledger does not know yet, so that a pass should look and remember it."""
    links, held = noted(seen, policy), seen.remembered
    if _named(links) != _named(held.unwanted):
        return True
    before, now = held.node_dns, nodes_noted(seen, policy)
    if now is None or before is None:
        return now is not None and bool(now.old)
    return (now.servers, now.old, now.images) != (before.servers, before.old, before.images)


def strays_keep_links(seen: Seen, policy: Policy, hubs: Container[ResourceId], found: Resolvers) -> bool:
    """Whether a link of ours is not known to be unwanted only because a DNS server is found nowhere."""
    ours = (link.properties.virtual_network for link in seen.links.known if is_ours(link, seen, policy))
    return policy.discover_resolvers and bool(found.stray) and any(vnet and vnet.id not in hubs for vnet in ours)


def _named(links: Iterable[Unwanted]) -> set[tuple[str, str]]:
    """Resource Graph and ARM spell ids differently."""
    return {(one.link.casefold(), one.reason) for one in links}


def _unwanted(seen: Seen, policy: Policy) -> list[Link] | None:
    return unwanted(seen, policy, _hubs(seen, policy))


def _hubs(seen: Seen, policy: Policy) -> Collection[ResourceId]:
    return wanted(seen, policy, None if isinstance(seen.spokes, Unknown) else resolvers(seen.spokes))


def _to_others(seen: Seen, policy: Policy, hubs: Container[ResourceId]) -> list[Link]:
    """Our links, of those that are known, that lead to other VNets than these hubs."""
    ours = [link for link in seen.links.known if is_ours(link, seen, policy)]
    return [link for link in ours if link.properties.virtual_network and link.properties.virtual_network.id not in hubs]


def _of_link(link: Link, seen: Seen, policy: Policy, *, held: bool) -> Verdict:
    network = link.properties.virtual_network
    own = network is None or (seen.cluster is not None and seen.cluster.stands_in(network.id))
    if held or own or not policy.prune:
        return Verdict(findings=(findings.stale(link, held=held and policy.prune),))
    due = _since(link, seen, policy) + GONE_AFTER
    if seen.at < due:
        return Verdict(look_again=max(1.0, due - seen.at))
    return Verdict((remove(link, seen, f"{_reason(policy)}, and it says prune"),))


def _may_be_asked(seen: Seen, dns: NodeDns | None) -> bool:
    """Whether nodes may ask servers that the VNets do not name any more. Unknown counts as yes."""
    return dns is None or not seen.shows_all_spokes or bool(dns.old)


def _is_doubted(seen: Seen, policy: Policy, hubs: Container[ResourceId]) -> bool | None:
    """Whether a link of ours leads to a hub that discovery does not find. None while not all links are known.

    Links on a custom zone, and those of a cluster that ends, are not judged by its nodes.
    """
    if not policy.discover_resolvers or seen.ends or not seen.in_node_group:
        return False
    return bool(_to_others(seen, policy, hubs)) if seen.links.complete else None


def _since(link: Link, seen: Seen, policy: Policy) -> float:
    """When the link was first seen unwanted, for the reason of now."""
    known = (one for one in seen.remembered.unwanted if ResourceId(one.link) == link.id)
    return next((one.since for one in known if one.reason == _reason(policy)), seen.at)


def _reason(policy: Policy) -> str:
    return _BY_DISCOVERY if policy.discover_resolvers else _BY_POLICY


def _is_going(link: Link, seen: Seen) -> bool:
    looked = seen.operation_on(link.id)
    return looked is not None and looked.progress is Progress.RUNNING
