"""What a DNS server's answer is worth: read from bytes, from a customer's resolver, and from a real BIND."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_address

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from functions.dns.ask import Answer, Asker, Exchange, Kind, Over, Server, shown
from functions.dns.heard import heard, question
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import Question
from localazure.azure import LocalAzure
from localazure.bind import HOW_TO_INSTALL, ServedZone, bind, is_installed
from localazure.dns_answers import DnsFaults
from localazure.dns_front import DnsFront
from tests.unit.localazure.test_dns_front import NAME as RESOLVED
from tests.unit.localazure.test_dns_front import RESOLVER, a_hub_with_a_zone
from tests.unit.localazure.test_dns_front import ZONE as RESOLVED_ZONE

ZONE = "privatelink.westeurope.azmk8s.io"
NAME = f"aks-1a2b3c.{ZONE}"
SERVER: Server = ("10.0.0.4", 53)
SOA = "ns1.invalid. hostmaster.invalid. 1 3600 600 86400 120"


def asked(kind: Kind = "A", name: str = NAME) -> Question:
    made = question(name, kind)
    assert made is not None
    return made


def reply_to(name: str = NAME, kind: Kind = "A", rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> dns.message.Message:
    reply = dns.message.make_response(dns.message.from_wire(asked(kind, name).message(7)))
    reply.set_rcode(rcode)
    return reply


def answering(*records: tuple[str, int, str, str]) -> dns.message.Message:
    reply = reply_to()
    reply.answer = [
        dns.rrset.from_text(dns.name.from_text(name), ttl, "IN", kind, text) for name, ttl, kind, text in records
    ]
    return reply


def denying(rcode: dns.rcode.Rcode = dns.rcode.NXDOMAIN, ttl: int = 3600) -> dns.message.Message:
    reply = reply_to(rcode=rcode)
    reply.authority = [dns.rrset.from_text(f"{ZONE}.", ttl, "IN", "SOA", SOA)]
    return reply


def read(reply: dns.message.Message | bytes, over: Over = "udp") -> Answer:
    return heard(reply if isinstance(reply, bytes) else reply.to_wire(), asked(), SERVER, over)


def addresses(answer: Answer) -> set[str]:
    return set(map(str, answer.addresses))


def test_addresses_come_with_the_seconds_that_they_may_be_kept() -> None:
    answer = read(answering((NAME, 300, "A", "10.1.0.5")))
    assert (addresses(answer), answer.ttl, answer.rcode, answer.speaks) == ({"10.1.0.5"}, 300, "NOERROR", True)


def test_an_answer_of_any_form_reads_the_same_as_one_of_the_plain_form() -> None:
    plain = answering((NAME, 300, "A", "10.1.0.5"), (NAME, 300, "A", "10.1.0.6"))
    spelt_out = plain.to_wire().replace(b"\xc0\x0c", asked().name)
    assert len(spelt_out) > len(plain.to_wire())
    assert read(spelt_out) == read(plain)
    assert addresses(read(plain)) == {"10.1.0.5", "10.1.0.6"}


def test_an_alias_is_followed_and_its_ttl_counts_too() -> None:
    answer = read(answering((NAME, 20, "CNAME", "other.invalid."), ("other.invalid.", 300, "A", "10.1.0.5")))
    assert (addresses(answer), answer.ttl) == ({"10.1.0.5"}, 20)


@pytest.mark.parametrize(
    ("reply", "rcode", "negative_ttl", "zone"),
    [
        pytest.param(denying(), "NXDOMAIN", 120, ZONE, id="no such name, kept for the SOA's minimum"),
        pytest.param(denying(ttl=17), "NXDOMAIN", 17, ZONE, id="no such name, kept for what is left of it"),
        pytest.param(denying(dns.rcode.NOERROR), "NOERROR", 120, ZONE, id="no address"),
        pytest.param(reply_to(), "NOERROR", None, "", id="no address, and nobody says for how long"),
    ],
)
def test_a_no_comes_with_the_seconds_that_it_may_be_kept(
    reply: dns.message.Message, rcode: str, negative_ttl: int | None, zone: str
) -> None:
    answer = read(reply)
    assert (answer.addresses, answer.speaks) == (frozenset(), True)
    assert (answer.rcode, answer.negative_ttl, answer.zone) == (rcode, negative_ttl, zone)


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        pytest.param(reply_to(rcode=dns.rcode.SERVFAIL).to_wire(), Trouble.BUSY, id="SERVFAIL"),
        pytest.param(reply_to(rcode=dns.rcode.REFUSED).to_wire(), Trouble.DENIED, id="REFUSED"),
        pytest.param(reply_to(rcode=dns.rcode.FORMERR).to_wire()[:12], Trouble.UNTRUSTED, id="an error's header alone"),
        pytest.param(b"", Trouble.UNTRUSTED, id="nothing"),
        pytest.param(asked().message(7), Trouble.UNTRUSTED, id="the question sent back"),
        pytest.param(reply_to("other.invalid").to_wire(), Trouble.UNTRUSTED, id="another question's reply"),
        pytest.param(answering((NAME, 1, "A", "10.1.0.5")).to_wire()[:-2], Trouble.UNTRUSTED, id="a record cut short"),
        pytest.param(
            answering((NAME, 9, "CNAME", "b.invalid."), ("b.invalid.", 9, "CNAME", f"{NAME}.")).to_wire(),
            Trouble.UNTRUSTED,
            id="an alias of itself",
        ),
    ],
)
def test_what_says_nothing_of_use_is_named(reply: bytes, trouble: Trouble) -> None:
    answer = read(reply)
    assert answer.trouble is trouble
    assert answer.said
    assert not answer.speaks


def test_a_datagram_that_is_cut_short_is_no_answer() -> None:
    reply = reply_to()
    reply.flags |= dns.flags.TC
    assert read(reply).cut
    assert not read(reply).speaks


def test_the_question_asks_for_recursion() -> None:
    assert dns.message.from_wire(asked().message(7)).flags & dns.flags.RD


def an_exchange(say: Callable[[Question, Over], bytes]) -> tuple[Exchange, list[Over]]:
    """A way to servers that answer with `say`, and what went over it."""
    went: list[Over] = []

    async def exchange(_: Server, asked: Question, over: Over, __: float) -> bytes:
        went.append(over)
        await asyncio.sleep(0)
        return say(asked, over)

    return exchange, went


async def test_both_ip_versions_are_told_as_one_answer() -> None:
    def say(asked: Question, _: Over) -> bytes:
        kind, text = ("A", "10.1.0.5") if asked.rdtype == dns.rdatatype.A else ("AAAA", "fd00::5")
        reply = dns.message.make_response(dns.message.from_wire(asked.message(7)))
        reply.answer = [dns.rrset.from_text(f"{NAME}.", 60, "IN", kind, text)]
        return reply.to_wire()

    exchange, went = an_exchange(say)
    answer = await Asker(exchange).ask(SERVER, NAME, "udp", ("A", "AAAA"))
    assert addresses(answer) == {"10.1.0.5", "fd00::5"}
    assert len(went) == 2


async def test_a_server_that_is_silent_is_left_alone_for_a_while_over_that_transport_alone() -> None:
    def say(asked: Question, over: Over) -> bytes:
        if over == "udp":
            raise TargetError(Trouble.UNREACHABLE, "no answer")
        return dns.message.make_response(dns.message.from_wire(asked.message(7))).to_wire()

    exchange, went = an_exchange(say)
    asker = Asker(exchange)
    told = [await asker.ask(SERVER, NAME, "udp") for _ in range(10)]
    assert {answer.trouble for answer in told} == {Trouble.UNREACHABLE}
    assert len(went) == 3
    assert (await asker.ask(SERVER, NAME, "tcp")).speaks
    assert not (await asker.ask(("10.0.0.5", 53), NAME, "udp")).speaks
    assert went[3:] == ["tcp", "udp"]


async def test_a_server_that_answers_now_and_then_is_asked_on() -> None:
    def say(asked: Question, _: Over) -> bytes:
        if len(went) % 3:
            raise TargetError(Trouble.UNREACHABLE, "no answer")
        return dns.message.make_response(dns.message.from_wire(asked.message(7))).to_wire()

    exchange, went = an_exchange(say)
    asker = Asker(exchange)
    for _ in range(12):
        await asker.ask(SERVER, NAME, "udp")
    assert len(went) == 12


async def test_a_text_that_is_no_name_is_asked_of_nobody() -> None:
    exchange, went = an_exchange(lambda *_: b"")
    answer = await Asker(exchange).ask(SERVER, "a..b", "udp")
    assert (answer.trouble, went) == (Trouble.UNTRUSTED, [])


async def test_few_questions_are_on_their_way_at_once() -> None:
    most = now = 0

    async def exchange(*_: object) -> bytes:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return b""

    asker = Asker(exchange, at_once=8)
    await asyncio.gather(*(asker.ask(SERVER, f"a{number}.{ZONE}", "udp") for number in range(100)))
    assert most == 8


@pytest.mark.parametrize("over", ["udp", "tcp"])
async def test_a_customers_resolver_tells_an_address_and_a_no(over: Over) -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        asker, server = Asker(within=5), (front.host, front.port)
        right = await asker.ask(server, RESOLVED, over, ("A", "AAAA"))
        assert right.addresses == {ip_address("10.1.0.4"), ip_address("fd00::4")}
        no = await asker.ask(server, f"other.{RESOLVED_ZONE}", over)
        assert (no.rcode, no.speaks, no.zone) == ("NXDOMAIN", True, RESOLVED_ZONE)
        assert no.negative_ttl is not None
        assert 295 <= no.negative_ttl <= 300
        assert front.asked[0] == over


@pytest.mark.parametrize(
    ("faults", "udp", "tcp"),
    [
        pytest.param(DnsFaults(tcp_blocked=True), None, Trouble.UNREACHABLE, id="TCP blocked"),
        pytest.param(DnsFaults(drop_udp=True), Trouble.UNREACHABLE, None, id="UDP dropped"),
        pytest.param(DnsFaults(servfail=True), Trouble.BUSY, Trouble.BUSY, id="SERVFAIL"),
        pytest.param(DnsFaults(refused=True), Trouble.DENIED, Trouble.DENIED, id="REFUSED"),
        pytest.param(DnsFaults(truncate=True), None, None, id="cut short over UDP"),
    ],
)
async def test_what_is_wrong_with_a_resolver_is_seen(
    faults: DnsFaults, udp: Trouble | None, tcp: Trouble | None
) -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        front.faults = faults
        asker = Asker(within=0.5)
        over_udp = await asker.ask((front.host, front.port), RESOLVED, "udp")
        over_tcp = await asker.ask((front.host, front.port), RESOLVED, "tcp")
        assert (over_udp.trouble, over_tcp.trouble) == (udp, tcp)
        assert over_udp.cut is faults.truncate


async def test_nobody_at_a_port_is_a_server_that_is_not_reached() -> None:
    async with DnsFront(LocalAzure(), RESOLVER) as front:
        closed = (front.host, front.port)
    for over in ("udp", "tcp"):
        assert (await Asker(within=0.5).ask(closed, NAME, over)).trouble is Trouble.UNREACHABLE


@pytest.mark.skipif(not is_installed(), reason=f"BIND is not installed: {HOW_TO_INSTALL}")
async def test_a_real_bind_is_understood() -> None:
    async with bind(ServedZone(ZONE, records=("aks-1a2b3c 60 IN A 10.1.0.5",))) as server:
        asker, there = Asker(within=5), ("127.0.0.1", server.port)
        for over in ("udp", "tcp"):
            right = await asker.ask(there, NAME, over)
            assert (addresses(right), right.ttl) == ({"10.1.0.5"}, 60)
            no = await asker.ask(there, f"other.{ZONE}", over)
            assert (no.rcode, no.negative_ttl, no.zone) == ("NXDOMAIN", 10, ZONE)
        assert (await asker.ask(there, "elsewhere.invalid", "udp")).trouble is Trouble.DENIED


@pytest.mark.parametrize(
    ("server", "text"),
    [(("10.0.0.4", 53), "10.0.0.4"), (("10.0.0.4", 54), "10.0.0.4:54"), (("fd00::4", 54), "[fd00::4]:54")],
)
def test_a_server_is_shown_as_people_write_it(server: Server, text: str) -> None:
    assert shown(server) == text


def test_the_loop_does_not_import_dnspython_before_the_first_question() -> None:
    code = "import sys, functions.reconcile; print('dns' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "False"
