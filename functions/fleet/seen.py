"""What `decide` gets to see: facts, what earlier operations came to, and the instant, all as values."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from functions.arm.clouds import ALL_SUFFIXES
from functions.arm.errors import ArmError
from functions.arm.operations import LookedUp, Operation
from functions.arm.resource_id import ResourceId
from functions.arm.understood import Odd
from functions.dns.ask import Answer
from functions.dns.record import Record
from functions.dns.target import TargetError
from functions.fleet.address import ApiServer
from functions.fleet.model import ManagedCluster
from functions.fleet.network_model import Link, VirtualNetwork
from functions.fleet.subnet_model import RouteTable, SubnetSeen
from functions.fleet.zone_name import system_zone
from functions.ledger.left import Left
from functions.ledger.state import GONE, Observed
from functions.policy import RecordTarget


class Unknown(Enum):
    """A fact that this observation does not have. Not the same as a fact that is not so.

    `UNKNOWN` was not read; `NOT_SHOWN` was read, and ARM did not show what must be there.
    """

    UNKNOWN = "unknown"
    NOT_SHOWN = "not-shown"


UNKNOWN: Final = Unknown.UNKNOWN
NOT_SHOWN: Final = Unknown.NOT_SHOWN

NOTHING_REMEMBERED: Final = Observed()


@dataclass(frozen=True, slots=True)
class Links:
    """The links of a zone as far as they were read: all of them when `complete`, else those in `known`."""

    known: tuple[Link, ...] = ()
    complete: bool = False
    zone_is_there: bool = True
    asked: bool = True  # false where this observation is not about links

    def to(self, vnet: ResourceId) -> Link | None:
        """The link that leads to a VNet, under whatever name. A zone has at most one (azure-facts, Private DNS)."""
        return next((link for link in self.known if link.leads_to(vnet)), None)

    def named(self, link: ResourceId) -> Link | None:
        return next((held for held in self.known if held.id == link), None)


NOT_ASKED: Final = Links(asked=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A resource that ARM would not show us, and why. `odd` is set where it did, and that cannot be understood."""

    target: ResourceId
    error: ArmError
    odd: Odd | None = None


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """What one target of the policy holds under the cluster's private name, or why that is not known."""

    target: RecordTarget
    place: str  # the target's name for people
    held: Record | TargetError


