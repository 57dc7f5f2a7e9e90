"""A reply of a DNS server is read within bounds, counted in labels and records and never in time."""

import asyncio
import contextlib
import struct

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.dns import update
from functions.dns.ask import Answer, Asker, Server
from functions.dns.datagrams import Datagrams
from functions.dns.heard import heard, question
from functions.dns.record import NO_RECORD, Record
from functions.dns.reply import MOST_BYTES, MOST_RECORDS, MOST_STEPS, Names, UnreadableError, checked, read
from functions.dns.streams import Streams
from functions.dns.target import TargetError, Trouble
from functions.dns.update import outcome, swap
from functions.dns.wire import Question, answer, questions

ZONE = dns.name.from_text("privatelink.westeurope.azmk8s.io.")
NAME = dns.name.from_text("aks-1.privatelink.westeurope.azmk8s.io.")
SERVER: Server = ("10.0.0.4", 53)
DEEP = b"\x01a" * 120 + b"\x00"  # a name of 120 labels
FIRST = 12 + len(ZONE.to_wire() or b"") + 4  # where the records of an update's reply begin
POINTER = struct.Struct("!H")


def asked() -> Question:
    made = question(NAME.to_text(), "A")
    assert made is not None
    return made


def a_reply(*records: bytes, sections: tuple[int, int, int] | None = None, tail: bytes = b"") -> bytes:
    """A reply to the question with these records; how many of which section is said in its header."""
    made = asked()
    counts = sections or (len(records), 0, 0)
    head = struct.pack("!6H", 7, dns.flags.QR | dns.flags.AA, 1, *counts)
    return head + made.message(7)[12:] + b"".join(records) + tail


def a_record(name: bytes, data: bytes = b"\x0a\x00\x00\x04", rdtype: int = dns.rdatatype.A) -> bytes:
    return name + struct.pack("!HHIH", rdtype, 1, 60, len(data)) + data


def pointer(at: int) -> bytes:
    return POINTER.pack(0xC000 | at)


def many_deep_names(records: int) -> bytes:
    """The reply of the issue, as far as it is allowed to be large: each record's name points to a long one."""
    deep = asked().end
    return a_reply(a_record(DEEP), *(a_record(pointer(deep)) for _ in range(records - 1)))


def test_a_reply_of_compressed_names_is_given_up_after_a_bounded_number_of_labels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = list[int]()
    counted = Names.read

    def counting(self: Names, at: int) -> tuple[bytes, int]:
        try:
            return counted(self, at)
        finally:
            steps.append(self.steps)

    monkeypatch.setattr(Names, "read", counting)
    wire = many_deep_names(MOST_RECORDS)
    assert len(wire) < MOST_BYTES, "it is its names that are too much"
    with pytest.raises(UnreadableError, match="labels"):
        read(wire)
    assert max(steps) == MOST_STEPS + 1


def test_a_reply_of_64_kilobytes_is_not_read_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("its names are read")

    monkeypatch.setattr(Names, "read", never)
    wire = a_reply(*(a_record(pointer(12)) for _ in range(4000)))
    assert len(wire) > MOST_BYTES
    said = heard(wire, asked(), SERVER, "tcp")
    assert (said.trouble, said.speaks) == (Trouble.UNTRUSTED, False)
    assert f"{len(wire)} bytes, and more than {MOST_BYTES}" in said.said
    with pytest.raises(TargetError, match="bytes") as refused:
        answer(wire, questions(NAME, ZONE, dns.rdatatype.A)[0])
    assert refused.value.trouble is Trouble.UNTRUSTED


