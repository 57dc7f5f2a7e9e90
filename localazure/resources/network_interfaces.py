"""Network interfaces: read-only here; those of private endpoints are made with them."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from localazure.azure import LocalAzure
from localazure.resources.network import new_etag
from localazure.resources.provider import ResourceType, name_of, told
from localazure.resources.subnets import configurations_in
from localazure.store import Json, Resource

TYPE = "Microsoft.Network/networkInterfaces"


@dataclass(frozen=True, slots=True)
class Member:
    """One address of a private endpoint: which part of the service it leads to, and under what names."""

    group: str
    name: str
    fqdns: tuple[str, ...]


class NetworkInterfaces(ResourceType):
    """Recorded: acr/private-endpoint-create-with-two-ip-configurations [6]."""

    type = TYPE

    def create(self, endpoint: Resource, members: Sequence[Member]) -> Resource:
        """Make the interface of a private endpoint: one address a member, the first of them primary."""
        group = endpoint.id.rsplit("/providers/", 1)[0]
        nic_id = f"{group}/providers/{TYPE}/{endpoint.name}.nic.{self.azure.guid()}"
        subnet_id: str = endpoint.properties["subnet"]["id"]
        etag = new_etag(self.azure)
        properties: Json = {
            "provisioningState": "Succeeded",
            "resourceGuid": self.azure.guid(),
            "ipConfigurations": [],
            "dnsSettings": {
                "dnsServers": [],
                "appliedDnsServers": [],
                "internalDomainNameSuffix": "local.internal.cloudapp.net",
            },
            "macAddress": "",
            "vnetEncryptionSupported": False,
            "enableIPForwarding": False,
            "disableTcpStateTracking": False,
            "hostedWorkloads": [],
            "tapConfigurations": [],
            "privateEndpoint": {"id": endpoint.id},
            "nicType": "Standard",
            "allowPort25Out": True,
            "auxiliaryMode": "None",
            "auxiliarySku": "None",
        }
        body: Json = {
            "etag": etag,
            "properties": properties,
            "location": endpoint.body["location"],
            "managedBy": endpoint.id,
            "kind": "Regular",
        }
        with told(self.azure, "Write", nic_id, f"{TYPE}/write"):
            nic = self.azure.store.put(Resource(nic_id, TYPE, name_of(nic_id), body))
            for member in members:
                configurations: list[Json] = properties["ipConfigurations"]
                configurations.append(self._configuration(nic_id, etag, subnet_id, member, primary=not configurations))
                self.azure.store.touch(nic_id)
        return nic

    def _configuration(self, nic_id: str, etag: str, subnet_id: str, member: Member, *, primary: bool) -> Json:
        name = f"privateEndpointIpConfig.{self.azure.guid()}"
        return {
            "name": name,
            "id": f"{nic_id}/ipConfigurations/{name}",
            "etag": etag,
            "type": f"{TYPE}/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateIPAddress": free_address(self.azure, subnet_id),
                "privateIPAllocationMethod": "Dynamic",
                "subnet": {"id": subnet_id},
                "primary": primary,
                "privateIPAddressVersion": "IPv4",
                "privateLinkConnectionProperties": {
                    "groupId": member.group,
                    "requiredMemberName": member.name,
                    "fqdns": list(member.fqdns),
                },
            },
        }


def free_address(azure: LocalAzure, subnet_id: str) -> str:
    """The first address of a subnet that nobody has. Azure keeps the first four and the last to itself."""
    subnet = azure.store.get(subnet_id)
    properties = {} if subnet is None else subnet.properties
    prefix = properties.get("addressPrefix") or (properties.get("addressPrefixes") or ["10.0.0.0/24"])[0]
    taken = {found["properties"]["privateIPAddress"] for found in configurations_in(azure, subnet_id)}
    network = ipaddress.IPv4Network(prefix, strict=False)
    for offset in range(4, network.num_addresses - 1):
        if (address := str(network[offset])) not in taken:
            return address
    raise ValueError(f"{subnet_id} has no free address")
