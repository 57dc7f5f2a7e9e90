"""Which events concern Tether. Pure, and quick: a subscription tells of every write in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from functions.arm.clouds import ALL_SUFFIXES
from functions.arm.resource_id import ResourceId
from functions.fleet.endpoint import ENDPOINT
from functions.fleet.subnet_model import aks_table
from functions.fleet.zone_name import custom_zone, system_zone
from functions.ledger.instants import of_event
from functions.work import CLUSTER_DELETED, CLUSTER_FAILED, CLUSTERS, DELETE_FAILED, MOVED, URGENT, Work


@dataclass(frozen=True, slots=True)
class Event:
    """What Tether takes from an event, in either schema. Nothing in it is believed but which resource it is about."""

    id: str
    type: str
    subject: str
    operation: str
    at: float | None


class Wake(Enum):
    """What an event of a known sort does."""

    LINK = "link"  # a zone was born: urgent
    MOVE = "move"  # the API server's address may have changed: urgent where records follow it
    LOOK = "look"  # something of a zone's went or was to go, or a cluster changed: a pass, without hurry
    NOTHING_YET = "nothing-yet"  # known to matter to a concern that Tether does not mend yet


_WRITTEN = "microsoft.resources.resourcewritesuccess"
_FAILED = "microsoft.resources.resourcewritefailure"
_DELETED = "microsoft.resources.resourcedeletesuccess"
_NOT_DELETED = "microsoft.resources.resourcedeletefailure"
_ACTED = "microsoft.resources.resourceactionsuccess"

_ZONES = "microsoft.network/privatednszones"
_LINKS = f"{_ZONES}/virtualnetworklinks"
_RECORDS = f"{_ZONES}/a"
_ENDPOINTS = "microsoft.network/privateendpoints"
_INTERFACES = "microsoft.network/networkinterfaces"
_BALANCERS = "microsoft.network/loadbalancers"
_ROUTES = "microsoft.network/routetables"
_SUBNETS = "microsoft.network/virtualnetworks/subnets"

# By type of resource, operation and event type, all in lower case: what the event does, and the word for it in the log.
# The event type decides, not `data.status`: the samples of failures say `Succeeded` there (recorded
# events/eventgrid-schema/resource-write-failure). Of a cluster's actions only those count that change its endpoint; the
# many `list…/action` of who fetches credentials do not.
TABLE: dict[tuple[str, str, str], tuple[Wake, str]] = {
    (_ZONES, f"{_ZONES}/write", _WRITTEN): (Wake.LINK, URGENT),
    (_ZONES, f"{_ZONES}/delete", _DELETED): (Wake.LOOK, "zone-deleted"),
    (_ZONES, f"{_ZONES}/delete", _NOT_DELETED): (Wake.LOOK, DELETE_FAILED),
    (_LINKS, f"{_LINKS}/delete", _DELETED): (Wake.LOOK, "link-deleted"),
    (CLUSTERS, f"{CLUSTERS}/write", _WRITTEN): (Wake.LOOK, "cluster-written"),
    (CLUSTERS, f"{CLUSTERS}/write", _FAILED): (Wake.LOOK, CLUSTER_FAILED),
    (CLUSTERS, f"{CLUSTERS}/delete", _DELETED): (Wake.LOOK, CLUSTER_DELETED),
    (CLUSTERS, f"{CLUSTERS}/delete", _NOT_DELETED): (Wake.LOOK, "cluster-delete-failed"),
    (CLUSTERS, f"{CLUSTERS}/start/action", _ACTED): (Wake.LOOK, "cluster-started"),
    (CLUSTERS, f"{CLUSTERS}/stop/action", _ACTED): (Wake.LOOK, "cluster-stopped"),
    (_RECORDS, f"{_RECORDS}/write", _WRITTEN): (Wake.LOOK, "record-written"),
    (_ENDPOINTS, f"{_ENDPOINTS}/write", _WRITTEN): (Wake.MOVE, MOVED),
    (_INTERFACES, f"{_INTERFACES}/write", _WRITTEN): (Wake.LOOK, "interface-written"),
    (_BALANCERS, f"{_BALANCERS}/write", _WRITTEN): (Wake.MOVE, MOVED),
    (_ROUTES, f"{_ROUTES}/write", _WRITTEN): (Wake.LOOK, "routes-written"),
    (_SUBNETS, f"{_SUBNETS}/write", _WRITTEN): (Wake.NOTHING_YET, "subnet-written"),
}

_SORTS = frozenset((operation, kind) for _, operation, kind in TABLE)


def triage(event: Event, now: float) -> Work | None:
    """The Work that an event calls for, None when it does not concern us.

    Raises InvalidResourceIdError when an event that would concern us names no resource: that is worth a line.
    """
    sort = event.operation.casefold(), event.type.casefold()
    if sort not in _SORTS:
        return None
    resource = ResourceId(event.subject)
    wake, why = TABLE.get((resource.type, *sort), (Wake.NOTHING_YET, ""))
    target = None if wake is Wake.NOTHING_YET else _target(resource)
    return None if target is None else Work(target=target, why=why, cause=event.id, since=of_event(event.at, now))


def _target(resource: ResourceId) -> ResourceId | None:
    """What a pass has to look at. None for what is another service's.

    written or deleted                                     target
    a cluster                                              the cluster
    a zone with a name of AKS's, or a link of one          the zone
    a record of a system zone                              the zone: a custom one tells no cluster, the endpoint does
    `kube-apiserver`: endpoint, load balancer, or its NIC  the resource group, which names its cluster
    a route table with a name of AKS's                     the resource group
    """
    match resource.type:
        case "microsoft.containerservice/managedclusters":
            return resource
        case "microsoft.network/privateendpoints" | "microsoft.network/loadbalancers":
            return resource.group_id if resource.name.casefold() == ENDPOINT else None
        case "microsoft.network/routetables":
            return resource.group_id if aks_table(resource.name) else None
        case "microsoft.network/networkinterfaces":
            return resource.group_id if resource.name.casefold().startswith(f"{ENDPOINT}.") else None
        case "microsoft.network/privatednszones/a":
            return resource.parent if system_zone(resource.parent.name, ALL_SUFFIXES) is not None else None
        case _:
            zone = resource.parent if resource.type == _LINKS else resource
            ours = system_zone(zone.name, ALL_SUFFIXES) is not None or custom_zone(zone.name, ALL_SUFFIXES) is not None
            return zone if ours else None


def event_of(raw: Any) -> Event:
    """An event as azure-functions hands it over: Event Grid schema, or CloudEvents 1.0 as an object of another shape.

    Missing and odd fields become empty ones, which no row of the table has.
    """
    body = raw.get_json()
    data = cast("dict[str, object]", body) if isinstance(body, dict) else {}
    kind = getattr(raw, "event_type", None) or getattr(raw, "type", None)
    at = getattr(raw, "event_time", None) or getattr(raw, "time", None)
    return Event(
        id=_text(raw.id)[:256],
        type=_text(kind),
        subject=_text(raw.subject),
        operation=_text(data.get("operationName")),
        at=seconds(at) if isinstance(at, datetime) else None,
    )


def seconds(at: datetime) -> float | None:
    """An instant in seconds since 1970, None for one that has no such number (a local time in the year 1)."""
    try:
        return at.timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