@pytest.mark.parametrize(
    ("wire", "why"),
    [
        pytest.param(b"", "no DNS message", id="nothing"),
        pytest.param(b"\x00" * 11, "no DNS message", id="less than a header"),
        pytest.param(a_reply(sections=(65535, 65535, 65535)), "records", id="more records than can be there"),
        pytest.param(a_reply(*[a_record(pointer(12))] * (MOST_RECORDS + 1)), "records", id="one record too many"),
        pytest.param(a_reply(a_record(pointer(asked().end))), "forward", id="a name that points to itself"),
        pytest.param(a_reply(a_record(pointer(0x3000))), "forward", id="a name that points beyond the end"),
        pytest.param(a_reply(a_record(b"\x01a" + pointer(asked().end))), "forward", id="a name in a circle"),
        pytest.param(a_reply(a_record(b"\x40" + b"a" * 64 + b"\0")), "malformed", id="a label of a type unknown"),
        pytest.param(a_reply(a_record(b"\x3f" + b"a" * 63)), "cut short", id="a name that swallows its record"),
        pytest.param(a_reply(a_record((b"\x3f" + b"a" * 63) * 4 + b"\0")), "malformed", id="a name of 257 bytes"),
        pytest.param(a_reply(b"\xc0"), "cut short", id="half a pointer"),
        pytest.param(a_reply(a_record(pointer(12))[:-1]), "cut short", id="a record without its last byte"),
        pytest.param(a_reply(a_record(pointer(12))[:8]), "cut short", id="a record without its data"),
        pytest.param(a_reply(sections=(1, 0, 0)), "cut short", id="a record that is not there"),
        pytest.param(a_reply(a_record(pointer(12)), tail=b"x"), "after the last", id="a byte to spare"),
    ],
)
def test_what_is_not_read_is_told_with_its_reason(wire: bytes, why: str) -> None:
    with pytest.raises(UnreadableError, match=why):
        read(wire)


def test_a_reply_at_its_bounds_is_read() -> None:
    found = read(a_reply(*[a_record(pointer(12))] * MOST_RECORDS))
    assert len(found.answer) == MOST_RECORDS
    assert {record.name for record in found.answer} == {asked().name}


def test_names_are_read_as_dnspython_reads_them() -> None:
    message = dns.message.make_response(dns.message.from_wire(asked().message(7)))
    for owner, kind, text in (
        (NAME.to_text(), "CNAME", "elsewhere.example."),
        ("elsewhere.example.", "CNAME", "deep.elsewhere.example."),
        ("deep.elsewhere.example.", "A", "10.0.0.4"),
    ):
        message.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, text))
    message.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", "ns.example. h.example. 1 2 3 4 77"))
    found = read(message.to_wire())
    assert [dns.name.from_wire(one.name, 0)[0] for one in found.answer] == [rrset.name for rrset in message.answer]
    assert found.target(found.answer[0]) == found.answer[1].name
    assert found.minimum(found.authority[0]) == 77


def test_a_long_chain_of_compressed_names_is_read() -> None:
    """A message that dnspython writes and does not read (findings/dnspython-pointer-chain.sh)."""
    message, owner = dns.message.make_response(dns.message.from_wire(asked().message(7))), NAME.to_text()
    for number in range(32):
        owner = f"l{number}.{owner}"
        message.additional.append(dns.rrset.from_text(owner, 60, "IN", "A", "192.0.2.1"))
    found = read(message.to_wire()).additional
    assert dns.name.from_wire(found[-1].name, 0)[0] == dns.name.from_text(owner)


@given(st.binary(max_size=300))
def test_noise_is_read_or_refused_and_nothing_else(noise: bytes) -> None:
    with contextlib.suppress(UnreadableError):
        read(noise)


@given(st.integers(0, 400), st.integers(0, 255))
def test_one_byte_of_a_reply_changed_is_read_or_refused(at: int, byte: int) -> None:
    alias = a_record(pointer(12), b"\x01b" + pointer(18), dns.rdatatype.CNAME)
    wire = bytearray(a_reply(alias, a_record(b"\x01b" + pointer(18))))
    wire[at % len(wire)] = byte
    heard(bytes(wire), asked(), SERVER, "udp")


@pytest.mark.parametrize(
    "records",
    [
        pytest.param((a_record(pointer(12), b"\x0a\x00\x00"),), id="an address of three bytes"),
        pytest.param((a_record(pointer(12), b"\x01b", dns.rdatatype.CNAME),), id="an alias cut short"),
        pytest.param(tuple(a_record(pointer(12), DEEP, 55) for _ in range(40)), id="a type that holds any names"),
    ],
)
def test_a_server_says_nothing_of_use_with_data_of_the_wrong_form(records: tuple[bytes, ...]) -> None:
    said = heard(a_reply(*records), asked(), SERVER, "udp")
    assert not said.addresses


def test_no_bytes_of_a_resolver_reach_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("dnspython reads them")

    monkeypatch.setattr(dns.message, "from_wire", never)
    alias = a_record(pointer(12), b"\x01b" + pointer(18), dns.rdatatype.CNAME)
    wire = a_reply(alias, a_record(b"\x01b" + pointer(18)), a_record(b"\0", DEEP, 55), sections=(2, 0, 1))
    assert {str(one) for one in heard(wire, asked(), SERVER, "udp").addresses} == {"10.0.0.4"}
    assert answer(wire, questions(NAME, ZONE, dns.rdatatype.A)[0]) is not None


