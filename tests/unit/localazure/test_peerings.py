"""Peerings: what each side knows of the other's address space, and what a machine can reach because of it."""

import pytest

from localazure.resolver import LINK
from localazure.store import Json
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import HUB, NETWORK, LocalArm

SPOKE = f"{NETWORK}/virtualNetworks/spoke"
THERE = f"{SPOKE}/virtualNetworkPeerings/to-hub"
BACK = f"{HUB}/virtualNetworkPeerings/to-spoke"


def to(vnet: str, **more: object) -> Json:
    return {"properties": {"remoteVirtualNetwork": {"id": vnet}, **more}}


async def peered() -> LocalArm:
    """A hub and a spoke, peered from both sides."""
    local = LocalArm()
    local.group()
    local.vnet()
    local.vnet("spoke", "10.1.0.0/16")
    await local.write(THERE, to(HUB))
    await local.write(BACK, to(SPOKE))
    return local


async def grow(local: LocalArm, vnet: str, prefix: str) -> None:
    body = (await local.call("GET", vnet)).json()
    body["properties"]["addressSpace"]["addressPrefixes"].append(prefix)
    await local.write(vnet, body)


async def level(local: LocalArm, peering: str) -> str:
    body: Json = (await local.call("GET", peering)).json()
    return str(body["properties"]["peeringSyncLevel"])


def answers(local: LocalArm, server: str) -> bool:
    """Whether a machine in the spoke gets an answer from a DNS server."""
    spoke = local.azure.store.get(SPOKE)
    assert spoke is not None
    spoke.properties["dhcpOptions"] = {"dnsServers": [server]}
    return local.azure.resolvers.lookup(SPOKE, "name.example").answered


@pytest.mark.parametrize(
    ("grown", "spoke", "hub"),
    [
        pytest.param([], "FullyInSync", "FullyInSync", id="nobody"),
        pytest.param([HUB], "LocalNotInSync", "RemoteNotInSync", id="the hub"),
        pytest.param([SPOKE], "RemoteNotInSync", "LocalNotInSync", id="the spoke"),
        pytest.param([HUB, SPOKE], "LocalAndRemoteNotInSync", "LocalAndRemoteNotInSync", id="both"),
    ],
)
def test_each_side_says_whose_copy_is_behind_after_a_vnet_grew(grown: list[str], spoke: str, hub: str) -> None:
    async def story() -> None:
        local = await peered()
        for nth, vnet in enumerate(grown):
            await grow(local, vnet, f"10.{9 + nth}.0.0/16")
        assert (await level(local, THERE), await level(local, BACK)) == (spoke, hub)

    run(story())


@pytest.mark.parametrize(("query", "synced"), [("", False), ("&syncRemoteAddressSpace=true", True)])
def test_only_a_put_that_asks_for_it_brings_a_connected_peering_up_to_date(query: str, synced: bool) -> None:
    async def story() -> None:
        local = await peered()
        await grow(local, HUB, "10.9.0.0/16")
        await local.write(f"{THERE}?api-version=2024-05-01{query}", to(HUB))
        assert await level(local, THERE) == ("FullyInSync" if synced else "LocalNotInSync")

    run(story())


@pytest.mark.parametrize("synced", [True, False])
def test_a_server_in_a_new_range_answers_once_the_spoke_s_peering_is_in_sync(synced: bool) -> None:
    async def story() -> None:
        local = await peered()
        await grow(local, HUB, "10.9.0.0/16")
        if synced:
            await local.write(f"{THERE}?api-version=2024-05-01&syncRemoteAddressSpace=true", to(HUB))
        assert answers(local, "10.9.0.4") is synced

    run(story())


def test_a_subnet_peering_leads_to_its_subnets_alone() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        local.vnet("spoke", "10.1.0.0/16")
        for vnet, name, prefix in ((HUB, "dns", "10.0.1.0/24"), (SPOKE, "nodes", "10.1.1.0/24")):
            await local.write(f"{vnet}/subnets/{name}", {"properties": {"addressPrefix": prefix}})
        await local.write(
            THERE, to(HUB, peerCompleteVnets=False, localSubnetNames=["nodes"], remoteSubnetNames=["dns"])
        )
        await local.write(
            BACK, to(SPOKE, peerCompleteVnets=False, localSubnetNames=["dns"], remoteSubnetNames=["nodes"])
        )
        assert await level(local, THERE) == "FullyInSync"
        shown = (await local.call("GET", THERE)).json()["properties"]
        for key in ("remoteAddressSpace", "remoteVirtualNetworkAddressSpace"):
            assert shown[key] == {"addressPrefixes": ["10.0.1.0/24"]}
        for server, answered in (("10.0.1.4", True), ("10.0.2.4", False)):
            assert answers(local, server) is answered

    run(story())


@pytest.mark.parametrize(
    "encryption", [{"enabled": True}, {"enforcement": "AllowUnencrypted"}], ids=["no enforcement", "no intent"]
)
def test_half_an_encryption_is_refused(encryption: Json) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        space = {"addressPrefixes": ["10.0.0.0/16"]}
        said = await local.call(
            "PUT", HUB, {"location": "westeurope", "properties": {"addressSpace": space, "encryption": encryption}}
        )
        assert said.json()["error"]["code"] == "MustSpecifyBothEncryptionIntentAndEnforcementPolicy"
        assert local.azure.store.get(HUB) is None

    run(story())


@pytest.mark.parametrize(("version", "policy"), [("2020-05-01", "Enabled"), ("2020-11-01", "Disabled")])
def test_the_version_of_a_write_decides_the_endpoint_policies_of_a_subnet(version: str, policy: str) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        nodes = f"{HUB}/subnets/nodes"
        await local.write(f"{nodes}?api-version={version}", {"properties": {"addressPrefix": "10.0.1.0/24"}})
        shown = (await local.call("GET", f"{nodes}?api-version=2025-03-01")).json()
        assert shown["properties"]["privateEndpointNetworkPolicies"] == policy

    run(story())


@pytest.mark.parametrize(("policy", "asks_public"), [("Default", False), ("NxDomainRedirect", True)])
def test_a_link_that_redirects_asks_public_dns_for_what_its_zone_does_not_have(policy: str, asks_public: bool) -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        zone = await local.zone("privatelink.example")
        await local.write(
            f"{zone}/virtualNetworkLinks/hub",
            {"location": "global", "properties": {"virtualNetwork": {"id": HUB}, "resolutionPolicy": policy}},
        )
        (link,) = local.azure.store.of_type(LINK, zone)
        assert link.properties["resolutionPolicy"] == policy
        found = local.azure.resolvers.lookup(HUB, "nothing.privatelink.example")
        assert ("public DNS" in found.reason) is asks_public
        assert found.addresses == ()

    run(story())


def test_a_put_of_a_link_without_a_policy_sets_the_default() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        zone = await local.zone("privatelink.example")
        body: Json = {"location": "global", "properties": {"virtualNetwork": {"id": HUB}}}
        redirecting = {**body, "properties": {**body["properties"], "resolutionPolicy": "NxDomainRedirect"}}
        link = f"{zone}/virtualNetworkLinks/hub"
        await local.write(link, redirecting)
        await local.write(link, body)
        assert (await local.call("GET", link)).json()["properties"]["resolutionPolicy"] == "Default"

    run(story())
