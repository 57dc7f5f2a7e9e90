"""What Tether must not forget: who was Deleting, what ARM said of a pause, what became of an intent."""

import pytest

from functions.arm.resource_id import ResourceId
from functions.ledger.journal import close_all_left_open
from functions.ledger.state import GONE, Entry
from functions.policy import Policy
from functions.triggers.timers import round_of_sweep
from localazure import fault_effects as effects
from localazure import fault_refusals as refusals
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, tell


def hub_by_name(world: HubAndSpoke) -> Policy:
    return a_policy(world, world.hub)


def says(here: Story, cluster: str, state: str) -> None:
    held = here.azure.store.get(cluster)
    assert held is not None
    held.properties["provisioningState"] = state


@pytest.mark.parametrize("gone_between", [True, False])
def test_a_deletion_that_failed_is_known_though_arm_denied_the_cluster_meanwhile(gone_between: bool) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(600)
        here.faults.add(refusals.not_authorised(), method="DELETE")
        says(here, cluster, "Deleting")
        await here.event(str(here.zone), cause="e-1")
        await here.passes(10)
        here.faults.clear()
        says(here, cluster, "Failed")
        if gone_between:
            here.faults.add(refusals.not_found(), method="GET", path="/resourceGroups/")
            await here.passes(1000)
            (row,) = await here.ledger.rows()
            assert row.observed.state == GONE
            here.faults.clear()
        await here.event(str(here.zone), cause="e-2")
        await here.passes(300)
        assert "hub-westeurope" not in here.links()

    tell(story, hub_by_name)


@pytest.mark.parametrize("effect", [effects.dropped_before, refusals.not_authorised], ids=["no answer", "a refusal"])
def test_a_pass_that_sees_too_little_keeps_to_what_arm_said_of_the_operation_it_looked_up(effect: object) -> None:
    async def story(here: Story) -> None:
        await here.create()
        operations = "/privateDnsOperationStatuses/"
        here.faults.add(refusals.too_many_requests(200), method="GET", path=operations, nth=1)
        here.faults.add(refusals.not_found(), method="GET", path=operations, nth=2)
        here.faults.add(effect(), method="GET", path="/virtualNetworkLinks")  # type: ignore[operator]
        await here.passes(70)  # the first look is after 30 s, and the next without a pause 5 s later
        assert sum(operations in asked for asked in here.transport.asked) == 2

    tell(story, lambda world: a_policy(world, world.hub, world.second_hub), second_hub=True)


def an_intent(at: float) -> Entry:
    zone = ResourceId("/subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/MC_x")
    return Entry(
        subject=zone,
        id=f"i-{at}",
        at=at,
        cause="e-1",
        handler="zone_links",
        action="create",
        target=str(zone),
        reason="because",
    )


async def closed(here: Story) -> list[str]:
    subject = an_intent(0).subject
    return [entry.result for entry in await here.ledger.journal(subject)]


def test_the_sweep_closes_what_dead_workers_left_open_whoever_comes_by_after_them() -> None:
    async def story(here: Story) -> None:
        at = here.azure.clock.now()
        await here.ledger.intend(an_intent(at - 121))
        await here.ledger.intend(an_intent(at - 119))
        await round_of_sweep(here.live)
        assert await closed(here) == ["", "unknown"]
        assert await close_all_left_open(here.ledger, at) == 0

    tell(story, hub_by_name)