def an_update_reply(*records: bytes) -> tuple[bytes, update.Sent]:
    sent = swap(ZONE, NAME, NO_RECORD, Record()).message(None)
    head = struct.pack("!6H", sent.number, 0xA800, 1, 0, 0, len(records))
    return head + (ZONE.to_wire() or b"") + struct.pack("!HH", 6, 1) + b"".join(records), sent


def test_the_reply_to_an_update_may_hold_what_was_sent() -> None:
    reply, sent = an_update_reply(a_record(ZONE.to_wire() or b"", b"\x02hi", dns.rdatatype.TXT))
    outcome(reply, sent, None)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param((a_record(b"\0", DEEP, 55),), id="another type, whose data are names"),
        pytest.param((a_record(DEEP), *(a_record(pointer(FIRST)) for _ in range(200))), id="many long names"),
        pytest.param((a_record(b"\0", b"x" * MOST_BYTES, dns.rdatatype.TXT),), id="too many bytes"),
    ],
)
def test_the_reply_to_an_update_that_is_beyond_the_bounds_leaves_the_write_unsure(
    records: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("dnspython reads it")

    monkeypatch.setattr(dns.message, "from_wire", never)
    reply, sent = an_update_reply(*records)
    with pytest.raises(UnreadableError):
        checked(reply)
    with pytest.raises(TargetError, match="cannot be read: ") as refused:
        outcome(reply, sent, None)
    assert (refused.value.trouble, refused.value.unsure) == (Trouble.UNTRUSTED, True)


class Flood(asyncio.DatagramProtocol):
    """Answers a question with datagrams that nobody waits for, and then with `last`."""

    def __init__(self, strays: int, last: bytes | None) -> None:
        self._strays, self._last = strays, last
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self._transport = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        assert self._transport is not None
        other = bytes([data[0] ^ 1]) + data[1:]
        for _ in range(self._strays):
            self._transport.sendto(other, addr)  # pyright: ignore[reportArgumentType] - asyncio gives it back as it came
        if self._last is not None:
            self._transport.sendto(data[:2] + self._last[2:], addr)  # pyright: ignore[reportArgumentType]


async def over_udp(strays: int, last: bytes | None) -> Answer:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Flood(strays, last), local_addr=("127.0.0.1", 0))
    try:
        host, port = transport.get_extra_info("sockname")[:2]
        return await Asker(within=5).ask((host, port), NAME.to_text(), "udp")
    finally:
        transport.close()


async def test_a_datagram_that_is_too_large_is_told_and_not_read() -> None:
    told = await over_udp(0, a_reply(*[a_record(pointer(12))] * 600))
    assert told.trouble is Trouble.UNTRUSTED
    assert "more than" in told.said


async def test_datagrams_that_nobody_asked_for_keep_no_other_from_being_read() -> None:
    assert (await over_udp(100, a_reply(a_record(pointer(12))))).speaks


class Endless:
    """A socket that always has one more datagram for somebody else."""

    def __init__(self) -> None:
        self.read = 0

    def recv(self, most: int) -> bytes:
        assert most == MOST_BYTES + 1
        self.read += 1
        return b"\xff\xff"

    def close(self) -> None:
        self.read = -1


async def test_a_flood_of_datagrams_is_read_a_few_at_a_time_and_then_refused() -> None:
    datagrams, flood = Datagrams(SERVER), Endless()
    coming: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.get_running_loop(), "remove_reader", lambda _: True)
        patch.setattr(datagrams, "_socket", flood)
        patch.setattr(datagrams, "_waiting", {1: coming})
        datagrams._readable()  # pyright: ignore[reportPrivateUsage]
        assert flood.read == 64, "others get their turn"
        for _ in range(2048 // 64):
            datagrams._readable()  # pyright: ignore[reportPrivateUsage]
        assert flood.read == -1
        with pytest.raises(TargetError, match="more datagrams"):
            coming.result()


async def test_a_reply_over_tcp_that_is_too_large_is_not_waited_for() -> None:
    connections = list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read(100)
        writer.write(struct.pack("!H", MOST_BYTES + 1))  # and nothing more

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        host, port = listening.sockets[0].getsockname()[:2]
        with pytest.raises(TargetError, match=f"{MOST_BYTES + 1} bytes") as refused:
            await Streams((host, port), 1).exchange(b"x" * 12, 5.0)
        assert (refused.value.trouble, refused.value.unsure) == (Trouble.UNTRUSTED, True)
        for writer in connections:
            writer.close()
