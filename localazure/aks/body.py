"""What a managed cluster looks like when ARM prints it: AKS's defaults, what the caller sent, what AKS adds later.

Keys and values: the recorded bodies of api-version 2024-09-02-preview, the newest that was recorded.
"""

from copy import deepcopy

from localazure.aks.names import ApiServerNames, node_resource_group, zone_mode
from localazure.aks.presets import fill_in, is_flat, lists_no_pools, merged
from localazure.store import Json, items, part

VERSION = "1.33"
PATCH = "5"

POOL_DEFAULTS: Json = {
    "count": 3,
    "vmSize": "Standard_D4ds_v5",
    "osDiskSizeGB": 128,
    "osDiskType": "Managed",
    "kubeletDiskType": "OS",
    "workloadRuntime": "OCIContainer",
    "maxPods": 110,
    "type": "VirtualMachineScaleSets",
    "enableAutoScaling": False,
    "enableNodePublicIP": False,
    "enableCustomCATrust": False,
    "mode": "System",
    "enableEncryptionAtHost": False,
    "enableUltraSSD": False,
    "osType": "Linux",
    "osSKU": "Ubuntu",
    "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202511.01.0",
    "upgradeSettings": {"maxSurge": "10%"},
    "enableFIPS": False,
    "networkProfile": {},
    "securityProfile": {"sshAccess": "LocalUser", "enableVTPM": False, "enableSecureBoot": False},
}

# AKS does not print these back while they have the value that means "nothing special".
POOL_UNSAID: Json = {
    "scaleSetPriority": "Regular",
    "scaleSetEvictionPolicy": "Delete",
    "spotMaxPrice": -1.0,
    "nodeTaints": [],
    "osDiskSizeGB": 0,
    "orchestratorVersion": "",
}

NETWORK_DEFAULTS: Json = {
    "networkPlugin": "azure",
    "networkPolicy": "none",
    "loadBalancerSku": "standard",
    "podCidr": "10.244.0.0/16",
    "serviceCidr": "10.0.0.0/16",
    "dnsServiceIP": "10.0.0.10",
    "outboundType": "loadBalancer",
    "ipFamilies": ["IPv4"],
    "podLinkLocalAccess": "IMDS",
}

BALANCER_DEFAULTS: Json = {
    "backendPoolType": "nodeIPConfiguration",
    "clusterServiceLoadBalancerHealthProbeMode": "servicenodeport",
}

CLUSTER_DEFAULTS: Json = {
    "enableRBAC": True,
    "supportPlan": "KubernetesOfficial",
    "maxAgentPools": 100,
    "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
    "disableLocalAccounts": False,
    "securityProfile": {},
    "storageProfile": {
        "diskCSIDriver": {"enabled": True, "version": "v1"},
        "fileCSIDriver": {"enabled": True},
        "snapshotController": {"enabled": True},
    },
    "oidcIssuerProfile": {"enabled": False},
    "nodeResourceGroupProfile": {"restrictionLevel": "Unrestricted"},
    "workloadAutoScalerProfile": {},
    "metricsProfile": {"costAnalysis": {"enabled": False}},
    "controlPlanePluginProfiles": {
        name: {"enableV2": True}
        for name in ("azure-monitor-metrics-ccp", "karpenter", "live-patching-controller", "static-egress-controller")
    },
    "nodeProvisioningProfile": {"mode": "Manual"},
    "bootstrapProfile": {"artifactSource": "Direct"},
}

PRIVATE_LINK: Json = {
    "name": "management",
    "type": "Microsoft.ContainerService/managedClusters/privateLinkResources",
    "groupId": "management",
    "requiredMembers": ["management"],
}

_CLIENT = "00000000-0000-0000-0000-000000000001"


def new_cluster(request: Json, names: ApiServerNames, group: str, name: str, uid: str) -> Json:
    """The body of the 201: `Creating`, every name already chosen, no eTag yet (recorded, every create)."""
    sent: Json = deepcopy(request)
    properties: Json = part(sent, "properties")
    properties["nodeResourceGroup"] = node_resource_group(request, group, name)
    made: Json = {"fqdn": names.fqdn, "azurePortalFQDN": names.portal_fqdn, "resourceUID": uid}
    if names.mode != "public":
        made["privateFQDN"] = names.private_fqdn
    return {
        **{key: value for key, value in sent.items() if key not in ("id", "name", "type")},
        "kind": sent.get("kind", "Base"),
        "sku": sent.get("sku", {"name": "Base", "tier": "Free"}),
        "properties": {
            "provisioningState": "Creating",
            "powerState": {"code": "Running"},
            **made,
            **with_defaults(properties),
        },
    }


