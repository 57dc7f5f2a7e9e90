"""Updates of a DNS zone: one message that changes a record only if it still is what was read (RFC 2136). Pure."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.update

from functions.dns.record import Address, Owner, Record, in_order
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import ERRORS, Answer, untrusted

_A, _AAAA, _TXT, _CNAME = (
    dns.rdatatype.A,
    dns.rdatatype.AAAA,
    dns.rdatatype.TXT,
    dns.rdatatype.CNAME,
)
_MARK = b"heritage=tether"
_LONGEST_STRING = 255  # of a TXT record, which may have several (RFC 1035, 3.3)

_RACE_LOST = {dns.rcode.YXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET, dns.rcode.NXDOMAIN}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key that signs updates (RFC 8945). `algorithm` is hmac-sha256, -384 or -512; `secret` is the bytes."""

    name: str
    algorithm: str
    secret: bytes = field(repr=False)

    def tsig(self) -> dns.tsig.Key:
        """The key as dnspython takes it. That one prints its secret: it must not reach a message."""
        return dns.tsig.Key(dns.name.from_text(self.name), self.secret, self.algorithm)


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


def swap(zone: dns.name.Name, name: dns.name.Name, before: Record, after: Record) -> dns.update.UpdateMessage:
    """The update that makes `before` into `after` (its addresses, TTL and owners), or nothing at all.

    The TXT records of others stay: only those that carry Tether's mark are taken away.
    """
    update = dns.update.UpdateMessage(zone)
    texts = [bytes.fromhex(data) for kind, data in before.version if kind == "TXT"]
    seen = {_A: _addresses(before, 4), _AAAA: _addresses(before, 6), _TXT: [_rdata(_TXT, text) for text in texts]}
    if after.addresses:
        # A server silently ignores an address that is put beside a CNAME (RFC 2136, 3.4.2.2).
        update.absent(name, _CNAME)
    for rdtype, rdatas in seen.items():
        if rdatas:
            update.present(name, *rdatas)
        else:
            update.absent(name, rdtype)
    ours = [_rdata(_TXT, text) for text in texts if _is_ours(text)]
    wanted = [_rdata(_TXT, _strings(owner)) for owner in after.owners]
    for held, put in (
        (seen[_A], _addresses(after, 4)),
        (seen[_AAAA], _addresses(after, 6)),
        (ours, wanted),
    ):
        _change(update, name, held, put, before.ttl, after.ttl)
    return update


def _change(
    update: dns.update.UpdateMessage,
    name: dns.name.Name,
    held: list[dns.rdata.Rdata],
    wanted: list[dns.rdata.Rdata],
    old_ttl: int,
    ttl: int,
) -> None:
    """Take away what is held and not wanted, and add the rest; all of it when the TTL is another."""
    for rdata in held:
        if rdata not in wanted or ttl != old_ttl:
            update.delete(name, rdata)
    for rdata in wanted:
        if rdata not in held or ttl != old_ttl:
            update.add(name, ttl, rdata)


def record_to_leave(addresses: frozenset[Address], ttl: int, owner: Owner) -> Record:
    """The record that a swap is to leave."""
    return Record(addresses=addresses, ttl=ttl, owners=(owner.text,))


def outcome(reply: bytes, update: dns.message.Message, key: SigningKey | None) -> None:
    """Return when the reply says that the update was made; raise TargetError when it says or means anything else."""
    message = _read(reply, update, key)
    if not update.is_response(message):
        raise TargetError(Trouble.UNTRUSTED, "a reply to another message", unsure=True)
    code = message.rcode()
    if key is not None and not message.had_tsig:
        raise TargetError(
            Trouble.UNTRUSTED, f"a reply without a signature (it says {dns.rcode.to_text(code)})", unsure=True
        )
    if code == dns.rcode.NOERROR:
        return
    if code in _RACE_LOST:
        raise TargetError(Trouble.RACE_LOST, f"the record was changed since it was read ({dns.rcode.to_text(code)})")
    trouble, said = ERRORS.get(code, (Trouble.UNTRUSTED, f"the server says {dns.rcode.to_text(code)}"))
    if code == dns.rcode.REFUSED:
        said += f": its update policy does not let {f'the key {key.name}' if key else 'unsigned updates'} write here"
    raise TargetError(trouble, said)


def _read(reply: bytes, update: dns.message.Message, key: SigningKey | None) -> dns.message.Message:
    named = f"the key {key.name}" if key else "the key"
    try:
        return dns.message.from_wire(reply, keyring=key.tsig() if key else None, request_mac=update.mac)
    except (dns.tsig.PeerBadKey, dns.tsig.PeerBadSignature, dns.tsig.PeerBadTruncation) as error:
        raise TargetError(
            Trouble.DENIED, f"the server does not accept {named}: name, algorithm or secret differ ({_word(error)})"
        ) from None
    except (dns.tsig.PeerBadTime, dns.tsig.BadTime):
        raise TargetError(Trouble.DENIED, "the server's clock and ours differ by more than five minutes") from None
    except (dns.tsig.BadSignature, dns.tsig.BadKey, dns.tsig.BadAlgorithm, dns.message.UnknownTSIGKey) as error:
        raise TargetError(
            Trouble.UNTRUSTED, f"a reply that {named} did not sign ({_word(error)})", unsure=True
        ) from None
    except (dns.exception.DNSException, ValueError) as error:
        raise TargetError(Trouble.UNTRUSTED, f"a reply that cannot be read ({_word(error)})", unsure=True) from None


def _word(error: Exception) -> str:
    return type(error).__name__


def _addresses(record: Record, version: int) -> list[dns.rdata.Rdata]:
    rdtype = _A if version == 4 else _AAAA
    return [_rdata(rdtype, address.packed) for address in in_order(record.addresses) if address.version == version]


def _rdata(rdtype: dns.rdatatype.RdataType, data: bytes) -> dns.rdata.Rdata:
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, data, 0, len(data))


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
