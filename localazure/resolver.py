"""Names as a VNet resolves them, on the local Azure's clock: Azure's own DNS, or a hub's resolver that caches.

A resolver that was asked too early keeps "no such name" for a while: a private zone that is linked is not yet a name
that resolves. That is what the 600 s of waiting nodes are up against.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from localazure import peered
from localazure.store import Json, Resource, items, part

if TYPE_CHECKING:
    from localazure.azure import LocalAzure

AZURE_DNS = "168.63.129.16"
VNET = "Microsoft.Network/virtualNetworks"
PEERING = f"{VNET}/virtualNetworkPeerings"
LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
A_RECORD = "Microsoft.Network/privateDnsZones/A"

type RecordKind = Literal["A", "AAAA"]
type OwnZone = Callable[[str], tuple[str, ...] | None]
"""What a resolver answers of its own: all addresses of a name, of both IP versions; none for a name that is not in its
zone; None for a name outside of it, which is forwarded. Names come in lower case and without the final dot."""

_FIELDS: dict[RecordKind, tuple[str, str]] = {
    "A": ("aRecords", "ipv4Address"),
    "AAAA": ("aaaaRecords", "ipv6Address"),
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a client was told. No addresses: the name does not resolve, for the `reason` given.

    `via` names the servers that took part. `until` is when the answer leaves the cache that gave it (seconds since
    1970, Azure's clock), None where nothing caches; `cached` says that it came from there. `answered` is false where
    no server could be reached. `exists`: the name is there, be it without an address of the kind that was asked for.
    """

    addresses: tuple[str, ...]
    via: str
    reason: str = ""
    until: float | None = None
    cached: bool = False
    answered: bool = True
    exists: bool = False

    @property
    def negative_until(self) -> float | None:
        """Until when the name stays unknown, whatever is mended meanwhile."""
        return None if self.addresses else self.until


@dataclass(frozen=True, slots=True)
class ResolverRules:
    """How the customer's resolvers and public DNS behave. Seconds of Azure's clock.

    `public_negative_ttl`: without a visible private zone the question reaches public DNS, where the name does not
    exist. 300 is the SOA minimum that Azure DNS gives a zone (recorded privatedns/record-sets-list-all-default-soa).
    `negative_cap`: a Windows DNS server keeps no negative answer for longer (MaxNegativeCacheTtl, 15 min).
    `without_forwarder`: addresses of resolvers that do not forward to 168.63.129.16, so they never see a private zone.
    """

    public_negative_ttl: float = 300
    negative_cap: float = 900
    without_forwarder: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Found:
    addresses: tuple[str, ...]
    ttl: float
    reason: str
    exists: bool = False


