"""The real azure-mgmt clients against the local ARM, in process and in virtual time."""

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.mgmt.network.models import AddressSpace, DhcpOptions, Subnet, VirtualNetwork, VirtualNetworkPeering
from azure.mgmt.network.models import SubResource as NetworkReference
from azure.mgmt.privatedns.models import ARecord, PrivateZone, RecordSet, SubResource, VirtualNetworkLink

from localazure.virtual_time import run
from tests.unit.localazure.local_arm import HUB, LocalArm


def test_a_zone_and_a_link_are_made_polled_listed_and_deleted() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        zone = await (
            await local.dns.private_zones.begin_create_or_update("rg", "zone.example", PrivateZone(location="global"))
        ).result()
        assert zone.name == "zone.example"
        wanted = VirtualNetworkLink(location="global", virtual_network=SubResource(id=HUB), registration_enabled=False)
        links = local.dns.virtual_network_links
        link = await (await links.begin_create_or_update("rg", "zone.example", "Link", wanted)).result()
        assert (link.name, link.virtual_network_link_state, link.provisioning_state) == (
            "link",
            "Completed",
            "Succeeded",
        )
        assert [found.name async for found in links.list("rg", "zone.example")] == ["link"]
        assert [found.name async for found in local.dns.private_zones.list()] == ["zone.example"]
        with pytest.raises(ResourceExistsError):
            await local.dns.private_zones.begin_delete("rg", "zone.example")
        await (await links.begin_delete("rg", "zone.example", "link")).result()
        await (await local.dns.private_zones.begin_delete("rg", "zone.example")).result()
        with pytest.raises(ResourceNotFoundError):
            await local.dns.private_zones.get("rg", "zone.example")

    run(story())


def test_a_list_is_paged_to_its_end() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        await local.zone()
        for number in range(5):
            await local.link(f"link{number}", local.vnet(f"hub{number}"))
        found = [link.name async for link in local.dns.virtual_network_links.list("rg", "zone.example", top=2)]
        assert found == [f"link{number}" for number in range(5)]

    run(story())


def test_a_record_set_is_written_under_its_etag() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        await local.zone()
        records = local.dns.record_sets
        name = ("rg", "zone.example", "A", "api")
        wanted = RecordSet(ttl=60, a_records=[ARecord(ipv4_address="10.0.0.4")], metadata={"owner": "me"})
        made = await records.create_or_update(*name, wanted, match_condition=MatchConditions.IfMissing)
        assert (made.fqdn, made.metadata) == ("api.zone.example.", {"owner": "me"})
        with pytest.raises(ResourceExistsError):
            await records.create_or_update(*name, wanted, match_condition=MatchConditions.IfMissing)
        changed = await records.create_or_update(
            *name, wanted, etag=made.etag, match_condition=MatchConditions.IfNotModified
        )
        assert changed.etag != made.etag
        with pytest.raises(ResourceModifiedError):
            await records.delete(*name, etag=made.etag, match_condition=MatchConditions.IfNotModified)
        await records.delete(*name)
        with pytest.raises(ResourceNotFoundError):
            await records.get(*name)

    run(story())


def test_a_link_that_exists_is_refused_only_by_the_poll() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        local.vnet()
        await local.zone()
        await local.link("link", HUB)
        wanted = VirtualNetworkLink(location="global", virtual_network=SubResource(id=HUB), registration_enabled=False)
        poller = await local.dns.virtual_network_links.begin_create_or_update(
            "rg", "zone.example", "link", wanted, match_condition=MatchConditions.IfMissing
        )
        with pytest.raises(HttpResponseError) as refused:
            await poller.result()
        assert refused.value.error is not None
        assert refused.value.error.code == "PreconditionFailed"

    run(story())


def test_networks_are_made_peered_and_read() -> None:
    async def story() -> None:
        local = LocalArm()
        local.group()
        network = local.network
        for name, prefix in (("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")):
            wanted = VirtualNetwork(
                location="westeurope",
                address_space=AddressSpace(address_prefixes=[prefix]),
                dhcp_options=DhcpOptions(dns_servers=["10.0.0.4"]),
                subnets=[Subnet(name="nodes", address_prefix=prefix.replace("/16", "/24"))],
            )
            await (await network.virtual_networks.begin_create_or_update("rg", name, wanted)).result()
        states = []
        for own, other in (("hub", "spoke"), ("spoke", "hub")):
            remote = NetworkReference(id=HUB.replace("/hub", f"/{other}"))
            wanted_peering = VirtualNetworkPeering(remote_virtual_network=remote)
            poller = await network.virtual_network_peerings.begin_create_or_update("rg", own, other, wanted_peering)
            states.append((await poller.result()).peering_state)
        assert states == ["Initiated", "Connected"]
        spoke = await network.virtual_networks.get("rg", "spoke")
        assert spoke.virtual_network_peerings[0].peering_state == "Connected"
        assert spoke.virtual_network_peerings[0].remote_address_space.address_prefixes == ["10.0.0.0/16"]
        await (await network.virtual_network_peerings.begin_delete("rg", "hub", "spoke")).result()
        assert (await network.virtual_network_peerings.get("rg", "spoke", "hub")).peering_state == "Disconnected"
        await (await network.virtual_networks.begin_delete("rg", "hub")).result()
        assert [found.name async for found in network.virtual_networks.list("rg")] == ["spoke"]

    run(story())
