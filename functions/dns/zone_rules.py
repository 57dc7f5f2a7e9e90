"""Which zones a DNS target may write, and how its servers and key are spelt in the policy. Pure."""

import base64
import binascii
import re
from ipaddress import ip_address

from functions.arm.clouds import ALL_SUFFIXES
from functions.fleet.zone_name import labels

DNS_PORT = 53

_PRIVATE_KINDS = frozenset({"privatelink", "private"})
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME = 253  # characters, without the final dot (RFC 1035, 2.3.4: 255 octets on the wire)
_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]*)\](:(?P<port>.*))?")


def zone_refused(zone: str, *, authoritative: bool, suffixes: tuple[str, ...] = ALL_SUFFIXES) -> str | None:
    """Why a zone may not be a target, as a sentence for the policy's author; None when it may.

    A server that answers for a zone says "no such name" to every name below it that it does not hold. So:

    zone, before the suffix            example                                     verdict
    nothing, or above the suffix       azmk8s.io, io                               never
    <region>                           westeurope.azmk8s.io                        never
    hcp.<region>                       hcp.westeurope.azmk8s.io                    never
    privatelink|private.<region>       privatelink.westeurope.azmk8s.io            with `authoritative`
    <guid>.privatelink|private.<region>                                            yes
    <sub>.privatelink|private.<region> a cluster's exact name, or a custom zone    yes
    <host>.<one of the two above>      a cluster's exact name                      yes
    <host>.hcp.<region>                a cluster's exact name                      yes
    anything else                      corp.example                                never: no cluster's name is in it
    """
    if zone == ".":
        return "the root zone is above every name there is: name the cluster's own zone, or its exact FQDN"
    held = labels(zone)
    if not _is_name(held):
        return f"{zone[:80]!a} is not the name of a DNS zone"
    shown = ".".join(held)
    ends = [labels(suffix) for suffix in suffixes]
    if above := next((end for end in ends if end[-len(held) :] == held), None):
        return _shadows(shown, f"every cluster's name under {'.'.join(above)}")
    below = [end for end in ends if held[-len(end) :] == end]
    if not below:
        return f"no cluster's name is in {shown}: AKS names end with {', '.join(suffixes)}"
    end = max(below, key=len)  # staging.azmk8s.io is a suffix of its own, and not a region of azmk8s.io
    return _below_suffix(shown, held[: -len(end)], authoritative=authoritative)


def _below_suffix(zone: str, parts: tuple[str, ...], *, authoritative: bool) -> str | None:
    """The verdict on a zone whose labels before the suffix are `parts`: one at least."""
    match parts:
        case (region,):
            return _shadows(zone, f"the names of all clusters in {region}, private and public")
        case ("hcp", region):
            return _shadows(zone, f"the public names of all other clusters in {region}")
        case (kind, region) if kind in _PRIVATE_KINDS:
            if authoritative:
                return None
            return (
                f"{zone} shadows every private cluster in {region} whose record it does not hold: "
                "name the exact FQDN or the <guid> zone, or set authoritative to true if it is to hold them all"
            )
        case (_, kind, _) if kind in _PRIVATE_KINDS or kind == "hcp":
            return None
        case (_, _, kind, _) if kind in _PRIVATE_KINDS:
            return None
        case _:
            return f"no cluster's name is in {zone}: they are <host>.[<zone>.](privatelink|private|hcp).<region>"


def _shadows(zone: str, what: str) -> str:
    return f"{zone} would shadow {what}: name the exact FQDN, or the <guid>.privatelink.<region> zone"


def server_address(text: str) -> tuple[str, int]:
    """The address and port of a DNS server: `10.0.0.4`, `10.0.0.4:53`, `fd00::4`, `[fd00::4]:53`.

    Raises ValueError with a sentence. Names are refused: the server that would look them up may be this very one.
    """
    host, port = _host_and_port(text)
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f"{text[:80]!a} is not an IP address, such as 10.0.0.4:53 or [fd00::4]:53") from None
    if getattr(address, "scope_id", None):
        raise ValueError(f"{text[:80]!a} is a link-local address with a scope, which means nothing in Azure")
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"{text[:80]!a} is not the address of one server")
    return str(address), port


def _host_and_port(text: str) -> tuple[str, int]:
    if bracketed := _BRACKETED.fullmatch(text):
        host, port = bracketed["host"], bracketed["port"]
        if ":" not in host:
            raise ValueError(f"{text[:80]!a}: only an IPv6 address stands in brackets")
        return host, _port(text, port) if port is not None else DNS_PORT
    host, colon, port = text.partition(":")
    if not colon or ":" in port:  # no port, or the many colons of IPv6
        return text, DNS_PORT
    return host, _port(text, port)


def _port(text: str, port: str) -> int:
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise ValueError(f"{text[:80]!a}: a port is a number from 1 to 65535")
    return int(port)


def tsig_name(text: str) -> str:
    """The name of a TSIG key in lower case, with its final dot. Raises ValueError for what is no DNS name."""
    held = labels(text)
    if not _is_name(held):
        raise ValueError(f"{text[:80]!a} is not the name of a TSIG key: it has the form of a DNS name")
    return ".".join(held) + "."


def tsig_secret(text: str) -> bytes:
    """The bytes of a TSIG secret. Raises ValueError, without the text, for what is not base64 or is empty."""
    try:
        secret = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a TSIG secret is base64, as tsig-keygen prints it, and this is not") from None
    if not secret:
        raise ValueError("a TSIG secret is base64, as tsig-keygen prints it, and this is empty")
    return secret


def _is_name(held: tuple[str, ...]) -> bool:
    return len(".".join(held)) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in held)