class Resolvers:
    """Azure's DNS in every VNet and the customer's DNS servers, each with its own cache. One a local Azure."""

    def __init__(self, azure: LocalAzure, rules: ResolverRules | None = None) -> None:
        self._azure = azure
        self.rules = rules or ResolverRules()
        self.zones: dict[str, OwnZone] = {}
        """Zones that a resolver (by its address) is authoritative for: it answers from them before it forwards."""
        self._cache: dict[tuple[str, str, RecordKind], Lookup] = {}

    def lookup(self, vnet_id: str, name: str, kind: RecordKind = "A") -> Lookup:
        """Ask for `name` as a machine in the VNet would: its DNS servers in turn, until one answers."""
        vnet = self._azure.store.get(vnet_id)
        if vnet is None:
            return Lookup((), vnet_id, "the VNet does not exist")
        servers = dns_servers(vnet)
        if not servers:
            return self._ask_azure(vnet.id, name, kind)
        unreachable: list[str] = []
        for server in servers:
            home = vnet if server == AZURE_DNS else self._home(vnet, server)
            if home is None:
                unreachable.append(server)
            elif server == AZURE_DNS:
                return self._ask_azure(vnet.id, name, kind)
            else:
                return self._ask_server(server, home, name, kind)
        reason = f"no peered VNet holds {', '.join(unreachable)}: no answer"
        return Lookup((), ", ".join(servers), reason, answered=False)

    def hub_lookup(self, server: str, name: str, kind: RecordKind = "A") -> Lookup:
        """Ask the resolver at an address, wherever it stands, as an agent or a VPN client in its network would."""
        for vnet in self._azure.store.of_type(VNET):
            if holds(vnet, server):
                return self._ask_server(server, vnet, name, kind)
        return Lookup((), server, f"no VNet holds {server}: no answer", answered=False)

    def flush(self, server: str) -> None:
        """Empty a resolver's cache, as an operator would by hand."""
        self._cache = {key: answer for key, answer in self._cache.items() if key[0] != server}

    def _home(self, vnet: Resource, server: str) -> Resource | None:
        """The VNet that holds a server: this one, or one that it is peered with.

        Peering is not transitive, counts when Connected, and leads only to the address space that the peering has a
        copy of: what the other VNet got since is out of reach until both are in sync (peered.py).
        """
        if holds(vnet, server):
            return vnet
        peerings = self._azure.store.of_type(PEERING, under=vnet.id)
        found = (peered.reached(self._azure.store, peering, server) for peering in peerings)
        return next((other for other in found if other is not None), None)

    def _ask_azure(self, vnet_id: str, name: str, kind: RecordKind) -> Lookup:
        found = self._resolve(vnet_id, name, kind)
        return Lookup(found.addresses, f"{AZURE_DNS} in {_last(vnet_id)}", found.reason, exists=found.exists)

    def _ask_server(self, server: str, home: Resource, name: str, kind: RecordKind) -> Lookup:
        if (own := self._own(server, name, kind)) is not None:
            return own
        key = (server, name.rstrip(".").casefold(), kind)
        now = self._azure.clock.now()
        kept = self._cache.get(key)
        if kept is not None and kept.until is not None and now < kept.until:
            return replace(kept, cached=True)
        via = f"{server} in {home.name}"
        if server in self.rules.without_forwarder:
            ttl = min(self.rules.public_negative_ttl, self.rules.negative_cap)
            answer = Lookup((), via, f"{server} does not forward to {AZURE_DNS}", now + ttl)
        else:
            found = self._resolve(home.id, name, kind)
            ttl = found.ttl if found.addresses else min(found.ttl, self.rules.negative_cap)
            answer = Lookup(found.addresses, via, found.reason, now + ttl, exists=found.exists)
        self._cache[key] = answer
        return answer

    def _own(self, server: str, name: str, kind: RecordKind) -> Lookup | None:
        """What the resolver answers from a zone of its own, None where it has none for the name. Nothing is cached."""
        zone = self.zones.get(server)
        known = None if zone is None else zone(name.rstrip(".").casefold())
        if known is None:
            return None
        addresses = tuple(address for address in known if (":" in address) == (kind == "AAAA"))
        reason = "" if addresses else f"a zone of {server} itself has no {kind} record of it"
        return Lookup(addresses, f"{server} itself", reason, exists=bool(known))

    def _resolve(self, vnet_id: str, name: str, kind: RecordKind) -> _Found:
        """Azure's DNS as a VNet sees it: the closest linked private zone that covers the name answers, even with no.

        Source: Azure documentation, private DNS zones (a linked zone answers NXDOMAIN itself unless the link falls
        back to the internet); RFC 2308 section 5 for how long a no may be kept.
        """
        wanted = name.rstrip(".").casefold()
        zone = max(
            (zone for zone in self._linked_zones(vnet_id) if covers(zone.name, wanted)),
            key=lambda zone: len(zone.name),
            default=None,
        )
        if zone is None:
            return _Found((), self.rules.public_negative_ttl, f"{_last(vnet_id)} sees no private zone for it")
        record = wanted.removesuffix(zone.name.casefold()).rstrip(".") or "@"
        found = self._azure.store.get(f"{zone.id}/{kind}/{record}")
        field, key = _FIELDS[kind]
        if found is None:
            exists = any(self._azure.store.get(f"{zone.id}/{other}/{record}") for other in ("A", "AAAA", "TXT"))
            reason = f"zone {zone.name} has no {kind} record {record}"
            if not exists and self._redirects(zone, vnet_id):
                reason += ", and public DNS, which its link asks then, has none"
                return _Found((), self.rules.public_negative_ttl, reason)
            return _Found((), self._negative_ttl(zone), reason, exists)
        addresses = tuple(str(entry[key]) for entry in items(found.properties, field))
        reason = "" if addresses else f"the {kind} record {record} in {zone.name} is empty"
        return _Found(addresses, float(found.properties.get("ttl") or 300), reason, exists=True)

    def _linked_zones(self, vnet_id: str) -> list[Resource]:
        zones: list[Resource] = []
        for link in self._azure.store.of_type(LINK):
            if _leads_to(link, vnet_id) and link.properties.get("virtualNetworkLinkState") == "Completed":
                zone = self._azure.store.get(link.id.rsplit("/", maxsplit=2)[0])
                if zone is not None:
                    zones.append(zone)
        return zones

    def _redirects(self, zone: Resource, vnet_id: str) -> bool:
        """Whether a VNet's link asks public DNS for a name that the zone does not have (`NxDomainRedirect`).

        Recorded: privatedns/link-resolution-policy-update-nxdomainredirect. No name of this world is public.
        """
        links = self._azure.store.of_type(LINK, zone.id)
        own = [link for link in links if _leads_to(link, vnet_id)]
        return any(link.properties.get("resolutionPolicy") == "NxDomainRedirect" for link in own)

    def _negative_ttl(self, zone: Resource) -> float:
        """The smaller of the SOA's TTL and its minimum (RFC 2308, section 5); 3600 and 300 in a new private zone."""
        start = self._azure.store.get(f"{zone.id}/SOA/@")
        properties: Json = start.properties if start else {}
        soa = part(properties, "soaRecord")
        minimum = soa.get("minimumTtl") or soa.get("minimumTTL") or 300
        return float(min(properties.get("ttl") or 3600, minimum))


def dns_servers(vnet: Resource) -> list[str]:
    """A VNet's own DNS servers, none where Azure's is used."""
    return [str(server) for server in items(part(vnet.properties, "dhcpOptions"), "dnsServers")]


def holds(vnet: Resource, address: str) -> bool:
    """Does the address lie in the VNet's address space? Nobody holds what is no address."""
    return peered.within(items(part(vnet.properties, "addressSpace"), "addressPrefixes"), address)


def _leads_to(link: Resource, vnet_id: str) -> bool:
    return str(part(link.properties, "virtualNetwork").get("id", "")).casefold() == vnet_id.casefold()


def covers(zone: str, name: str) -> bool:
    """Is the name the zone's own or below it, label by label?"""
    zone = zone.rstrip(".").casefold()
    return name == zone or name.endswith("." + zone)


def _last(resource_id: str) -> str:
    return resource_id.rsplit("/", maxsplit=1)[-1]