def with_defaults(sent: Json) -> Json:
    """What the caller said about the cluster, with what AKS says where the caller is silent. Unknown keys stay."""
    properties = merged(CLUSTER_DEFAULTS, sent)
    properties.pop("agentPoolProfiles", None)
    version = str(sent.get("kubernetesVersion") or VERSION)
    current = version if version.count(".") == 2 else f"{version}.{PATCH}"
    properties["kubernetesVersion"] = version
    properties["currentKubernetesVersion"] = current
    properties["networkProfile"] = _network(part(sent, "networkProfile"))
    if not lists_no_pools(sent):
        properties["agentPoolProfiles"] = [_pool(pool, current) for pool in items(sent, "agentPoolProfiles")]
    principal = part(properties, "servicePrincipalProfile") or {"clientId": _CLIENT}
    properties["servicePrincipalProfile"] = {key: value for key, value in principal.items() if key != "secret"}
    if not properties.get("addonProfiles"):
        properties.pop("addonProfiles", None)
    _access(properties)
    fill_in(properties)
    return properties


def answer_to_put(body: Json) -> Json:
    """A PUT's answer: as a GET, but with an empty `nodeLabels` in each pool (recorded, every create and update)."""
    shown: Json = deepcopy(body)
    for pool in items(shown["properties"], "agentPoolProfiles"):
        pool.setdefault("nodeLabels", {})
    return shown


def complete(body: Json, cluster_id: str, subscription: str, tag: str) -> None:
    """What AKS adds once a cluster has come up: identities, outbound addresses, ids, eTags."""
    properties: Json = body["properties"]
    group, name = properties["nodeResourceGroup"], cluster_id.rsplit("/", maxsplit=1)[-1]
    nodes = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
    agent = f"Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool"
    properties.setdefault(
        "identityProfile",
        {
            "kubeletidentity": {
                "resourceId": f"/subscriptions/{subscription}/resourcegroups/{group}/providers/{agent}",
                "clientId": _CLIENT,
                "objectId": _CLIENT,
            }
        },
    )
    network: Json = properties["networkProfile"]
    if network["outboundType"] == "loadBalancer":
        network["loadBalancerProfile"].setdefault(
            "effectiveOutboundIPs", [{"id": f"{nodes}/Microsoft.Network/publicIPAddresses/{name}-outbound"}]
        )
    for link in items(properties, "privateLinkResources"):
        link["id"] = f"{cluster_id}/privateLinkResources/{link['name']}"
    for identity in part(part(body, "identity"), "userAssignedIdentities").values():
        identity["clientId"] = _CLIENT
    mark(body, tag)


def mark(body: Json, tag: str) -> None:
    """Give the cluster and its pools a new eTag, a bare GUID (recorded aks/kubenet-byo-subnet-create [1])."""
    body["eTag"] = tag
    for pool in items(body["properties"], "agentPoolProfiles"):
        pool["eTag"] = tag


def set_state(body: Json, state: str) -> None:
    """Move the cluster and its pools to a provisioning state."""
    body["properties"]["provisioningState"] = state
    for pool in items(body["properties"], "agentPoolProfiles"):
        pool["provisioningState"] = state


def with_identity(body: Json, tenant: str) -> None:
    """Fill in the principals of the identity that the caller asked for (client ids of own ones come later)."""
    identity = part(body, "identity")
    if identity.get("type") == "SystemAssigned":
        identity |= {"principalId": _CLIENT, "tenantId": tenant}
    owned = part(identity, "userAssignedIdentities")
    for key in owned:
        owned[key] = {"principalId": _CLIENT, **part(owned, key)}


def _access(properties: Json) -> None:
    access = part(properties, "apiServerAccessProfile")
    if not access.get("authorizedIPRanges"):
        access.pop("authorizedIPRanges", None)
    if access.get("enableVnetIntegration"):
        access.setdefault("subnetId", "")
    if zone_mode(access) != "public":
        access.setdefault("privateDNSZone", "system")
        access.setdefault("enablePrivateClusterPublicFQDN", True)
        if not access.get("enableVnetIntegration"):
            properties.setdefault("privateLinkResources", [dict(PRIVATE_LINK)])
        else:
            properties.pop("privateLinkResources", None)  # a conversion sends back what a GET told
    if access:
        properties["apiServerAccessProfile"] = access
    else:
        properties.pop("apiServerAccessProfile", None)


def _network(sent: Json) -> Json:
    network = merged(NETWORK_DEFAULTS, sent)
    if is_flat(network) and "podCidr" not in sent:
        network.pop("podCidr")
    else:
        network.setdefault("podCidrs", [network["podCidr"]])
    network.setdefault("serviceCidrs", [network["serviceCidr"]])
    if network["outboundType"] == "managedNATGateway":
        gateway: Json = {"managedOutboundIPProfile": {"count": 1}, "idleTimeoutInMinutes": 4}
        network.setdefault("natGatewayProfile", gateway)
    if network["outboundType"] == "loadBalancer":
        balancer: Json = network.setdefault("loadBalancerProfile", {})
        balancer.setdefault("managedOutboundIPs", {"count": 1})
    network["loadBalancerProfile"] = {**BALANCER_DEFAULTS, **part(network, "loadBalancerProfile")}
    return network


def _pool(sent: Json, version: str) -> Json:
    said = {key: value for key, value in sent.items() if key not in POOL_UNSAID or value != POOL_UNSAID[key]}
    pool = merged(POOL_DEFAULTS, said)
    pool.setdefault("orchestratorVersion", version)
    return {
        **pool,
        "provisioningState": "Creating",
        "powerState": {"code": "Running"},
        "currentOrchestratorVersion": version,
    }
