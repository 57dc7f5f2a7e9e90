"""Many zones born at once, while ARM gives a subscription only so many calls: the benchmark's storm, in small."""

import pytest

from bench.birth_storm import ride, soonest
from localazure import fault_effects as effects
from localazure.limits import Rate
from tests.scenarios.story import Story, a_policy, tell

ZONES = 60


@pytest.mark.parametrize("spent", [pytest.param(0, id="all reads are left"), pytest.param(240, id="few are left")])
def test_every_zone_of_a_storm_is_linked_in_the_time_that_the_buckets_leave(spent: int) -> None:
    storm = ride(ZONES, subscriptions=1, spent=spent)

    assert len(storm.accepted) == storm.linked == ZONES
    assert (storm.failed_deliveries, storm.failed_messages, storm.poisoned) == (0, 0, 0)
    assert storm.refused.total() < 2 * ZONES, storm.refused
    # Two seconds for the queue: it counts delays in whole ones, and is looked at once in one.
    assert storm.last_accepted < storm.allowed * 1.2 + 2


@pytest.mark.parametrize(
    ("links", "spent", "seconds"),
    [
        pytest.param(10, 0, 1, id="the buckets hold enough"),
        pytest.param(300, 0, 15, id="reads are what lacks"),
        pytest.param(60, 240, 4.4, id="others have spent most of them"),
    ],
)
def test_what_the_buckets_allow(links: int, spent: int, seconds: float) -> None:
    reads, writes = Rate(250, refill=25), Rate(200, refill=10)
    assert soonest(links, latency=1, reads=reads, writes=writes, spent=spent) == pytest.approx(seconds)


def test_writes_can_be_what_lacks() -> None:
    assert soonest(300, latency=1, reads=Rate(10_000, refill=1), writes=Rate(200, refill=10)) == 11


def test_a_newborn_zone_that_could_not_be_read_is_still_linked_before_looking() -> None:
    async def story(here: Story) -> None:
        here.faults.add(effects.too_many_requests(2), method="GET", path=r"/resourceGroups/MC_[^/]+$", times=1)
        await here.create()
        await here.passes(60)

        asked = here.transport.asked
        before = asked[: asked.index(here.transport.links_put()[0])]
        assert sum("/resourcegroups/mc_" in call.casefold() and "/providers/" not in call for call in before) == 2
        assert not [call for call in before if call.endswith("/virtualNetworkLinks")]

    tell(story, lambda world: a_policy(world, world.hub))
