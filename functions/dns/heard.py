"""A client's question to a DNS server, and what the reply to it says."""

from ipaddress import ip_address
from typing import cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
from dns.rdtypes.ANY.SOA import SOA

from functions.dns.ask import Answer, Kind, Over, Server
from functions.dns.target import Trouble
from functions.dns.wire import ERRORS, Question, plain

_HEADER = 12  # bytes
_ERROR_BITS = 0x000F

_BYTES = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 16}


def question(name: str, kind: Kind) -> Question | None:
    """The question for a name, None for a text that is no DNS name."""
    try:
        spelt = dns.name.from_text(name.lower()).to_digestable()
    except (dns.exception.DNSException, UnicodeError):
        return None
    return Question(spelt, 0, dns.rdatatype.A if kind == "A" else dns.rdatatype.AAAA, recursion=True)


def heard(reply: bytes, asked: Question, server: Server, over: Over) -> Answer:
    """What a reply says. The negative TTL is the smaller of the SOA's TTL and its minimum (RFC 2308, section 5)."""
    flags = int.from_bytes(reply[2:4])
    if len(reply) < _HEADER or not flags & dns.flags.QR:
        return Answer(server, over, trouble=Trouble.UNTRUSTED, said="a reply that is no DNS answer")
    code = dns.rcode.Rcode.make(flags & _ERROR_BITS)
    word = dns.rcode.to_text(code)
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        trouble, said = ERRORS.get(code, (Trouble.UNTRUSTED, f"the server says {word}"))
        return Answer(server, over, rcode=word, trouble=trouble, said=said)
    if not asked.is_asked_in(reply):
        return Answer(server, over, trouble=Trouble.UNTRUSTED, said="a reply to another question")
    if flags & dns.flags.TC:
        return Answer(server, over, rcode=word, cut=True, said="more than fits into a datagram")
    if code == dns.rcode.NOERROR and (answer := _plainly(reply, asked, server, over)) is not None:
        return answer
    try:
        message = dns.message.from_wire(reply)
        return _read(message, server, over)
    except (dns.exception.DNSException, ValueError) as error:
        said = f"a reply that cannot be read ({type(error).__name__})"
        return Answer(server, over, rcode=word, trouble=Trouble.UNTRUSTED, said=said)


def _plainly(reply: bytes, asked: Question, server: Server, over: Over) -> Answer | None:
    """The answer where there is nothing but addresses of the name itself: a sweep hears ten thousand of these."""
    count = int.from_bytes(reply[6:8])
    found = plain(reply, asked, count) if count else None
    if found is None or any(len(data) != _BYTES[asked.rdtype] for data in found.data):
        return None
    return Answer(server, over, frozenset(map(ip_address, found.data)), found.ttl, rcode="NOERROR")


def _read(message: dns.message.Message, server: Server, over: Over) -> Answer:
    """Follow aliases to the addresses, or find who says that there are none. Raises DNSException."""
    if not isinstance(message, dns.message.QueryMessage):
        raise dns.exception.FormError("not an answer to a question")
    word = dns.rcode.to_text(message.rcode())
    chain = message.resolve_chaining()
    if chain.answer is not None:
        rdatas = cast("list[dns.rdata.Rdata]", list(chain.answer))
        addresses = frozenset(ip_address(rdata.to_text()) for rdata in rdatas)
        return Answer(server, over, addresses, chain.minimum_ttl, rcode=word)
    for rrset in message.authority:
        start = cast("dns.rdata.Rdata", rrset[0])
        if isinstance(start, SOA):
            zone = rrset.name.to_text(omit_final_dot=True).lower()
            kept = min(rrset.ttl, start.minimum)
            return Answer(server, over, negative_ttl=kept, zone=zone, rcode=word)
    return Answer(server, over, rcode=word)
