"""What `python -m localazure up` brings up, and what it tells about it."""

import json
import shlex
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from localazure.azurite import Azurite
from localazure.host.functions_host import FunctionsHost
from localazure.login import az_lines
from localazure.running import Running, running
from localazure.store import Json
from localazure.world import HUB_SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke

STATE = Path(".localazure")
"""Certificates (kept, so that they need to be trusted once) and the example's body, in the current folder."""


@asynccontextmanager
async def everything(options: Namespace, storage: Azurite) -> AsyncGenerator[None]:
    """ARM with a ready-made hub-and-spoke network and, unless `options.no_app`, the app, for as long as the context."""
    up = running(
        speed=options.speed,
        seed=options.seed,
        port=options.port,
        https_port=options.https_port,
        storage=storage,
        certificate_folder=STATE,
    )
    async with up as local:
        world = hub_and_spoke(local.azure, second_hub=True)
        policy: Json | str = f"@{options.policy.absolute()}" if options.policy else policy_for(world)
        describe(local, world, policy)
        if options.no_app:
            yield
            return
        async with local.app(options.app.absolute(), policy=policy) as host:
            describe_app(host)
            yield


def policy_for(world: HubAndSpoke) -> Json:
    """A policy that links the hubs of a ready-made world."""
    return {
        "owner": "local",
        "mode": "enforce",
        "scope": {"subscriptions": [world.subscription], "hubSubscriptions": [HUB_SUBSCRIPTION]},
        "hubs": [{"vnet": hub, "locations": [world.location]} for hub in world.hubs],
    }


def describe(local: Running, world: HubAndSpoke, policy: Json | str) -> None:
    """Print where everything is and what to try."""
    say(f"Local Azure is up; its clock runs {local.azure.clock.speed:g} times as fast as yours.")
    say(f"\n  ARM          {local.https}   (trust {local.authority})")
    say(f"               {local.http}   (no TLS; any bearer token)")
    say(f"  identity     {local.http}/msi/token")
    say(f"  control      {local.http}/_local/   clock, events, faults, event-faults, lookup")
    if local.storage is not None:
        say(f"  storage      {local.storage.queue} (queue), {local.storage.table} (table), {local.storage.blob} (blob)")
    say(f"\n  hubs         {'\n               '.join(world.hubs)}")
    say(f"  spoke        {world.spoke}")
    say("\nEnvironment for an app of your own:")
    for name, value in local.app_settings(policy).items():
        say(f"  export {name}={shlex.quote(value)}")
    say("\naz CLI against this Azure, in a shell of its own:")
    for line in az_lines(local.azure, local.authority):
        say(f"  {line}")
    body = STATE / "cluster.json"
    body.write_text(json.dumps(cluster_request(world.node_subnet, world.location), indent=2))
    cluster = f"{world.group}/providers/Microsoft.ContainerService/managedClusters/team"
    authorization = "-H 'Authorization: Bearer any' -H 'Content-Type: application/json'"
    say("\nCreate a private cluster in the spoke, then look at it:")
    say(f"  curl -X PUT {authorization} -d @{body} '{local.http}{cluster}?api-version=2025-05-01'")
    say(f"  curl {authorization} '{local.http}{cluster}?api-version=2025-05-01'")


def describe_app(host: FunctionsHost) -> None:
    """Print what the app has and where it answers."""
    say(f"\nThe app in {host.app} was indexed in {host.indexed_in:.2f} s and answers at {host.url}")
    for function in host.functions.values():
        say(f"  {function.name:<20} {function.kind}")
    say(f"  function key         {host.keys.function}")


def say(line: str) -> None:
    """One line on stdout, at once, also into a pipe."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
