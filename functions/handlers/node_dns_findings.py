"""What to tell of nodes that ask DNS servers of before. docs/findings.md lists it."""

import shlex
from datetime import UTC, datetime

from functions.fleet.model import ManagedCluster
from functions.handlers.link_names import HANDLER
from functions.handlers.node_dns import UNKNOWN_SERVERS
from functions.handlers.verdict import Finding, Severity
from functions.ledger.node_dns import UNLISTED, NodeDns


def about_nodes(cluster: ManagedCluster, dns: NodeDns, *, link_is_held: bool) -> list[Finding]:
    """Which pools have nodes that may ask servers of before. `link_is_held`: a link stays only because of that.

    Of nodes that AKS does not list nothing would ever show that they were replaced: they are told of only while a link
    is held for their sake.
    """
    pools = [name for name in dns.images if name != UNLISTED]
    unlisted = UNLISTED in dns.images
    if not dns.old or not (pools or (unlisted and link_is_held)):
        return []
    changed = "may have changed" if dns.old == (UNKNOWN_SERVERS,) else "have changed"
    who = [f"pool {name}" for name in pools] + (["nodes that AKS does not list"] if unlisted else [])
    when = f"{datetime.fromtimestamp(dns.changed, UTC):%Y-%m-%d %H:%M} UTC"
    return [
        Finding(
            HANDLER,
            Severity.WARNING,
            "nodes-hold-old-dns-servers",
            cluster.id,
            f"the DNS servers of the cluster's VNet {changed} (seen {when}), and nodes keep those that "
            f"they booted with: {', '.join(who)} may still ask {', '.join(dns.old)}",
            _advice(cluster, pools, unlisted=unlisted, link_is_held=link_is_held),
        )
    ]


def _advice(cluster: ManagedCluster, pools: list[str], *, unlisted: bool, link_is_held: bool) -> str:
    said: list[str] = []
    if pools:
        commands = "; ".join(_upgrade(cluster, pool) for pool in pools)
        said.append(
            f"Keep the old servers in service until every node is replaced. Run: {commands}. A pool whose "
            "nodeImageVersion stays the same was not re-imaged: add another pool and delete this one."
        )
    if unlisted:
        said.append(
            "Replace the nodes that AKS does not list, too (with node auto-provisioning: kubectl delete nodeclaims "
            "--all, which drains them)."
        )
    if unlisted and link_is_held:
        said.append("Tether cannot see that, so remove the links of the finding stale-link yourself.")
    elif link_is_held:
        said.append("Tether removes the unwanted link after that.")
    return " ".join(said)


def _upgrade(cluster: ManagedCluster, pool: str) -> str:
    """Learn, "Upgrade Azure Kubernetes Service (AKS) node images": it re-images the nodes of one pool."""
    where = f"--subscription {cluster.id.subscription} --resource-group {shlex.quote(cluster.id.group)}"
    named = f"--cluster-name {shlex.quote(cluster.id.name)} --name {shlex.quote(pool)}"
    return f"az aks nodepool upgrade {where} {named} --node-image-only"
