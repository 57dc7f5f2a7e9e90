"""What the DNS servers of a cluster's clients say of its private name."""

import asyncio
from ipaddress import ip_address

from functions.dns.ask import Answer, Asker, Kind, Over, Server
from functions.dns.record import Address
from functions.dns.zone_rules import server_address
from functions.fleet.resolvers import AZURE_DNS
from functions.fleet.seen import Seen, Unknown
from functions.policy import Policy

_OVER: tuple[Over, ...] = ("udp", "tcp")


async def observe_resolution(
    seen: Seen, policy: Policy, asker: Asker, over: tuple[Over, ...] = _OVER
) -> tuple[Answer, ...]:
    """Ask all servers side by side, over each transport. One that does not answer is told as such, and never raised."""
    kinds = kinds_of(seen)
    return tuple(
        await asyncio.gather(
            *(asker.ask(server, seen.private_fqdn, way, kinds) for server in servers_of(seen, policy) for way in over)
        )
    )


def servers_of(seen: Seen, policy: Policy) -> list[Server]:
    """The custom DNS servers of the cluster's VNets, as far as those are known, then those that the policy names.

    Azure's own DNS is not asked: it answers by the VNet of who asks, which here is the app's.
    """
    spokes = () if isinstance(seen.spokes, Unknown) else seen.spokes
    named = [server for spoke in spokes for server in spoke.dns_servers if server != AZURE_DNS]
    return list(dict.fromkeys(map(server_address, (*filter(_is_address, named), *policy.resolution.servers))))


def expected(seen: Seen) -> frozenset[Address]:
    """Where the name should lead: the API server's addresses as they are, or as they were when last looked for.

    None while they are in doubt.
    """
    if not isinstance(seen.api_server, Unknown):
        return frozenset() if seen.api_server.doubt else seen.api_server.addresses
    return frozenset(map(ip_address, seen.remembered.address.split()))


def kinds_of(seen: Seen) -> tuple[Kind, ...]:
    """The types to ask for: AAAA only where the API server has an IPv6 address."""
    return ("A", "AAAA") if any(address.version == 6 for address in expected(seen)) else ("A",)


def _is_address(text: str) -> bool:
    """ARM checks what it stores, so a text that is none is its mistake, and no reason to ask nobody."""
    try:
        server_address(text)
    except ValueError:
        return False
    return True
