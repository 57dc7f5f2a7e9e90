import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.arm.operations import Operation
from functions.work import NotWorkError, Work, decode, encode
from tests.unit.worlds import AT, HUB, ZONE

WORK = Work(
    target=ZONE, why="zone-written", cause="e-1", since=AT, attempt=2, operations=(Operation(HUB, "https://a", AT, AT),)
)


def test_work_comes_out_of_a_message_as_it_went_in() -> None:
    assert decode(encode(WORK)) == WORK


def test_a_message_names_its_version() -> None:
    assert msgspec.json.decode(encode(WORK))["version"] == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b"{}",
        b"[]",
        b'{"target": "/x", "why": "w", "cause": "c", "since": 1}',
        encode(WORK).replace(b'"version":2', b'"version":3'),
        encode(WORK).replace(b'"attempt":2', b'"attempt":"two"'),
        b"\xff" * 100,
    ],
)
def test_what_is_no_work_is_refused_without_repeating_it(body: bytes) -> None:
    with pytest.raises(NotWorkError) as refused:
        decode(body)
    assert "junk" not in str(refused.value)


@pytest.mark.parametrize("odd", [None, 7, "text", {}, {"target": "no id"}, {"target": str(ZONE), "due": "soon"}])
@pytest.mark.parametrize("part", ["operations", "intents"])
def test_an_odd_operation_or_entry_leaves_the_rest_of_the_message_to_be_done(part: str, odd: object) -> None:
    held = msgspec.json.decode(encode(WORK))
    held[part] = [*held.get(part, []), odd]
    assert decode(msgspec.json.encode(held)) == WORK


@given(st.binary(max_size=300))
def test_any_bytes_are_work_or_are_refused(body: bytes) -> None:
    with pytest.raises(NotWorkError):
        decode(body)
