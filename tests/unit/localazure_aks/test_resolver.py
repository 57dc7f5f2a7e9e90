"""What a machine in a spoke is told when it asks for a name."""

import pytest

from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.resolver import A_RECORD, AZURE_DNS, LINK, PEERING, VNET, ResolverRules, covers
from localazure.store import Json, Resource
from localazure.virtual_time import run

ZONES = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/privateDnsZones"
VNETS = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks"
ZONE = "11111111-2222-4333-8444-555555555555.privatelink.westeurope.azmk8s.io"
NAME = f"aks-abcdefgh.{ZONE}"
HUB_DNS = "10.0.0.4"


def put(azure: LocalAzure, resource_id: str, kind: str, properties: Json) -> None:
    azure.store.put(Resource(resource_id, kind, resource_id.rsplit("/", 1)[-1], {"properties": properties}))


def vnet(azure: LocalAzure, name: str, prefix: str, *servers: str) -> str:
    properties: Json = {"addressSpace": {"addressPrefixes": [prefix]}, "dhcpOptions": {"dnsServers": list(servers)}}
    put(azure, f"{VNETS}/{name}", VNET, properties)
    return f"{VNETS}/{name}"


def peer(azure: LocalAzure, here: str, there: str, state: str = "Connected") -> None:
    remote = {"remoteVirtualNetwork": {"id": f"{VNETS}/{there}"}, "peeringState": state}
    put(azure, f"{VNETS}/{here}/virtualNetworkPeerings/{there}", PEERING, remote)


def link(azure: LocalAzure, name: str, zone: str = ZONE, state: str = "Completed") -> None:
    properties = {"virtualNetwork": {"id": f"{VNETS}/{name}".upper()}, "virtualNetworkLinkState": state}
    put(azure, f"{ZONES}/{zone}/virtualNetworkLinks/{name}", LINK, properties)


def zone_with_record(azure: LocalAzure, zone: str = ZONE, address: str = "10.1.0.4", ttl: int = 300) -> None:
    put(azure, f"{ZONES}/{zone}", "Microsoft.Network/privateDnsZones", {})
    put(azure, f"{ZONES}/{zone}/A/aks-abcdefgh", A_RECORD, {"ttl": ttl, "aRecords": [{"ipv4Address": address}]})


def a_spoke_with_a_hub(*servers: str, peering: str = "Connected") -> tuple[LocalAzure, str]:
    azure = LocalAzure(Clock(start=0))
    vnet(azure, "hub", "10.0.0.0/16")
    spoke = vnet(azure, "spoke", "10.1.0.0/16", *servers)
    peer(azure, "spoke", "hub", peering)
    zone_with_record(azure)
    return azure, spoke


@pytest.mark.parametrize(
    ("servers", "linked", "peering", "resolves"),
    [
        pytest.param([], ["spoke"], "Connected", True, id="Azure's DNS sees the zones linked to the VNet itself"),
        pytest.param([], ["hub"], "Connected", False, id="Azure's DNS does not see the hub's zones"),
        pytest.param([HUB_DNS], ["hub"], "Connected", True, id="a hub's resolver sees the hub's zones"),
        pytest.param([HUB_DNS], ["spoke"], "Connected", False, id="a hub's resolver does not see the spoke's zones"),
        pytest.param([HUB_DNS], ["hub"], "Initiated", False, id="a peering that is not Connected carries nothing"),
        pytest.param(["10.9.0.4", HUB_DNS], ["hub"], "Connected", True, id="an unreachable server is passed over"),
        pytest.param(["10.9.0.4"], ["hub"], "Connected", False, id="a server in no peered VNet never answers"),
        pytest.param(["dns.example"], ["hub"], "Connected", False, id="a server that is no address never answers"),
        pytest.param([AZURE_DNS], ["spoke"], "Connected", True, id="Azure's address as a custom server is Azure's DNS"),
        pytest.param(["10.1.0.9"], ["spoke"], "Connected", True, id="a resolver may stand in the spoke itself"),
    ],
)
def test_a_name_resolves_through_the_servers_of_the_vnet(
    servers: list[str], linked: list[str], peering: str, resolves: bool
) -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(*servers, peering=peering)
        for name in linked:
            link(azure, name)
        found = azure.resolvers.lookup(spoke, NAME)
        assert found.addresses == (("10.1.0.4",) if resolves else ())
        assert bool(found.reason) is not resolves

    run(ask())


