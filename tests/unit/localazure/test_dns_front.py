"""A hub's resolver as clients meet it: real questions over UDP and TCP, real answers."""

import asyncio

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.dns_answers import DnsFaults, answer
from localazure.dns_front import DnsFront
from localazure.own_zones import table
from localazure.resolver import A_RECORD, LINK, VNET
from localazure.store import Json, Resource

RESOLVER = "10.0.0.4"
GROUP = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"
ZONE = "11111111-2222-4333-8444-555555555555.privatelink.westeurope.azmk8s.io"
NAME = f"team-abcdefgh.{ZONE}"


def put(azure: LocalAzure, path: str, kind: str, properties: Json) -> None:
    azure.store.put(Resource(f"{GROUP}/{path}", kind, path.rpartition("/")[2], {"properties": properties}))


def a_hub_with_a_zone(speed: float = 1) -> LocalAzure:
    """One linked private zone with an A and an AAAA record."""
    azure = LocalAzure(Clock(speed))
    put(azure, "virtualNetworks/hub", VNET, {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
    zone = f"privateDnsZones/{ZONE}"
    put(azure, zone, "Microsoft.Network/privateDnsZones", {})
    put(azure, f"{zone}/A/team-abcdefgh", A_RECORD, {"ttl": 300, "aRecords": [{"ipv4Address": "10.1.0.4"}]})
    aaaa = {"ttl": 300, "aaaaRecords": [{"ipv6Address": "fd00::4"}]}
    put(azure, f"{zone}/AAAA/team-abcdefgh", "Microsoft.Network/privateDnsZones/AAAA", aaaa)
    linked = {"virtualNetwork": {"id": f"{GROUP}/virtualNetworks/hub"}, "virtualNetworkLinkState": "Completed"}
    put(azure, f"{zone}/virtualNetworkLinks/hub", LINK, linked)
    return azure


async def ask(
    front: DnsFront, name: str = NAME, kind: str = "A", over: str = "udp", wait: float = 5
) -> dns.message.Message:
    question = dns.message.make_query(name, kind)
    send = dns.asyncquery.udp if over == "udp" else dns.asyncquery.tcp
    return await send(question, front.host, wait, front.port)


def addresses(said: dns.message.Message) -> list[str]:
    return [record.to_text() for rrset in said.answer for record in rrset]


@pytest.mark.parametrize("over", ["udp", "tcp"])
@pytest.mark.parametrize(("kind", "told"), [("A", "10.1.0.4"), ("AAAA", "fd00::4")])
async def test_a_name_resolves(over: str, kind: str, told: str) -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        said = await ask(front, kind=kind, over=over)
        assert (said.rcode(), addresses(said)) == (dns.rcode.NOERROR, [told])
        assert 298 <= said.answer[0].ttl <= 300
        assert said.flags & dns.flags.RA
        assert not said.flags & dns.flags.AA
        assert front.asked == [over]


async def test_a_no_says_how_long_it_stays() -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        said = await ask(front, f"other.{ZONE}")
        assert said.rcode() == dns.rcode.NXDOMAIN
        [soa] = said.authority
        assert soa.rdtype == dns.rdatatype.SOA
        assert soa.name.to_text() == f"{ZONE}."
        assert 298 <= min(soa.ttl, soa[0].minimum) <= 300


async def test_a_name_that_is_there_without_such_an_address_is_no_nxdomain() -> None:
    azure = a_hub_with_a_zone()
    azure.store.remove(f"{GROUP}/privateDnsZones/{ZONE}/AAAA/team-abcdefgh")
    async with DnsFront(azure, RESOLVER) as front:
        for kind in ("AAAA", "TXT"):
            said = await ask(front, kind=kind)
            assert (said.rcode(), said.answer) == (dns.rcode.NOERROR, [])
            assert said.authority


async def test_on_a_fast_clock_a_ttl_counts_in_seconds_of_ours() -> None:
    async with DnsFront(a_hub_with_a_zone(speed=60), RESOLVER) as front:
        assert 4 <= (await ask(front)).answer[0].ttl <= 5


async def test_a_zone_of_its_own_shadows_and_answers_with_authority() -> None:
    azure = a_hub_with_a_zone()
    azure.resolvers.zones[RESOLVER] = table("privatelink.westeurope.azmk8s.io", {NAME: ["10.9.9.9"]})
    async with DnsFront(azure, RESOLVER) as front:
        said = await ask(front)
        assert addresses(said) == ["10.9.9.9"]
        assert said.flags & dns.flags.AA
        assert (await ask(front, kind="AAAA")).rcode() == dns.rcode.NOERROR
        assert (await ask(front, f"other.{ZONE}")).rcode() == dns.rcode.NXDOMAIN


async def test_several_questions_share_a_connection() -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        question = dns.message.make_query(NAME, "A").to_wire()
        for _ in range(2):
            writer.write(len(question).to_bytes(2) + question)
            said = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            assert addresses(dns.message.from_wire(said)) == ["10.1.0.4"]
        writer.close()


@pytest.mark.parametrize(
    ("faults", "over"),
    [
        pytest.param(DnsFaults(drop_udp=True), "udp", id="UDP is dropped"),
        pytest.param(DnsFaults(tcp_blocked=True), "tcp", id="TCP is blocked"),
        pytest.param(DnsFaults(delay=60), "udp", id="the answer is late"),
    ],
)
async def test_a_question_is_not_answered(faults: DnsFaults, over: str) -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        front.faults = faults
        with pytest.raises(dns.exception.Timeout):
            await ask(front, over=over, wait=0.05)
        if not faults.delay:
            other = "tcp" if over == "udp" else "udp"
            assert addresses(await ask(front, over=other)) == ["10.1.0.4"]


@pytest.mark.parametrize(
    ("faults", "code"),
    [(DnsFaults(servfail=True), dns.rcode.SERVFAIL), (DnsFaults(refused=True), dns.rcode.REFUSED)],
)
async def test_a_resolver_may_say_that_it_will_not(faults: DnsFaults, code: dns.rcode.Rcode) -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        front.faults = faults
        assert [(await ask(front, over=over)).rcode() for over in ("udp", "tcp")] == [code, code]


async def test_a_truncated_answer_is_whole_over_tcp() -> None:
    async with DnsFront(a_hub_with_a_zone(), RESOLVER) as front:
        front.faults.truncate = True
        said = await ask(front)
        assert said.flags & dns.flags.TC
        assert addresses(said) == []
        assert addresses(await ask(front, over="tcp")) == ["10.1.0.4"]


async def test_more_than_fits_is_truncated() -> None:
    azure = a_hub_with_a_zone()
    many = [f"10.1.{n // 250}.{n % 250}" for n in range(500)]
    azure.resolvers.zones[RESOLVER] = table(ZONE, {NAME: many})
    async with DnsFront(azure, RESOLVER) as front:
        assert (await ask(front)).flags & dns.flags.TC
        assert len(addresses(await ask(front, over="tcp"))) == 500


async def test_what_is_no_question_is_not_answered() -> None:
    azure = a_hub_with_a_zone()
    reply = dns.message.make_response(dns.message.make_query(NAME, "A")).to_wire()
    for wire in (b"", b"no DNS at all", reply):
        assert answer(azure, RESOLVER, wire, "udp", DnsFaults()) is None
    update = dns.message.make_query(NAME, "A")
    update.set_opcode(2)
    said = answer(azure, RESOLVER, update.to_wire(), "udp", DnsFaults())
    assert said is not None
    assert dns.message.from_wire(said).rcode() == dns.rcode.NOTIMP


async def test_a_server_that_stands_nowhere_is_silent() -> None:
    question = dns.message.make_query(NAME, "A").to_wire()
    assert answer(a_hub_with_a_zone(), "192.0.2.1", question, "udp", DnsFaults()) is None


async def test_a_taken_port_is_named() -> None:
    async with DnsFront(LocalAzure(), RESOLVER) as front:
        with pytest.raises(OSError, match=f"port {front.port}"):
            await DnsFront(LocalAzure(), RESOLVER, port=front.port).__aenter__()
