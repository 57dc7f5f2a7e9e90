"""What there is around the API server that moves: two DNS servers on premises, workloads, and Tether."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from demo import hurried_clock
from localazure import bind as bind_server
from localazure import command_pod
from localazure.bind import Bind, ServedZone, TsigKey, bind
from localazure.host.functions_host import FunctionsHost
from localazure.kube_api import KubeApi, serving
from localazure.running import Running
from localazure.store import Json
from localazure.world import HubAndSpoke, hub_and_spoke

ZONE = "privatelink.westeurope.azmk8s.io"
NAMESPACE = "apps"

_APP = Path(__file__).parent / "hurried_app"
_SUBSCRIPTION = "44444444-4444-4444-4444-444444444444"  # no cluster of the other acts is in this one's way


def how_to_install() -> str:
    """What this act lacks, and the way to have it; empty where it lacks nothing."""
    lacking: list[str] = []
    if not bind_server.is_installed():
        lacking.append(f"BIND ({bind_server.HOW_TO_INSTALL})")
    if not command_pod.is_installed():
        lacking.append(f"kubectl ({command_pod.HOW_TO_INSTALL})")
    return " and ".join(lacking)


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything there is before the act begins.

    `primary` takes Tether's records, `branch` has a copy and hears of nothing; `kube` is the cluster's API server;
    Tether's clock is hurried through `clock`; `person` asks ARM and Tether.
    """

    world: HubAndSpoke
    primary: Bind
    branch: Bind
    kube: KubeApi
    host: FunctionsHost
    clock: Path
    person: aiohttp.ClientSession


@asynccontextmanager
async def stage_of(local: Running) -> AsyncGenerator[Stage]:
    """Set all of it up, without the cluster. Raises BindMissing, NotIndexed and what else cannot start."""
    world = hub_and_spoke(local.azure, nth=4, custom_dns=False, subscription=_SUBSCRIPTION)
    key = TsigKey()
    with tempfile.TemporaryDirectory(prefix="tether-demo-") as folder, serving(_kube()) as kube:
        clock = Path(folder) / "clock"
        settings = {"DEMO_TSIG": key.secret, hurried_clock.SETTING: str(clock)}
        async with (
            bind(ServedZone(ZONE, writers=(key,))) as primary,
            bind(ServedZone(ZONE, primary=primary.port)) as branch,
            local.app(_APP, policy=_policy(world, primary, branch, key), settings=settings) as host,
            aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person,
        ):
            local.azure.run_command = command_pod.command_pod(kube.url)
            yield Stage(world, primary, branch, kube, host, clock, person)


def _kube() -> KubeApi:
    """Two workloads that a move concerns, and one that asks the cluster's own DNS at every time."""
    kube = KubeApi()
    kube.add("deployments", "proxy", NAMESPACE, replicas=2)
    kube.add("daemonsets", "agent", NAMESPACE, pod={"hostNetwork": True})
    kube.add("deployments", "website", NAMESPACE, pod={"dnsPolicy": "ClusterFirst"})
    return kube


def _policy(world: HubAndSpoke, primary: Bind, branch: Bind, key: TsigKey) -> Json:
    tsig = {"name": key.name, "algorithm": key.algorithm, "secret": "@env:DEMO_TSIG"}
    record = {"zone": ZONE, "authoritative": True, "servers": [primary.address], "tsig": tsig}
    return {
        "owner": "demo",
        "mode": "enforce",
        "scope": {"subscriptions": [world.subscription]},
        "records": [record],
        "resolution": {"enabled": True, "servers": [primary.address, branch.address]},
        "podRestarts": {"enabled": True, "namespaces": [NAMESPACE]},
    }
