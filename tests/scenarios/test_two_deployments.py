"""Two Tethers of different owners over the same clusters: what one has done the other leaves alone."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from functions.around import Around
from functions.policy import Policy
from functions.role import Role
from localazure import fault_effects as effects
from tests.scenarios.story import LINKS, OWNER, Story, tell
from tests.scenarios.test_failed_clusters import bringing_up
from tests.scenarios.two_apps import second_story, writes

type Two = Callable[[Story, Story], Awaitable[None]]


def tell_two(story: Two, policy: Callable[..., Callable[[Any], Policy]]) -> None:
    """Tell a story of two deployments, each alone in what it may do."""

    async def told(here: Story) -> None:
        other = second_story(here, policy(owner="another-owner")(here.world))
        assert isinstance(other.live.around, Around)
        other.live = replace(other.live, around=replace(other.live.around, role=Role.ALONE))
        await story(here, other)

    tell(told, policy())


async def both_pass(one: Story, other: Story, seconds: float) -> None:
    await asyncio.gather(one.passes(seconds, watching=True), other.passes(seconds, watching=True))


def test_two_deployments_make_one_link_and_neither_removes_the_others() -> None:
    async def story(one: Story, other: Story) -> None:
        cluster = await one.create()
        await both_pass(one, other, 3600)
        assert one.state(cluster) == "Succeeded"
        owners = [(link.body.get("tags") or {}).get("tether-owner") for link in one.azure.store.of_type(LINKS)]
        made = [owner for owner in owners if owner]
        assert len(made) == 1
        assert made[0] in {OWNER, "another-owner"}
        assert [call for call in (*writes(one), *writes(other)) if call.startswith("DELETE")] == []
        assert one.queue.waiting() + other.queue.waiting() == 0

    tell_two(story, bringing_up)


def test_two_deployments_put_a_failed_cluster_once() -> None:
    async def story(one: Story, other: Story) -> None:
        one.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
        cluster = await one.create()
        await both_pass(one, other, 900)
        assert one.state(cluster) == "Failed"
        one.faults.clear()
        await both_pass(one, other, 3600)
        assert one.state(cluster) == "Succeeded"
        by_tether = [*writes(one)[1:], *writes(other)]  # the first is the person's who made it
        assert len([call for call in by_tether if call.split("/")[-2] == "managedClusters"]) == 1

    tell_two(story, bringing_up)
