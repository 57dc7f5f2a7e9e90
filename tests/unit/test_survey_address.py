"""Where a survey finds API servers: as a fresh look does, and unknown where a row is missing."""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.address import ApiServer
from functions.fleet.observe import Depth, observe
from functions.fleet.seen import UNKNOWN, Seen
from functions.fleet.survey_join import Item, NotOurs, Unclear
from functions.policy import Mode, PodRestarts, Policy, RecordTarget, Resolution
from localazure.store import Json, Resource
from tests.unit.fleets import Ground, Office, in_office, on_ground
from tests.unit.test_survey import surveyed
from tests.unit.worlds import HUB_SUBSCRIPTION, an_id

CUSTOM = "privatelink.westeurope.azmk8s.io"
ELSEWHERE = an_id("Microsoft.Network/privateDnsZones", "privatelink.northeurope.azmk8s.io", "dns", HUB_SUBSCRIPTION)
KEEPS = {"records": (RecordTarget(private_zone=ELSEWHERE, authoritative=True),)}


class One:
    """One cluster of a fleet, for a test to meddle with."""

    def __init__(self, ground: Ground, nth: int = 0) -> None:
        self.ground = ground
        self.id, self.zone = ground.fleet.clusters[nth], ground.fleet.zones[nth]
        self.group = str(ResourceId(self.zone).group_id)
        self.held = self._held(self.id)
        self.endpoint = f"{self.group}/providers/Microsoft.Network/privateEndpoints/kube-apiserver"
        self.nic = self._held(self.endpoint).properties["networkInterfaces"][0]["id"]
        self.balancer = f"{self.group}/providers/Microsoft.Network/loadBalancers/kube-apiserver"
        self.name = str(self.held.properties["privateFQDN"]).partition(".")[0]
        self.record = f"{self.zone}/A/{self.name}"

    def _held(self, resource: str) -> Resource:
        held = self.ground.azure.store.get(resource)
        assert held is not None
        return held

    @property
    def connection(self) -> Json:
        return self._held(self.endpoint).properties["privateLinkServiceConnections"][0]["properties"]

    def at(self, *addresses: str) -> None:
        """The NIC has these, and the endpoint says so."""
        nic = self._held(self.nic)
        first = nic.properties["ipConfigurations"][0]
        nic.properties["ipConfigurations"] = [
            {**first, "properties": {**first["properties"], "privateIPAddress": address}} for address in addresses
        ]
        self.says(*addresses)

    def says(self, *addresses: str) -> None:
        self._held(self.endpoint).properties["customDnsConfigs"][0]["ipAddresses"] = list(addresses)

    def integrated(self, *addresses: str) -> None:
        """Converted to VNet integration, the old endpoint still there."""
        self.held.properties["apiServerAccessProfile"] |= {"enableVnetIntegration": True}
        frontends = [{"name": f"f{address}", "properties": {"privateIPAddress": address}} for address in addresses]
        properties = {"provisioningState": "Succeeded", "frontendIPConfigurations": frontends}
        body: Json = {"location": "westeurope", "properties": properties}
        kind = "Microsoft.Network/loadBalancers"
        self.ground.azure.store.put(Resource(self.balancer, kind, "kube-apiserver", body))

    def publishes(self, kind: str, *addresses: str) -> None:
        """AKS's own record of a kind says so."""
        field, key = {"A": ("aRecords", "ipv4Address"), "AAAA": ("aaaaRecords", "ipv6Address")}[kind]
        properties = {"ttl": 300, field: [{key: address} for address in addresses]}
        place = f"{self.zone}/{kind}/{self.name}"
        body: Json = {"etag": "1", "properties": properties}
        self.ground.azure.store.put(Resource(place, f"Microsoft.Network/privateDnsZones/{kind}", self.name, body))

    def without_zone(self) -> None:
        self.held.properties["apiServerAccessProfile"]["privateDNSZone"] = "none"
        self.held.properties["privateFQDN"] = f"{self.name}.hcp.westeurope.azmk8s.io"
        for resource in [*self.ground.azure.store.under(self.zone), self._held(self.zone)]:
            self.ground.azure.store.remove(resource.id)

    def in_custom_zone(self) -> None:
        """Its name is in a zone that the policy lists, with AKS's own record there."""
        zone = f"{self.ground.zone_of_somebody('dns', CUSTOM)}"
        record = self._held(self.record)
        self.held.properties["apiServerAccessProfile"]["privateDNSZone"] = zone
        self.held.properties["privateFQDN"] = f"{self.name}.{CUSTOM}"
        self.ground.azure.store.remove(self.zone)
        place = f"{zone}/A/{self.name}"
        self.ground.azure.store.put(replace(record, id=place))

    def gone(self, *resources: str) -> None:
        for resource in resources:
            self.ground.azure.store.remove(resource)


