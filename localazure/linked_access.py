"""Linked checks: what a write needs on other resources, those that its body names.

ARM asks for them at every PUT, whether the body changes anything or not, so that whoever puts a resource back as it
was read needs all of them. (AKS's own engineers say so of a cluster: Azure/AKS#4980, 2026-08.)

Not in the table, since no source settles whether ARM asks the caller for anything [U]: a cluster's custom private zone
(AKS asks the cluster's own identity, which fails as CustomPrivateDNSZoneMissingPermissionError, Azure/AKS#3470), its
kubenet route table (the body names none; terraform-provider-azurerm#3067 tells of one in 2019), capacity reservation
and host groups, snapshots, DNS zones of app routing, the registry of `bootstrapProfile`, a Defender workspace; a
subnet's `ipAllocations`. Where ARM does ask, it refuses, and Tether tells which action is missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from localazure.store import Json

JOIN_VNET = "Microsoft.Network/virtualNetworks/join/action"
JOIN_SUBNET = "Microsoft.Network/virtualNetworks/subnets/join/action"
ASSIGN_IDENTITY = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action"
JOIN_ADDRESS = "Microsoft.Network/publicIPAddresses/join/action"
JOIN_PREFIX = "Microsoft.Network/publicIPPrefixes/join/action"
READ_KEYS = "Microsoft.OperationalInsights/workspaces/sharedkeys/read"

_AKS = "Learn, 'AKS service permissions reference', identity creating and operating the cluster"
_SUBNET = "Learn, 'Permission requirements for Service Connector': what a subnet's write joins; microsoft/tyger#320"
_POOLS = "properties.agentPoolProfiles.*"
_BALANCER = "properties.networkProfile.loadBalancerProfile"


@dataclass(frozen=True, slots=True)
class Linked:
    """An action that a PUT of a type needs on what its body names at a path.

    In `path`, `*` is each item of a list or each value of an object, and a last `<` each of an object's keys.
    """

    type: str
    path: str
    action: str
    source: str


LINKS = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
CLUSTERS = "Microsoft.ContainerService/managedClusters"

TABLE: tuple[Linked, ...] = (
    Linked(
        LINKS, "properties.virtualNetwork.id", JOIN_VNET, "azure-facts, Private DNS; terraform-provider-azurerm#24724"
    ),
    Linked("Microsoft.Network/privateEndpoints", "properties.subnet.id", JOIN_SUBNET, "Learn, Private Link RBAC"),
    Linked(
        SUBNETS,
        "properties.routeTable.id",
        "Microsoft.Network/routeTables/join/action",
        "microsoft/planetary-computer-hub#25: the code, with the very table of an AKS cluster; microsoft/tyger#320",
    ),
    Linked(
        SUBNETS, "properties.networkSecurityGroup.id", "Microsoft.Network/networkSecurityGroups/join/action", _SUBNET
    ),
    Linked(SUBNETS, "properties.natGateway.id", "Microsoft.Network/natGateways/join/action", _SUBNET),
    Linked(
        SUBNETS,
        "properties.serviceEndpointPolicies.*.id",
        "Microsoft.Network/serviceEndpointPolicies/join/action",
        _SUBNET,
    ),
    Linked(
        SUBNETS,
        "properties.ipamPoolPrefixAllocations.*.pool.id",
        "Microsoft.Network/networkManagers/ipamPools/associateResourcesToPool/action",
        "openshift/cluster-storage-operator, 03_credentials_request_azure_file.yaml; [U] for whom ARM asks",
    ),
    Linked(CLUSTERS, "identity.userAssignedIdentities.<", ASSIGN_IDENTITY, "Azure/AKS#4980: at every PUT"),
    Linked(
        CLUSTERS, "properties.identityProfile.*.resourceId", ASSIGN_IDENTITY, "[U] the kubelet's; stricter of the two"
    ),
    Linked(
        CLUSTERS, f"{_POOLS}.vnetSubnetID", JOIN_SUBNET, "Azure/mpf: LinkedAuthorizationFailed of a cluster's write"
    ),
    Linked(CLUSTERS, f"{_POOLS}.podSubnetID", JOIN_SUBNET, f"{_AKS}; [U] for pods' subnets"),
    Linked(CLUSTERS, "properties.apiServerAccessProfile.subnetId", JOIN_SUBNET, f"{_AKS}; [U] for the API server's"),
    Linked(CLUSTERS, f"{_POOLS}.nodePublicIPPrefixID", JOIN_PREFIX, _AKS),
    Linked(CLUSTERS, f"{_BALANCER}.outboundIPPrefixes.publicIPPrefixes.*.id", JOIN_PREFIX, _AKS),
    Linked(CLUSTERS, f"{_BALANCER}.outboundIPs.publicIPs.*.id", JOIN_ADDRESS, _AKS),
    Linked(CLUSTERS, f"{_POOLS}.proximityPlacementGroupID", "Microsoft.Compute/proximityPlacementGroups/write", _AKS),
    Linked(CLUSTERS, "properties.diskEncryptionSetID", "Microsoft.Compute/diskEncryptionSets/read", _AKS),
    Linked(
        CLUSTERS,
        "properties.addonProfiles.omsagent.config.logAnalyticsWorkspaceResourceID",
        READ_KEYS,
        "Azure/azure-cli#22232: LinkedAuthorizationFailed of a cluster that somebody else gave its workspace",
    ),
    Linked(
        CLUSTERS,
        "properties.addonProfiles.ingressApplicationGateway.config.applicationGatewayId",
        "Microsoft.Network/applicationGateways/write",
        _AKS,
    ),
    Linked(CLUSTERS, "properties.addonProfiles.ingressApplicationGateway.config.subnetId", JOIN_SUBNET, _AKS),
)


def linked(resource_type: str, body: Json) -> Iterator[tuple[str, str]]:
    """The permissions that a PUT of a body needs on other resources, each once and with the other's id."""
    kind = resource_type.casefold()
    seen: set[tuple[str, str]] = set()
    for row in TABLE:
        if row.type.casefold() != kind:
            continue
        for named in _named(body, row.path.split(".")):
            if (need := (row.action, named)) not in seen:
                seen.add(need)
                yield need


def _named(held: object, path: list[str]) -> Iterator[str]:
    """The ids at a path. Property names compare without case, as AKS spells `omsAgent` and its keys in several ways."""
    if not path:
        if isinstance(held, str) and held.startswith("/"):
            yield held
        return
    first, rest = path[0], path[1:]
    if first == "*":
        for value in _values(held):
            yield from _named(value, rest)
    elif isinstance(held, dict):
        for key, value in cast("Json", held).items():
            if first == "<":
                yield from _named(key, rest)
            elif key.casefold() == first.casefold():
                yield from _named(value, rest)


def _values(held: object) -> Iterable[object]:
    if isinstance(held, dict):
        return cast("Json", held).values()
    return cast("list[object]", held) if isinstance(held, list) else ()
