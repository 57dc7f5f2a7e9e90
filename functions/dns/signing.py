"""The key with which updates are signed and their replies proven (TSIG, RFC 8945)."""

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.tsig
from dns.rdtypes.ANY.TSIG import TSIG

_FUDGE = 300  # seconds that clocks may differ by (RFC 8945, 10)

type _Sign = Callable[[bytes, dns.tsig.Key, TSIG, int], tuple[TSIG, object]]


@dataclass(frozen=True)
class SigningKey:
    """A key that a server knows. `algorithm` is hmac-sha256, -384 or -512; `secret` is the bytes."""

    name: str
    algorithm: str
    secret: bytes = field(repr=False)

    @cached_property
    def tsig(self) -> dns.tsig.Key:
        """The key as dnspython takes it. That one prints its secret: it must not reach a message."""
        return dns.tsig.Key(dns.name.from_text(self.name), self.secret, self.algorithm)

    def signature(self, unsigned: bytes, number: int) -> tuple[bytes, bytes]:
        """The record to append to a message with this id, and the code in it, from which the reply's is made."""
        blank = TSIG(dns.rdataclass.ANY, dns.rdatatype.TSIG, self.tsig.algorithm, 0, _FUDGE, b"", number, 0, b"")
        sign = cast("_Sign", dns.tsig.sign)  # pyright: ignore[reportUnknownMemberType] - dnspython gives it no types
        signed, _ = sign(unsigned, self.tsig, blank, int(time.time()))
        data = signed.to_digestable()
        head = struct.pack("!HHIH", dns.rdatatype.TSIG, dns.rdataclass.ANY, 0, len(data))
        return self.tsig.name.to_digestable() + head + data, signed.mac
