"""Zones that a customer's resolver holds itself: given as a table, or held by a DNS server that runs beside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdatatype

from localazure.resolver import OwnZone, covers


def table(zone: str, records: Mapping[str, Sequence[str]]) -> OwnZone:
    """A zone with addresses by full name. It answers "no such name" for all else that lies in it: it shadows."""
    known = {name.rstrip(".").casefold(): tuple(addresses) for name, addresses in records.items()}

    def asked(name: str) -> tuple[str, ...] | None:
        return known.get(name, ()) if covers(zone, name) else None

    return asked


def served_by(port: int, *, host: str = "127.0.0.1", timeout: float = 2) -> OwnZone:
    """The zones of a DNS server, such as a BIND beside us, asked over UDP at every question.

    What it answers with authority is its own; all else is none of its zones. The event loop waits meanwhile, at most
    `timeout` seconds. Raises dns.exception.Timeout when it does not answer.
    """

    def asked(name: str) -> tuple[str, ...] | None:
        found: list[str] = []
        for kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            question = dns.message.make_query(dns.name.from_text(name), kind, flags=0)
            said = dns.query.udp(question, host, timeout, port)
            if not said.flags & dns.flags.AA or said.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                return None
            for rrset in said.answer:
                if rrset.rdtype == kind:
                    found += [record.to_text() for record in cast("Iterable[dns.rdata.Rdata]", rrset)]
        return tuple(found)

    return asked
