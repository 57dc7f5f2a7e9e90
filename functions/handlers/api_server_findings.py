"""What can keep a record of an API server from being true, and what a person should do. docs/findings.md lists them."""

from shlex import quote

from functions.arm.clusters import API
from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record
from functions.dns.target import TargetError, Trouble
from functions.dns.zone_rules import server_address
from functions.fleet.address import ApiServer, Doubt
from functions.fleet.seen import RecordSeen, Seen
from functions.handlers.verdict import Finding, Severity
from functions.ledger.left import Left
from functions.policy import RecordTarget

_HANDLER = "api_server_records"

_LONGEST_STRING = 255  # bytes of a string in a TXT record (RFC 1035, 3.3)

_DOUBTS = {
    Doubt.MISSING: (
        "api-server-endpoint-missing",
        (
            "Without it the cluster does not work. Update the cluster (az aks update, nothing changed) so that AKS "
            "makes it again, or ask Azure support. The records stay as they are."
        ),
    ),
    Doubt.NOT_APPROVED: (
        "api-server-endpoint-not-approved",
        (
            "Until it is approved, nodes cannot reach the API server. A connection that is Disconnected has to be made "
            "again: update the cluster (az aks update, nothing changed). The records stay as they are."
        ),
    ),
    Doubt.ANOTHERS: (
        "api-server-endpoint-not-proven",
        "Find out who made this endpoint (activity log): AKS would not. The records stay as they are.",
    ),
    Doubt.SEVERAL: (
        "api-server-addresses-several",
        (
            "Tether keeps one address of each IP version. Find out which of them answers on port 443, and remove the "
            "other. The records stay as they are."
        ),
    ),
    Doubt.DISAGREE: (
        "api-server-addresses-disagree",
        (
            "Azure usually agrees with itself within a minute. If it does not, update the cluster (az aks update, "
            "nothing changed). The records stay as they are."
        ),
    ),
}

_TROUBLES = {
    Trouble.UNREACHABLE: (
        "record-target-unreachable",
        (
            "See whether the DNS servers run, and whether the app reaches them on TCP and UDP port 53: VNet "
            "integration, routes, NSG, firewall. Tether tries again by itself."
        ),
    ),
    Trouble.BUSY: (
        "record-target-unreachable",
        "See the DNS servers' log: they answer that they cannot answer now. Tether tries again by itself.",
    ),
    Trouble.DENIED: (
        "record-target-refuses",
        (
            "Let Tether's key update A, AAAA and TXT in the zone (BIND: update-policy { grant KEY zonesub ANY; }), see "
            "that key name, algorithm and secret are the same on both sides and that the clocks agree within five "
            "minutes. For an Azure zone give Tether's identity Private DNS Zone Contributor on it."
        ),
    ),
    Trouble.WRONG_ZONE: (
        "record-target-wrong-zone",
        "None of these servers is a primary for the zone. Name its primary under records[].servers, or make the zone.",
    ),
    Trouble.UNTRUSTED: (
        "record-target-untrusted",
        (
            "What answers under this address is not the zone's own server, or something on the way changes its answers "
            "(a DNS proxy, a firewall's DNS inspection). Name the primary itself."
        ),
    ),
}


