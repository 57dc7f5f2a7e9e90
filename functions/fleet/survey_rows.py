"""What a survey asks of Resource Graph: one query for each kind of thing, only the columns that `decide` needs.

A new concern adds a query here, or in a file of its own, and its join in survey_join.py. Columns stand flat beside the
id, since Resource Graph's language names columns and has no nested ones; ids stay text until a row is looked at, which
keeps 60,000 rows small. Absent columns come as null.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from functions.arm.graph import Page
from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.arm.understood import Odd
from functions.fleet.model import ArmStruct, ClusterProperties, ManagedCluster, SubResource
from functions.fleet.network_model import (
    AddressSpace,
    DhcpOptions,
    Link,
    LinkProperties,
    Peering,
    VirtualNetwork,
    VirtualNetworkProperties,
)
from functions.fleet.oddities import oddity


@dataclass(frozen=True, slots=True)
class Query[Row]:
    """A query and how its pages are read."""

    text: str
    page: msgspec.json.Decoder[Page[Row]]


class ClusterRow(ClusterProperties, frozen=True, kw_only=True):
    """A managed cluster: the columns are the properties themselves."""

    id: str
    location: str = ""
    tags: dict[str, str] | None = None

    def cluster(self) -> ManagedCluster:
        return ManagedCluster(id=ResourceId(self.id), location=self.location, tags=self.tags, properties=self)


def understood(rows: Sequence[ClusterRow]) -> tuple[list[ClusterRow], list[Odd]]:
    """The clusters that can be told apart by their rows, and those that cannot: see oddities.oddity."""
    read: list[ClusterRow] = []
    odd: list[Odd] = []
    for row in rows:
        found = _oddity(row)
        if found is None:
            read.append(row)
        else:
            odd.append(found)
    return read, odd


def _oddity(row: ClusterRow) -> Odd | None:
    try:
        return oddity(row.cluster())
    except InvalidResourceIdError as error:
        return Odd(None, "ClusterRow", "$.id", str(error))


class GroupRow(ArmStruct, frozen=True, kw_only=True):
    """A resource group, with what manages it: empty for most."""

    id: str
    managed_by: str | None = None


class ZoneRow(ArmStruct, frozen=True, kw_only=True):
    """A private zone whose name ends as AKS's do."""

    id: str


class LinkRow(ArmStruct, frozen=True, kw_only=True):
    """A link of such a zone."""

    id: str
    tags: dict[str, str] | None = None
    vnet: str | None = None
    provisioning_state: str | None = None
    link_state: str | None = None

    def link(self) -> Link:
        return Link(
            id=ResourceId(self.id),
            name=self.id.rpartition("/")[2],
            tags=self.tags,
            properties=LinkProperties(
                virtual_network=SubResource(id=shared_id(self.vnet)) if self.vnet else None,
                provisioning_state=self.provisioning_state or "",
                virtual_network_link_state=self.link_state or "",
            ),
        )


class VnetRow(ArmStruct, frozen=True, kw_only=True):
    """A VNet in a subscription that holds a spoke."""

    id: str
    location: str = ""
    address_space: AddressSpace | None = None
    dhcp_options: DhcpOptions | None = None
    peerings: tuple[Peering, ...] | None = None

    def vnet(self) -> VirtualNetwork:
        return VirtualNetwork(
            id=shared_id(self.id),
            location=self.location,
            properties=VirtualNetworkProperties(
                address_space=self.address_space or AddressSpace(),
                dhcp_options=self.dhcp_options,
                virtual_network_peerings=self.peerings or (),
            ),
        )


class HubRow(ArmStruct, frozen=True, kw_only=True):
    """A VNet, its id in lower case, with the number of zones linked to it."""

    vnet: str
    zones: int


@lru_cache(maxsize=4096)
def shared_id(text: str) -> ResourceId:
    """An id that many rows have in common, such as a hub's, or that is met again soon: read once."""
    return ResourceId(text)


def _shared(kind: type, value: object) -> object:
    if kind is ResourceId and isinstance(value, str):
        return shared_id(value)
    raise TypeError(f"expected a {kind.__name__}, not {type(value).__name__}")


# There is no eTag in Resource Graph, and no systemData: `creation` does without.
CLUSTERS = Query(
    "resources | where type =~ 'microsoft.containerservice/managedclusters' | project id, location, tags, "
    "provisioningState = properties.provisioningState, powerState = properties.powerState, "
    "privateFQDN = properties.privateFQDN, resourceUID = properties.resourceUID, "
    "kubernetesVersion = properties.kubernetesVersion, "
    "currentKubernetesVersion = properties.currentKubernetesVersion, networkProfile = properties.networkProfile, "
    "nodeResourceGroup = properties.nodeResourceGroup, "
    "nodeResourceGroupProfile = properties.nodeResourceGroupProfile, "
    "apiServerAccessProfile = properties.apiServerAccessProfile, "
    "agentPoolProfiles = properties.agentPoolProfiles, "
    "hostedSystemProfile = properties.hostedSystemProfile, "
    "nodeProvisioningProfile = properties.nodeProvisioningProfile, status = properties.status | order by id asc",
    msgspec.json.Decoder(Page[ClusterRow]),
)

# All groups, and not only those that something manages: a zone in a group that nothing manages is a finding, while one
# whose group has no row at all is only unclear.
GROUPS = Query(
    "resourcecontainers | where type =~ 'microsoft.resources/subscriptions/resourcegroups' "
    "| project id, managedBy | order by id asc",
    msgspec.json.Decoder(Page[GroupRow]),
)

VNETS = Query(
    "resources | where type =~ 'microsoft.network/virtualnetworks' | project id, location, "
    "addressSpace = properties.addressSpace, dhcpOptions = properties.dhcpOptions, "
    "peerings = properties.virtualNetworkPeerings | order by id asc",
    msgspec.json.Decoder(Page[VnetRow], dec_hook=_shared),
)


def zones(suffixes: Sequence[str]) -> Query[ZoneRow]:
    """Private zones whose names end with one of a cloud's suffixes (clouds.py: text of ours, safe in a query)."""
    ends = " or ".join(f"name endswith '.{suffix}'" for suffix in suffixes)
    return Query(
        f"resources | where type =~ 'microsoft.network/privatednszones' | where {ends} | project id | order by id asc",
        msgspec.json.Decoder(Page[ZoneRow]),
    )


def links(suffixes: Sequence[str]) -> Query[LinkRow]:
    """The links of those zones."""
    inside = " or ".join(f"id contains '.{suffix}/'" for suffix in suffixes)
    return Query(
        f"resources | where type =~ 'microsoft.network/privatednszones/virtualnetworklinks' | where {inside} "
        "| project id, tags, vnet = properties.virtualNetwork.id, "
        "provisioningState = properties.provisioningState, linkState = properties.virtualNetworkLinkState "
        "| order by id asc",
        msgspec.json.Decoder(Page[LinkRow]),
    )


def crowded_hubs(at_least: int) -> Query[HubRow]:
    """VNets with so many zones, of any name, linked to them. A VNet has at most one link to a zone."""
    return Query(
        "resources | where type =~ 'microsoft.network/privatednszones/virtualnetworklinks' "
        "| extend vnet = tolower(tostring(properties.virtualNetwork.id)) "
        f"| summarize zones = count() by vnet | where zones >= {at_least}",
        msgspec.json.Decoder(Page[HubRow]),
    )