FATES: dict[str, Callable[[One], object]] = {
    "as placed": lambda _: None,
    "moved, its record lags": lambda one: one.at("10.9.0.4"),
    "dual stack": lambda one: (one.at("10.9.0.4", "fd00::4"), one.publishes("AAAA", "fd00::4")),
    "two addresses of a version": lambda one: one.at("10.9.0.4", "10.9.0.5"),
    "endpoint and NIC disagree": lambda one: one.says("10.9.0.9"),
    "endpoint pending": lambda one: one.connection["privateLinkServiceConnectionState"].update(status="Pending"),
    "endpoint rejected": lambda one: one.connection["privateLinkServiceConnectionState"].update(status="Rejected"),
    "endpoint of another": lambda one: one.connection.update(privateLinkServiceId=one.ground.fleet.clusters[-1]),
    "busy": lambda one: one.held.properties.update(provisioningState="Updating"),
    "stopped with its endpoint": lambda one: one.held.properties["powerState"].update(code="Stopped"),
    "integrated": lambda one: (one.integrated("10.9.1.4"), one.publishes("A", "10.9.1.4")),
    "integrated, dual stack": lambda one: (one.integrated("fd00::5", "10.9.1.5"), one.publishes("AAAA", "fd00::5")),
    "no zone": One.without_zone,
    "custom zone": One.in_custom_zone,
    "no power state": lambda one: one.held.properties.pop("powerState"),
}


@pytest.mark.parametrize("seed", range(8))
def test_a_survey_finds_each_api_server_where_a_fresh_look_does(seed: int) -> None:
    fates = Random(seed).choices([*FATES], k=5) if seed else [*FATES]

    async def tell(ground: Ground) -> None:
        for nth, fate in enumerate(fates):
            FATES[fate](One(ground, nth))
        zone = ground.zone_of_somebody("dns", CUSTOM)
        policy = ground.policy(mode=Mode.OBSERVE, custom_zones=(zone,), **KEEPS)
        _, told = await surveyed(ground, policy)
        seen = {str(item.cluster.id): item for item in told if isinstance(item, Seen) and item.cluster}
        assert sorted(seen) == sorted(map(str, map(ResourceId, ground.fleet.clusters)))
        for fate, item in zip(
            fates, [seen[str(ResourceId(cluster))] for cluster in ground.fleet.clusters], strict=False
        ):
            assert item.cluster is not None
            fresh = await observe(ground.session, item.cluster.id, policy, item.at, Depth.FULL)
            assert isinstance(item.api_server, ApiServer), fate
            assert (item.api_server, item.zone, item.location) == (fresh.api_server, fresh.zone, fresh.location), fate
            assert (item.spokes, item.links.asked) == (fresh.spokes, fresh.links.asked), fate

    on_ground(tell, len(fates) + 1)


ENDPOINT_LACKS = "the row of the private endpoint, or its NIC, kube-apiserver"
BALANCER_LACKS = "the row of the load balancer kube-apiserver"
RECORD_LACKS = "the row of AKS's own record of its address"


def without(*pieces: str, **more: Any) -> dict[str, Any]:
    return {"pieces": pieces, **more}


