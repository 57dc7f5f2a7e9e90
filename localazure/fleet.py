"""A big fleet placed at once, settled, without time and without events: for benchmarks and sweeps."""

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import msgspec

from localazure.aks import body as cluster_body
from localazure.aks.names import api_server_names, own_link
from localazure.azure import LocalAzure
from localazure.fleet_routes import become_kubenet
from localazure.resources.network import new_etag
from localazure.resources.private_zones import PrivateZones
from localazure.resources.zone_links import ZoneLinks
from localazure.store import Json, Resource
from localazure.world import HUB_SUBSCRIPTION, cluster_request

ZONES_IN_A_SUBSCRIPTION = 1000
"""At most so many private zones lie in one subscription, and as many may be linked to one VNet (Learn, DNS limits)."""
_VNET = "Microsoft.Network/virtualNetworks"


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ids of what was placed; `clusters` and `zones` in the same order, those without a link to their hub first."""

    hubs: tuple[str, ...]
    subscriptions: tuple[str, ...]
    clusters: list[str] = field(default_factory=list[str])
    zones: list[str] = field(default_factory=list[str])


def many_clusters(
    azure: LocalAzure,
    number: int,
    *,
    unlinked: int = 0,
    kubenet: int = 0,
    hubs: int = 1,
    subscriptions: int = 0,
    location: str = "westeurope",
    link_name: str = "to-hub",
    link_tags: dict[str, str] | None = None,
) -> Fleet:
    """Place `number` private clusters, each in a spoke of its own that is peered with one of `hubs` in turn.

    A cluster comes with its node resource group, system zone, own link, link to its hub (named `link_name`), private
    endpoint, NIC, A record and spoke. The first `unlinked` have no link to their hub; the last `kubenet` are kubenet,
    each with its route table in place. They lie in turn in so many `subscriptions`, as few as the limit of zones allows
    when 0. Needs a running event loop.
    """
    subscriptions = subscriptions or ceil(number / (ZONES_IN_A_SUBSCRIPTION * 0.9))
    named = tuple(_guid(nth) for nth in range(1, subscriptions + 1))
    placed = Fleet(tuple(_hub_id(nth, location) for nth in range(hubs)), named)
    make = _Maker(azure, location)
    make.group(placed.hubs[0].partition("/providers/")[0])
    for nth, hub in enumerate(placed.hubs):
        make.vnet(hub, f"10.{nth}.0.0/16", [], "dns")
    for subscription in named:
        make.group(f"/subscriptions/{subscription}/resourceGroups/apps")
    for nth in range(number):
        hub = placed.hubs[nth % hubs]
        cluster, zone = make.cluster(nth, named[nth % len(named)], hub)
        placed.clusters.append(cluster)
        placed.zones.append(zone)
        if nth >= unlinked:
            ZoneLinks(azure).place(f"{zone}/virtualNetworkLinks/{link_name}", hub, tags=link_tags)
        if nth >= number - kubenet:
            become_kubenet(azure, cluster)
    return placed


class _Maker:
    """Puts resources into the store as they look when everything about them has settled."""

    def __init__(self, azure: LocalAzure, location: str) -> None:
        self._azure = azure
        self._location = location
        request = cluster_request("", location)
        names = api_server_names(request, azure.random, azure.guid())
        body = cluster_body.new_cluster(request, names, "apps", "team", "0" * 24)
        cluster_body.with_identity(body, azure.tenant)
        cluster_body.set_state(body, "Succeeded")
        self._pattern: bytes = msgspec.json.encode(body)
        self._request = request

    def group(self, group_id: str, managed_by: str = "") -> None:
        body: Json = {"location": self._location, "properties": {"provisioningState": "Succeeded"}}
        self._put(
            group_id, "Microsoft.Resources/resourceGroups", body | ({"managedBy": managed_by} if managed_by else {})
        )

    def cluster(self, nth: int, subscription: str, hub: str) -> tuple[str, str]:
        """A cluster with everything that belongs to it; its id and its zone's."""
        azure, name = self._azure, f"team-{nth:05d}"
        apps = f"/subscriptions/{subscription}/resourceGroups/apps"
        group = f"/subscriptions/{subscription}/resourceGroups/MC_apps_{name}_{self._location}"
        cluster_id = f"/subscriptions/{subscription}/resourcegroups/apps/providers/Microsoft.ContainerService"
        cluster_id += f"/managedClusters/{name}"
        spoke = f"{apps}/providers/{_VNET}/spoke-{nth:05d}"
        self.vnet(spoke, f"10.{100 + nth // 256 % 100}.{nth % 256}.0/24", ["10.0.0.4"], "nodes")
        self._peer(spoke, hub)
        names = api_server_names(self._request, azure.random, azure.guid())
        body: Json = msgspec.json.decode(self._pattern)
        properties: Json = body["properties"]
        properties |= {"fqdn": names.fqdn, "privateFQDN": names.private_fqdn, "resourceUID": azure.guid()[:24]}
        properties["nodeResourceGroup"] = group.rpartition("/")[2]
        properties["agentPoolProfiles"][0]["vnetSubnetID"] = f"{spoke}/subnets/nodes"
        cluster_body.complete(body, cluster_id, subscription, azure.guid())
        self._put(cluster_id, "Microsoft.ContainerService/ManagedClusters", body)
        self.group(group, managed_by=cluster_id)
        lower = f"/subscriptions/{subscription}/resourceGroups/{group.rpartition('/')[2].lower()}"
        zone = PrivateZones(azure).place(f"{lower}/providers/Microsoft.Network/privateDnsZones/{names.zone}")
        ZoneLinks(azure).place(f"{zone.id}/virtualNetworkLinks/{own_link(names.private_fqdn, 0)}", spoke)
        address = f"10.{100 + nth // 256 % 100}.{nth % 256}.4"
        self._endpoint(group, cluster_id, spoke, names.private_fqdn, address)
        self._record(zone, names.record, address)
        return cluster_id, zone.id

    def vnet(self, vnet_id: str, space: str, dns_servers: list[str], subnet: str) -> None:
        """A VNet with one subnet as big as itself."""
        properties: Json = {
            "provisioningState": "Succeeded",
            "resourceGuid": self._azure.guid(),
            "addressSpace": {"addressPrefixes": [space]},
            "dhcpOptions": {"dnsServers": dns_servers},
            "enableDdosProtection": False,
        }
        self._put(vnet_id, _VNET, self._tagged(properties))
        inside: Json = {
            "provisioningState": "Succeeded",
            "addressPrefix": space,
            "delegations": [],
            "privateEndpointNetworkPolicies": "Disabled",
            "privateLinkServiceNetworkPolicies": "Enabled",
        }
        self._put(f"{vnet_id}/subnets/{subnet}", f"{_VNET}/subnets", {"properties": inside})

    def _peer(self, spoke: str, hub: str) -> None:
        """Both sides, Connected."""
        shared: Json = {
            "provisioningState": "Succeeded",
            "resourceGuid": self._azure.guid(),
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
            "peerCompleteVnets": True,
        }
        for here, there in ((spoke, hub), (hub, spoke)):
            properties = {**shared, "remoteVirtualNetwork": {"id": there}}
            peering = f"{here}/virtualNetworkPeerings/to-{there.rpartition('/')[2]}"
            self._put(peering, f"{_VNET}/virtualNetworkPeerings", {"properties": properties})

    def _endpoint(self, group: str, cluster_id: str, spoke: str, fqdn: str, address: str) -> None:
        """The private endpoint `kube-apiserver` and its NIC."""
        endpoint_id = f"{group}/providers/Microsoft.Network/privateEndpoints/kube-apiserver"
        nic_id = f"{group}/providers/Microsoft.Network/networkInterfaces/kube-apiserver.nic.{self._azure.guid()}"
        subnet = {"id": f"{spoke}/subnets/nodes"}
        state = {"status": "Approved", "description": "Auto-Approved", "actionsRequired": "None"}
        connection: Json = {
            "name": "kube-apiserver",
            "id": f"{endpoint_id}/privateLinkServiceConnections/kube-apiserver",
            "properties": {
                "provisioningState": "Succeeded",
                "privateLinkServiceId": cluster_id,
                "groupIds": ["management"],
                "privateLinkServiceConnectionState": state,
            },
        }
        endpoint: Json = {
            "provisioningState": "Succeeded",
            "resourceGuid": self._azure.guid(),
            "privateLinkServiceConnections": [connection],
            "manualPrivateLinkServiceConnections": [],
            "subnet": subnet,
            "networkInterfaces": [{"id": nic_id}],
            "customDnsConfigs": [{"fqdn": fqdn, "ipAddresses": [address]}],
        }
        configuration: Json = {
            "name": "privateEndpointIpConfig",
            "id": f"{nic_id}/ipConfigurations/privateEndpointIpConfig",
            "type": "Microsoft.Network/networkInterfaces/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateIPAddress": address,
                "privateIPAllocationMethod": "Dynamic",
                "subnet": subnet,
                "primary": True,
                "privateIPAddressVersion": "IPv4",
                "privateLinkConnectionProperties": {
                    "groupId": "management",
                    "requiredMemberName": "management",
                    "fqdns": [fqdn],
                },
            },
        }
        nic: Json = {
            "provisioningState": "Succeeded",
            "ipConfigurations": [configuration],
            "privateEndpoint": {"id": endpoint_id},
        }
        self._put(endpoint_id, "Microsoft.Network/privateEndpoints", self._tagged(endpoint))
        self._put(nic_id, "Microsoft.Network/networkInterfaces", self._tagged(nic) | {"managedBy": endpoint_id})

    def _record(self, zone: Resource, name: str, address: str) -> None:
        properties: Json = {
            "fqdn": f"{name}.{zone.name}.",
            "ttl": 300,
            "aRecords": [{"ipv4Address": address}],
            "isAutoRegistered": False,
        }
        body: Json = {"etag": self._azure.guid(), "properties": properties}
        self._put(f"{zone.id}/A/{name}", "Microsoft.Network/privateDnsZones/A", body)

    def _tagged(self, properties: Json) -> Json:
        return {"etag": new_etag(self._azure), "location": self._location, "properties": properties}

    def _put(self, resource_id: str, kind: str, body: dict[str, Any]) -> None:
        self._azure.store.put(Resource(resource_id, kind, resource_id.rpartition("/")[2], body))


def _guid(nth: int) -> str:
    return f"5b5c0000-0000-4000-8000-{nth:012d}"


def _hub_id(nth: int, location: str) -> str:
    group = f"/subscriptions/{HUB_SUBSCRIPTION}/resourceGroups/hub-{location}"
    return f"{group}/providers/{_VNET}/hub-{location}" + (f"-{nth}" if nth else "")
