"""Clusters that could not be made are put again once what made them fail is mended, and no others ever are."""

import asyncio
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from functions.ledger.making import Making
from functions.ledger.state import Entry, Row
from functions.policy import FailedClusters, Mode, Policy
from localazure import fault_effects as effects
from localazure.aks.interrupted import fail_scaling, fail_upgrade
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, lines, tell

KEPT = 900.0  # seconds for which a resolver may hold "no such name"


def bringing_up(reconcile: bool = True, **more: Any) -> Callable[[HubAndSpoke], Policy]:
    return lambda world: a_policy(world, world.hub, failed_clusters=FailedClusters(reconcile=reconcile), **more)


def puts(here: Story, cluster: str) -> list[float]:
    """When the cluster was put, in seconds, its creation not counted."""
    calls = zip(here.transport.asked, here.transport.asked_at, strict=True)
    return [at for call, at in calls if call.casefold() == f"put {cluster}".casefold()][1:]


async def failed(here: Story, seconds: float = 900) -> str:
    """A cluster that could not be made, since its hub could not be linked in time, and can be now."""
    here.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
    cluster = await here.create()
    await here.passes(seconds, watching=True)
    assert here.state(cluster) == "Failed"
    here.faults.clear()
    return cluster


async def row(here: Story) -> Row:
    (one,) = [held for held in await here.ledger.rows() if held.observed.cluster]
    return one


async def made(here: Story) -> Making | None:
    return (await row(here)).observed.making


