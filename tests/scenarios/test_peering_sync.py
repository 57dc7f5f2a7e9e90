"""A hub that grew after it was peered: its new DNS server is in the hub, and out of the spoke's reach until a sync."""

import pytest

from functions.policy import Policy
from localazure.resources.peerings import Peerings
from localazure.resources.subnets import Subnets
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell
from tests.scenarios.test_sweep import swept

NEW_SERVER = "10.250.0.4"


def pruning(world: HubAndSpoke) -> Policy:
    return a_policy(world, prune=True)


def grow(here: Story) -> None:
    """The hub gets a range with a DNS server, which the spoke asks from now on."""
    hub, spoke = here.azure.store.get(here.world.hub), here.azure.store.get(here.world.spoke)
    assert hub is not None
    assert spoke is not None
    space = hub.properties["addressSpace"]["addressPrefixes"]
    hub.properties["addressSpace"] = {"addressPrefixes": [*space, "10.250.0.0/24"]}
    Subnets(here.azure).place(f"{hub.id}/subnets/dns-2", {"addressPrefix": "10.250.0.0/24"})
    spoke.properties["dhcpOptions"] = {"dnsServers": [NEW_SERVER]}


def sync(here: Story) -> None:
    """As the command of the finding does."""
    (peering,) = here.azure.store.of_type(Peerings.type, here.world.spoke)
    Peerings(here.azure).write(peering.id, peering.properties, sync=True).properties["provisioningState"] = "Succeeded"


@pytest.mark.parametrize("synced", [True, False])
def test_the_hub_is_linked_and_the_peering_is_reported(synced: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        grow(here)
        cluster = await here.create()
        await here.passes(120)
        assert here.links()["hub-westeurope"] == "ours", "the server is in the hub, whatever the peering knows"
        (said,) = {line["advice"] for line in lines(caplog, "finding") if line["code"] == "peering-not-in-sync"}
        assert "az network vnet peering sync" in said
        if synced:
            sync(here)
        await here.passes(900)
        assert here.state(cluster) == ("Succeeded" if synced else "Failed")

    tell(story)


def test_the_sweep_sees_the_same_hub(caplog: pytest.LogCaptureFixture) -> None:
    async def story(here: Story) -> None:
        await here.create()
        await here.passes(900)
        grow(here)
        removed = [call for call in here.transport.asked if call.startswith("DELETE")]
        await swept(here)
        await here.passes(900)
        assert here.links()["hub-westeurope"] == "ours"
        assert [call for call in here.transport.asked if call.startswith("DELETE")] == removed == []

    tell(story, pruning)
