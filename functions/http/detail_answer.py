"""The look under a cluster's covers, as people get it."""

from datetime import datetime

from functions.dns.record import in_order
from functions.dns.target import TargetError
from functions.fleet.seen import RecordSeen
from functions.http.answers import Shown, ShownChange, ShownCluster, ShownEntry, ShownFinding, known_moment, moment
from functions.ledger.move import Move


class ShownLink(Shown, frozen=True, kw_only=True):
    id: str
    virtual_network: str
    state: str
    provisioning_state: str
    registration_enabled: bool
    ours: bool


class ShownZone(Shown, frozen=True, kw_only=True):
    """The private zone that the cluster's name lies in. `links` is null when they were not read."""

    id: str
    mode: str
    links: tuple[ShownLink, ...] | None


class ShownEndpoint(Shown, frozen=True, kw_only=True):
    """The private endpoint of the API server, in the node resource group."""

    id: str
    provisioning_state: str
    network_interfaces: tuple[str, ...]


class ShownInterface(Shown, frozen=True, kw_only=True):
    id: str
    provisioning_state: str
    addresses: tuple[str, ...]


class ShownRecord(Shown, frozen=True, kw_only=True):
    """The A record of the API server. `ttl` in seconds."""

    id: str
    fqdn: str
    ttl: int
    addresses: tuple[str, ...]


class ShownTarget(Shown, frozen=True, kw_only=True):
    """A DNS target of the policy that the name belongs into: what it holds there and for whom, or why it cannot say.

    `ttl` in seconds. `owners` are the owner texts at the name.
    """

    place: str
    addresses: tuple[str, ...]
    ttl: int
    owners: tuple[str, ...]
    in_the_way: tuple[str, ...]
    trouble: str

    @classmethod
    def of(cls, seen: RecordSeen) -> "ShownTarget":
        held = seen.held
        if isinstance(held, TargetError):
            return cls(place=seen.place, addresses=(), ttl=0, owners=(), in_the_way=(), trouble=str(held))
        return cls(
            place=seen.place,
            addresses=tuple(map(str, in_order(held.addresses))),
            ttl=held.ttl,
            owners=held.owners,
            in_the_way=held.in_the_way,
            trouble="",
        )


class ShownMove(Shown, frozen=True, kw_only=True):
    """The last move of the API server: when it was seen, since when the new address is served everywhere Tether looks,
    and what may still hold the old one.
    """

    seen_at: datetime
    old: str
    new: str
    served_at: datetime | None
    restarts_left: int
    restarts_ended: bool

    @classmethod
    def of(cls, move: Move) -> "ShownMove":
        return cls(
            seen_at=moment(move.at),
            old=move.old,
            new=move.new,
            served_at=known_moment(move.served_at),
            restarts_left=move.left,
            restarts_ended=move.ended,
        )


class PrivateLinkResource(Shown, frozen=True, kw_only=True):
    name: str
    group_id: str
    private_link_service: str


class Unread(Shown, frozen=True, kw_only=True):
    """A part that could not be read, and why. The rest of the answer does not depend on it."""

    part: str
    why: str


class ClusterDetail(Shown, frozen=True, kw_only=True):
    """A look under the covers: read from ARM for this answer, but `remembered` and `journal`, which are the ledger's.

    `ended` is how a pass would end now: `decided`, `nothing-to-mend`, `not-ours`, `excluded-by-tag` or
    `not-understood`; `changes` is what it would do. `accessMode` is `private-link`, `vnet-integration` or `public`, and
    `unknown` of a cluster that cannot be understood. `addressInDoubt` says why no
    record follows the address now; `targets` are the policy's that the name belongs into, `move` is the last that was
    seen.
    """

    id: str
    location: str
    state: str
    power_state: str
    access_mode: str
    zone_mode: str
    private_fqdn: str
    node_resource_group: str
    private_link_resources: tuple[PrivateLinkResource, ...]
    zone: ShownZone | None
    private_endpoint: ShownEndpoint | None
    network_interfaces: tuple[ShownInterface, ...]
    record: ShownRecord | None
    addresses: tuple[str, ...]
    address_in_doubt: str
    targets: tuple[ShownTarget, ...]
    move: ShownMove | None
    unread: tuple[Unread, ...]
    ended: str
    changes: tuple[ShownChange, ...]
    findings: tuple[ShownFinding, ...]
    remembered: ShownCluster | None
    journal: tuple[ShownEntry, ...]
