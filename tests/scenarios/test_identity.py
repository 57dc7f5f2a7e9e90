"""Whose a group, a cluster and a name are: what Tether does not take for its own."""

import pytest

from functions.arm.resource_id import ResourceId
from functions.fleet.observe_records import Targets
from functions.policy import RecordTarget
from localazure import fault_refusals as refusals
from localazure.resources.groups import ResourceGroups
from localazure.world import SUBSCRIPTION
from tests.scenarios.record_stories import body, keeping, on_servers, server, settled, told
from tests.scenarios.story import Story, tell

ENDPOINT = "Microsoft.Network/privateEndpoints"
FORGED = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/forged"


def test_a_group_that_claims_anothers_cluster_gets_no_row_of_it() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        (before,) = [row for row in await here.ledger.rows() if row.observed.cluster]
        ResourceGroups(here.azure).create(FORGED, "westeurope", managed_by=cluster)
        await here.event(f"{FORGED}/providers/{ENDPOINT}/kube-apiserver", f"{ENDPOINT}/write")
        await here.passes(60)
        assert await here.ledger.row_of(ResourceId(cluster)) == before.subject
        forged = await here.ledger.read(ResourceId(FORGED))
        assert (forged.observed.cluster, forged.observed.address) == ("", "")

    tell(story, keeping())


def test_what_cannot_be_found_in_a_subscription_that_cannot_be_read_is_not_gone() -> None:
    async def story(here: Story) -> None:
        cluster = await settled(here)
        name = str(body(here, cluster).properties["privateFQDN"]).casefold()
        group = here.zone.group_id
        here.azure.store.remove(cluster)
        here.azure.store.remove(str(group))
        # ARM hides what one may no longer read: a 404 for each resource, a 403 for the subscription itself.
        here.faults.add(
            refusals.not_authorised(),
            method="GET",
            resource_type="Microsoft.Resources/subscriptions",
            path=SUBSCRIPTION,
        )
        await here.event(f"{group}/providers/{ENDPOINT}/kube-apiserver", f"{ENDPOINT}/write")
        await here.passes(3600)
        assert server(here).held[name].addresses
        here.faults.clear()
        await here.event(f"{group}/providers/{ENDPOINT}/kube-apiserver", f"{ENDPOINT}/write", "later")
        await here.passes(3600)
        assert not server(here).held[name].addresses

    tell(story, keeping())


@pytest.mark.parametrize(
    ("claimed", "zone"),
    [
        pytest.param("prod-1.hcp.eastus.azmk8s.io", "prod-1.hcp.eastus.azmk8s.io", id="another region"),
        pytest.param(
            "prod-1.privatelink.westeurope.azmk8s.io", "privatelink.westeurope.azmk8s.io", id="no public name"
        ),
    ],
)
def test_a_cluster_without_a_zone_gets_a_record_only_under_the_name_that_aks_gives(claimed: str, zone: str) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create(private_dns_zone="none")
        body(here, cluster).properties["privateFQDN"] = claimed
        await here.passes(900, watching=True)
        assert told(here, cluster, zone) == ()
        assert server(here, zone).written == []

    tell(story, keeping(on_servers(zone)))


def test_of_several_zones_on_the_same_servers_the_longest_holds_the_record() -> None:
    guid = "0a1b2c3d-0000-4000-8000-00000000000a.privatelink.westeurope.azmk8s.io"
    wide, narrow = on_servers(), on_servers(guid)
    elsewhere = RecordTarget(zone=wide.zone, servers=("10.9.0.4",), tsig=wide.tsig, authoritative=True)
    for order in ((wide, narrow, elsewhere), (narrow, elsewhere, wide)):
        targets = Targets(order, lambda target: server_of(target.place))
        assert set(targets.for_name(f"prod.{guid}", None)) == {narrow, elsewhere}
        assert set(targets.for_name("other.privatelink.westeurope.azmk8s.io", None)) == {wide, elsewhere}


def server_of(place: str) -> object:
    raise AssertionError(f"{place} is not asked")