def codes(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {line["code"] for line in lines(caplog, "finding")}


def test_a_cluster_whose_link_came_too_late_comes_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await failed(here)
        since = asyncio.get_running_loop().time()
        await here.passes(3600, watching=True)
        assert here.links()["hub-westeurope"] == "ours"
        assert here.state(cluster) == "Succeeded"
        (put,) = puts(here, cluster)
        assert put > since + KEPT, "until then a DNS server may say that there is no such name"
        intents = [line["change"] for line in lines(caplog, "intent")]
        assert [intent["action"] for intent in intents if intent["handler"] == "failed_clusters"] == ["update"]
        assert await made(here) is None
        assert (await row(here)).observed.findings == ()
        assert here.queue.waiting() == 0

    tell(story, bringing_up())


def test_switched_off_it_is_told_with_the_command(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await failed(here)
        await here.passes(3600, watching=True)
        assert here.state(cluster) == "Failed"
        assert not puts(here, cluster)
        told = [line for line in lines(caplog, "finding") if line["code"] == "cluster-creation-failed"][-1]
        assert "failedClusters.reconcile" in told["seen"]
        assert "exit status=52" in told["seen"]
        assert f"az resource update --ids {told['resource']}" in told["advice"]

    tell(story, bringing_up(reconcile=False))


def test_in_mode_observe_it_is_planned_and_not_put(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(900, watching=True)
        await link_by_hand(here)
        await here.passes(3600, watching=True)
        assert here.state(cluster) == "Failed"
        assert not puts(here, cluster)
        assert "failed_clusters" in {line["change"]["handler"] for line in lines(caplog, "plan")}

    tell(story, bringing_up(mode=Mode.OBSERVE))


async def link_by_hand(here: Story) -> None:
    body = {"location": "global", "properties": {"virtualNetwork": {"id": here.world.hub}}}
    assert (await here.ask("PUT", f"{here.zone}/virtualNetworkLinks/by-hand", body=body)).status_code == 202


@pytest.mark.parametrize("fails", [fail_upgrade, fail_scaling])
@pytest.mark.parametrize("away", [False, True], ids=["", "while Tether is away"])
def test_a_cluster_that_was_up_is_never_put(fails: Any, away: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It fails in what somebody asked for, with the very error that a creation may fail with."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(300 if away else 500, watching=True)
        while here.state(cluster) != "Succeeded":
            await asyncio.sleep(1)
        failing = asyncio.create_task(fails(here.azure, cluster))
        if away:
            await asyncio.sleep(3600)
        await here.passes(7200, watching=True)
        await failing
        assert here.state(cluster) == "Failed"
        assert not puts(here, cluster)
        assert not here.azure.resumed
        assert "cluster-failed" in codes(caplog)

    tell(story, bringing_up())


def test_a_failure_that_follows_a_success_which_nobody_saw_is_no_proof(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create()
        await here.passes(60, watching=True)
        assert (await made(here)) is not None
        await asyncio.sleep(3600)  # Tether is away
        says(here, cluster, "Failed", error=True)
        await here.passes(7200, watching=True)
        assert not puts(here, cluster)
        assert "cluster-failed" in codes(caplog)

    tell(story, bringing_up())


def says(here: Story, cluster: str, state: str, *, error: bool = False) -> None:
    """AKS prints another state of the cluster, as if an operation of somebody's ran or had failed."""
    held = here.azure.store.get(cluster)
    assert held is not None
    held.properties["provisioningState"] = state
    held.body["eTag"] = here.azure.guid()
    if error:
        message = "vmssCSE: command terminated with exit status=52"
        held.properties["status"] = {"provisioningError": {"code": "VMExtensionProvisioningError", "message": message}}
    here.azure.store.touch(held.id)


def test_a_cluster_that_somebody_touched_since_it_failed_is_theirs() -> None:
    async def story(here: Story) -> None:
        cluster = await failed(here)
        await here.passes(120, watching=True)
        says(here, cluster, "Failed")
        await here.passes(7200, watching=True)
        assert not puts(here, cluster)

    tell(story, bringing_up())


@pytest.mark.parametrize("dies", [False, True], ids=["", "and every worker dies between the table and the PUT"])
def test_a_kubenet_cluster_comes_up_once_its_subnet_has_its_table(dies: bool) -> None:
    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        while not any(call.startswith("PUT") and call.endswith("/subnets/nodes") for call in here.transport.asked):
            await here.passes(1, watching=True)
            assert not puts(here, cluster), "not before the table is attached"
        if dies:
            here.queue.lose_all()
        await here.passes(3600, watching=True)
        assert here.state(cluster) == "Succeeded"
        assert len(puts(here, cluster)) == 1
        assert await made(here) is None

    tell(story, bringing_up())


def test_after_three_puts_it_is_told_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """The link is there, and the spoke asks a DNS server that knows nothing of it."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await failed(here)
        here.faults.add(
            effects.fails_late("VMExtensionProvisioningError", "exit status=52"), method="PUT", path="team$"
        )
        await here.passes(4 * 3600, watching=True)
        moments = puts(here, cluster)
        assert len(moments) == 3
        assert all(later - sooner >= 60 for sooner, later in pairwise(moments))
        assert "creation-fails-again" in codes(caplog)
        intents = [line["change"]["action"] for line in lines(caplog, "intent") if "cluster" in line["change"]["place"]]
        assert intents == ["update", "continue", "continue"]

    tell(story, bringing_up())


@pytest.mark.parametrize("lost", ["the answer", "the row"])
@pytest.mark.parametrize("comes_up", [True, False], ids=["it comes up", "it fails again"])
def test_a_put_of_which_nobody_heard_is_not_made_again_while_it_runs(
    lost: str, comes_up: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """AKS took it; the answer never came, or its worker died before the ledger was written."""
    caplog.set_level("INFO", "tether")

    async def story(here: Story) -> None:
        cluster = await here.create(kubenet=True)
        if lost == "the answer":
            here.faults.add(effects.dropped_after(), method="PUT", path="team$", times=1)

        async def dies() -> None:
            here.ledger.down = lost == "the row"

        here.azure.between(cluster, dies, method="PUT")
        if not comes_up:
            nodes = effects.fails_late("VMExtensionProvisioningError", "exit status=52")
            here.faults.add(nodes, method="PUT", path="team$")
        while not puts(here, cluster):
            await here.passes(1, watching=True)
        here.queue.lose_all()
        here.ledger.down = False
        assert here.state(cluster) == "Updating"
        await here.passes(4 * 3600, watching=True)
        assert here.state(cluster) == ("Succeeded" if comes_up else "Failed")
        assert len(puts(here, cluster)) == 1
        (entry,) = await tries(here)
        assert entry.result in {"", "unknown"}, "a try, whatever became of it"
        assert ("cluster-failed" in codes(caplog)) is not comes_up
        assert here.queue.waiting() == 0

    tell(story, bringing_up())


async def tries(here: Story) -> list[Entry]:
    """The journal's entries on PUTs of the cluster."""
    entries = await here.ledger.journal((await row(here)).subject)
    return [entry for entry in entries if entry.handler == "failed_clusters"]


@pytest.mark.parametrize(
    ("path", "named", "pause"),
    [
        pytest.param("team$", 200, 200.0, id="a cluster, and Azure names the pause"),
        pytest.param("team$", None, 60.0, id="a cluster, and Azure names none"),
        pytest.param("subnets/nodes$", 200, 200.0, id="a subnet, and Azure names the pause"),
    ],
)
def test_what_azure_turned_down_is_not_written_again_before_the_pause_is_over(
    path: str, named: int | None, pause: float
) -> None:
    """Though events have Tether look every ten seconds."""

    async def story(here: Story) -> None:
        refusal = effects.throttled(named) if named else effects.another_operation()
        cluster = await here.create(kubenet=True)
        here.faults.add(refusal, method="PUT", path=path, times=1)
        for nth in range(120):
            await here.passes(10, watching=True)
            await here.event(cluster, "Microsoft.ContainerService/managedClusters/write", f"event {nth}")
        end = path.removesuffix("$").rpartition("/")[2]
        calls = zip(here.transport.asked, here.transport.asked_at, strict=True)
        first, second, *_ = [at for call, at in calls if call.startswith("PUT") and call.endswith(f"/{end}")][
            cluster.endswith(end) :
        ]
        assert second - first >= pause

    tell(story, bringing_up())


def test_a_group_that_could_not_be_read_for_now_is_not_asked_for_again_at_once() -> None:
    async def story(here: Story) -> None:
        cluster = await failed(here)
        group = "resourceGroups/mc_[^/]*$"
        here.faults.add(effects.throttled(40), method="GET", path=group, times=1)
        before = len(here.transport.asked)
        await here.event(cluster, "Microsoft.ContainerService/managedClusters/write")
        await here.passes(100)
        calls = list(zip(here.transport.asked, here.transport.asked_at, strict=True))[before:]
        first, second, *_ = [at for call, at in calls if re.search(group, call, re.IGNORECASE)]
        assert second - first >= 40

    tell(story, bringing_up(reconcile=False))
