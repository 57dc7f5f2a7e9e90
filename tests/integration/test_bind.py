"""A real BIND and servers that misbehave: what each refusal, silence and lie means to Tether."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update
import pytest

from functions.dns.record import NO_RECORD, Address, Owner
from functions.dns.rfc2136 import Rfc2136Target
from functions.dns.signing import SigningKey
from functions.dns.target import TargetError, Trouble
from localazure.bind import HOW_TO_INSTALL, Bind, BindMissing, ServedZone, TsigKey, bind, is_installed
from tests.unit.worlds import CLUSTER_ID

ZONE = "privatelink.westeurope.azmk8s.io"
NAME = f"aks-1a2b3c.{ZONE}"
OURS = Owner("platform-test", CLUSTER_ID)
KEY = TsigKey()

needs_bind = pytest.mark.skipif(not is_installed(), reason=f"BIND is not installed: {HOW_TO_INSTALL}")


def addresses(*texts: str) -> frozenset[Address]:
    return frozenset(map(ip_address, texts))


OLD, NEW = addresses("10.0.0.4"), addresses("10.0.0.5")


def signing(key: TsigKey) -> SigningKey:
    return SigningKey(key.name, key.algorithm, base64.b64decode(key.secret))


def a_target(*ports: int, key: TsigKey | None = KEY, zone: str = ZONE, within: float = 5.0) -> Rfc2136Target:
    servers = tuple(("127.0.0.1", port) for port in ports)
    signed = None if key is None else signing(key)
    return Rfc2136Target(dns.name.from_text(zone), servers, signed, read_within=within, write_within=within)


@pytest.fixture
async def server() -> AsyncIterator[Bind]:
    async with bind(ServedZone(ZONE, (KEY,))) as started:
        yield started


async def trouble_of(write: object) -> TargetError:
    with pytest.raises(TargetError) as refused:
        await write  # type: ignore[misc]
    assert KEY.secret not in str(refused.value)
    return refused.value


def create(target: Rfc2136Target) -> object:
    return target.swap(NAME, NO_RECORD, OLD, 60, OURS)


# The real server.


@needs_bind
@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
async def test_each_algorithm_signs(algorithm: str) -> None:
    key = TsigKey("keys.example.", algorithm)  # type: ignore[arg-type]
    async with bind(ServedZone(ZONE, (key,))) as server:
        target = a_target(server.port, key=key)
        await create(target)
        assert (await target.read(NAME)).addresses == OLD


@needs_bind
async def test_a_secret_that_is_not_the_servers_is_denied_by_the_keys_name(server: Bind) -> None:
    error = await trouble_of(create(a_target(server.port, key=TsigKey())))
    assert (error.trouble, error.unsure) == (Trouble.DENIED, False)
    assert "tether." in str(error)
    assert "secret" in str(error)


@needs_bind
async def test_a_key_that_the_server_does_not_know_is_denied(server: Bind) -> None:
    assert (await trouble_of(create(a_target(server.port, key=TsigKey("unknown."))))).trouble is Trouble.DENIED


@needs_bind
async def test_another_algorithm_than_the_servers_is_denied(server: Bind) -> None:
    other = TsigKey(KEY.name, "hmac-sha512", KEY.secret)
    assert (await trouble_of(create(a_target(server.port, key=other)))).trouble is Trouble.DENIED


@needs_bind
async def test_an_update_without_a_signature_is_denied(server: Bind) -> None:
    assert (await trouble_of(create(a_target(server.port, key=None)))).trouble is Trouble.DENIED


@needs_bind
async def test_a_key_without_a_right_to_the_zone_is_denied() -> None:
    stranger = TsigKey("stranger.")
    async with bind(ServedZone(ZONE, (KEY,)), keys=[stranger]) as server:
        error = await trouble_of(create(a_target(server.port, key=stranger)))
    assert error.trouble is Trouble.DENIED
    assert "stranger." in str(error)


@needs_bind
async def test_a_clock_that_is_an_hour_off_is_denied_and_named(server: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    now = time.time
    monkeypatch.setattr("dns.message.time.time", lambda: now() - 3600)
    error = await trouble_of(create(a_target(server.port)))
    assert error.trouble is Trouble.DENIED
    assert "clock" in str(error)


@needs_bind
async def test_a_zone_that_the_server_does_not_keep_is_the_wrong_zone(server: Bind) -> None:
    other = "privatelink.northeurope.azmk8s.io"
    target = a_target(server.port, zone=other)
    error = await trouble_of(target.swap(f"aks.{other}", NO_RECORD, OLD, 60, OURS))
    assert error.trouble is Trouble.WRONG_ZONE


@needs_bind
async def test_a_zone_inside_another_that_the_server_keeps_is_the_wrong_zone_to_a_question() -> None:
    async with bind(ServedZone("westeurope.azmk8s.io", (KEY,))) as server:
        error = await trouble_of(a_target(server.port).read(NAME))
    assert error.trouble is Trouble.WRONG_ZONE
    assert "westeurope.azmk8s.io" in str(error)


@needs_bind
async def test_a_frozen_zone_refuses_and_takes_the_same_update_when_it_thaws(server: Bind) -> None:
    target = a_target(server.port)
    await server.rndc("freeze", ZONE)
    assert (await trouble_of(create(target))).trouble is Trouble.DENIED
    await server.rndc("thaw", ZONE)
    await create(target)
    assert (await target.read(NAME)).owner == OURS


@needs_bind
async def test_a_secondary_that_refuses_leads_to_the_primary(server: Bind) -> None:
    async with bind(ServedZone(ZONE, primary=server.port)) as secondary:
        error = await trouble_of(create(a_target(secondary.port)))
        assert error.trouble in {Trouble.DENIED, Trouble.WRONG_ZONE}
        await create(a_target(secondary.port, server.port))
        assert (await a_target(server.port).read(NAME)).addresses == OLD


@needs_bind
async def test_a_secondary_that_forwards_makes_the_update_at_the_primary(server: Bind) -> None:
    async with bind(ServedZone(ZONE, primary=server.port, forwards=True)) as secondary:
        await create(a_target(secondary.port))
        assert (await a_target(server.port).read(NAME)).addresses == OLD


@needs_bind
async def test_sixteen_writers_race_and_one_wins(server: Bind) -> None:
    targets = [a_target(server.port, within=20) for _ in range(16)]
    raced = await asyncio.gather(
        *(
            target.swap(NAME, NO_RECORD, addresses(f"10.1.0.{number}"), 60, OURS)
            for number, target in enumerate(targets)
        ),
        return_exceptions=True,
    )
    won = [number for number, outcome in enumerate(raced) if outcome is None]
    assert len(won) == 1
    assert {outcome.trouble for outcome in raced if isinstance(outcome, TargetError)} == {Trouble.RACE_LOST}
    assert (await targets[0].read(NAME)).addresses == addresses(f"10.1.0.{won[0]}")


@needs_bind
async def test_sixteen_writers_that_read_again_all_have_their_turn(server: Bind) -> None:
    """None is lost and none is written over: each sees exactly what the one before it left."""
    order: list[tuple[frozenset[Address], frozenset[Address]]] = []

    async def write(number: int) -> None:
        target, mine = a_target(server.port, within=20), addresses(f"10.1.0.{number}")
        while True:
            seen = await target.read(NAME)
            try:
                await target.swap(NAME, seen, mine, 60, OURS)
            except TargetError as error:
                if error.trouble is not Trouble.RACE_LOST:
                    raise
                continue
            order.append((seen.addresses, mine))
            return

    await asyncio.gather(*(write(number) for number in range(1, 17)))
    left = dict(order)
    chain, at = [], frozenset[Address]()
    while at in left:
        at = left[at]
        chain.append(at)
    assert len(chain) == 16
    assert (await a_target(server.port).read(NAME)).addresses == chain[-1]


@needs_bind
async def test_an_answer_too_long_for_a_datagram_is_asked_for_over_tcp() -> None:
    noted = tuple(f'aks-1a2b3c 60 TXT "{"x" * 200}{number}"' for number in range(10))
    async with bind(ServedZone(ZONE, (KEY,), ("aks-1a2b3c 60 A 10.0.0.4", *noted))) as server:
        record = await a_target(server.port).read(NAME)
        assert record.addresses == OLD
        assert len(record.version) == 10
        await a_target(server.port).swap(NAME, record, NEW, 60, OURS)
        assert len((await a_target(server.port).read(NAME)).version) == 11


@needs_bind
async def test_many_writes_share_a_few_connections(server: Bind) -> None:
    target = a_target(server.port, within=20)
    names = [f"aks-{number}.{ZONE}" for number in range(40)]
    await asyncio.gather(*(target.swap(name, NO_RECORD, OLD, 60, OURS) for name in names))
    records = await asyncio.gather(*(target.read(name) for name in names))
    assert {record.addresses for record in records} == {OLD}


@needs_bind
async def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(BindMissing, match="not loaded due to errors"):
        async with bind(
            ServedZone(ZONE, (KEY,), ("this is no record",)),
        ):
            pass


@needs_bind
async def test_a_port_that_is_taken_is_told_and_not_mistaken_for_bind(server: Bind) -> None:
    with pytest.raises(BindMissing, match="address in use"):
        async with bind(ServedZone(ZONE, (KEY,)), port=server.port):
            pass


# Servers that misbehave.

type Reply = Callable[[bytes], bytes | None]


class _Crooked(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if (reply := self.reply(data)) is not None:
            self.transport.sendto(reply, addr)  # type: ignore[attr-defined]


@asynccontextmanager
async def crooked(reply: Reply, *, streams: Reply | None = None) -> AsyncIterator[int]:
    """A server that answers each message as `reply` says (None: not at all), over TCP as `streams` says if given."""
    over_tcp = streams or reply

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                if (said := over_tcp(await reader.readexactly(length))) is not None:
                    writer.write(struct.pack("!H", len(said)) + said)
        except (EOFError, ConnectionError):
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Crooked(reply), local_addr=("127.0.0.1", port))
    try:
        yield port
    finally:
        transport.close()
        listening.close()
        listening.close_clients()
        await listening.wait_closed()


def answered(
    question: bytes, *records: str, flags: int = dns.flags.AA, code: dns.rcode.Rcode = dns.rcode.NOERROR
) -> bytes:
    """An honest answer to a question: the records of its type, or the zone's SOA."""
    asked = dns.message.from_wire(question, keyring=signing(KEY).tsig)
    message = dns.message.Message(id=asked.id)
    message.flags = dns.flags.QR | flags | dns.opcode.to_flags(asked.opcode())
    message.set_rcode(code)
    message.sections[0] = list(asked.sections[0])
    if records:
        message.answer.append(dns.rrset.from_text(asked.question[0].name, 60, "IN", asked.question[0].rdtype, *records))
    elif asked.opcode() == dns.opcode.QUERY:
        message.authority.append(dns.rrset.from_text(f"{ZONE}.", 60, "IN", "SOA", f"ns.{ZONE}. h.{ZONE}. 1 2 3 4 5"))
    return message.to_wire()


