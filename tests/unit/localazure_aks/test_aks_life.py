"""A private cluster's life, told through the real SDK clients: it comes up, gives up, is mended, goes away."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError, ResourceNotFoundError

from localazure.aks.rules import AksRules
from localazure.resolver import ResolverRules
from tests.unit.localazure_aks.aks_clients import ZONES, Bench, in_virtual_time, state_of, the_zone


def zone_name(bench: Bench) -> str:
    return the_zone(bench).rsplit("/", 1)[1]


def test_without_a_link_the_nodes_give_up_after_600_s() -> None:
    async def story(bench: Bench) -> None:
        poller = await bench.create()
        began = bench.azure.clock.now()
        with pytest.raises(HttpResponseError, match="exit status=52") as failed:
            await poller.result()
        assert "VMExtensionProvisioningError" in str(failed.value)
        assert await state_of(bench) == ("Failed", "VMExtensionProvisioningError")
        durations = bench.azure.durations
        booted = durations.cluster_group + durations.cluster_zone + durations.cluster_endpoint
        waited = bench.azure.clock.now() - began - booted - durations.cluster_nodes
        assert 600 <= waited <= 631  # the SDK polls every 30 s

    in_virtual_time(story)


def test_a_hub_that_is_linked_in_time_lets_the_cluster_come_up() -> None:
    async def story(bench: Bench) -> None:
        async def link(zone: str) -> None:
            await bench.link(zone, bench.world.hub)

        bench.when_the_zone_is_born(link)
        cluster = await (await bench.create()).result()
        assert cluster.properties.provisioning_state == "Succeeded"
        assert await state_of(bench) == ("Succeeded", "")
        assert bench.azure.resolvers.lookup(bench.world.spoke, cluster.properties.private_fqdn).addresses

    in_virtual_time(story)


def test_a_link_that_comes_too_late_meets_the_cached_no() -> None:
    async def story(bench: Bench) -> None:
        poller = await bench.create()
        await bench.azure.clock.sleep(453)  # asked at the boot (103 s) and again at 503 s: a no until the end (703 s)
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        with pytest.raises(HttpResponseError, match="exit status=52"):
            await poller.result()

    in_virtual_time(story, negative_ttl=400)


def test_a_resolver_that_forgets_sooner_saves_the_same_cluster() -> None:
    async def story(bench: Bench) -> None:
        poller = await bench.create()
        await bench.azure.clock.sleep(400)
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        assert (await poller.result()).properties.provisioning_state == "Succeeded"

    in_virtual_time(story, negative_ttl=10)


def test_a_hub_without_forwarder_does_not_help() -> None:
    async def story(bench: Bench) -> None:
        bench.azure.resolvers.rules = ResolverRules(without_forwarder=frozenset({bench.world.hub_resolver}))

        async def link(zone: str) -> None:
            await bench.link(zone, bench.world.hub)

        bench.when_the_zone_is_born(link)
        with pytest.raises(HttpResponseError, match="exit status=52"):
            await (await bench.create()).result()

    in_virtual_time(story)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param({"private_dns_zone": "none"}, "nodes use /etc/hosts", id="zone mode none"),
        pytest.param({"private": False}, "the name is public", id="a public cluster"),
        pytest.param({"subnet": False}, "AKS makes a VNet with Azure's DNS", id="a VNet that AKS makes"),
    ],
)
def test_no_hub_is_needed_where(said: dict[str, Any], reason: str) -> None:
    async def story(bench: Bench) -> None:
        cluster = await (await bench.create(**said)).result()
        assert cluster.properties.provisioning_state == "Succeeded", reason

    in_virtual_time(story)


def test_a_spoke_with_azure_dns_needs_no_hub() -> None:
    async def story(bench: Bench) -> None:
        assert (await (await bench.create()).result()).properties.provisioning_state == "Succeeded"

    in_virtual_time(story, custom_dns=False)


def test_a_foreign_link_to_the_spoke_makes_aks_fail() -> None:
    async def story(bench: Bench) -> None:
        async def rush(zone: str) -> None:
            await bench.link(zone, bench.world.spoke, name="theirs")

        # A rival that is quicker than AKS itself: its link is there before AKS asks for its own.
        bench.azure.aks = AksRules(pause_before_own_link=1)
        bench.when_the_zone_is_born(rush)
        with pytest.raises(HttpResponseError, match="CreateOrUpdateVirtualNetworkLinkFailed"):
            await (await bench.create()).result()
        assert await state_of(bench) == ("Failed", "CreateOrUpdateVirtualNetworkLinkFailed")

    in_virtual_time(story)


def test_a_failed_cluster_is_mended_by_linking_and_putting_it_again() -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(HttpResponseError):
            await (await bench.create()).result()
        await (await bench.link(the_zone(bench), bench.world.hub)).result()
        await bench.azure.clock.sleep(300)
        failed = await bench.aks.managed_clusters.get("apps", "team")
        again = await bench.aks.managed_clusters.begin_create_or_update(
            "apps", "team", failed, etag=failed.e_tag, match_condition=MatchConditions.IfNotModified
        )
        mended = await again.result()
        assert await state_of(bench) == ("Succeeded", "")
        assert mended.properties.private_fqdn == failed.properties.private_fqdn

    in_virtual_time(story)


def test_a_put_with_an_old_etag_is_refused() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create()).result()
        cluster = await bench.aks.managed_clusters.get("apps", "team")
        with pytest.raises(ResourceModifiedError):
            await bench.aks.managed_clusters.begin_create_or_update(
                "apps", "team", cluster, etag="old", match_condition=MatchConditions.IfNotModified
            )

    in_virtual_time(story, custom_dns=False)


def test_a_put_while_another_operation_runs_is_refused() -> None:
    async def story(bench: Bench) -> None:
        await bench.create()
        with pytest.raises(HttpResponseError) as refused:
            await bench.create()
        assert refused.value.status_code == 409
        assert '"code":"OperationNotAllowed"' in refused.value.response.text()  # type: ignore[union-attr]

    in_virtual_time(story)


def test_the_node_group_holds_what_aks_made_and_says_whose_it_is() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create()).result()
        cluster = await bench.aks.managed_clusters.get("apps", "team")
        group = bench.azure.store.get(
            f"/subscriptions/{bench.world.subscription}/resourceGroups/MC_apps_team_westeurope"
        )
        assert group is not None
        assert group.body["managedBy"].casefold() == cluster.id.casefold()
        kinds = {resource.type for resource in bench.azure.store.under(group.id)}
        assert kinds >= {ZONES, f"{ZONES}/virtualNetworkLinks", f"{ZONES}/A", "Microsoft.Network/privateEndpoints"}
        assert "Microsoft.Network/networkInterfaces" in kinds
        assert cluster.properties.private_fqdn.endswith(the_zone(bench).rsplit("/", 1)[-1])

    in_virtual_time(story, custom_dns=False)


def test_a_cluster_can_be_deleted_while_it_is_being_created() -> None:
    async def story(bench: Bench) -> None:
        creation = await bench.create()
        await bench.azure.clock.sleep(90)
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        with pytest.raises(HttpResponseError, match="AKSOperationPreempted"):
            await creation.result()
        assert bench.azure.store.of_type(ZONES) == []

    in_virtual_time(story)


def test_lockdown_denies_others_to_write_into_the_node_group() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create(lockdown=True)).result()
        with pytest.raises(HttpResponseError, match="DenyAssignmentAuthorizationFailed"):
            await bench.link(the_zone(bench), bench.world.hub)

    in_virtual_time(story, custom_dns=False)


def test_two_clusters_are_listed_by_group_and_by_subscription() -> None:
    async def story(bench: Bench) -> None:
        await bench.create("one")
        await bench.create("two")
        in_group = [cluster.name async for cluster in bench.aks.managed_clusters.list_by_resource_group("apps")]
        everywhere = [cluster.name async for cluster in bench.aks.managed_clusters.list()]
        assert in_group == everywhere == ["one", "two"]

    in_virtual_time(story)


def test_events_tell_each_write_as_it_ends() -> None:
    async def story(bench: Bench) -> None:
        told: list[tuple[str, str]] = []
        bench.azure.listen(
            lambda event: told.append((event["eventType"].rsplit(".", 1)[1], event["data"]["operationName"]))
        )
        with pytest.raises(HttpResponseError):
            await (await bench.create()).result()
        assert told[0] == ("ResourceWriteSuccess", "Microsoft.Resources/subscriptions/resourceGroups/write")
        assert told[-1] == ("ResourceWriteFailure", "Microsoft.ContainerService/managedClusters/write")
        zone = told.index(("ResourceWriteSuccess", f"{ZONES}/write"))
        for later in (
            f"{ZONES}/virtualNetworkLinks/write",
            f"{ZONES}/A/write",
            "Microsoft.Network/privateEndpoints/write",
        ):
            assert told.index(("ResourceWriteSuccess", later)) > zone

    in_virtual_time(story)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"location": ""}, "location", id="without a location"),
        pytest.param({"properties": {"agentPoolProfiles": ["np"]}}, "object", id="with a node pool that is a text"),
        pytest.param(
            {"properties": {"agentPoolProfiles": [{"name": "np", "vnetSubnetID": "/subscriptions/s/x"}]}},
            "no subnet",
            id="with a subnet that is not there",
        ),
        pytest.param(
            {"properties": {"apiServerAccessProfile": {"enablePrivateCluster": True, "privateDNSZone": "/no/zone"}}},
            "no private DNS zone",
            id="with a custom zone that is not there",
        ),
    ],
)
def test_a_cluster_is_refused(change: dict[str, Any], said: str) -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(HttpResponseError, match=said) as refused:
            await bench.aks.managed_clusters.begin_create_or_update("apps", "team", {"location": "westus2"} | change)
        assert refused.value.status_code == 400

    in_virtual_time(story)


def test_a_cluster_that_is_not_there_is_not_found_and_its_deletion_has_nothing_to_do() -> None:
    async def story(bench: Bench) -> None:
        with pytest.raises(ResourceNotFoundError, match="ResourceNotFound"):
            await bench.aks.managed_clusters.get("apps", "nobody")
        await (await bench.aks.managed_clusters.begin_delete("apps", "nobody")).result()

    in_virtual_time(story)


def test_tags_can_be_patched() -> None:
    async def story(bench: Bench) -> None:
        await (await bench.create()).result()
        patched = await bench.aks.managed_clusters.begin_update_tags("apps", "team", {"tags": {"team": "b"}})
        assert (await patched.result()).tags == {"team": "b"}
        assert await state_of(bench) == ("Succeeded", "")

    in_virtual_time(story, custom_dns=False)


def test_a_custom_zone_outlives_the_cluster() -> None:
    async def story(bench: Bench) -> None:
        name = "privatelink.westeurope.azmk8s.io"
        await (await bench.dns.private_zones.begin_create_or_update("apps", name, {"location": "global"})).result()
        zone = the_zone(bench)
        await (await bench.link(zone, bench.world.spoke, name="byo")).result()
        cluster = await (await bench.create(private_dns_zone=zone)).result()
        assert cluster.properties.private_fqdn.endswith(f".{name}")
        assert len(bench.azure.store.of_type(f"{ZONES}/A")) == 1
        await (await bench.aks.managed_clusters.begin_delete("apps", "team")).result()
        assert the_zone(bench) == zone
        assert bench.azure.store.of_type(f"{ZONES}/A") == []

    in_virtual_time(story, custom_dns=False)


def test_an_update_of_a_cluster_that_is_up_boots_no_nodes() -> None:
    async def story(bench: Bench) -> None:
        async def link(zone: str) -> None:
            await bench.link(zone, bench.world.hub)

        bench.when_the_zone_is_born(link)
        await (await bench.create()).result()
        await (
            await bench.dns.virtual_network_links.begin_delete(the_zone(bench).split("/")[4], zone_name(bench), "hub")
        ).result()
        bench.azure.resolvers.flush(bench.world.hub_resolver)
        assert (await (await bench.create()).result()).properties.provisioning_state == "Succeeded"

    in_virtual_time(story)
