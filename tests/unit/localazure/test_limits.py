"""Token buckets at ARM's door: what they count, what they say, and when they are full again."""

from typing import Any

import pytest
from azure.core.rest import HttpRequest

from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.fleet import many_clusters
from localazure.limits import Limits
from localazure.virtual_time import run
from tests.unit.localazure.local_arm import GROUP, NETWORK, SUBSCRIPTION, ZONE, LocalArm

LEFT = "x-ms-ratelimit-remaining-subscription"
CLUSTERS = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters"
NO_CLUSTER = f"{CLUSTERS}/x"
SUBSCRIPTION_CLUSTERS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/managedClusters"


def limited(speed: float = 1) -> LocalArm:
    """A local ARM with its buckets on."""
    azure = LocalAzure(Clock(speed))
    local = LocalArm(azure)
    azure.limits = Limits(azure.clock)
    local.group()
    return local


@pytest.mark.parametrize(
    ("method", "path", "calls", "pause"),
    [
        pytest.param("GET", GROUP, 250, 1, id="ARM's reads come back 25 a second"),
        pytest.param("PUT", f"{NETWORK}/things/x", 200, 1, id="ARM's writes come back 10 a second"),
        pytest.param("DELETE", f"{NETWORK}/privateDnsZones/x", 200, 1, id="and so do its deletes"),
        pytest.param("GET", NO_CLUSTER, 60, 1, id="a cluster may be read 60 times"),
        pytest.param("PUT", NO_CLUSTER, 20, 60, id="a cluster may be written 20 times, then once a minute"),
    ],
)
def test_a_bucket_empties_and_fills_again(method: str, path: str, calls: int, pause: int) -> None:
    async def story() -> None:
        local = limited()
        body = {} if method == "PUT" else None
        for _ in range(calls):
            assert (await local.call(method, path, body)).status_code != 429
        refused = await local.call(method, path, body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "429")
        assert refused.headers["retry-after"] == str(pause)
        await local.azure.clock.sleep(pause)
        assert (await local.call(method, path, body)).status_code != 429
        assert local.azure.limits is not None
        assert local.azure.limits.refused == 1

    run(story())


async def reads_until_refused(local: LocalArm, path: str, pace: float) -> tuple[int, Any]:
    """How many reads at a pace (seconds) that ARM's own bucket allows, and the refusal."""
    for count in range(1000):
        said = await local.call("GET", path)
        if said.status_code == 429:
            return count, said
        await local.azure.clock.sleep(pace)
    raise AssertionError("never refused")


def test_private_dns_counts_its_reads_and_polls_for_five_minutes() -> None:
    async def story() -> None:
        local = limited()
        started = await local.call("PUT", ZONE, {"location": "global"})
        poll = await local.call("GET", started.headers["azure-asyncoperation"])
        assert poll.headers[f"{LEFT}-resource-requests"] == "499"
        count, refused = await reads_until_refused(local, ZONE, 0.05)
        assert count == 499
        assert 270 <= int(refused.headers["retry-after"]) <= 300
        await local.azure.clock.sleep(300)
        assert (await local.call("GET", ZONE)).status_code == 200

    run(story())


def test_lists_of_clusters_are_counted_by_subscription() -> None:
    async def story() -> None:
        local = limited()
        count, refused = await reads_until_refused(local, SUBSCRIPTION_CLUSTERS, 0.05)
        assert 500 < count < 540
        assert refused.headers["retry-after"] == "1"

    run(story())


def test_answers_tell_what_is_left_and_each_caller_has_buckets_of_its_own() -> None:
    async def story() -> None:
        local = limited()
        said = [await local.call("GET", GROUP) for _ in range(2)]
        assert [one.headers[f"{LEFT}-reads"] for one in said] == ["249", "248"]
        url = f"{local.azure.arm}{GROUP}?api-version=2024-03-01"
        other = HttpRequest("GET", url, headers={"authorization": "Bearer someone-else"})
        assert (await local.transport.send(other)).headers[f"{LEFT}-reads"] == "249"
        gone = await local.call("DELETE", f"{NETWORK}/privateDnsZones/x")
        assert (gone.status_code, gone.headers[f"{LEFT}-deletes"]) == (204, "199")
        missing = await local.call("GET", ZONE)
        assert (missing.status_code, missing.headers[f"{LEFT}-reads"]) == (404, "247")

    run(story())


def test_retry_after_is_in_seconds_of_ours() -> None:
    async def story() -> None:
        local = limited(speed=20)
        for _ in range(20):
            await local.call("PUT", NO_CLUSTER, {})
        assert (await local.call("PUT", NO_CLUSTER, {})).headers["retry-after"] == "3"

    run(story())


def test_without_the_setting_nothing_is_counted() -> None:
    async def story() -> None:
        local = LocalArm()
        many_clusters(local.azure, 1)
        statuses = {(await local.call("GET", SUBSCRIPTION_CLUSTERS)).status_code for _ in range(300)}
        assert statuses == {200}

    run(story())