def lie(question: bytes) -> bytes:
    asked = dns.message.from_wire(question)
    asked.flags |= dns.flags.QR | dns.flags.AA
    asked.answer.append(dns.rrset.from_text(f"another.{ZONE}.", 60, "IN", "A", "10.6.6.6"))
    return asked.to_wire()


def to_another(question: bytes) -> bytes:
    other = dns.message.make_query(f"another.{ZONE}", "A", id=int.from_bytes(question[:2]))
    return answered(other.to_wire())


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        pytest.param(lambda _: None, Trouble.UNREACHABLE, id="silence"),
        pytest.param(lambda asked: answered(asked, code=dns.rcode.SERVFAIL), Trouble.BUSY, id="SERVFAIL"),
        pytest.param(lambda asked: answered(asked, code=dns.rcode.REFUSED), Trouble.DENIED, id="REFUSED"),
        pytest.param(lambda asked: answered(asked, code=dns.rcode.NOTAUTH), Trouble.WRONG_ZONE, id="NOTAUTH"),
        pytest.param(lambda asked: answered(asked, code=dns.rcode.FORMERR), Trouble.UNTRUSTED, id="FORMERR"),
        pytest.param(lambda asked: answered(asked, flags=0), Trouble.UNTRUSTED, id="a resolver, no authority"),
        pytest.param(lie, Trouble.UNTRUSTED, id="a record of another name"),
        pytest.param(to_another, Trouble.UNTRUSTED, id="an answer to another question"),
        pytest.param(lambda asked: asked, Trouble.UNTRUSTED, id="the question itself"),
        pytest.param(lambda asked: answered(asked)[:-3], Trouble.UNTRUSTED, id="cut off"),
        pytest.param(lambda asked: asked[:2] + b"\x84", Trouble.UNTRUSTED, id="three bytes"),
        pytest.param(lambda asked: asked[:2] + b"\xff" * 60, Trouble.UNTRUSTED, id="noise"),
    ],
)
async def test_what_a_crooked_servers_answer_to_a_question_means(reply: Reply, trouble: Trouble) -> None:
    async with crooked(reply) as port:
        error = await trouble_of(a_target(port, within=0.5).read(NAME))
    assert (error.trouble, error.unsure) == (trouble, False)
    assert f"127.0.0.1:{port}" in str(error)


