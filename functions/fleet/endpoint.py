"""The pieces that tell where an API server is, as ARM prints them, cut to what Tether uses (see model.py)."""

import msgspec

from functions.arm.resource_id import ResourceId
from functions.fleet.model import ArmStruct, SubResource

ENDPOINT = "kube-apiserver"
"""AKS's name for the private endpoint, and for the internal load balancer of API Server VNet Integration.

Source: recorded aks/field-node-resource-group-content-private-cluster; AKS documentation, api-server-vnet-integration.
"""


class ConnectionState(ArmStruct, frozen=True, kw_only=True):
    status: str = ""


class ConnectionProperties(ArmStruct, frozen=True, kw_only=True):
    private_link_service_id: str | None = None
    private_link_service_connection_state: ConnectionState = ConnectionState()


class Connection(ArmStruct, frozen=True, kw_only=True):
    properties: ConnectionProperties = ConnectionProperties()


class CustomDnsConfig(ArmStruct, frozen=True, kw_only=True):
    """The addresses of a name that the endpoint serves. None until the endpoint is Succeeded (recorded trap 23)."""

    fqdn: str | None = None
    ip_addresses: tuple[str, ...] = ()


class EndpointProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    private_link_service_connections: tuple[Connection, ...] = ()
    manual_private_link_service_connections: tuple[Connection, ...] = ()
    network_interfaces: tuple[SubResource, ...] = ()
    custom_dns_configs: tuple[CustomDnsConfig, ...] = ()


class PrivateEndpoint(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: EndpointProperties = EndpointProperties()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """Both sorts: those that were approved by right and those that somebody has to approve."""
        held = self.properties
        return (*held.private_link_service_connections, *held.manual_private_link_service_connections)


class IpConfigurationProperties(ArmStruct, frozen=True, kw_only=True):
    """Of a NIC, or of a load balancer's frontend. The version is IPv4 where ARM names none."""

    private_ip_address: str | None = msgspec.field(default=None, name="privateIPAddress")
    private_ip_address_version: str | None = msgspec.field(default=None, name="privateIPAddressVersion")


class IpConfiguration(ArmStruct, frozen=True, kw_only=True):
    properties: IpConfigurationProperties = IpConfigurationProperties()


class NicProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    ip_configurations: tuple[IpConfiguration, ...] = ()


class NetworkInterface(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: NicProperties = NicProperties()


class BalancerProperties(ArmStruct, frozen=True, kw_only=True):
    frontends: tuple[IpConfiguration, ...] = msgspec.field(default=(), name="frontendIPConfigurations")


class LoadBalancer(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    properties: BalancerProperties = BalancerProperties()


class ARecord(ArmStruct, frozen=True, kw_only=True):
    ipv4_address: str = ""


class AaaaRecord(ArmStruct, frozen=True, kw_only=True):
    ipv6_address: str = ""


class RecordSetProperties(ArmStruct, frozen=True, kw_only=True):
    fqdn: str = ""
    ttl: int | None = None
    a_records: tuple[ARecord, ...] | None = None
    aaaa_records: tuple[AaaaRecord, ...] | None = None


class RecordSet(ArmStruct, frozen=True, kw_only=True):
    """The addresses under a name of a private zone."""

    id: ResourceId
    properties: RecordSetProperties = RecordSetProperties()

    @property
    def addresses(self) -> tuple[str, ...]:
        held = self.properties
        return (
            *(record.ipv4_address for record in held.a_records or ()),
            *(record.ipv6_address for record in held.aaaa_records or ()),
        )
