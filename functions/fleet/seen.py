"""What `decide` gets to see: facts, what earlier operations came to, and the instant, all as values."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp
from functions.arm.resource_id import ResourceId
from functions.fleet.model import Link, ManagedCluster, VirtualNetwork


class Unknown(Enum):
    """A fact that this observation did not fetch. Not the same as a fact that is not so."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a zone as far as they were read: all of them when `complete`, else those in `known`."""

    known: tuple[Link, ...] = ()
    complete: bool = False

    def to(self, vnet: ResourceId) -> Link | None:
        """The link that leads to a VNet, under whatever name. A zone has at most one (azure-facts, Private DNS)."""
        return next((link for link in self.known if link.leads_to(vnet)), None)

    def named(self, link: ResourceId) -> Link | None:
        return next((held for held in self.known if held.id == link), None)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A resource that ARM would not show us, and why."""

    target: ResourceId
    error: ArmError


@dataclass(frozen=True, slots=True)
class Seen:
    """A private zone of AKS's that is proven to be one, and the facts around it.

    `cluster` is the zone's cluster, None for a custom zone, which serves any number of them. `spokes` are the VNets
    of that cluster, of which `unreadable` are those that ARM refused to show.
    """

    zone: ResourceId
    location: str
    at: float  # seconds since 1970
    cluster: ManagedCluster | None = None
    spokes: tuple[VirtualNetwork, ...] | Unknown = UNKNOWN
    links: Links = Links()
    operations: tuple[LookedUp, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def busy(self) -> bool:
        """Whether AKS is at work on the cluster, so that its nodes may be waiting for a name."""
        return self.cluster is not None and not self.cluster.settled

    def operation_on(self, target: ResourceId) -> LookedUp | None:
        return next((looked for looked in self.operations if looked.operation.target == target), None)
