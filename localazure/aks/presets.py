"""What AKS fills in because of what a cluster is: AKS Automatic, Azure CNI, dual stack. Only what networks depend on.

| the cluster                   | AKS adds                                        | source                           |
|-------------------------------|-------------------------------------------------|----------------------------------|
| sku Automatic                 | a read-only node resource group, API server     | recorded aks/automatic-create    |
|                               | VNet integration, overlay with Cilium, Entra    |                                  |
| hosted system pools alone     | no `agentPoolProfiles` at all                   | recorded aks/automatic-hosted-…  |
| Azure CNI without an overlay  | a `windowsProfile`, though no pool is Windows;  | `az aks show` in public notes    |
|                               | no range for pods                               |                                  |
| two IP versions               | a second range for pods and for services        | AKS documentation, dual stack    |
"""

from copy import deepcopy
from typing import Any

from localazure.store import Json, items, part

_AUTOMATIC: Json = {
    "nodeResourceGroupProfile": {"restrictionLevel": "ReadOnly"},
    "apiServerAccessProfile": {"enablePrivateCluster": False, "enableVnetIntegration": True},
    "networkProfile": {
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkPolicy": "cilium",
        "networkDataplane": "cilium",
        "outboundType": "managedNATGateway",
    },
    "aadProfile": {"managed": True, "enableAzureRBAC": True, "adminGroupObjectIDs": None, "adminUsers": None},
    "autoUpgradeProfile": {"upgradeChannel": "stable"},
    "disableLocalAccounts": True,
    "nodeProvisioningProfile": {"mode": "Auto", "defaultNodePools": "Auto"},
}
_WINDOWS: Json = {"adminUsername": "azureuser", "enableCSIProxy": True}
_SECOND_PODS, _SECOND_SERVICES = "fd12:3456:789a::/64", "fd12:3456:789a:1::/108"


def with_preset(sent: Json) -> Json:
    """A PUT's body with what AKS Automatic says where the caller is silent. Other clusters have none."""
    if part(sent, "sku").get("name") != "Automatic":
        return sent
    return {**sent, "properties": merged(_AUTOMATIC, part(sent, "properties"))}


def merged(defaults: Json, sent: Json) -> Json:
    """`sent` over `defaults`, objects key by key; a sent null is as good as silence (JSON merge at AKS's front)."""
    whole: dict[str, Any] = deepcopy(defaults)
    for key, value in sent.items():
        if isinstance(value, dict) and isinstance(whole.get(key), dict):
            whole[key] = merged(whole[key], value)  # pyright: ignore[reportUnknownArgumentType] - JSON
        elif value is not None:
            whole[key] = deepcopy(value)  # pyright: ignore[reportUnknownArgumentType] - JSON
    return whole


def lists_no_pools(properties: Json) -> bool:
    """Whether the cluster has hosted system pools and no other: then `agentPoolProfiles` is absent."""
    hosted = part(properties, "hostedSystemProfile")
    return bool(hosted.get("enabled")) and not items(properties, "agentPoolProfiles")


def fill_in(properties: Json) -> None:
    """Add to a cluster's properties what follows from its network."""
    network = part(properties, "networkProfile")
    if is_flat(network):
        properties.setdefault("windowsProfile", dict(_WINDOWS))
    if "IPv6" in items(network, "ipFamilies"):
        _two_versions(network)


def is_flat(network: Json) -> bool:
    """Whether pods have addresses of the VNet's: Azure CNI without an overlay."""
    return network.get("networkPlugin") == "azure" and network.get("networkPluginMode") is None


def _two_versions(network: Json) -> None:
    for key, second in (("podCidrs", _SECOND_PODS), ("serviceCidrs", _SECOND_SERVICES)):
        ranges = items(network, key)
        if ranges and not any(":" in one for one in ranges):
            network[key] = [*ranges, second]
    outbound = part(part(network, "loadBalancerProfile"), "managedOutboundIPs")
    if outbound:
        outbound.setdefault("countIPv6", 1)
