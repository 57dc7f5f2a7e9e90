"""Values that the tests of addresses share: endpoint, NIC, load balancer and record sets, as the fleet's structs."""

from functions.arm.resource_id import ResourceId
from functions.fleet.endpoint import (
    AaaaRecord,
    ARecord,
    BalancerProperties,
    Connection,
    ConnectionProperties,
    ConnectionState,
    CustomDnsConfig,
    EndpointProperties,
    IpConfiguration,
    IpConfigurationProperties,
    LoadBalancer,
    NetworkInterface,
    NicProperties,
    PrivateEndpoint,
    RecordSet,
    RecordSetProperties,
)
from tests.unit.worlds import CLUSTER_ID, NODE_GROUP, ZONE, an_id

ENDPOINT_ID = an_id("Microsoft.Network/privateEndpoints", "kube-apiserver", NODE_GROUP)
NIC_ID = an_id("Microsoft.Network/networkInterfaces", "kube-apiserver.nic.1", NODE_GROUP)
BALANCER_ID = an_id("Microsoft.Network/loadBalancers", "kube-apiserver", NODE_GROUP)


def an_endpoint(*told: str, status: str = "Approved", leads_to: ResourceId | str = CLUSTER_ID) -> PrivateEndpoint:
    state = ConnectionState(status=status)
    properties = ConnectionProperties(
        private_link_service_id=str(leads_to), private_link_service_connection_state=state
    )
    return PrivateEndpoint(
        id=ENDPOINT_ID,
        properties=EndpointProperties(
            private_link_service_connections=(Connection(properties=properties),),
            custom_dns_configs=(CustomDnsConfig(ip_addresses=told),) if told else (),
        ),
    )


def configurations(*addresses: str | None) -> tuple[IpConfiguration, ...]:
    return tuple(
        IpConfiguration(properties=IpConfigurationProperties(private_ip_address=address)) for address in addresses
    )


def a_nic(*addresses: str | None) -> NetworkInterface:
    return NetworkInterface(id=NIC_ID, properties=NicProperties(ip_configurations=configurations(*addresses)))


def a_balancer(*addresses: str | None) -> LoadBalancer:
    return LoadBalancer(id=BALANCER_ID, properties=BalancerProperties(frontends=configurations(*addresses)))


def records(*addresses: str) -> tuple[RecordSet, ...]:
    v4 = tuple(ARecord(ipv4_address=address) for address in addresses if ":" not in address)
    v6 = tuple(AaaaRecord(ipv6_address=address) for address in addresses if ":" in address)
    sets = [RecordSet(id=ZONE.child("A", "prod"), properties=RecordSetProperties(a_records=v4))] if v4 else []
    if v6:
        sets.append(RecordSet(id=ZONE.child("AAAA", "prod"), properties=RecordSetProperties(aaaa_records=v6)))
    return tuple(sets)
