"""What `decide` gets to see: facts, what earlier operations came to, and the instant, all as values."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp, Operation
from functions.arm.resource_id import ResourceId
from functions.fleet.model import Link, ManagedCluster, VirtualNetwork
from functions.ledger.state import Observed


class Unknown(Enum):
    """A fact that this observation did not fetch. Not the same as a fact that is not so."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN

NOTHING_REMEMBERED: Final = Observed()


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a zone as far as they were read: all of them when `complete`, else those in `known`."""

    known: tuple[Link, ...] = ()
    complete: bool = False
    zone_is_there: bool = True

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
    of that cluster, of which `unreadable` are those that ARM refused to show. `remembered` is what the ledger kept.
    `cluster_is_gone`: ARM shows the node resource group and knows no such cluster; once is not enough (rule 9).
    """

    zone: ResourceId
    location: str
    at: float  # seconds since 1970
    cluster: ManagedCluster | None = None
    spokes: tuple[VirtualNetwork, ...] | Unknown = UNKNOWN
    links: Links = Links()
    operations: tuple[LookedUp, ...] = ()
    remembered: Observed = NOTHING_REMEMBERED
    cluster_is_gone: bool = False
    unreadable: tuple[Unreadable, ...] = ()

    @property
    def in_node_group(self) -> bool:
        """Whether the zone is the cluster's own, in its node resource group, and not one that others use too."""
        return self.cluster is None or self.cluster.zone_mode.casefold() == "system"

    @property
    def ends(self) -> bool:
        """Whether the zone's cluster is going or gone, by all that was seen of it. A custom zone outlives clusters."""
        if self.cluster is None or not self.in_node_group:
            return self.cluster_is_gone
        state = self.cluster.properties.provisioning_state.casefold()
        return state == "deleting" or (state == "failed" and self.remembered.deleting)

    @property
    def busy(self) -> bool:
        """Whether AKS is at work on the cluster, so that its nodes may be waiting for a name."""
        return self.cluster is not None and not self.cluster.settled

    def in_brief(
        self,
        findings: tuple[str, ...],
        attempt: int,
        operations: tuple[Operation, ...],
        linked: tuple[ResourceId, ...] = (),
        made: tuple[ResourceId, ...] = (),
        reversals: tuple[float, ...] = (),
    ) -> Observed:
        """What the ledger keeps of this.

        `linked` are the hubs found linked, to which those known from before count while not all links were read, but
        not those `made` now; `reversals` is when something of ours was found undone.
        """
        known = () if self.links.complete else self.remembered.hubs
        hubs = {*known, *(str(hub) for hub in linked)}
        cluster, held = self.cluster, self.remembered
        return Observed(
            at=self.at,
            cluster=str(cluster.id) if cluster else held.cluster,
            zone=str(self.zone),
            location=self.location,
            state=cluster.properties.provisioning_state if cluster else "",
            private_fqdn=(cluster.properties.private_fqdn or "") if cluster else "",
            hubs=tuple(sorted(hubs - {str(hub) for hub in made})),
            findings=findings,
            attempt=attempt,
            operations=operations,
            gone_since=(held.gone_since or self.at) if self.cluster_is_gone else 0.0,
            deleting=(cluster is not None and cluster.deleting) or (held.deleting and not self._lives),
            reversals=reversals,
        )

    @property
    def _lives(self) -> bool:
        """Whether AKS says something of the cluster that no deletion, and no failed one, would have it say."""
        return self.cluster is not None and self.cluster.properties.provisioning_state.casefold() not in {
            "deleting",
            "failed",
        }

    def operation_on(self, target: ResourceId) -> LookedUp | None:
        return next((looked for looked in self.operations if looked.operation.target == target), None)
