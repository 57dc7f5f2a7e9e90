"""The plain form of an answer, read by hand, and any other, read by dnspython, are judged alike."""

from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dns import wire
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import Answer, Question, answer, questions

ZONE = dns.name.from_text("privatelink.westeurope.azmk8s.io.")
NAME = dns.name.from_text("aks-1.privatelink.westeurope.azmk8s.io.")
TYPES = [dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.TXT]


def question(rdtype: dns.rdatatype.RdataType = dns.rdatatype.A) -> Question:
    return questions(NAME, ZONE, rdtype)[0]


def reply(asked: Question, *records: tuple[dns.name.Name, str, str], soa: dns.name.Name | None = ZONE) -> Any:
    message = dns.message.from_wire(asked.message(7))
    message.flags |= dns.flags.QR | dns.flags.AA
    for name, rdtype, text in records:
        message.answer.append(dns.rrset.from_text(name, 60, "IN", rdtype, text))
    if soa is not None and not records:
        message.authority.append(dns.rrset.from_text(soa, 60, "IN", "SOA", "ns.x. h.x. 1 2 3 4 5"))
    return message


def judged(data: bytes, asked: Question) -> Answer | Trouble | None:
    try:
        return answer(data, asked)
    except TargetError as error:
        return error.trouble


def test_a_question_is_what_dnspython_asks_without_recursion() -> None:
    for rdtype in TYPES:
        asked = dns.message.make_query(NAME, rdtype, flags=0, id=7)
        assert question(rdtype).message(7) == asked.to_wire()


@given(st.lists(st.ip_addresses(v=4), min_size=1, max_size=5, unique=True))
def test_addresses_are_read(found: list[Any]) -> None:
    asked = question()
    message = reply(asked)
    message.authority.clear()
    message.answer.append(dns.rrset.from_text(NAME, 60, "IN", "A", *map(str, found)))
    assert answer(message.to_wire(), asked) == Answer(tuple(sorted(one.packed for one in found)), 60)


@given(st.sampled_from(TYPES), st.booleans(), st.booleans())
def test_both_ways_of_reading_find_the_same(rdtype: dns.rdatatype.RdataType, there: bool, own_zone: bool) -> None:
    asked = question(rdtype)
    text = {"A": "10.0.0.4", "AAAA": "fd00::4", "TXT": '"a b" "c"'}[rdtype.name]
    records = [(NAME, rdtype.name, text)] if there else []
    data = reply(asked, *records, soa=ZONE if own_zone else dns.name.from_text("azmk8s.io.")).to_wire()
    plain = judged(data, asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "plain", lambda *_: None)
        patch.setattr(wire, "_says_nothing_plainly", lambda *_: False)
        assert judged(data, asked) == plain
    assert plain == Trouble.WRONG_ZONE if not there and not own_zone else isinstance(plain, Answer)


def test_an_alias_is_one_wherever_it_leads() -> None:
    end = dns.name.from_text("elsewhere.example.")
    data = reply(question(), (NAME, "CNAME", "elsewhere.example."), (end, "A", "10.0.0.4")).to_wire()
    assert answer(data, question()) == Answer(alias=True)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([(dns.name.from_text("other.privatelink.westeurope.azmk8s.io."), "A", "10.6.6.6")], id="name"),
        pytest.param([(NAME, "MX", "1 mail.example.")], id="type"),
        pytest.param([(NAME, "A", "10.0.0.4"), (ZONE, "A", "10.6.6.6")], id="one more"),
    ],
)
def test_records_that_were_not_asked_for_are_not_believed(records: list[tuple[dns.name.Name, str, str]]) -> None:
    assert judged(reply(question(), *records).to_wire(), question()) is Trouble.UNTRUSTED


def test_an_empty_answer_without_the_zones_soa_is_not_believed() -> None:
    assert judged(reply(question(), soa=None).to_wire(), question()) is Trouble.UNTRUSTED


def test_the_case_of_the_name_in_a_reply_makes_no_difference() -> None:
    data = reply(question(), (NAME, "A", "10.0.0.4")).to_wire().replace(b"aks-1", b"AKS-1", 1)
    assert judged(data, question()) == Answer((b"\x0a\x00\x00\x04",), 60)


@given(st.binary(max_size=120))
def test_noise_is_never_more_than_trouble(noise: bytes) -> None:
    judged(noise, question())


@given(st.integers(0, 200), st.integers(0, 255), st.booleans())
def test_a_reply_with_one_byte_changed_is_read_or_trouble(at: int, byte: int, there: bool) -> None:
    records = [(NAME, "A", "10.0.0.4")] if there else []
    data = bytearray(reply(question(), *records).to_wire())
    data[at % len(data)] = byte
    judged(bytes(data), question())


@given(st.integers(0, 200), st.booleans())
def test_a_reply_that_was_cut_is_trouble(length: int, there: bool) -> None:
    records = [(NAME, "A", "10.0.0.4")] if there else []
    data = reply(question(), *records).to_wire()
    if length < len(data):
        assert isinstance(judged(data[:length], question()), Trouble)
