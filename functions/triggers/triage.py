"""Which events concern Tether. Pure, and quick: a subscription tells of every write in it."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, cast

from functions.arm.clouds import ALL_SUFFIXES
from functions.arm.resource_id import ResourceId
from functions.fleet.zone_name import custom_zone, system_zone
from functions.work import DELETE_FAILED, URGENT, Work


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
    LOOK = "look"  # something of a zone's went, or was to go: a pass, without hurry
    NOTHING_YET = "nothing-yet"  # known to matter to a concern that Tether does not mend yet


_WRITTEN = "microsoft.resources.resourcewritesuccess"
_FAILED = "microsoft.resources.resourcewritefailure"
_DELETED = "microsoft.resources.resourcedeletesuccess"
_NOT_DELETED = "microsoft.resources.resourcedeletefailure"
_ACTED = "microsoft.resources.resourceactionsuccess"

# By type of resource, operation and event type, all in lower case. The event type decides, not `data.status`: the
# samples of failures say `Succeeded` there (recorded events/eventgrid-schema/resource-write-failure).
TABLE: dict[tuple[str, str, str], Wake] = {
    ("microsoft.network/privatednszones", "microsoft.network/privatednszones/write", _WRITTEN): Wake.LINK,
    ("microsoft.network/privatednszones", "microsoft.network/privatednszones/delete", _DELETED): Wake.LOOK,
    ("microsoft.network/privatednszones", "microsoft.network/privatednszones/delete", _NOT_DELETED): Wake.LOOK,
    (
        "microsoft.network/privatednszones/virtualnetworklinks",
        "microsoft.network/privatednszones/virtualnetworklinks/delete",
        _DELETED,
    ): Wake.LOOK,
    ("microsoft.network/privatednszones/a", "microsoft.network/privatednszones/a/write", _WRITTEN): Wake.NOTHING_YET,
    ("microsoft.network/privateendpoints", "microsoft.network/privateendpoints/write", _WRITTEN): Wake.NOTHING_YET,
    ("microsoft.network/networkinterfaces", "microsoft.network/networkinterfaces/write", _WRITTEN): Wake.NOTHING_YET,
    ("microsoft.network/loadbalancers", "microsoft.network/loadbalancers/write", _WRITTEN): Wake.NOTHING_YET,
    ("microsoft.network/routetables", "microsoft.network/routetables/write", _WRITTEN): Wake.NOTHING_YET,
    (
        "microsoft.network/virtualnetworks/subnets",
        "microsoft.network/virtualnetworks/subnets/write",
        _WRITTEN,
    ): Wake.NOTHING_YET,
    (
        "microsoft.containerservice/managedclusters",
        "microsoft.containerservice/managedclusters/write",
        _WRITTEN,
    ): Wake.NOTHING_YET,
    (
        "microsoft.containerservice/managedclusters",
        "microsoft.containerservice/managedclusters/write",
        _FAILED,
    ): Wake.NOTHING_YET,
    (
        "microsoft.containerservice/managedclusters",
        "microsoft.containerservice/managedclusters/delete",
        _DELETED,
    ): Wake.NOTHING_YET,
    (
        "microsoft.containerservice/managedclusters",
        "microsoft.containerservice/managedclusters/start/action",
        _ACTED,
    ): Wake.NOTHING_YET,
}

_WHY = {
    ("microsoft.network/privatednszones/write", _WRITTEN): URGENT,
    ("microsoft.network/privatednszones/delete", _DELETED): "zone-deleted",
    ("microsoft.network/privatednszones/delete", _NOT_DELETED): DELETE_FAILED,
    ("microsoft.network/privatednszones/virtualnetworklinks/delete", _DELETED): "link-deleted",
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
    wake = TABLE.get((resource.type, *sort))
    if wake is None or wake is Wake.NOTHING_YET:
        return None
    zone = resource.parent if resource.type.endswith("/virtualnetworklinks") else resource
    if system_zone(zone.name, ALL_SUFFIXES) is None and custom_zone(zone.name, ALL_SUFFIXES) is None:
        return None
    return Work(target=zone, why=_WHY[sort], cause=event.id, since=event.at or now)


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
        at=at.timestamp() if isinstance(at, datetime) else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
