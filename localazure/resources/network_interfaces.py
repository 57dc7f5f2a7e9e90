"""Network interfaces: read-only here; those of private endpoints are made with them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from localazure.azure import LocalAzure
from localazure.back_references import NICS as TYPE
from localazure.back_references import configurations_in
from localazure.resources.network import new_etag
from localazure.resources.provider import ResourceType, name_of, told
from localazure.store import Json, Resource

type Version = Literal["IPv4", "IPv6"]


@dataclass(frozen=True, slots=True)
class Member:
    """One address of a private endpoint: which part of the service it leads to, and under what names."""

    group: str
    name: str
    fqdns: tuple[str, ...]


class NetworkInterfaces(ResourceType):
    """Recorded: acr/private-endpoint-create-with-two-ip-configurations [6]."""

    type = TYPE

    def create(
        self,
        endpoint: Resource,
        members: Sequence[Member],
        *,
        versions: Sequence[Version] = ("IPv4",),
        avoid: Collection[str] = (),
    ) -> Resource:
        """Make the interface of a private endpoint: one address a member, the first of them primary.

        Of several `versions` a member gets an address each, as far as the subnet has prefixes for them. None is one
        of those to `avoid`.
        """
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
            configurations: list[Json] = properties["ipConfigurations"]
            for member in members:
                for version in versions:
                    if not has_room(self.azure, subnet_id, version):
                        continue
                    address = free_address(self.azure, subnet_id, version, avoid)
                    made = self._configuration(nic_id, etag, subnet_id, member, address, primary=not configurations)
                    made["properties"]["privateIPAddressVersion"] = version
                    configurations.append(made)
                    self.azure.store.touch(nic_id)
        return nic

    def readdress(self, nic_id: str, avoid: Collection[str] = ()) -> None:
        """Give every configuration another address in its subnet, none of those to `avoid`."""
        nic = self.azure.store.get(nic_id)
        if nic is None:
            raise LookupError(f"{nic_id} is not there")
        with told(self.azure, "Write", nic_id, f"{TYPE}/write"):
            nic.body["etag"] = new_etag(self.azure)
            for configuration in nic.properties["ipConfigurations"]:
                held: Json = configuration["properties"]
                held["privateIPAddress"] = free_address(
                    self.azure, held["subnet"]["id"], held["privateIPAddressVersion"], avoid
                )
                configuration["etag"] = nic.body["etag"]
                self.azure.store.touch(nic_id)

    def _configuration(
        self, nic_id: str, etag: str, subnet_id: str, member: Member, address: str, *, primary: bool
    ) -> Json:
        name = f"privateEndpointIpConfig.{self.azure.guid()}"
        return {
            "name": name,
            "id": f"{nic_id}/ipConfigurations/{name}",
            "etag": etag,
            "type": f"{TYPE}/ipConfigurations",
            "properties": {
                "provisioningState": "Succeeded",
                "privateIPAddress": address,
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


def free_address(azure: LocalAzure, subnet_id: str, version: Version = "IPv4", avoid: Collection[str] = ()) -> str:
    """The first address of a subnet that nobody has. Azure keeps the first four and the last to itself.

    Raises ValueError where there is none.
    """
    taken = {found["properties"]["privateIPAddress"] for found in configurations_in(azure.store, subnet_id)}
    for network in _networks(azure, subnet_id, version):
        for offset in range(4, network.num_addresses - 1):
            if (address := str(network[offset])) not in taken and address not in avoid:
                return address
    raise ValueError(f"{subnet_id} has no free {version} address")


def has_room(azure: LocalAzure, subnet_id: str, version: Version) -> bool:
    """Has the subnet a prefix of this version?"""
    return bool(_networks(azure, subnet_id, version))


def _networks(azure: LocalAzure, subnet_id: str, version: Version) -> list[IPv4Network | IPv6Network]:
    subnet = azure.store.get(subnet_id)
    properties = {} if subnet is None else subnet.properties
    single = properties.get("addressPrefix")
    prefixes: list[str] = [single] if single else properties.get("addressPrefixes") or ["10.0.0.0/24"]
    found = [ip_network(prefix, strict=False) for prefix in prefixes]
    return [network for network in found if f"IPv{network.version}" == version]
