"""The Azure resources of one cluster, made and removed as AKS does: with the cluster's own identity, from inside."""

from localazure.aks.at_work import NextEndpoint
from localazure.aks.blueprint import API_SERVER, Blueprint
from localazure.aks.errors import link_failed
from localazure.aks.names import own_link
from localazure.aks.reachable import addresses_of
from localazure.azure import LocalAzure
from localazure.operations import OperationFailed, Takes
from localazure.resources.groups import ResourceGroups
from localazure.resources.load_balancers import LoadBalancers
from localazure.resources.network_interfaces import Version
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.resources.private_zones import LINKS, PrivateZones
from localazure.resources.record_sets import RecordSets
from localazure.resources.subnets import Subnets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.resources.zone_links import ZoneLinks
from localazure.store import Json, Resource, items, part

RECORD_TTL = 300
VNET_SPACE = "10.224.0.0/12"
SUBNET_SPACE = "10.224.0.0/16"
"""The address spaces that AKS gives a VNet and a node subnet of its own (10.224.0.0/12 and /16)."""
API_SUBNET: Json = {
    "addressPrefix": "10.226.0.0/28",
    "delegations": [{"name": "aks", "properties": {"serviceName": "Microsoft.ContainerService/managedClusters"}}],
}
RECORDS = (("A", "aRecords", "ipv4Address"), ("AAAA", "aaaaRecords", "ipv6Address"))
"""Each kind of record that tells an address: where its record set keeps the records, and a record its address."""