async def test_an_honest_server_of_the_same_make_is_believed() -> None:
    async with crooked(answered) as port:
        assert await a_target(port).read(NAME) == NO_RECORD


async def test_a_datagram_that_is_lost_is_sent_again() -> None:
    lost: set[bytes] = set()

    def once(asked: bytes) -> bytes | None:
        if asked in lost:
            return answered(asked)
        lost.add(asked)
        return None

    async with crooked(once) as port:
        assert await a_target(port, within=0.6).read(NAME) == NO_RECORD
    assert len(lost) == 3


async def test_a_late_reply_to_somebody_else_is_dropped() -> None:
    def with_noise(asked: bytes) -> bytes:
        return answered(bytes([asked[0] ^ 0xFF, asked[1]]) + asked[2:])

    async with crooked(with_noise) as port:
        assert (await trouble_of(a_target(port, within=0.3).read(NAME))).trouble is Trouble.UNREACHABLE


async def test_a_truncated_answer_is_believed_only_over_tcp() -> None:
    def cut(asked: bytes) -> bytes:
        return answered(asked, flags=dns.flags.AA | dns.flags.TC)

    async with crooked(cut, streams=answered) as port:
        assert await a_target(port).read(NAME) == NO_RECORD
    async with crooked(cut) as port:
        assert (await trouble_of(a_target(port, within=0.5).read(NAME))).trouble is Trouble.UNTRUSTED


