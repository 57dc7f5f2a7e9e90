"""Events that Event Grid put into the work queue, for tenants without public inbound."""

from datetime import datetime

import msgspec

from functions.triggers.triage import Event, seconds


class _Data(msgspec.Struct, frozen=True):
    operation: str = msgspec.field(default="", name="operationName")


class _Raw(msgspec.Struct, frozen=True):
    """An event in either schema, as far as Tether reads it (recorded events/eventgrid-schema, events/cloudevents)."""

    id: str
    subject: str
    data: _Data
    event_type: str = msgspec.field(default="", name="eventType")
    event_time: datetime | None = msgspec.field(default=None, name="eventTime")
    type: str = ""
    time: datetime | None = None


_decoder = msgspec.json.Decoder(_Raw)


def event_in(body: bytes) -> Event | None:
    """The event that a message is, None for one that is none. Only which resource it is about will be believed."""
    try:
        raw = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    kind, at = raw.event_type or raw.type, raw.event_time or raw.time
    if not kind:
        return None
    return Event(
        id=raw.id[:256],
        type=kind,
        subject=raw.subject,
        operation=raw.data.operation,
        at=seconds(at) if at is not None else None,
    )
