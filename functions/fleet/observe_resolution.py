"""What the DNS servers of a cluster's clients say of its private name."""

import asyncio
from ipaddress import ip_address

from functions.dns.ask import Answer, Asker, Kind, Over, Server
from functions.dns.record import Address
from functions.dns.target import Trouble
from functions.dns.zone_rules import server_address
from functions.fleet.resolvers import AZURE_DNS
from functions.fleet.seen import Seen, Unknown
from functions.policy import Policy

_OVER: tuple[Over, ...] = ("udp", "tcp")

# The owner of a spoke lists its DNS servers: many of them, or slow ones, must not keep a worker.
_AT_ONCE = 16  # servers and transports that one pass asks side by side
_WITHIN = 20.0  # seconds for all questions of one pass


async def observe_resolution(
    seen: Seen, policy: Policy, asker: Asker, over: tuple[Over, ...] = _OVER
) -> tuple[Answer, ...]:
    """Ask all servers, some side by side, over each transport. Never raises: see Answer.trouble.

    What is not answered within 20 s in all is given up, and is `unasked` in the result.
    """
    lane, kinds = asyncio.Semaphore(_AT_ONCE), kinds_of(seen)

    async def ask(server: Server, way: Over) -> Answer:
        async with lane:
            return await asker.ask(server, seen.private_fqdn, way, kinds)

    ways: list[tuple[Server, Over]] = [(server, way) for server in servers_of(seen, policy) for way in over]
    asking = [asyncio.create_task(ask(server, way)) for server, way in ways]
    try:
        if asking:
            await asyncio.wait(asking, timeout=_WITHIN)
        done = [task.done() for task in asking]
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    return tuple(
        task.result() if ended else _unasked(*way) for task, ended, way in zip(asking, done, ways, strict=True)
    )


def _unasked(server: Server, way: Over) -> Answer:
    said = f"not answered in the {_WITHIN:g} s that a pass has for all servers"
    return Answer(server, way, trouble=Trouble.UNREACHABLE, said=said, unasked=True)


def servers_of(seen: Seen, policy: Policy) -> list[Server]:
    """The servers that the policy names, then the custom DNS servers of the cluster's VNets as far as those are known.

    Azure's own DNS is not asked: it answers by the VNet of who asks, which here is the app's.
    """
    spokes = () if isinstance(seen.spokes, Unknown) else seen.spokes
    named = [server for spoke in spokes for server in spoke.dns_servers if server != AZURE_DNS]
    return list(dict.fromkeys(map(server_address, (*policy.resolution.servers, *filter(_is_address, named)))))


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