@needs_bind
async def test_a_silent_server_is_passed_over_and_then_asked_last(server: Bind) -> None:
    heard: list[bytes] = []
    async with crooked(lambda asked: heard.append(asked)) as port:
        target = a_target(port, server.port, within=0.3)
        assert await target.read(NAME) == NO_RECORD
        told = len(heard)
        assert told
        assert await target.read(NAME) == NO_RECORD
        assert len(heard) == told


@needs_bind
async def test_a_lying_server_does_not_keep_the_next_from_being_asked(server: Bind) -> None:
    await create(a_target(server.port))
    async with crooked(lie) as port:
        assert (await a_target(port, server.port).read(NAME)).addresses == OLD


async def test_a_port_where_nobody_listens_is_unreachable_and_nothing_was_written() -> None:
    async with crooked(answered) as port:
        pass
    target = a_target(port, within=1)
    for call in (target.read(NAME), create(target)):
        error = await trouble_of(call)
        assert (error.trouble, error.unsure) == (Trouble.UNREACHABLE, False)


@needs_bind
async def test_an_update_goes_to_the_next_server_when_the_first_cannot_be_reached(server: Bind) -> None:
    async with crooked(answered) as port:
        pass
    await create(a_target(port, server.port))
    assert (await a_target(server.port).read(NAME)).addresses == OLD


def signed(reply: bytes, update: bytes, key: TsigKey = KEY) -> bytes:
    """The reply with the signature that belongs to an update."""
    asked = dns.message.from_wire(update, keyring=signing(KEY).tsig)
    message = dns.message.from_wire(reply)
    message.use_tsig(signing(key).tsig)
    message.request_mac = asked.mac
    return message.to_wire()


@pytest.mark.parametrize(
    ("reply", "trouble", "unsure"),
    [
        pytest.param(lambda _: None, Trouble.UNREACHABLE, True, id="silence"),
        pytest.param(answered, Trouble.UNTRUSTED, True, id="an answer that nobody signed"),
        pytest.param(
            lambda sent: signed(answered(sent), sent, TsigKey()), Trouble.UNTRUSTED, True, id="signed by another"
        ),
        pytest.param(lambda sent: signed(answered(sent), sent)[:-8], Trouble.UNTRUSTED, True, id="cut off"),
        pytest.param(
            lambda sent: signed(answered(sent, code=dns.rcode.SERVFAIL), sent), Trouble.BUSY, False, id="SERVFAIL"
        ),
        pytest.param(
            lambda sent: signed(answered(sent, code=dns.rcode.NXRRSET), sent), Trouble.RACE_LOST, False, id="NXRRSET"
        ),
        pytest.param(
            lambda sent: signed(answered(sent, code=dns.rcode.YXDOMAIN), sent), Trouble.RACE_LOST, False, id="YXDOMAIN"
        ),
        pytest.param(
            lambda sent: signed(answered(sent, code=dns.rcode.NOTZONE), sent), Trouble.WRONG_ZONE, False, id="NOTZONE"
        ),
        pytest.param(
            lambda sent: signed(answered(sent, code=dns.rcode.NOTIMP), sent), Trouble.DENIED, False, id="NOTIMP"
        ),
    ],
)
async def test_what_a_crooked_servers_answer_to_an_update_means(reply: Reply, trouble: Trouble, unsure: bool) -> None:
    async with crooked(reply) as port:
        error = await trouble_of(create(a_target(port, within=0.5)))
    assert (error.trouble, error.unsure) == (trouble, unsure)


async def test_a_signed_yes_is_believed() -> None:
    async with crooked(lambda sent: signed(answered(sent), sent)) as port:
        await create(a_target(port))


@needs_bind
async def test_an_update_that_was_not_answered_goes_to_no_other_server(server: Bind) -> None:
    async with crooked(lambda _: None) as port:
        error = await trouble_of(create(a_target(port, server.port, within=0.4)))
    assert error.unsure
    assert await a_target(server.port).read(NAME) == NO_RECORD


@needs_bind
async def test_when_all_fail_the_error_tells_of_each_and_is_of_the_kind_that_may_pass(server: Bind) -> None:
    async with crooked(answered) as port:
        pass
    error = await trouble_of(create(a_target(port, server.port, key=TsigKey())))
    assert error.trouble is Trouble.UNREACHABLE
    assert f"127.0.0.1:{port}" in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)
