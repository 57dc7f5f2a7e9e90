"""Clusters that fail in an upgrade or a scaling, that are aborted, and what tells them from failed creations."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceModifiedError

from localazure.aks import interrupted, maintenance
from localazure.aks.rules import AksRules
from localazure.azure import LocalAzure
from localazure.store import Json
from tests.unit.localazure_aks.aks_clients import Bench, in_virtual_time, state_of
from tests.unit.localazure_aks.moves import a_cluster


async def put_as_read(bench: Bench, cluster_id: str) -> Any:
    name = cluster_id.rsplit("/", 1)[1]
    read = await bench.aks.managed_clusters.get("apps", name)
    return await bench.aks.managed_clusters.begin_create_or_update(
        "apps", name, read, etag=read.e_tag, match_condition=MatchConditions.IfNotModified
    )


def told_of_clusters(azure: LocalAzure) -> list[str]:
    """How each write of a cluster ends from now on."""
    told: list[str] = []

    def hear(event: Json) -> None:
        if event["data"]["operationName"].endswith("managedClusters/write"):
            told.append(event["eventType"].rpartition(".")[2])

    azure.listen(hear)
    return told


@pytest.mark.parametrize(
    ("fail", "state"),
    [
        pytest.param(interrupted.fail_upgrade, "Upgrading", id="an upgrade"),
        pytest.param(interrupted.fail_scaling, "Scaling", id="a scaling"),
    ],
)
def test_a_put_resumes_what_was_interrupted_and_is_noted(fail: Any, state: str) -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        told = told_of_clusters(bench.azure)
        await fail(bench.azure, cluster)
        assert await state_of(bench) == ("Failed", "VMExtensionProvisioningError")
        poller = await put_as_read(bench, cluster)
        assert (await state_of(bench))[0] == state
        assert bench.azure.resumed == [cluster]
        await poller.result()
        assert told == ["ResourceWriteFailure", "ResourceWriteSuccess"]
        await (await put_as_read(bench, cluster)).result()
        assert bench.azure.resumed == [cluster]

    in_virtual_time(story)


def test_a_failure_moves_the_etag() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        read = await bench.aks.managed_clusters.get("apps", "team")
        await interrupted.fail_upgrade(bench.azure, cluster)
        with pytest.raises(ResourceModifiedError):
            await bench.aks.managed_clusters.begin_create_or_update(
                "apps", "team", read, etag=read.e_tag, match_condition=MatchConditions.IfNotModified
            )

    in_virtual_time(story)


def test_an_aborted_creation_is_canceled_and_can_be_put_again() -> None:
    async def story(bench: Bench) -> None:
        told = told_of_clusters(bench.azure)
        poller = await bench.create()
        await bench.azure.clock.sleep(30)
        await (await bench.aks.managed_clusters.begin_abort_latest_operation("apps", "team")).result()
        assert (await state_of(bench))[0] == "Canceled"
        with pytest.raises(HttpResponseError):
            await poller.result()
        assert told == ["ResourceWriteCancel"]
        await (await bench.create()).result()
        assert (await state_of(bench))[0] == "Succeeded"

    in_virtual_time(story, custom_dns=False)


def test_what_is_at_rest_cannot_be_aborted_but_is_left_alone() -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        await maintenance.cancel(bench.azure, cluster)
        assert (await state_of(bench))[0] == "Succeeded"

    in_virtual_time(story)


@pytest.mark.parametrize("tells", [True, False])
def test_a_cluster_may_say_when_it_was_made(tells: bool) -> None:
    async def story(bench: Bench) -> None:
        bench.azure.aks = AksRules(tells_creation=tells)
        began = bench.azure.clock.iso()
        cluster = await a_cluster(bench)
        await (await put_as_read(bench, cluster)).result()
        read = await bench.aks.managed_clusters.get("apps", "team")
        said = read.as_dict().get("systemData")
        assert (said["createdAt"][:19] if said else "") == (began[:19] if tells else "")

    in_virtual_time(story)