class Pieces:
    """Makes and removes what `plan` names. A piece that is there already is left as it is.

    `takes` lets the time pass that AKS needs for its zone and its endpoint; the other pieces take their own.
    """

    def __init__(self, azure: LocalAzure, plan: Blueprint, takes: Takes) -> None:
        self._azure = azure
        self._plan = plan
        self._takes = takes

    def group_missing(self) -> bool:
        return self._azure.store.get(self._plan.node_group) is None

    async def make_group(self) -> None:
        """The node resource group: `managedBy` is the cluster."""
        plan = self._plan
        ResourceGroups(self._azure).create(plan.node_group, plan.location, managed_by=plan.cluster)

    def lock(self) -> None:
        """Node-resource-group lockdown, where the cluster asks for it."""
        if self._plan.locked:
            ResourceGroups(self._azure).lock(self._plan.node_group)

    async def remove_group(self) -> None:
        if not self.group_missing():
            await ResourceGroups(self._azure).remove(self._plan.node_group)

    async def make_vnet(self) -> None:
        """The VNet that AKS makes when the caller brings none. Its DNS is Azure's."""
        plan = self._plan
        if self._azure.store.get(plan.own_vnet) is None:
            await VirtualNetworks(self._azure).create(
                plan.own_vnet, plan.location, [VNET_SPACE], subnets={"aks-subnet": SUBNET_SPACE}
            )
        if plan.balancer and not plan.api_subnet and self._azure.store.get(plan.own_api_subnet) is None:
            await Subnets(self._azure).create(plan.own_api_subnet, API_SUBNET)

    def zone_missing(self) -> bool:
        return self._azure.store.get(self._plan.zone) is None

    async def make_zone(self) -> None:
        """The private zone; it takes `cluster_zone` seconds."""
        if self.zone_missing():
            seconds = self._azure.durations.cluster_zone
            await PrivateZones(self._azure).create(self._plan.zone, takes=lambda _: self._takes(seconds))

    async def remove_zone(self) -> None:
        if not self.zone_missing():
            await PrivateZones(self._azure).remove(self._plan.zone)

    async def make_link(self, vnet: str, nth: int) -> None:
        """AKS's own link to a VNet of the cluster. In a custom zone any link to that VNet will do [U].

        Raises OperationFailed (CreateOrUpdateVirtualNetworkLinkFailed) with private DNS's own reason inside.
        """
        plan = self._plan
        if self._linked(vnet, anyones=not plan.owns_zone):
            return
        name = own_link(plan.private_fqdn, nth)
        try:
            await ZoneLinks(self._azure).create(f"{plan.zone}/virtualNetworkLinks/{name}", vnet)
        except OperationFailed as refused:
            zone = plan.zone.split("/")
            raise link_failed(zone[2], zone[4], zone[-1], name, refused.error) from refused

    async def remove_links(self, *, foreign: bool) -> None:
        """Take AKS's own links off the zone, and those of others when `foreign`."""
        links = ZoneLinks(self._azure)
        for link in self._azure.store.of_type(LINKS, self._plan.zone):
            if foreign or self._is_own(link):
                await links.remove(link.id)

    async def make_endpoint(self) -> None:
        """The private endpoint `kube-apiserver` in the first node pool's subnet, or where the next one shall go."""
        plan, seconds = self._plan, self._azure.durations.cluster_endpoint
        endpoint = self._azure.store.get(plan.endpoint_id)
        if endpoint is not None and endpoint.properties.get("provisioningState") == "Succeeded":
            return
        wanted = self._azure.next_endpoints.pop(plan.cluster.casefold(), NextEndpoint())
        await PrivateEndpoints(self._azure).create(
            plan.endpoint_id,
            plan.location,
            wanted.subnet or plan.node_subnet,
            target=plan.cluster,
            member="management",
            fqdns=(plan.private_fqdn,),
            versions=self._versions,
            avoid=wanted.not_at,
            takes=lambda _: self._takes(seconds),
        )

    async def remove_endpoint(self) -> None:
        if self._azure.store.get(self._plan.endpoint_id) is not None:
            await PrivateEndpoints(self._azure).remove(self._plan.endpoint_id)

    async def make_balancer(self) -> None:
        """The internal load balancer `kube-apiserver` of VNet integration, a frontend for each IP version."""
        plan, seconds = self._plan, self._azure.durations.cluster_endpoint
        if self._azure.store.get(plan.balancer_id) is None:
            await LoadBalancers(self._azure).create(
                plan.balancer_id,
                plan.location,
                {f"{API_SERVER}-{version.lower()}": (plan.balancer_subnet, version) for version in self._versions},
                takes=lambda _: self._takes(seconds),
            )

    async def remove_balancer(self) -> None:
        if self._azure.store.get(self._plan.balancer_id) is not None:
            await LoadBalancers(self._azure).remove(self._plan.balancer_id)

    async def make_records(self) -> None:
        """The API server's A record, and the AAAA record of a dual-stack one, which AKS writes itself."""
        addresses = addresses_of(self._azure, self._plan)
        for kind, field, key in RECORDS:
            wanted = [{key: address} for address in addresses if (":" in address) == (kind == "AAAA")]
            record = self._azure.store.get(self._record(kind))
            shown = items(record.properties, field) if record else []
            if wanted and wanted != shown:
                RecordSets(self._azure, kind).create(self._record(kind), {"ttl": RECORD_TTL, field: wanted})

    async def remove_records(self) -> None:
        for kind, _, _ in RECORDS if self._plan.zone else ():
            if self._azure.store.get(self._record(kind)) is not None:
                RecordSets(self._azure, kind).remove(self._record(kind))

    @property
    def _versions(self) -> tuple[Version, ...]:
        return ("IPv4", "IPv6") if self._plan.dual_stack else ("IPv4",)

    def _record(self, kind: str) -> str:
        return f"{self._plan.zone}/{kind}/{self._plan.record}"

    def _linked(self, vnet: str, *, anyones: bool) -> bool:
        return any(
            (self._is_whole(link) if self._is_own(link) else anyones)
            and str(part(link.properties, "virtualNetwork").get("id")).casefold() == vnet.casefold()
            for link in self._azure.store.of_type(LINKS, self._plan.zone)
        )

    def _is_whole(self, link: Resource) -> bool:
        """No: an abort broke its writing off, and it must be written again."""
        return bool(link.properties["provisioningState"] == "Succeeded")

    def _is_own(self, link: Resource) -> bool:
        names = [own_link(self._plan.private_fqdn, nth) for nth in range(len(self._plan.vnets))]
        return link.name.casefold() in names
