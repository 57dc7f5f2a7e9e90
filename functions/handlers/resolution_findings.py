"""What keeps a private name from resolving, and what a person should do. docs/findings.md lists them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from functions.arm.resource_id import ResourceId
from functions.dns.ask import Answer, Server, shown
from functions.dns.record import Address, in_order
from functions.fleet.seen import Seen
from functions.handlers.verdict import Finding, Severity

_HANDLER = "resolution"

_PATH = "the app's VNet integration, routes, NSGs and firewalls on the way, port 53 over UDP and TCP"


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def cached(seen: Seen, answers: Sequence[Answer], until: float) -> Finding:
    """A "no such name" from before, which passes by itself at `until`."""
    when = datetime.fromtimestamp(until, UTC)
    return _finding(
        "negative-answer-cached",
        seen.place,
        f"{_of(answers)} may go on saying that {seen.private_fqdn} does not exist until {when:%Y-%m-%d %H:%M:%SZ}",
        "It passes by itself, and Tether looks again then. Who cannot wait empties the servers' caches (rndc flush, "
        "Clear-DnsServerCache); docs/custom-dns.md tells how to keep negative answers for less long.",
        Severity.WARNING,
    )


def unresolved(seen: Seen, answers: Sequence[Answer]) -> Finding:
    """A "no such name" that is no leftover."""
    zone = next((answer.zone for answer in answers if answer.zone), "")
    return _finding(
        "does-not-resolve",
        seen.place,
        f"{seen.private_fqdn} has no address according to {_of(answers)}" + (f", by the zone {zone}" if zone else ""),
        _why_unresolved(seen, zone),
    )


def _why_unresolved(seen: Seen, zone: str) -> str:
    if seen.zone is None:
        return (
            "Public DNS serves this name with a private address, which some resolvers drop (rebinding protection): "
            "make an exception for the name, or keep a record of it on these servers (records)."
        )
    if zone == seen.zone.name.casefold():
        return (
            "The servers see the zone, and AKS's record in it is not what they were given: see whether it is there, "
            "and update the cluster (az aks update, nothing changed) if it is not."
        )
    return (
        "The servers do not see the zone though it is linked: let them forward the name to 168.63.129.16 from within a "
        "linked VNet, see that no zone of their own and no other linked zone covers the name, or keep a record of it "
        "on them (records)."
    )


def wrong(seen: Seen, answers: Sequence[Answer], wanted: frozenset[Address]) -> Finding:
    """An address that is not the API server's, and no leftover."""
    told = in_order(frozenset(address for answer in answers for address in answer.addresses))
    return _finding(
        "wrong-address",
        seen.place,
        f"{seen.private_fqdn} is at {_texts(told)} according to {_of(answers)}, and the API server is at "
        f"{_texts(in_order(wanted))}",
        "Find out which zone the servers answer from: an old record of somebody's, or another zone of the same name. "
        "Correct it, or let Tether keep it (records, with adopt).",
    )


def fails(seen: Seen, answers: Sequence[Answer]) -> Finding:
    """A server that cannot say."""
    return _finding(
        "resolver-fails",
        seen.place,
        f"no answer of use for {seen.private_fqdn} from {_in_words(answers)}",
        "See the servers' log. The usual reasons are a forwarder that does not answer and DNSSEC validation of a name "
        "that is not signed. A reply that is too large, or that holds more than Tether reads, is not used: see what "
        "answers at that address.",
    )


def refuses(seen: Seen, answers: Sequence[Answer]) -> Finding:
    """A server that will not say it to the app, which does not tell whether it would to others."""
    return _finding(
        "resolver-refuses",
        seen.place,
        f"no answer for {seen.private_fqdn} from {_in_words(answers)}",
        "Let the servers answer the app's subnet as well (allow-query and allow-recursion in BIND). Whether they "
        "answer the nodes is not known until then.",
        Severity.WARNING,
    )


def tcp_blocked(place: ResourceId, answers: Sequence[Answer], *, needed: bool = False) -> Finding:
    """Servers that answer over UDP and not over TCP. `needed`: over UDP they say that there is more."""
    return _finding(
        "dns-tcp-blocked",
        place,
        f"over TCP no answer from {_in_words(answers)}" + (", and over UDP the answer is cut short" if needed else ""),
        "Open TCP port 53 beside UDP: an answer that does not fit into a datagram comes over TCP alone (RFC 7766).",
        Severity.ERROR if needed else Severity.WARNING,
    )


def udp_blocked(place: ResourceId, answers: Sequence[Answer]) -> Finding:
    """Servers that answer over TCP and not over UDP."""
    return _finding(
        "dns-udp-blocked",
        place,
        f"over UDP no answer from {_in_words(answers)}",
        "Open UDP port 53 beside TCP: clients ask over UDP first, and many give up there.",
        Severity.WARNING,
    )


def none_reached(place: ResourceId, servers: Iterable[Server]) -> Finding:
    """No server of any cluster answers the app: what is told of the deployment, and not of each cluster."""
    return _finding(
        "resolvers-unreachable",
        place,
        f"none of the DNS servers answers the app: {_listed(servers)}",
        f"See {_PATH}. Whether names resolve is not known until then; if the app should have no path, set "
        "resolution.enabled to false.",
    )


def not_reached(place: ResourceId, server: Server) -> Finding:
    """One server that does not answer the app while others do."""
    return _finding(
        "resolver-unreachable",
        place,
        f"the DNS server {shown(server)} does not answer the app, while others do",
        f"See whether it runs, and {_PATH}. If it is gone, take it out of the VNet's DNS servers.",
        Severity.WARNING,
    )


def not_asked(seen: Seen, answers: Sequence[Answer], servers: int) -> Finding:
    """Servers that a pass had no time for. Nothing is known of them."""
    return _finding(
        "resolvers-not-asked",
        seen.place,
        f"not all of {servers} DNS servers answered {seen.private_fqdn} in the time that a pass has for them; not "
        f"known is what these say: {_of(answers)}",
        "Remove servers that do not run, or do not answer the app, from the DNS servers of the cluster's VNets. The "
        "servers that the policy names (resolution.servers) are asked first.",
        Severity.WARNING,
    )


def sweep_not_asked(place: ResourceId, clusters: int, seconds: float) -> Finding:
    """Clusters whose names a sweep had no time to ask for. `seconds`: what it has for all questions."""
    return _finding(
        "resolvers-not-asked",
        place,
        f"the names of {clusters} clusters were not asked for: the DNS servers did not answer all questions of the "
        f"sweep within {seconds:g} s",
        "See which servers are slow: the VNet named here has the first cluster that was left out. Whether these names "
        "resolve is not known until a later sweep or a pass asks.",
        Severity.WARNING,
    )


def _of(answers: Sequence[Answer]) -> str:
    return _listed(answer.server for answer in answers)


def _in_words(answers: Sequence[Answer]) -> str:
    return "; ".join(dict.fromkeys(f"{shown(answer.server)}: {answer.said}" for answer in answers))


def _listed(servers: Iterable[Server]) -> str:
    """The servers, the first twenty of many."""
    names = list(dict.fromkeys(map(shown, servers)))
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more


def _texts(addresses: Sequence[Address]) -> str:
    return " ".join(map(str, addresses))