def test_a_link_that_is_in_progress_does_not_resolve_yet() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub()
        link(azure, "spoke", state="InProgress")
        assert azure.resolvers.lookup(spoke, NAME).addresses == ()
        link(azure, "spoke")
        assert azure.resolvers.lookup(spoke, NAME + ".").addresses == ("10.1.0.4",)

    run(ask())


def test_a_resolver_that_was_asked_too_early_keeps_saying_no() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(HUB_DNS)
        early = azure.resolvers.lookup(spoke, NAME)
        assert early.negative_until == 300
        link(azure, "hub")
        await azure.clock.sleep(299)
        assert azure.resolvers.lookup(spoke, NAME).cached
        await azure.clock.sleep(2)
        assert azure.resolvers.lookup(spoke, NAME).addresses == ("10.1.0.4",)

    run(ask())


def test_flushing_the_resolver_ends_the_wait() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(HUB_DNS)
        azure.resolvers.lookup(spoke, NAME)
        link(azure, "hub")
        azure.resolvers.flush(HUB_DNS)
        assert azure.resolvers.lookup(spoke, NAME).addresses == ("10.1.0.4",)

    run(ask())


def test_an_old_address_is_served_until_its_ttl_is_over() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(HUB_DNS)
        link(azure, "hub")
        azure.resolvers.lookup(spoke, NAME)
        zone_with_record(azure, address="10.1.0.99")
        assert azure.resolvers.lookup(spoke, NAME).addresses == ("10.1.0.4",)
        await azure.clock.sleep(301)
        assert azure.resolvers.lookup(spoke, NAME).addresses == ("10.1.0.99",)

    run(ask())


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        pytest.param(ResolverRules(), 300, id="Azure DNS's SOA minimum"),
        pytest.param(ResolverRules(public_negative_ttl=3600), 900, id="a Windows resolver keeps no longer than 15 min"),
        pytest.param(ResolverRules(public_negative_ttl=10), 10, id="a short SOA minimum"),
        pytest.param(ResolverRules(without_forwarder=frozenset({HUB_DNS})), 300, id="without a forwarder the same"),
    ],
)
def test_a_no_from_public_dns_is_kept_for(rules: ResolverRules, kept: float) -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(HUB_DNS)
        azure.resolvers.rules = rules
        assert azure.resolvers.lookup(spoke, NAME).negative_until == kept

    run(ask())


def test_a_resolver_without_forwarder_never_resolves() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub(HUB_DNS)
        link(azure, "hub")
        azure.resolvers.rules = ResolverRules(without_forwarder=frozenset({HUB_DNS}))
        for _ in range(4):
            assert "does not forward" in azure.resolvers.lookup(spoke, NAME).reason
            await azure.clock.sleep(301)

    run(ask())


def test_the_closest_linked_zone_answers_even_with_no() -> None:
    async def ask() -> None:
        azure, spoke = a_spoke_with_a_hub()
        put(azure, f"{ZONES}/privatelink.westeurope.azmk8s.io", "Microsoft.Network/privateDnsZones", {})
        link(azure, "spoke", zone="privatelink.westeurope.azmk8s.io")
        assert "has no A record" in azure.resolvers.lookup(spoke, NAME).reason
        link(azure, "spoke")
        assert azure.resolvers.lookup(spoke, NAME).addresses == ("10.1.0.4",)

    run(ask())


def test_an_agent_in_another_network_asks_a_hub_by_its_address() -> None:
    async def ask() -> None:
        azure, _ = a_spoke_with_a_hub(HUB_DNS)
        link(azure, "hub")
        assert azure.resolvers.hub_lookup(HUB_DNS, NAME).addresses == ("10.1.0.4",)
        assert "no VNet holds" in azure.resolvers.hub_lookup("192.0.2.1", NAME).reason

    run(ask())


@pytest.mark.parametrize(
    ("zone", "name", "covered"),
    [
        pytest.param("example.org", "www.example.org", True, id="a name below the zone"),
        pytest.param("example.org", "example.org", True, id="the zone's own name"),
        pytest.param("example.org", "badexample.org", False, id="a suffix without a dot is another name"),
        pytest.param("a.example.org", "example.org", False, id="the parent is not covered"),
    ],
)
def test_zones_are_compared_by_label(zone: str, name: str, covered: bool) -> None:
    assert covers(zone, name) is covered
