"""Every recorded event, through Microsoft's own decoding, as Tether triages it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from functions.triggers.queued_event import event_in
from functions.triggers.triage import event_of, triage
from tests.fidelity.recorded_traffic import document, names

EVENTS = names("events")
NOW = 1_800_000_000.0


def decoded(name: str) -> list[Any]:
    """As the runtime hands the events to a function."""
    body = document(name)["body"]
    events = body if isinstance(body, list) else [body]
    return [
        EventGridEventInConverter.decode(Datum(json.dumps(event), "json"), trigger_metadata=None) for event in events
    ]


@pytest.mark.parametrize("name", EVENTS)
def test_a_recorded_event_is_decoded_and_concerns_nobody(name: str) -> None:
    """None of the recorded samples is about a private zone of AKS's, and none trips over its odd fields."""
    for raw in decoded(name):
        event = event_of(raw)
        assert event.id
        assert event.type.startswith("Microsoft.")
        assert triage(event, NOW) is None


@pytest.mark.parametrize("name", EVENTS)
def test_a_recorded_event_that_comes_by_the_queue_is_the_same(name: str) -> None:
    body = document(name)["body"]
    events = body if isinstance(body, list) else [body]
    for event, raw in zip(events, decoded(name), strict=True):
        queued, delivered = event_in(json.dumps(event).encode()), event_of(raw)
        assert queued is not None
        assert queued == replace(delivered, at=queued.at)
        assert queued.at == pytest.approx(delivered.at, abs=1e-5)  # one rounds the seventh digit, one cuts it


ZONE = (
    "/subscriptions/22222222-2222-2222-2222-222222222222/resourcegroups/MC_a_b_westeurope/providers/"
    "Microsoft.Network/privateDnsZones/0a1b2c3d-0000-4000-8000-00000000000a.privatelink.westeurope.azmk8s.io"
)


@pytest.mark.parametrize("schema", ["eventgrid-schema", "cloudevents"])
@pytest.mark.parametrize(
    ("sample", "wakes"),
    [
        pytest.param("resource-write-success", True, id="a write"),
        pytest.param("resource-write-failure", False, id="a write that failed, though its data says Succeeded"),
        pytest.param("resource-delete-success", False, id="a deletion"),
    ],
)
def test_a_zone_write_of_the_recorded_form_wakes_tether(schema: str, sample: str, wakes: bool) -> None:
    body = document(f"events/{schema}/{sample}")["body"]
    event = body[0] if isinstance(body, list) else body
    event = {
        **event,
        "subject": ZONE,
        "data": {**event["data"], "operationName": "Microsoft.Network/privateDnsZones/write"},
    }
    raw = EventGridEventInConverter.decode(Datum(json.dumps(event), "json"), trigger_metadata=None)
    work = triage(event_of(raw), NOW)
    assert (work is not None) is wakes
