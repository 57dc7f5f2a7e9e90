"""Which DNS servers a cluster's nodes may still ask after its VNet was given others. Pure.

A node takes its DNS servers from DHCP as it boots and keeps them. So a change reaches a node only when it is replaced
or re-imaged. What proves that is docs/decisions/0011.
"""

from collections.abc import Mapping

from functions.fleet.model import AgentPool, ManagedCluster
from functions.fleet.network_model import VirtualNetwork
from functions.fleet.resolvers import AZURE_DNS
from functions.fleet.seen import Seen, Unknown
from functions.ledger.node_dns import UNLISTED, NodeDns

UNKNOWN_SERVERS = "servers that Tether did not see"
"""In NodeDns.old: there may have been others, and the ledger does not know them."""


def noted(seen: Seen, *, doubted: bool | None = False) -> NodeDns | None:
    """What to remember after a pass that saw this. None while no VNet of the cluster was ever read.

    `doubted`: whether a link leads to a hub that discovery does not find, None where that is not known. Where the
    ledger knows of no servers from before, they may have changed.

    a VNet's servers                       old servers                 pools that may ask them
    not read                               as remembered               as remembered, without those re-imaged
    as remembered, or new to us            as remembered               as remembered, without those re-imaged
    without one that was there             and that one                all pools, with the images of now
    not known from before, and doubted     unknown ones                all pools, with the images of now
    not known from before, and not known
    whether they are doubted               nothing is remembered yet
    """
    held, cluster = seen.remembered.node_dns, seen.cluster
    if cluster is None or isinstance(seen.spokes, Unknown):
        return held
    read = {str(spoke.id).casefold(): _servers(spoke) for spoke in seen.spokes}
    if held is None and (not read or doubted is None):
        return None
    before = held.servers if held else {}
    unread = {str(one.target).casefold(): before.get(str(one.target).casefold(), ()) for one in seen.unreadable}
    kept = before if not seen.shows_all_spokes else {}
    servers = {**kept, **unread, **read}
    dropped = {server for vnet, now in read.items() for server in before.get(vnet, ()) if server not in now}
    if doubted and (held is None or _is_first_read(before, read)):
        dropped.add(UNKNOWN_SERVERS)
    named = {server for each in servers.values() for server in each}
    old = ({*(held.old if held else ()), *dropped}) - named
    images = _images_of(cluster) if dropped else _left(held.images if held else {}, cluster)
    if not old or not images:
        return NodeDns(servers=servers)
    changed = seen.at if dropped else held.changed if held else 0.0
    return NodeDns(servers=servers, old=tuple(sorted(old)), changed=changed, images=images)


def _is_first_read(before: Mapping[str, tuple[str, ...]], read: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a VNet was read for the first time, while one could not be read before: its servers may have changed."""
    known = {vnet for vnet, servers in before.items() if servers}
    return len(known) < len(before) and not known.issuperset(read)


def _servers(spoke: VirtualNetwork) -> tuple[str, ...]:
    return tuple(sorted({*spoke.dns_servers})) or (AZURE_DNS,)


def _pools(cluster: ManagedCluster) -> dict[str, AgentPool]:
    return {pool.name: pool for pool in cluster.properties.agent_pool_profiles or ()}


def _images_of(cluster: ManagedCluster) -> dict[str, str]:
    """The image of every pool as it is now. Of nodes that AKS does not list none is known.

    Nor is that of a pool that is not Succeeded: an upgrade may have replaced some of its nodes already, and its end
    would not show that these were replaced once more.
    """
    images = {name: _image_of(pool) for name, pool in sorted(_pools(cluster).items())}
    return {**images, UNLISTED: ""} if cluster.has_unlisted_nodes or not images else images


def _image_of(pool: AgentPool) -> str:
    return (pool.node_image_version or "") if _is_done(pool) else ""


def _left(images: Mapping[str, str], cluster: ManagedCluster) -> dict[str, str]:
    """The pools that are not shown to be re-imaged since. Unknown counts as not re-imaged.

    the pool                                              is left
    not there any more, while others are listed           no
    Succeeded, and has another image than it had          no
    had an image that AKS did not tell                    yes, and counts from the image of now
    anything else                                         yes
    nodes that AKS does not list                          yes
    nodes that AKS did not list then, and now lists       yes, as all its pools of now
    """
    pools, now = _pools(cluster), _images_of(cluster)
    if UNLISTED in images and UNLISTED not in now:
        return now
    left: dict[str, str] = {}
    for name, image in images.items():
        pool = pools.get(name)
        if pool is None:
            if name == UNLISTED or not pools:
                left[name] = image
        elif not _is_reimaged(pool, image):
            left[name] = image or now[name]
    return left


def _is_reimaged(pool: AgentPool, image: str) -> bool:
    """Recorded aks/node-image-upgrade-cluster [2]: while a pool is being upgraded, the cluster may be Succeeded."""
    return _is_done(pool) and bool(image) and bool(pool.node_image_version) and pool.node_image_version != image


def _is_done(pool: AgentPool) -> bool:
    return (pool.provisioning_state or "").casefold() == "succeeded"