@dataclass(frozen=True, slots=True)
class LeftSeen:
    """A name that a cluster left behind (Observed.left), as this pass found it.

    `gone`: whether ARM shows that no cluster has the name now; False where that cannot be known, and nothing is
    removed. `taken`: a cluster with the same id has the same name again, so that the records are that cluster's.
    `records` are the policy's targets that the name belongs into.
    """

    left: Left
    gone: bool
    taken: bool
    records: tuple[RecordSeen, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A private cluster and the zone that its name is in, proven to be its own, and the facts around them.

    `zone` is None for a cluster of zone mode `none`; `cluster` is None for a custom zone seen by itself, which serves
    any number of them, and for a cluster that is gone. `spokes` are the VNets of the cluster; `unreadable` are
    those that ARM refused to show, or the node resource group whose VNets it refused to list. `api_server` is where it
    is. `records` are the policy's targets that its name belongs into. `answers` are what DNS servers say of its name.
    `subnets` are those of a kubenet cluster's nodes, and `node_tables` the route tables in its node resource group, or
    why they cannot be read. `remembered` is what the ledger kept. `odd` are the parts that cannot be understood: what
    they would tell is unknown.
    `cluster_is_gone`: ARM knows no such cluster while it shows what the cluster was in; once is not enough (rule 9).
    `name_is_taken`: it is gone, and a newer cluster has the same id and the same private name. `left` are the names of
    former clusters whose records are still to be removed.
    """

    zone: ResourceId | None
    location: str
    at: float  # seconds since 1970
    cluster: ManagedCluster | None = None
    api_server: ApiServer | Unknown = UNKNOWN
    records: tuple[RecordSeen, ...] | Unknown = UNKNOWN
    answers: tuple[Answer, ...] | Unknown = UNKNOWN
    spokes: tuple[VirtualNetwork, ...] | Unknown = UNKNOWN
    subnets: tuple[SubnetSeen, ...] | Unknown = UNKNOWN
    node_tables: tuple[RouteTable, ...] | ArmError | Unknown = UNKNOWN
    links: Links = Links()
    operations: tuple[LookedUp, ...] = ()
    remembered: Observed = NOTHING_REMEMBERED
    cluster_is_gone: bool = False
    name_is_taken: bool = False
    left: tuple[LeftSeen, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    odd: tuple[Odd, ...] = ()

    @property
    def place(self) -> ResourceId:
        """What findings about it name: the zone, or the cluster where there is none."""
        if self.zone is not None:
            return self.zone
        known = self.cluster_id
        assert known is not None  # what is seen is a zone or a cluster
        return known

    @property
    def partial(self) -> bool:
        """Whether this was about the API server's address alone, and nothing is known of the zone's links."""
        return self.zone is not None and not self.links.asked and self.links_matter

    @property
    def links_matter(self) -> bool:
        """Whether the zone's links are this pass's concern: not for a cluster that left a zone which others use too."""
        return self.in_node_group or not self.cluster_is_gone

    @property
    def shows_all_spokes(self) -> bool:
        """Whether every VNet of the cluster's nodes was read, that of AKS included where it made one.

        A cluster of which no pool is shown may have nodes anywhere.
        """
        if self.cluster is None or isinstance(self.spokes, Unknown) or self.unreadable:
            return False
        properties, group = self.cluster.properties, self.cluster.node_group
        if not any(True for _ in properties.nodes_stand_in):
            return False
        return not properties.vnet_of_aks or any(spoke.id.group_id == group for spoke in self.spokes)

    @property
    def cluster_id(self) -> ResourceId | None:
        """The cluster, also one that is gone and that the ledger remembers."""
        if self.cluster is not None:
            return self.cluster.id
        return ResourceId(self.remembered.cluster) if self.cluster_is_gone and self.remembered.cluster else None

    @property
    def private_fqdn(self) -> str:
        """The API server's private name in lower case, empty where it has none or none is known.

        Of a cluster that ends, the ledger's: AKS need not show it any more, and its record is still there.
        """
        shown = (self.cluster.properties.private_fqdn or "") if self.cluster is not None else ""
        return (shown or (self.remembered.private_fqdn if self.cluster_ends else "")).casefold()

    @property
    def in_node_group(self) -> bool:
        """Whether the zone is the cluster's own, in its node resource group, and not one that others use too."""
        if self.cluster is None:
            return self.zone is None or system_zone(self.zone.name, ALL_SUFFIXES) is not None
        return self.cluster.zone_mode.casefold() == "system"

    @property
    def ends(self) -> bool:
        """Whether the zone's cluster is going or gone, by all that was seen of it. A custom zone outlives clusters."""
        return self.cluster_ends and self.in_node_group

    @property
    def cluster_ends(self) -> bool:
        """Whether the cluster itself is going or gone, whatever zone its name is in."""
        if self.cluster is None:
            return self.cluster_is_gone
        state = self.cluster.properties.provisioning_state.casefold()
        return state == "deleting" or (state == "failed" and self._was_deleting)

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
        recorded: tuple[str, ...] = (),
        left: tuple[Left, ...] = (),
    ) -> Observed:
        """What the ledger keeps of this.

        `linked` are the hubs found linked, to which those known from before count while not all links were read, but
        not those `made` now; `reversals` is when something of ours was found undone. `recorded` are the records that
        are remembered (record_memory.py), `left` those that are still to be removed.
        """
        known = () if self.links.complete else self.remembered.hubs
        hubs = {*known, *(str(hub) for hub in linked)}
        cluster, held = self.cluster, self.remembered
        return Observed(
            at=self.at,
            cluster=str(cluster.id) if cluster else held.cluster,
            zone=str(self.zone or ""),
            location=self.location,
            state=cluster.properties.provisioning_state if cluster else GONE if self.cluster_is_gone else "",
            private_fqdn=(cluster.properties.private_fqdn if cluster else "") or held.private_fqdn,
            hubs=tuple(sorted(hubs - {str(hub) for hub in made})),
            findings=findings,
            attempt=attempt,
            operations=operations,
            gone_since=(held.gone_since or self.at) if self.cluster_is_gone else 0.0,
            deleting=(cluster is not None and cluster.deleting) or (self._was_deleting and not self._lives),
            reversals=reversals,
            address=self._address,
            records=recorded,
            uid=(cluster.properties.resource_uid or held.uid) if cluster else held.uid,
            left=left,
        )

    @property
    def _address(self) -> str:
        """The API server's address, that of before while it is in doubt or nobody asked."""
        server = self.api_server
        return self.remembered.address if isinstance(server, Unknown) or server.doubt else server.text

    @property
    def _was_deleting(self) -> bool:
        """Whether this very cluster was seen Deleting: one that is made anew under its name has another zone."""
        held = self.remembered
        return held.deleting and held.zone.casefold() == str(self.zone or "").casefold()

    @property
    def _lives(self) -> bool:
        """Whether AKS says something of the cluster that no deletion, and no failed one, would have it say.

        A state that it does not tell says nothing.
        """
        return self.cluster is not None and self.cluster.properties.provisioning_state.casefold() not in {
            "",
            "deleting",
            "failed",
        }

    def operation_on(self, target: ResourceId) -> LookedUp | None:
        return next((looked for looked in self.operations if looked.operation.target == target), None)
