"""Where the API servers of a whole fleet are: their pieces and AKS's own records, by two queries of Resource Graph.

Absence proves nothing here: what is not shown is not known, never missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from functions.arm.graph import Graph, Page
from functions.arm.resource_id import ResourceId
from functions.dns.record import Address
from functions.fleet.address import ApiServer, Pieces, locate
from functions.fleet.endpoint import (
    ENDPOINT,
    AaaaRecord,
    ARecord,
    BalancerProperties,
    Connection,
    CustomDnsConfig,
    EndpointProperties,
    IpConfiguration,
    LoadBalancer,
    NetworkInterface,
    NicProperties,
    PrivateEndpoint,
    RecordSet,
    RecordSetProperties,
)
from functions.fleet.model import ArmStruct, ManagedCluster, SubResource, decode_hook
from functions.fleet.observe_address import NOT_NAMED_YET, piece_id, record_id
from functions.fleet.seen import UNKNOWN, Unknown
from functions.fleet.survey_rows import Query


class PieceRow(ArmStruct, frozen=True, kw_only=True):
    """A private endpoint, a NIC or a load balancer: each has columns of its own, and nulls in the others'."""

    id: str
    connections: tuple[Connection, ...] | None = None
    manual_connections: tuple[Connection, ...] | None = None
    network_interfaces: tuple[SubResource, ...] | None = None
    custom_dns_configs: tuple[CustomDnsConfig, ...] | None = None
    ip_configurations: tuple[IpConfiguration, ...] | None = None
    frontends: tuple[IpConfiguration, ...] | None = None

    def endpoint(self) -> PrivateEndpoint:
        properties = EndpointProperties(
            private_link_service_connections=self.connections or (),
            manual_private_link_service_connections=self.manual_connections or (),
            network_interfaces=self.network_interfaces or (),
            custom_dns_configs=self.custom_dns_configs or (),
        )
        return PrivateEndpoint(id=ResourceId(self.id), properties=properties)

    def nic(self) -> NetworkInterface:
        return NetworkInterface(
            id=ResourceId(self.id), properties=NicProperties(ip_configurations=self.ip_configurations or ())
        )

    def balancer(self) -> LoadBalancer:
        return LoadBalancer(id=ResourceId(self.id), properties=BalancerProperties(frontends=self.frontends or ()))


class RecordRow(ArmStruct, frozen=True, kw_only=True):
    """A set of A or AAAA records in a zone whose name ends as AKS's do."""

    id: str
    ttl: int | None = None
    a_records: tuple[ARecord, ...] | None = None
    aaaa_records: tuple[AaaaRecord, ...] | None = None

    def record_set(self) -> RecordSet:
        properties = RecordSetProperties(ttl=self.ttl, a_records=self.a_records, aaaa_records=self.aaaa_records)
        return RecordSet(id=ResourceId(self.id), properties=properties)


# AKS gives the endpoint's NIC the endpoint's name with something behind it (aks/field-node-resource-group-content).
PIECES = Query(
    "resources | where type in~ ('microsoft.network/privateendpoints', 'microsoft.network/networkinterfaces', "
    f"'microsoft.network/loadbalancers') | where name =~ '{ENDPOINT}' or name startswith '{ENDPOINT}.' "
    "| project id, connections = properties.privateLinkServiceConnections, "
    "manualConnections = properties.manualPrivateLinkServiceConnections, "
    "networkInterfaces = properties.networkInterfaces, customDnsConfigs = properties.customDnsConfigs, "
    "ipConfigurations = properties.ipConfigurations, frontends = properties.frontendIPConfigurations "
    "| order by id asc",
    msgspec.json.Decoder(Page[PieceRow], dec_hook=decode_hook),
)


def records(suffixes: Sequence[str]) -> Query[RecordRow]:
    """The addresses in private zones whose names end with one of a cloud's suffixes."""
    inside = " or ".join(f"id contains '.{suffix}/'" for suffix in suffixes)
    return Query(
        "dnsresources | where type in~ "
        "('microsoft.network/privatednszones/a', 'microsoft.network/privatednszones/aaaa') "
        f"| where {inside} | project id, ttl = properties.ttl, aRecords = properties.aRecords, "
        "aaaaRecords = properties.aaaaRecords "
        "| order by id asc",
        msgspec.json.Decoder(Page[RecordRow]),
    )


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The rows by their ids in lower case."""

    pieces: Mapping[str, PieceRow]
    records: Mapping[str, RecordRow]

    def api_server(self, cluster: ManagedCluster, zone: ResourceId | None) -> ApiServer | Unknown:
        """Where a cluster's API server is, as `observe_address` would tell it; UNKNOWN while the row of a piece lacks.

        While the row of AKS's own record lacks, it is not known what that says.
        """
        group = cluster.node_group
        if group is None:
            return NOT_NAMED_YET
        pieces = self._pieces(cluster, group)
        if pieces is None:
            return UNKNOWN
        located = locate(cluster, pieces)
        held = self._held(cluster, zone, located.addresses)
        if held is None:
            return located
        return locate(cluster, Pieces(pieces.endpoint, pieces.nic, pieces.balancer, held, records_known=True))

    def _pieces(self, cluster: ManagedCluster, group: ResourceId) -> Pieces | None:
        if cluster.vnet_integrated:
            balancer = self.pieces.get(str(piece_id(group, "loadBalancers")).casefold())
            return None if balancer is None else Pieces(balancer=balancer.balancer())
        row = self.pieces.get(str(piece_id(group, "privateEndpoints")).casefold())
        if row is None:
            return None
        endpoint = row.endpoint()
        if not endpoint.properties.network_interfaces:
            return Pieces(endpoint)
        nic = self.pieces.get(str(endpoint.properties.network_interfaces[0].id).casefold())
        return None if nic is None else Pieces(endpoint, nic.nic())

    def _held(
        self, cluster: ManagedCluster, zone: ResourceId | None, addresses: frozenset[Address]
    ) -> tuple[RecordSet, ...] | None:
        """AKS's own record sets, None where one that is to be expected is not shown."""
        kinds = ("A", "AAAA") if any(address.version == 6 for address in addresses) else ("A",)
        named = [record_id(cluster, zone, kind) for kind in kinds]
        rows = [self.records.get(str(record).casefold()) for record in named if record is not None]
        found = tuple(row.record_set() for row in rows if row is not None)
        return found if len(found) == len(kinds) else None


async def whereabouts(
    graph: Graph, suffixes: Sequence[str], within: tuple[str, ...], zoned: tuple[str, ...]
) -> Whereabouts:
    """Ask for the pieces in the subscriptions `within`, and for the records in those `zoned`. Raises as a query."""
    pieces = await graph.query(PIECES.text, PIECES.page, within) if within else []
    wanted = records(suffixes)
    held = await graph.query(wanted.text, wanted.page, zoned) if zoned else []
    return Whereabouts({row.id.casefold(): row for row in pieces}, {row.id.casefold(): row for row in held})