def _finding(code: str, target: ResourceId, seen: str, advice: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(_HANDLER, severity, code, target, seen, advice)


def in_doubt(seen: Seen, server: ApiServer, doubt: Doubt) -> Finding:
    """Why nobody can say where the API server is."""
    code, advice = _DOUBTS[doubt]
    if doubt is Doubt.NOT_APPROVED and seen.cluster is not None:
        advice = f"{_approval(seen.cluster.id)} {advice}"
    return _finding(code, seen.place, server.said, advice)


def _approval(cluster: ResourceId) -> str:
    """AKS's "Private Endpoint Connections - Update". `az network private-endpoint-connection` does not know AKS."""
    listed = f"{cluster}/privateEndpointConnections"
    approved = '{"properties":{"privateLinkServiceConnectionState":{"status":"Approved"}}}'
    return (
        f"List the cluster's connections: az rest --method get --url {quote(f'{listed}?api-version={API}')}. Approve "
        f"one by its name: az rest --method put --url {quote(f'{listed}/NAME?api-version={API}')} --body '{approved}'."
    )


def lags(seen: Seen, server: ApiServer) -> Finding:
    published = " ".join(sorted(map(str, server.published or ())))
    return _finding(
        "a-record-differs",
        seen.place,
        f"AKS's own record says {published}, and the network says {server.text}",
        "AKS usually writes its record seconds after a move. If it stays wrong, update the cluster (az aks update, "
        "nothing changed). Tether's records follow the network.",
        Severity.WARNING,
    )


def target_trouble(seen: Seen, place: str, error: TargetError) -> Finding:
    """A target that could not be read."""
    return write_trouble(seen.place, place, error)


def write_trouble(target: ResourceId, place: str, error: TargetError) -> Finding:
    """A target that did not do what it was asked."""
    code, advice = _TROUBLES[error.trouble]
    severity = Severity.WARNING if error.trouble in {Trouble.UNREACHABLE, Trouble.BUSY} else Severity.ERROR
    return _finding(code, target, f"{place}: {error}", advice, severity)


def in_the_way(seen: Seen, record: RecordSeen, held: Record) -> Finding:
    return _finding(
        "record-in-the-way",
        seen.place,
        f"{record.place} holds {', '.join(held.in_the_way)} under {seen.private_fqdn}: no address may stand beside it",
        "Remove it if nobody needs it. Tether then writes the address.",
    )


def claimed_twice(seen: Seen, record: RecordSeen, held: Record) -> Finding:
    holder = held.owner.cluster if held.owner else "another cluster"
    return _finding(
        "name-claimed-twice",
        seen.place,
        f"{seen.private_fqdn} on {record.place} is kept for {holder}",
        "Two clusters have the same private name. Give one of them another fqdnSubdomain or zone; when the other is "
        "deleted, its record goes with it.",
    )


def not_ours(seen: Seen, record: RecordSeen, held: Record, server: ApiServer) -> Finding:
    """A record that Tether may not touch. One that is right today is a warning: it will not follow a move."""
    whose = f"another owner ({', '.join(held.owners)[:200]})" if held.owners else "nobody that it names"
    right = held.addresses == server.addresses
    return _finding(
        "record-not-ours",
        seen.place,
        f"{record.place} holds {held} under {seen.private_fqdn}, kept by {whose}; the API server is at {server.text}",
        "Delete it, or set adopt to true for this target if Tether should keep it from now on (a record of another "
        "owner is never adopted).",
        Severity.WARNING if right else Severity.ERROR,
    )


def left_behind(left: Left, record: RecordSeen, owner: str) -> Finding:
    """A record that outlives its cluster, or may: the next holder of its address would get the cluster's traffic."""
    why = f": {record.held}" if isinstance(record.held, TargetError) else ""
    return _finding(
        "record-left-behind",
        ResourceId(left.cluster),
        f"the cluster is gone, and {record.place} may still hold its record {left.name}{why}",
        f"Tether retries until a read shows it gone. By hand: {_by_hand(left, record.target, owner)}",
    )


def left_unread(left: Left, why: str) -> Finding:
    """A record that may outlive its cluster, which nothing that Tether can read shows to be gone."""
    places = ", ".join(left.places) or "a DNS target of the policy"
    return _finding(
        "record-left-behind",
        ResourceId(left.cluster),
        f"{places} may still hold the record {left.name} of a cluster that may be gone: {why}",
        "Tether retries at least every hour, and removes it when ARM shows that the cluster is gone. If it is gone, "
        "remove its A, AAAA and TXT records there by hand: the next read then shows that nothing is left.",
        Severity.WARNING,
    )


def _by_hand(left: Left, target: RecordTarget, owner: str) -> str:
    """The command that removes a record, as it can be pasted into a shell."""
    if (zone := target.private_zone) is not None:
        name = left.name.removesuffix(f".{zone.name.casefold()}")
        return " && ".join(
            f"az network private-dns record-set {kind} delete --subscription {quote(zone.subscription)} "
            f"-g {quote(zone.group)} -z {quote(zone.name)} -n {quote(name)} --yes"
            for kind in ("a", "aaaa")
        )
    host, port = server_address(target.servers[0])
    text = Owner(owner, ResourceId(left.cluster)).text
    mark = '" "'.join(text[at : at + _LONGEST_STRING] for at in range(0, len(text), _LONGEST_STRING))
    lines = [
        f"server {host} {port}",
        f"update delete {left.name}. A",
        f"update delete {left.name}. AAAA",
        f'update delete {left.name}. TXT "{mark}"',
        "send",
    ]
    return f"printf '%s\\n' {' '.join(map(quote, lines))} | nsupdate -k tether.key"
