"""Commands that AKS runs inside a cluster: accepted at once, and looked up until there is a result."""

import base64
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from localazure.aks import maintenance
from localazure.aks.command import OUTPUT_LIMIT
from tests.unit.localazure_aks.aks_clients import Bench, in_virtual_time


async def a_cluster(bench: Bench, **properties: Any) -> str:
    """A private cluster that is up, whose PUT says more than usual, and its id."""

    async def link(zone: str) -> None:
        await bench.link(zone, bench.world.hub)

    bench.when_the_zone_is_born(link)
    made = await (await bench.create()).result()
    cluster = bench.azure.store.get(made.id)
    assert cluster is not None
    for key, value in properties.items():
        cluster.properties[key] = {**cluster.properties.get(key, {}), **value}
    return made.id


async def run_it(bench: Bench, **request: Any) -> Any:
    """POST a command and wait for its result, as the SDK does."""
    said = {"command": "kubectl get pods", **request}
    return await (await bench.aks.managed_clusters.begin_run_command("apps", "team", said)).result()


def test_a_command_runs_with_its_files_and_tells_its_exit_code() -> None:
    async def story(bench: Bench) -> None:
        ran: list[tuple[str, str, bytes]] = []

        def runner(cluster: str, command: str, context: bytes) -> tuple[int, str]:
            ran.append((cluster, command, context))
            return 3, "no such namespace\n"

        cluster = await a_cluster(bench)
        bench.azure.run_command = runner
        result = await run_it(bench, command="sh restart.sh", context=base64.b64encode(b"a zip").decode())
        assert ran == [(cluster, "sh restart.sh", b"a zip")]
        assert (result.provisioning_state, result.exit_code, result.logs) == ("Succeeded", 3, "no such namespace\n")
        assert (result.finished_at - result.started_at).total_seconds() == bench.azure.durations.command_run

    in_virtual_time(story)


def test_a_runner_may_be_a_coroutine_and_its_output_is_cut() -> None:
    async def story(bench: Bench) -> None:
        async def runner(_cluster: str, _command: str, _context: bytes) -> tuple[int, str]:
            await bench.azure.clock.sleep(100)
            return 0, "ü" * OUTPUT_LIMIT

        await a_cluster(bench)
        bench.azure.run_command = runner
        assert (await run_it(bench)).logs == "ü" * (OUTPUT_LIMIT // 2)

    in_virtual_time(story)


def test_a_fresh_azure_says_what_it_would_run() -> None:
    async def story(bench: Bench) -> None:
        await a_cluster(bench)
        assert "would run in team, with 0 bytes of files: kubectl get pods" in (await run_it(bench)).logs

    in_virtual_time(story)


def test_a_result_is_looked_up_by_its_address_alone() -> None:
    async def story(bench: Bench) -> None:
        path = f"{await a_cluster(bench)}/runCommand?api-version=2026-08-01"
        started = await bench.aks.send_request(HttpRequest("POST", path, json={"command": "true"}))
        assert (started.status_code, started.content) == (202, b"")
        assert "azure-asyncoperation" not in started.headers
        where = started.headers["location"]
        assert (await bench.aks.send_request(HttpRequest("GET", where))).status_code == 202
        await bench.azure.clock.sleep(10)
        ended = await bench.aks.send_request(HttpRequest("GET", where))
        assert (ended.status_code, ended.json()["properties"]["exitCode"]) == (200, 0)
        elsewhere = where.replace("/team/", "/other/")
        assert (await bench.aks.send_request(HttpRequest("GET", elsewhere))).status_code == 404

    in_virtual_time(story)


@pytest.mark.parametrize(
    ("properties", "request_", "said"),
    [
        pytest.param({"apiServerAccessProfile": {"disableRunCommand": True}}, {}, "disabled", id="when it is disabled"),
        pytest.param({"powerState": {"code": "Stopped"}}, {}, "is stopped", id="when the cluster is stopped"),
        pytest.param({"aadProfile": {"managed": True}}, {}, "clusterToken", id="with Entra and no token"),
        pytest.param({}, {"command": ""}, "command is required", id="without a command"),
        pytest.param({}, {"context": "no base64"}, "no base64", id="with files that are no base64"),
    ],
)
def test_a_command_is_refused(properties: dict[str, Any], request_: dict[str, Any], said: str) -> None:
    async def story(bench: Bench) -> None:
        await a_cluster(bench, **properties)
        with pytest.raises(HttpResponseError, match=said):
            await run_it(bench, **request_)

    in_virtual_time(story)


def test_with_a_token_a_cluster_with_entra_takes_it() -> None:
    async def story(bench: Bench) -> None:
        await a_cluster(bench, aadProfile={"managed": True})
        assert (await run_it(bench, clusterToken="a.b.c")).exit_code == 0

    in_virtual_time(story)


@pytest.mark.parametrize("trouble", ["the name does not resolve", "the endpoint is rejected", "there is no endpoint"])
def test_a_cluster_whose_nodes_are_lost_never_runs_it(trouble: str) -> None:
    async def story(bench: Bench) -> None:
        cluster = await a_cluster(bench)
        match trouble:
            case "the name does not resolve":
                bench.azure.resolvers.zones[bench.world.hub_resolver] = lambda _: ()
                reason = "does not resolve"
            case "the endpoint is rejected":
                maintenance.set_approval(bench.azure, cluster, "Rejected")
                reason = "is Rejected"
            case _:
                await maintenance.delete_endpoint(bench.azure, cluster)
                reason = "has no private address"
        result = await run_it(bench)
        assert (result.provisioning_state, result.exit_code, result.logs) == ("Failed", None, None)
        assert reason in result.reason

    in_virtual_time(story)


def test_a_command_is_told_as_an_action() -> None:
    async def story(bench: Bench) -> None:
        await a_cluster(bench)
        told: list[tuple[str, str]] = []
        bench.azure.listen(lambda event: told.append((event["eventType"], event["data"]["operationName"])))
        await run_it(bench)
        [(kind, name)] = told
        assert kind == "Microsoft.Resources.ResourceActionSuccess"
        assert name == "Microsoft.ContainerService/managedClusters/runCommand/action"

    in_virtual_time(story)
