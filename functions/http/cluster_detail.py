"""GET /clusters/{subscription}/{group}/{name}: a look under the covers of one cluster."""

import asyncio
from collections.abc import Iterable
from typing import Any

from functions.arm.resource_id import ResourceId
from functions.arm.understood import NotUnderstoodError
from functions.fleet.identify import row_of, zone_of
from functions.fleet.seen import UNKNOWN, Links, Unknown
from functions.handlers import not_understood_findings
from functions.http import pieces
from functions.http.answers import ShownChange, ShownCluster, ShownEntry, ShownFinding
from functions.http.asked import Asked, NoParameters
from functions.http.desk import Desk
from functions.http.detail_answer import ClusterDetail, ShownLink, ShownMove, ShownTarget, ShownZone, Unread
from functions.http.pieces import Cluster, Piece
from functions.http.subject import in_scope, work_for
from functions.ledger.state import LedgerError, Row
from functions.policy import OWNER_TAG, Policy
from functions.reconcile import Considered, consider
from functions.unproven import NOT_UNDERSTOOD

# How far back the journal is shown; the whole of it is in the table.
_ENTRIES = 50


async def cluster_detail(asked: Asked[NoParameters], desk: Desk) -> ClusterDetail:
    """Read the cluster and what lies around it from ARM, and decide as a pass would, without writing."""
    around, target = desk.around, asked.cluster
    await in_scope(around, target)
    try:
        cluster = await pieces.cluster(around.session, target)
    except NotUnderstoodError as error:
        return await _not_understood(asked, desk, error)
    work = work_for(target, row_of(cluster, around.policy, around.session.cloud.suffixes), around.now(), by="")
    memory = await _remembered(desk, work.row)
    held, journal = memory.value or (None, ())
    if held is not None:
        around.learn_pauses(held.counters.paused)
    considered, endpoint, balancer, record = await asyncio.gather(
        consider(work, around, before=held.memory if held else None),
        pieces.endpoint(around.session, cluster),
        pieces.balancer(around.session, cluster),
        pieces.record(around.session, cluster, zone_of(cluster)),
    )
    interfaces = await pieces.interfaces(around.session, endpoint.value)
    linked = pieces.private_link_resources(cluster)
    addresses = {address for nic in interfaces.value or () for address in nic.addresses} | {*(balancer.value or ())}
    return ClusterDetail(
        id=str(cluster.id),
        location=cluster.location,
        state=cluster.properties.provisioning_state,
        power_state=cluster.power,
        access_mode=pieces.access_mode(cluster),
        zone_mode=cluster.zone_mode,
        private_fqdn=cluster.properties.private_fqdn or "",
        node_resource_group=cluster.properties.node_resource_group or "",
        private_link_resources=linked.value or (),
        zone=_zone(cluster, considered, around.policy),
        private_endpoint=endpoint.value,
        network_interfaces=interfaces.value or (),
        record=record.value,
        addresses=tuple(sorted(addresses)),
        address_in_doubt=_doubt(considered),
        targets=_targets(considered),
        move=ShownMove.of(held.observed.move) if held and held.observed.move else None,
        unread=tuple(_unread(linked, endpoint, interfaces, balancer, record, memory)),
        ended=considered.ended,
        changes=tuple(ShownChange.of(change) for change in considered.verdict.changes) if considered.verdict else (),
        findings=tuple(ShownFinding.of(finding) for finding in considered.findings),
        remembered=ShownCluster.of(held) if held and held.observed.at else None,
        journal=journal,
    )


async def _not_understood(asked: Asked[NoParameters], desk: Desk, error: NotUnderstoodError) -> ClusterDetail:
    """What can be shown of a cluster that cannot be understood: why, and what the ledger has, if it knows the row."""
    target = asked.cluster
    memory = await _remembered_of(desk, target)
    held, journal = memory.value or (None, ())
    remembered = held.observed if held and held.observed.at else None
    finding = not_understood_findings.not_understood(error.odd, target)
    return ClusterDetail(
        id=str(target),
        location=remembered.location if remembered else "",
        state="",
        power_state="",
        access_mode="unknown",
        zone_mode="unknown",
        private_fqdn="",
        node_resource_group="",
        private_link_resources=(),
        zone=None,
        private_endpoint=None,
        network_interfaces=(),
        record=None,
        addresses=(),
        address_in_doubt="",
        targets=(),
        move=ShownMove.of(remembered.move) if remembered and remembered.move else None,
        unread=tuple(_unread(Piece("cluster", why=str(error)), memory)),
        ended=NOT_UNDERSTOOD,
        changes=(),
        findings=(ShownFinding.of(finding),),
        remembered=ShownCluster.of(held) if held and remembered else None,
        journal=journal,
    )


async def _remembered_of(desk: Desk, cluster: ResourceId) -> "Piece[Memory]":
    try:
        row = await desk.live.ledger.row_of(cluster)
    except LedgerError as error:
        return Piece("ledger", why=str(error))
    return Piece("ledger") if row is None else await _remembered(desk, row)


def _doubt(considered: Considered) -> str:
    """Empty where the address is certain, and where nothing follows it."""
    server = considered.seen.api_server if considered.seen else UNKNOWN
    return "" if isinstance(server, Unknown) or server.doubt is None else f"{server.doubt.value}: {server.said}"


def _targets(considered: Considered) -> tuple[ShownTarget, ...]:
    records = considered.seen.records if considered.seen else UNKNOWN
    return () if isinstance(records, Unknown) else tuple(map(ShownTarget.of, records))


type Memory = tuple[Row, tuple[ShownEntry, ...]]


async def _remembered(desk: Desk, row_of: ResourceId) -> Piece[Memory]:
    """The ledger's row and journal. What is true now can be shown without them."""
    try:
        row = await desk.live.ledger.read(row_of)
        entries = await desk.live.ledger.journal(row_of, _ENTRIES)
    except LedgerError as error:
        return Piece("ledger", why=str(error))
    return Piece("ledger", (row, tuple(ShownEntry.of(entry) for entry in entries)))


def _zone(cluster: Cluster, considered: Considered, policy: Policy) -> ShownZone | None:
    zone = zone_of(cluster)
    if zone is None:
        return None
    mode = cluster.zone_mode if cluster.zone_mode.casefold() == "system" else "custom"
    links = considered.seen.links if considered.seen else Links()
    return ShownZone(id=str(zone), mode=mode, links=_links(links, policy) if links.complete else None)


def _links(links: Links, policy: Policy) -> tuple[ShownLink, ...]:
    return tuple(
        ShownLink(
            id=str(link.id),
            virtual_network=str(link.properties.virtual_network.id) if link.properties.virtual_network else "",
            state=link.properties.virtual_network_link_state,
            provisioning_state=link.properties.provisioning_state,
            registration_enabled=link.properties.registration_enabled,
            ours=(link.tags or {}).get(OWNER_TAG) == policy.owner,
        )
        for link in links.known
    )


def _unread(*parts: Piece[Any]) -> Iterable[Unread]:
    return (Unread(part=part.name, why=part.why) for part in parts if part.why)
