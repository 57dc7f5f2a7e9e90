"""What a message must have to be taken for an event of Event Grid's, and how much of it is believed."""

import msgspec
import pytest

from functions import second_app
from functions.second_app import NotAnAskError
from functions.triggers.queued_event import event_in

EVENT = {
    "id": "a",
    "subject": "/x",
    "eventType": "Microsoft.Resources.ResourceWriteSuccess",
    "data": {"operationName": "o"},
}


def body(**changed: object) -> bytes:
    return msgspec.json.encode({name: value for name, value in {**EVENT, **changed}.items() if value is not None})


def test_an_id_is_cut_to_what_a_row_can_keep() -> None:
    event = event_in(body(id="a" * 10_000))
    assert event is not None
    assert event.id == "a" * 256


@pytest.mark.parametrize("field", ["id", "subject", "eventType", "data"])
def test_without_a_field_that_every_event_has_it_is_none(field: str) -> None:
    assert event_in(body()) is not None
    assert event_in(body(**{field: None})) is None


def test_a_time_that_is_not_said_is_not_known() -> None:
    event = event_in(body())
    assert event is not None
    assert event.at is None


@pytest.mark.parametrize("odd", [b'{"id": "\xe9"}', b'{"x": ' + b"[" * 100_000])
def test_what_no_decoder_takes_is_none(odd: bytes) -> None:
    assert event_in(odd) is None
    with pytest.raises(NotAnAskError):
        second_app.decode(odd)