@pytest.mark.parametrize("hidden", [True, False], ids=["not shown", "not there"])
@pytest.mark.parametrize(
    ("absent", "known", "lacks"),
    [
        pytest.param(without("endpoint"), False, ENDPOINT_LACKS, id="the endpoint"),
        pytest.param(without("nic"), False, ENDPOINT_LACKS, id="its NIC"),
        pytest.param(without("balancer", integrated=True), False, BALANCER_LACKS, id="the load balancer"),
        pytest.param(without("endpoint", integrated=True), True, None, id="an endpoint that nobody needs"),
        pytest.param(without("record"), True, RECORD_LACKS, id="the record"),
        pytest.param(without("record", zone="none"), True, None, id="a record that is nowhere"),
        pytest.param(without("endpoint", state="Updating"), False, None, id="the endpoint while AKS is at work"),
        pytest.param(without("endpoint", power="Stopped"), False, None, id="the endpoint of a stopped cluster"),
    ],
)
def test_what_is_not_shown_is_unknown_and_never_missing_and_costs_no_pass(
    absent: dict[str, Any], known: bool, lacks: str | None, hidden: bool
) -> None:
    async def tell(office: Office) -> None:
        one = meddled(office.ground, absent, hidden=hidden)
        _, told = await surveyed(office.ground, office.ground.policy(**KEEPS))
        (item,) = [item for item in told if isinstance(item, Seen) and str(item.cluster and item.cluster.id) == one.id]
        assert (item.api_server is not UNKNOWN) is known
        if isinstance(item.api_server, ApiServer):
            assert item.api_server.doubt is None
            assert (item.api_server.published is None) is ("record" in absent["pieces"])
        report = await office.sweep(**KEEPS)
        assert [(gap.target, gap.lacks) for gap in report.unclear] == ([(one.id, lacks)] if lacks else [])
        assert (report.findings, report.queued) == ({}, 0)

    in_office(tell, 2)


def meddled(ground: Ground, absent: dict[str, Any], *, hidden: bool) -> One:
    one = One(ground)
    one.id = str(ResourceId(one.id))
    pieces = {"endpoint": one.endpoint, "nic": one.nic, "record": one.record, "balancer": one.balancer}
    if absent.get("integrated"):
        address = one._held(one.nic).properties["ipConfigurations"][0]["properties"]["privateIPAddress"]
        one.integrated(address)
    if absent.get("zone") == "none":
        one.without_zone()
    one.held.properties["provisioningState"] = absent.get("state", "Succeeded")
    one.held.properties["powerState"]["code"] = absent.get("power", "Running")
    for piece in absent["pieces"]:
        if hidden:
            ground.azure.graph.missing.add(pieces[piece])
        else:
            one.gone(pieces[piece])
    return one


def other(item: Item) -> str:
    return item.lacks if isinstance(item, Unclear) else str(item.why) if isinstance(item, NotOurs) else "seen"


@pytest.mark.parametrize(
    ("private_fqdn", "keeps", "expected"),
    [
        ("team.hcp.westeurope.azmk8s.io", True, "seen"),
        ("team.hcp.westeurope.azmk8s.io", False, None),
        ("team.hcp.northeurope.azmk8s.io", True, "not of the form"),
        ("www.example.net", True, "not of the form"),
        (None, True, "the cluster's private name"),
    ],
)
def test_a_cluster_without_a_zone_concerns_us_by_its_proven_name_and_where_records_are_kept(
    private_fqdn: str | None, keeps: bool, expected: str | None
) -> None:
    async def tell(ground: Ground) -> None:
        one = One(ground)
        one.without_zone()
        one.held.properties["privateFQDN"] = private_fqdn
        _, told = await surveyed(ground, ground.policy(**(KEEPS if keeps else {})))
        about = [item for item in told if not isinstance(item, Seen) or item.zone is None]
        assert len(told) - len(about) == 1
        assert [expected in other(item) for item in about if expected] == ([True] if expected else [])
        assert bool(about) is bool(expected)

    on_ground(tell, 2)


@pytest.mark.parametrize(
    ("more", "asks"),
    [
        ({}, False),
        (KEEPS, True),
        ({"resolution": Resolution(enabled=True)}, True),
        ({"pod_restarts": PodRestarts(enabled=True, namespaces=("kube-system",))}, True),
    ],
    ids=["links alone", "records", "resolution", "restarts"],
)
def test_two_queries_more_are_asked_where_the_policy_needs_to_know(more: dict[str, Any], asks: bool) -> None:
    async def tell(ground: Ground) -> None:
        policy: Policy = ground.policy(**more)
        found, _ = await surveyed(ground, policy)
        assert (found.whereabouts is not None) is asks
        assert len(ground.transport.asked) == 7 + 2 * asks

    on_ground(tell)
