"""The Azure resources of one cluster, made and removed as AKS does: with the cluster's own identity, from inside."""

from localazure.aks.blueprint import Blueprint
from localazure.aks.errors import link_failed
from localazure.aks.names import own_link
from localazure.azure import LocalAzure
from localazure.operations import OperationFailed, Takes
from localazure.resources.groups import ResourceGroups
from localazure.resources.private_endpoints import PrivateEndpoints
from localazure.resources.private_zones import LINKS, PrivateZones
from localazure.resources.record_sets import RecordSets
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.resources.zone_links import ZoneLinks
from localazure.store import Resource, items, part

ENDPOINT = "kube-apiserver"
RECORD_TTL = 300
VNET_SPACE = "10.224.0.0/12"
SUBNET_SPACE = "10.224.0.0/16"
"""The address spaces that AKS gives a VNet and a node subnet of its own (10.224.0.0/12 and /16)."""


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
        """The private endpoint `kube-apiserver` in the first node pool's subnet, with its NIC."""
        endpoint = self._azure.store.get(self._endpoint)
        if endpoint is not None and endpoint.properties.get("provisioningState") == "Succeeded":
            return
        plan, seconds = self._plan, self._azure.durations.cluster_endpoint
        await PrivateEndpoints(self._azure).create(
            self._endpoint,
            plan.location,
            plan.node_subnet,
            target=plan.cluster,
            member="management",
            fqdns=(plan.private_fqdn,),
            takes=lambda _: self._takes(seconds),
        )

    async def remove_endpoint(self) -> None:
        if self._azure.store.get(self._endpoint) is not None:
            await PrivateEndpoints(self._azure).remove(self._endpoint)

    async def make_record(self) -> None:
        """The API server's A record, which AKS writes itself."""
        address, record = self._address(), self._azure.store.get(self._record)
        shown = [str(entry["ipv4Address"]) for entry in items(record.properties, "aRecords")] if record else []
        if shown != [address]:
            RecordSets(self._azure, "A").create(
                self._record, {"ttl": RECORD_TTL, "aRecords": [{"ipv4Address": address}]}
            )

    async def remove_record(self) -> None:
        if self._plan.zone and self._azure.store.get(self._record) is not None:
            RecordSets(self._azure, "A").remove(self._record)

    @property
    def _endpoint(self) -> str:
        return f"{self._plan.node_group}/providers/Microsoft.Network/privateEndpoints/{ENDPOINT}"

    @property
    def _record(self) -> str:
        return f"{self._plan.zone}/A/{self._plan.record}"

    def _address(self) -> str:
        """The API server's address: that of the endpoint's NIC."""
        endpoint = self._azure.store.get(self._endpoint)
        if endpoint is None:
            raise LookupError(f"{self._endpoint} was not made")
        nic = self._azure.store.get(items(endpoint.properties, "networkInterfaces")[0]["id"])
        if nic is None:
            raise LookupError(f"{self._endpoint} has no NIC")
        return str(part(items(nic.properties, "ipConfigurations")[0], "properties")["privateIPAddress"])

    def _linked(self, vnet: str, *, anyones: bool) -> bool:
        return any(
            (anyones or self._is_own(link))
            and str(part(link.properties, "virtualNetwork").get("id")).casefold() == vnet.casefold()
            for link in self._azure.store.of_type(LINKS, self._plan.zone)
        )

    def _is_own(self, link: Resource) -> bool:
        names = [own_link(self._plan.private_fqdn, nth) for nth in range(len(self._plan.vnets))]
        return link.name.casefold() in names
