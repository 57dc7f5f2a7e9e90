"""Reads a reply of a DNS server, within bounds (RFC 1035, section 4).

The owner of a spoke chooses the spoke's DNS servers, so a reply can be any bytes. Reading one must not block the event
loop: its size, its records and the labels of its names (a compressed name can be followed from every record) are
bounded, and the data of a record is only read where its type is known. dnspython gets no bytes of a server's but
those of the signed reply to an update, after `checked`.
"""

import struct
from dataclasses import dataclass

import dns.rdatatype

# Tether asks without EDNS for A, AAAA or TXT of one name: 512 bytes over UDP (RFC 1035, 2.3.4), a few kilobytes over
# TCP where others keep TXT records at the name.
MOST_BYTES = 8192

# Of all sections together. 256 addresses at one name are more than any API server has.
MOST_RECORDS = 256

# Labels and pointers that are read for the names of one reply: 256 names of 16 labels. A name has 127 at most.
MOST_STEPS = 4096

_HEADER = struct.Struct("!6H")  # id, flags, and the numbers of questions, answers, authorities, additional records
_RECORD = struct.Struct("!HHIH")  # type, class, TTL, length of the data
_SOA_NUMBERS = struct.Struct("!5I")  # serial, refresh, retry, expire, minimum
_LONGEST_NAME = 255  # bytes (RFC 1035, 2.3.4)
_POINTER = 0xC0
_ERROR_BITS = 0x000F
_LONGEST_TTL = 0x7FFFFFFF  # a longer one counts as zero (RFC 2181, 8)

# What a reply to an update holds: its signature, and in some servers a copy of what was sent (RFC 2136, 3.8).
_OF_UPDATES = frozenset(
    {
        dns.rdatatype.A,
        dns.rdatatype.AAAA,
        dns.rdatatype.TXT,
        dns.rdatatype.CNAME,
        dns.rdatatype.OPT,
        dns.rdatatype.TSIG,
    }
)


class UnreadableError(Exception):
    """A reply is not read: it is malformed or beyond the bounds. The message says why."""


@dataclass(frozen=True, slots=True)
class Found:
    """One record. `name`: in lower case, uncompressed, as on the wire. `at`: where its data begin in the reply."""

    name: bytes
    rdtype: int
    rdclass: int
    ttl: int
    data: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was read. `rcode` includes the bits of an OPT record (RFC 6891, 6.1.3)."""

    rcode: int
    answer: tuple[Found, ...]
    authority: tuple[Found, ...]
    additional: tuple[Found, ...]
    names: "Names"

    def target(self, alias: Found) -> bytes:
        """The name that a record's data begin with: where a CNAME leads. Raises UnreadableError."""
        return self._name_within(alias, alias.at)[0]

    def minimum(self, soa: Found) -> int:
        """The SOA's last number: for how long a "no such name" is kept, in seconds. Raises UnreadableError."""
        _, at = self._name_within(soa, soa.at)
        _, at = self._name_within(soa, at)
        if soa.at + len(soa.data) - at != _SOA_NUMBERS.size:
            raise UnreadableError("a SOA of the wrong length")
        return _SOA_NUMBERS.unpack_from(self.names.wire, at)[-1]

    def _name_within(self, record: Found, at: int) -> tuple[bytes, int]:
        name, end = self.names.read(at)
        if end > record.at + len(record.data):
            raise UnreadableError("a name that is longer than its record")
        return name, end


class Names:
    """Reads the names of one reply. `steps` counts the labels and pointers so far, of which there are MOST_STEPS."""

    def __init__(self, wire: bytes) -> None:
        self.wire = wire
        self.steps = 0

    def read(self, at: int) -> tuple[bytes, int]:
        """The name at an offset, and the offset after it. Raises UnreadableError.

        A pointer leads before the labels that it ends (RFC 1035, 4.1.4), so that no name is endless.
        """
        wire, start, end = self.wire, at, 0
        labels, length = list[bytes](), 0
        while True:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise UnreadableError(f"its names have more than {MOST_STEPS} labels")
            size = wire[at] if at < len(wire) else _LONGEST_NAME
            if size >= _POINTER:
                if at + 2 > len(wire):
                    raise UnreadableError("a name is cut short")
                end = end or at + 2
                to = (size & ~_POINTER) << 8 | wire[at + 1]
                if to >= start:
                    raise UnreadableError("a name points forward")
                at = start = to
                continue
            length += 1 + size
            if size & _POINTER or at + 1 + size > len(wire) or length > _LONGEST_NAME:
                raise UnreadableError("a name is malformed")
            labels.append(wire[at : at + 1 + size])
            at += 1 + size
            if not size:
                return b"".join(labels).lower(), end or at  # lengths are below the letters


def read(wire: bytes) -> Reply:
    """Read a whole reply. Raises UnreadableError: it is malformed, has bytes to spare, or is beyond the bounds."""
    within(wire)
    _, flags, questions, *counts = _HEADER.unpack_from(wire)
    if questions > 1 or sum(counts) > MOST_RECORDS:
        raise UnreadableError(f"{questions} questions and {sum(counts)} records: more than {MOST_RECORDS} are not read")
    names, at = Names(wire), _HEADER.size
    for _ in range(questions):
        _, at = names.read(at)
        at += 4
    held = list[Found]()
    for _ in range(sum(counts)):
        record, at = _record(names, at)
        held.append(record)
    if at != len(wire):
        raise UnreadableError("bytes after the last record" if at < len(wire) else "a record is cut short")
    answers, rest = counts[0], counts[0] + counts[1]
    more = next((record.ttl >> 24 for record in held[rest:] if record.rdtype == dns.rdatatype.OPT), 0)
    code = (flags & _ERROR_BITS) | more << 4
    return Reply(code, tuple(held[:answers]), tuple(held[answers:rest]), tuple(held[rest:]), names)


def within(wire: bytes) -> None:
    """Raise UnreadableError for a reply that is no DNS message or too large to be read."""
    if len(wire) < _HEADER.size:
        raise UnreadableError("it is no DNS message")
    if len(wire) > MOST_BYTES:
        raise UnreadableError(too_large(len(wire)))


def too_large(size: int) -> str:
    """The reason for a reply of `size` bytes."""
    return f"it has {size} bytes, and more than {MOST_BYTES} are not read"


def checked(wire: bytes) -> bytes:
    """The reply to an update, fit for dnspython, which checks its signature. Raises UnreadableError.

    dnspython reads the data of every record by its type, and some types hold any number of compressed names.
    """
    reply = read(wire)
    for record in (*reply.answer, *reply.authority, *reply.additional):
        if record.rdtype not in _OF_UPDATES:
            raise UnreadableError(f"a record of type {record.rdtype} in the reply to an update")
        if record.rdtype in {dns.rdatatype.CNAME, dns.rdatatype.TSIG} and record.data:
            reply.target(record)  # the name that its data begin with counts too
    return wire


def life(record: Found) -> int:
    """For how many seconds a record may be kept."""
    return record.ttl if record.ttl <= _LONGEST_TTL else 0


def _record(names: Names, at: int) -> tuple[Found, int]:
    name, at = names.read(at)
    if at + _RECORD.size > len(names.wire):
        raise UnreadableError("a record is cut short")
    rdtype, rdclass, ttl, length = _RECORD.unpack_from(names.wire, at)
    at += _RECORD.size
    if at + length > len(names.wire):
        raise UnreadableError("a record is cut short")
    return Found(name, rdtype, rdclass, ttl, names.wire[at : at + length], at), at + length
