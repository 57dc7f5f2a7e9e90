"""Updates of a DNS zone: one message that changes a record only if it still is what was read (RFC 2136)."""

import secrets
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig

from functions.dns.record import Address, Owner, Record, in_order
from functions.dns.reply import UnreadableError, checked
from functions.dns.signing import SigningKey
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import ERRORS, Answer, untrusted

_A, _AAAA, _TXT, _CNAME = (
    dns.rdatatype.A,
    dns.rdatatype.AAAA,
    dns.rdatatype.TXT,
    dns.rdatatype.CNAME,
)
_HEADER_SIZE = 12
_ZONE_AT = b"\xc0\x0c"  # a pointer to the zone's name, which follows the header
_MARK = b"heritage=tether"
_LONGEST_STRING = 255  # of a TXT record, which may have several (RFC 1035, 3.3)

_RACE_LOST = {dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET, dns.rcode.NXDOMAIN}


def record_of(a: Answer, aaaa: Answer, txt: Answer) -> Record:
    """What stands at a name, from the answers to three questions.

    `version` holds every TXT record there as it is, ours and others': a prerequisite names all of a set or none.
    """
    if a.alias or aaaa.alias or txt.alias:
        return Record(in_the_way=("CNAME",))
    if any(len(data) != 4 for data in a.data) or any(len(data) != 16 for data in aaaa.data):
        raise untrusted("a reply with an address of the wrong length")
    addresses: set[Address] = {*map(IPv4Address, a.data), *map(IPv6Address, aaaa.data)}
    return Record(
        addresses=frozenset(addresses),
        # The longer one, since that is how long a resolver may keep an old address.
        ttl=max(a.ttl, aaaa.ttl),
        owners=tuple(_text(data) for data in txt.data if _is_ours(data)),
        version=tuple(("TXT", data.hex()) for data in txt.data),
    )


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as it goes out: its bytes, its id, and its signature's code, from which the reply's is made."""

    wire: bytes
    number: int
    mac: bytes


@dataclass(frozen=True, slots=True)
class Update:
    """What is to hold and what is to change in a zone, as records on the wire (RFC 2136, 2.4 and 2.5)."""

    zone: bytes
    prerequisites: tuple[bytes, ...]
    changes: tuple[bytes, ...]

    def message(self, key: SigningKey | None) -> Sent:
        """The update under a new id, signed if there is a key."""
        number = secrets.randbelow(0x10000)
        flags = dns.opcode.to_flags(dns.opcode.UPDATE)
        counts = (1, len(self.prerequisites), len(self.changes), 1 if key else 0)
        question = self.zone + struct.pack("!HH", dns.rdatatype.SOA, dns.rdataclass.IN)
        records = question + b"".join(self.prerequisites) + b"".join(self.changes)
        if key is None:
            return Sent(struct.pack("!6H", number, flags, *counts) + records, number, b"")
        unsigned = struct.pack("!6H", number, flags, *counts[:3], 0) + records
        signature, mac = key.signature(unsigned, number)
        return Sent(struct.pack("!6H", number, flags, *counts) + records + signature, number, mac)


def swap(zone: dns.name.Name, name: dns.name.Name, before: Record, after: Record) -> Update:
    """The update that makes `before` into `after` (its addresses, TTL and owners), or nothing at all.

    The TXT records of others stay: only those that carry Tether's mark are taken away.
    """
    zone_wire = zone.to_digestable()
    spelt, again = _names(zone_wire, name.to_digestable())
    texts = [bytes.fromhex(data) for kind, data in before.version if kind == "TXT"]
    seen = {_A: _addresses(before, 4), _AAAA: _addresses(before, 6), _TXT: texts}
    # A server silently ignores an address that is put beside a CNAME (RFC 2136, 3.4.2.2).
    prerequisites = [_record(spelt, _CNAME, dns.rdataclass.NONE, 0)]
    for rdtype, held in seen.items():
        prerequisites += [_record(again, rdtype, dns.rdataclass.IN, 0, data) for data in held]
        if not held:
            prerequisites.append(_record(again, rdtype, dns.rdataclass.NONE, 0))
    changes: list[bytes] = []
    for rdtype, held, wanted in (
        (_A, seen[_A], _addresses(after, 4)),
        (_AAAA, seen[_AAAA], _addresses(after, 6)),
        (_TXT, [text for text in texts if _is_ours(text)], [_strings(owner) for owner in after.owners]),
    ):
        anew = before.ttl != after.ttl
        gone = [data for data in held if anew or data not in wanted]
        come = [data for data in wanted if anew or data not in held]
        changes += [_record(again, rdtype, dns.rdataclass.NONE, 0, data) for data in gone]
        changes += [_record(again, rdtype, dns.rdataclass.IN, after.ttl, data) for data in come]
    return Update(zone_wire, tuple(prerequisites), tuple(changes))


def _names(zone: bytes, name: bytes) -> tuple[bytes, bytes]:
    """The name as the first record spells it, ending with a pointer to the zone, and as a pointer to that."""
    if name == zone:
        return _ZONE_AT, _ZONE_AT
    return name.removesuffix(zone) + _ZONE_AT, struct.pack("!H", 0xC000 | (_HEADER_SIZE + len(zone) + 4))


def _record(name: bytes, rdtype: int, rdclass: int, ttl: int, data: bytes = b"") -> bytes:
    return name + struct.pack("!HHIH", rdtype, rdclass, ttl, len(data)) + data


def record_to_leave(addresses: frozenset[Address], ttl: int, owner: Owner) -> Record:
    """The record that a swap is to leave."""
    return Record(addresses=addresses, ttl=ttl, owners=(owner.text,))


def outcome(reply: bytes, sent: Sent, key: SigningKey | None) -> None:
    """Return when the reply says that the update was made; raise TargetError when it says or means anything else."""
    message = _read(reply, sent, key)
    if message.id != sent.number or not message.flags & dns.flags.QR or message.opcode() != dns.opcode.UPDATE:
        raise TargetError(Trouble.UNTRUSTED, "a reply to another message", unsure=True)
    code = message.rcode()
    if code == dns.rcode.NOERROR:
        return
    if code in _RACE_LOST:
        raise TargetError(Trouble.RACE_LOST, f"the record was changed since it was read ({dns.rcode.to_text(code)})")
    trouble, said = ERRORS.get(code, (Trouble.UNTRUSTED, f"the server says {dns.rcode.to_text(code)}"))
    if code == dns.rcode.REFUSED:
        said += f": its update policy does not let {f'the key {key.name}' if key else 'unsigned updates'} write here"
    raise TargetError(trouble, said)


def _read(reply: bytes, sent: Sent, key: SigningKey | None) -> dns.message.Message:
    named = f"the key {key.name}" if key else "the key"
    try:
        # Given a key, it also refuses a reply that is not signed (FormError); a test holds it to that.
        return dns.message.from_wire(checked(reply), keyring=key.tsig if key else None, request_mac=sent.mac)
    except (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature, dns.tsig.PeerBadTruncation) as error:
        raise TargetError(
            Trouble.DENIED, f"the server does not accept {named}: name, algorithm or secret differ ({_word(error)})"
        ) from None
    except (dns.tsig.PeerBadTime, dns.tsig.BadTime) as error:
        # A time that we refuse came with an answer: the update may have been made.
        raise TargetError(
            Trouble.DENIED,
            "the server's clock and ours differ by more than five minutes",
            unsure=isinstance(error, dns.tsig.BadTime),
        ) from None
    except (dns.tsig.BadSignature, dns.tsig.BadKey, dns.tsig.BadAlgorithm, dns.message.UnknownTSIGKey) as error:
        raise TargetError(
            Trouble.UNTRUSTED, f"a reply that {named} did not sign ({_word(error)})", unsure=True
        ) from None
    except UnreadableError as error:
        raise TargetError(Trouble.UNTRUSTED, f"a reply that cannot be read: {error}", unsure=True) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise TargetError(Trouble.UNTRUSTED, f"a reply that cannot be read ({_word(error)})", unsure=True) from None


def _word(error: Exception) -> str:
    return type(error).__name__


def _addresses(record: Record, version: int) -> list[bytes]:
    return [address.packed for address in in_order(record.addresses) if address.version == version]


def _strings(text: str) -> bytes:
    """A text as the data of a TXT record: strings of at most 255 bytes, each after its length."""
    data = text.encode()
    parts = [data[at : at + _LONGEST_STRING] for at in range(0, len(data), _LONGEST_STRING)]
    return b"".join(bytes([len(part)]) + part for part in parts)


def _joined(data: bytes) -> bytes:
    """The text in the data of a TXT record: its strings, one after the other."""
    parts, at = list[bytes](), 0
    while at < len(data):
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return b"".join(parts)


def _is_ours(data: bytes) -> bool:
    """Whether a TXT record carries Tether's mark, well formed or not."""
    return _joined(data).startswith(_MARK)


def _text(data: bytes) -> str:
    return _joined(data).decode(errors="replace")
