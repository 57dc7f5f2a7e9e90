"""A client's question to a DNS server, and what the reply to it says."""

from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from functions.dns.ask import Answer, Kind, Over, Server
from functions.dns.reply import Found, Reply, UnreadableError, life, read, within
from functions.dns.target import Trouble
from functions.dns.wire import ERRORS, Question, in_words, plain

_ERROR_BITS = 0x000F
_MOST_ALIASES = 16  # one after the other; public names have a handful

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
    try:
        within(reply)
    except UnreadableError as error:
        return _unread(str(error), server, over)
    flags = int.from_bytes(reply[2:4])
    if not flags & dns.flags.QR:
        return Answer(server, over, trouble=Trouble.UNTRUSTED, said="a reply that is no DNS answer")
    code = dns.rcode.Rcode.make(flags & _ERROR_BITS)
    word = dns.rcode.to_text(code)
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        trouble, said = ERRORS.get(code, (Trouble.UNTRUSTED, f"the server says {word}"))
        return Answer(server, over, rcode=word, trouble=trouble, said=said)
    if int.from_bytes(reply[4:6]) != 1 or not asked.is_asked_in(reply):
        return Answer(server, over, trouble=Trouble.UNTRUSTED, said="a reply to another question")
    if flags & dns.flags.TC:
        return Answer(server, over, rcode=word, cut=True, said="more than fits into a datagram")
    if code == dns.rcode.NOERROR and (answer := _plainly(reply, asked, server, over)) is not None:
        return answer
    try:
        return _read(read(reply), asked, server, over)
    except UnreadableError as error:
        return _unread(str(error), server, over, word)


def _unread(why: str, server: Server, over: Over, rcode: str = "") -> Answer:
    said = f"a reply that cannot be read: {why}"
    return Answer(server, over, rcode=rcode, trouble=Trouble.UNTRUSTED, said=said)


def _plainly(reply: bytes, asked: Question, server: Server, over: Over) -> Answer | None:
    """The answer where there is nothing but addresses of the name itself: a sweep hears ten thousand of these."""
    count = int.from_bytes(reply[6:8])
    found = plain(reply, asked, count) if count else None
    if found is None or any(len(data) != _BYTES[asked.rdtype] for data in found.data):
        return None
    return Answer(server, over, frozenset(map(ip_address, found.data)), found.ttl, rcode="NOERROR")


def _read(reply: Reply, asked: Question, server: Server, over: Over) -> Answer:
    """Follow aliases to the addresses, or find who says that there are none. Raises UnreadableError."""
    if (code := dns.rcode.Rcode.make(reply.rcode)) not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        raise UnreadableError(f"the server says {dns.rcode.to_text(code)}")
    word = dns.rcode.to_text(code)
    there: dict[tuple[bytes, int], list[Found]] = {}
    for record in reply.answer:
        if record.rdclass == dns.rdataclass.IN:
            there.setdefault((record.name, record.rdtype), []).append(record)
    name, kept = asked.name, list[int]()
    for _ in range(_MOST_ALIASES):
        if found := there.get((name, asked.rdtype)):
            if code == dns.rcode.NXDOMAIN:
                raise UnreadableError("addresses of a name that does not exist")
            if any(len(record.data) != _BYTES[asked.rdtype] for record in found):
                raise UnreadableError("an address of the wrong length")
            addresses = frozenset(ip_address(record.data) for record in found)
            return Answer(server, over, addresses, min([*kept, *map(life, found)]), rcode=word)
        aliases = there.get((name, dns.rdatatype.CNAME))
        if aliases is None:
            return _no(reply, word, server, over)
        kept.append(life(aliases[0]))
        name = reply.target(aliases[0])
    raise UnreadableError(f"more than {_MOST_ALIASES} aliases")


def _no(reply: Reply, word: str, server: Server, over: Over) -> Answer:
    """That there is no address, and the zone that says so where the reply tells."""
    soa = next((record for record in reply.authority if record.rdtype == dns.rdatatype.SOA), None)
    if soa is None:
        return Answer(server, over, rcode=word)
    return Answer(server, over, negative_ttl=min(life(soa), reply.minimum(soa)), zone=in_words(soa.name), rcode=word)
