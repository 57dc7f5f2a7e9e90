"""What a customer's resolver says on the wire: a DNS question in, the answer out."""

from dataclasses import dataclass
from typing import Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from localazure.azure import LocalAzure
from localazure.resolver import Lookup, RecordKind

OWN_TTL = 60
"""Seconds that an answer from a resolver's own zone may be kept."""

type Over = Literal["udp", "tcp"]


@dataclass(slots=True)
class DnsFaults:
    """What is wrong with a resolver, to be changed at any time.

    `drop_udp` and `tcp_blocked`: such a question is never answered. `servfail`, `refused`: every answer says so.
    `truncate`: over UDP only that there is more. `delay`: seconds of ours before each answer.
    """

    drop_udp: bool = False
    tcp_blocked: bool = False
    servfail: bool = False
    refused: bool = False
    truncate: bool = False
    delay: float = 0


def answer(azure: LocalAzure, server: str, wire: bytes, over: Over, faults: DnsFaults) -> bytes | None:
    """The answer of the resolver at `server` (an address inside the local Azure), None where it stays silent.

    It says what `Resolvers.hub_lookup` tells. A "no such name" carries an SOA whose TTL and minimum are the seconds
    that it stays in this cache (RFC 2308, sections 3 and 5). TTLs count in seconds of ours, as all that leaves the
    local Azure. Needs a running event loop. What is no question, or one that a fault drops, is not answered.
    """
    try:
        question = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if question.flags & dns.flags.QR or (faults.drop_udp if over == "udp" else faults.tcp_blocked):
        return None
    reply = dns.message.make_response(question, recursion_available=True)
    if question.opcode() != dns.opcode.QUERY or len(question.question) != 1:
        reply.set_rcode(dns.rcode.NOTIMP)
    elif faults.servfail or faults.refused:
        reply.set_rcode(dns.rcode.SERVFAIL if faults.servfail else dns.rcode.REFUSED)
    elif faults.truncate and over == "udp":
        reply.flags |= dns.flags.TC
    elif not _fill(azure, server, question.question[0], reply):
        return None
    return _on_the_wire(reply, over)


def _fill(azure: LocalAzure, server: str, asked: dns.rrset.RRset, reply: dns.message.Message) -> bool:
    """Put the resolver's answer into the reply; false where nobody answers."""
    kind: RecordKind = "AAAA" if asked.rdtype == dns.rdatatype.AAAA else "A"
    found = azure.resolvers.hub_lookup(server, asked.name.to_text(omit_final_dot=True), kind)
    if not found.answered:
        return False
    if found.until is None:
        reply.flags |= dns.flags.AA  # only a zone of its own is not cached
    seconds = _seconds(azure, found)
    if found.addresses and asked.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
        reply.answer.append(dns.rrset.from_text(asked.name, seconds, "IN", kind, *found.addresses))
        return True
    if not found.exists:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    reply.authority.append(_start_of_authority(asked.name, seconds))
    return True


def _seconds(azure: LocalAzure, found: Lookup) -> int:
    """How long the client may keep it."""
    if found.until is None:
        return OWN_TTL
    return max(1, round(azure.clock.ours(found.until - azure.clock.now())))


def _start_of_authority(name: dns.name.Name, seconds: int) -> dns.rrset.RRset:
    """That of the name above, which is in every zone that could hold the name except at its apex."""
    zone = name.parent() if name != dns.name.root else name
    said = f"internal.cloudapp.net. azureprivatedns-host.microsoft.com. 1 3600 300 2419200 {seconds}"
    return dns.rrset.from_text(zone, seconds, "IN", "SOA", said)


def _on_the_wire(reply: dns.message.Message, over: Over) -> bytes:
    if over == "tcp":
        return reply.to_wire()
    try:
        return reply.to_wire(max_size=max(512, reply.request_payload))
    except dns.exception.TooBig:
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()
