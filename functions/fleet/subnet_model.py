"""Subnets and route tables as ARM prints them, cut to what Tether judges by (see model.py).

A subnet is written from its whole body (arm/subnets.py), never from these.
"""

import re
from dataclasses import dataclass, field

import msgspec

from functions.arm.errors import ArmError
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.fleet.model import ArmStruct, SubResource

# What AKS calls the table that it makes (azure-facts, AKS; recorded network/field-activity-log-route-table-write).
_AKS_TABLE = re.compile(r"aks-agentpool-[a-z0-9]+-routetable", re.IGNORECASE)

MOST_ROUTES = 400
"""Routes that Azure allows in one table (Learn, "Azure subscription and service limits"). kubenet adds one a node."""


def aks_table(name: str) -> bool:
    """Whether a route table has a name of AKS's form."""
    return _AKS_TABLE.fullmatch(name) is not None


class RouteProperties(ArmStruct, frozen=True, kw_only=True):
    address_prefix: str | None = None
    next_hop_type: str = ""
    next_hop_ip_address: str | None = None


class Route(ArmStruct, frozen=True, kw_only=True):
    name: str = ""
    properties: RouteProperties = RouteProperties()


class RouteTableProperties(ArmStruct, frozen=True, kw_only=True):
    routes: tuple[Route, ...] | None = None
    disable_bgp_route_propagation: bool | None = None


class RouteTable(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    etag: str | None = None
    properties: RouteTableProperties = RouteTableProperties()

    @property
    def routes(self) -> tuple[Route, ...]:
        return self.properties.routes or ()

    @property
    def of_aks(self) -> bool:
        """Whether its name is of the form that AKS gives. A name only: anyone who may write there can choose it."""
        return aks_table(self.id.name)


class Reference(ArmStruct, frozen=True, kw_only=True):
    """Something that names the subnet back. The text need not be an id that Tether can read, or be there at all."""

    id: str | None = None


class Named(ArmStruct, frozen=True, kw_only=True):
    """A delegation or an association of the subnet's."""

    name: str = ""


class SubnetProperties(ArmStruct, frozen=True, kw_only=True):
    provisioning_state: str = ""
    address_prefix: str | None = None  # one of the two forms, in the same VNet (azure-facts, Networking writes)
    address_prefixes: tuple[str, ...] | None = None
    route_table: SubResource | None = None
    delegations: tuple[Named, ...] | None = None
    ip_configurations: tuple[Reference, ...] | None = None
    ip_configuration_profiles: tuple[Reference, ...] | None = None
    private_endpoints: tuple[Reference, ...] | None = None
    gateways: tuple[Reference, ...] | None = msgspec.field(default=None, name="applicationGatewayIPConfigurations")
    service_association_links: tuple[Named, ...] | None = None
    resource_navigation_links: tuple[Named, ...] | None = None


class Subnet(ArmStruct, frozen=True, kw_only=True):
    id: ResourceId
    etag: str | None = None
    properties: SubnetProperties = SubnetProperties()

    @property
    def prefixes(self) -> tuple[str, ...]:
        held = self.properties
        return held.address_prefixes or ((held.address_prefix,) if held.address_prefix else ())

    @property
    def table(self) -> ResourceId | None:
        return self.properties.route_table.id if self.properties.route_table else None

    @property
    def settled(self) -> bool:
        """Whether Azure is not at work on it. A state that is not known counts as work."""
        return self.properties.provisioning_state.casefold() in {"succeeded", "failed"}

    @property
    def given_away(self) -> tuple[str, ...]:
        """Services to which the subnet is delegated, or that have taken hold of it."""
        held = self.properties
        sorts = (held.delegations, held.service_association_links, held.resource_navigation_links)
        return tuple(one.name for sort in sorts for one in sort or ())

    def strangers(self, group: ResourceId) -> tuple[str, ...]:
        """What sits in the subnet and does not lie in a resource group, or cannot be told to."""
        held = self.properties
        sorts = (held.ip_configurations, held.private_endpoints, held.ip_configuration_profiles, held.gateways)
        return tuple(one.id or "something unnamed" for sort in sorts for one in sort or () if not _lies_in(one, group))

    def lists(self, group: ResourceId) -> bool:
        """Whether `ipConfigurations` shows an address of something in a resource group: a node, or the NIC of AKS's
        private endpoint, which exists before the first node.

        Azure leaves long lists out (issue 36379 of cilium/cilium), and prints an absent list like an empty one. A list
        that shows what is known to be there was not left out.
        """
        return any(_lies_in(one, group) for one in self.properties.ip_configurations or ())


def _lies_in(reference: Reference, group: ResourceId) -> bool:
    try:
        named = ResourceId(reference.id or "")
    except InvalidResourceIdError:
        return False
    return bool(named.group) and named.group_id == group


@dataclass(frozen=True, slots=True)
class SubnetSeen:
    """A subnet of a cluster's: what ARM shows of it, or why it shows nothing.

    `body` is what ARM printed, whole; empty for what Resource Graph shows. `foreign` is the table that it has where
    that is none of the node resource group's, or why it cannot be read. `neighbours` are other clusters that name the
    subnet, None where nobody asked.
    """

    id: ResourceId
    held: Subnet | ArmError
    body: bytes = field(default=b"", repr=False)
    foreign: RouteTable | ArmError | None = None
    neighbours: tuple[ResourceId, ...] | ArmError | None = None

    @property
    def table(self) -> ResourceId | None:
        return self.held.table if isinstance(self.held, Subnet) else None
