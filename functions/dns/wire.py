"""Questions and answers of DNS as bytes (RFC 1035, 4).

Tens of thousands of both pass in a sweep, and nearly all have one plain form, which is read here in microseconds;
reply.py reads the rest. Both are equally strict.
"""

import struct
from dataclasses import dataclass

import dns.flags
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from functions.dns.reply import UnreadableError, life, read, within
from functions.dns.target import TargetError, Trouble

_HEADER = struct.Struct("!6H")  # id, flags, and how many questions, answers, authorities and additional records
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length: what follows a record's owner name
_QUESTION_AT = b"\xc0\x0c"  # a pointer to the name in the question, which begins after the header

_ERROR_BITS = 0x000F
_OPCODE_BITS = 0x7800

# What an error in an answer means, to a question and to an update alike (RFC 1035, 4.1.1; RFC 2136, 2.2).
ERRORS = {
    dns.rcode.SERVFAIL: (Trouble.BUSY, "the server failed (SERVFAIL)"),
    dns.rcode.REFUSED: (Trouble.DENIED, "the server refused (REFUSED)"),
    dns.rcode.NOTIMP: (Trouble.DENIED, "the server does not do this (NOTIMP)"),
    dns.rcode.NOTAUTH: (Trouble.WRONG_ZONE, "the server does not keep this zone (NOTAUTH)"),
    dns.rcode.NOTZONE: (Trouble.WRONG_ZONE, "the name is not in the zone (NOTZONE)"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a server: the records of one type at one name of a zone. `zone_at`: where the zone begins.

    Without `recursion` the server is to say what it holds itself.
    """

    name: bytes
    zone_at: int
    rdtype: dns.rdatatype.RdataType
    recursion: bool = False

    def message(self, number: int) -> bytes:
        """The question with an id."""
        return _HEADER.pack(number, dns.flags.RD if self.recursion else 0, 1, 0, 0, 0) + self._body()

    def _body(self) -> bytes:
        return self.name + struct.pack("!HH", self.rdtype, dns.rdataclass.IN)

    def is_asked_in(self, reply: bytes) -> bool:
        body = self._body()
        return reply[_HEADER.size : _HEADER.size + len(body)].lower() == body.lower()

    @property
    def end(self) -> int:
        """Where the answers begin in a message with this question."""
        return _HEADER.size + len(self.name) + 4


def questions(name: dns.name.Name, zone: dns.name.Name, *types: dns.rdatatype.RdataType) -> list[Question]:
    """The questions for some types at one name."""
    spelt = name.to_digestable()
    zone_at = len(spelt) - len(zone.to_digestable())
    return [Question(spelt, zone_at, rdtype) for rdtype in types]


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands there: the data of each record as bytes, their TTL, and whether the name is an alias (CNAME)."""

    data: tuple[bytes, ...] = ()
    ttl: int = 0
    alias: bool = False


def answer(reply: bytes, question: Question) -> Answer | None:
    """The answer in a reply whose id is right; None when it was cut short and is to be asked for over TCP.

    Raises TargetError: an error code, an answer that is not the server's own, that answers something else, or that is
    too large to be read.
    """
    try:
        return _answer(reply, question)
    except UnreadableError as error:
        raise untrusted(f"a reply that cannot be read: {error}") from None


def _answer(reply: bytes, question: Question) -> Answer | None:
    within(reply)
    _, flags, asked, answered, authorities, _ = _HEADER.unpack_from(reply)
    code = flags & _ERROR_BITS
    if not flags & dns.flags.QR or flags & _OPCODE_BITS:
        raise untrusted("a reply that is no answer to a question")
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        trouble, said = ERRORS.get(
            dns.rcode.Rcode.make(code), (Trouble.UNTRUSTED, f"the server says {dns.rcode.to_text(code)}")
        )
        raise TargetError(trouble, said)
    if asked != 1 or not question.is_asked_in(reply):
        raise untrusted("a reply to another question")
    if flags & dns.flags.TC:
        return None
    if not flags & dns.flags.AA:
        raise untrusted("a reply that is not authoritative: name a server that keeps the zone itself")
    if answered:
        return plain(reply, question, answered) or _any(reply, question)
    if not _says_nothing_plainly(reply, question, authorities):
        _any(reply, question)
    return Answer()


def untrusted(what: str) -> TargetError:
    return TargetError(Trouble.UNTRUSTED, what)


def plain(reply: bytes, question: Question, count: int) -> Answer | None:
    """The answer when each of `count` records points back to the question and is of its type; else None."""
    at, data, ttl = question.end, list[bytes](), 0
    for _ in range(count):
        if reply[at : at + 2] != _QUESTION_AT or len(reply) < at + 2 + _RECORD.size:
            return None
        rdtype, rdclass, ttl, length = _RECORD.unpack_from(reply, at + 2)
        at += 2 + _RECORD.size + length
        if rdtype != question.rdtype or rdclass != dns.rdataclass.IN or at > len(reply) or ttl >> 31:
            return None
        data.append(reply[at - length : at])
    return Answer(tuple(sorted(data)), ttl)


def _says_nothing_plainly(reply: bytes, question: Question, authorities: int) -> bool:
    """Whether an empty answer comes with the SOA of our zone, whose name points into the question."""
    at = question.end
    pointer = struct.pack("!H", 0xC000 | (_HEADER.size + question.zone_at))
    if authorities != 1 or reply[at : at + 2] != pointer or len(reply) < at + 2 + _RECORD.size:
        return False
    rdtype, _, _, length = _RECORD.unpack_from(reply, at + 2)
    return rdtype == dns.rdatatype.SOA and at + 2 + _RECORD.size + length <= len(reply)


def _any(reply: bytes, question: Question) -> Answer:
    """The answer in a reply of any form. Raises UnreadableError."""
    held = read(reply)
    zone = question.name[question.zone_at :]
    if not held.answer:
        _check_zone([found.name for found in held.authority if found.rdtype == dns.rdatatype.SOA], zone)
        return Answer()
    own = [found for found in held.answer if found.name == question.name and found.rdclass == dns.rdataclass.IN]
    if any(found.rdtype == dns.rdatatype.CNAME for found in own):
        return Answer(alias=True)  # what follows is where the alias leads, which is no concern of ours
    if len(own) < len(held.answer) or any(found.rdtype != question.rdtype for found in own):
        raise untrusted("a reply with records of another name or type")
    return Answer(tuple(sorted({found.data for found in own})), min(map(life, own)))


def _check_zone(owners: list[bytes], zone: bytes) -> None:
    """An empty answer is about the zone whose SOA comes with it (RFC 2308, 3)."""
    if not owners:
        raise untrusted("an empty reply without the zone's SOA")
    if owners[0] != zone:
        raise TargetError(Trouble.WRONG_ZONE, f"the server answers from the zone {in_words(owners[0])}")


def in_words(name: bytes) -> str:
    """An uncompressed name as people write it, without the final dot."""
    return dns.name.from_wire(name, 0)[0].to_text(omit_final_dot=True)
