"""`python -m localazure up`: the local Azure with a hub-and-spoke network, and the app, until Ctrl-C."""

import argparse
import asyncio
import json
import logging
import shlex
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from localazure.azurite import AzuriteMissing
from localazure.event_grid import SubscriptionRefused
from localazure.host.bindings import BindingError
from localazure.host.functions_host import FunctionsHost
from localazure.host.worker_process import NotIndexed
from localazure.running import Running, running
from localazure.store import Json
from localazure.world import HUB_SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke

_STATE = Path(".localazure")
_EXAMPLES = """\
examples:
  python -m localazure up                       local Azure and the app of this repository
  python -m localazure up --speed 60            ten minutes of Azure pass in ten seconds
  python -m localazure up --no-app              only Azure; run the app elsewhere with the environment printed
  python -m localazure up --app ../other-app --policy policy.json
"""


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 also after Ctrl-C, 1 when something could not be brought up (one sentence says what)."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    began = time.perf_counter()
    try:
        asyncio.run(_until_stopped(options, began))
    except (AzuriteMissing, BindingError, NotIndexed, SubscriptionRefused, OSError, ValueError) as error:
        sys.stderr.write(f"localazure: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localazure",
        description="A local Azure on 127.0.0.1: ARM, Event Grid, managed identity, storage and a Functions host.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser(
        "up",
        help="bring everything up and keep it running until Ctrl-C",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    up.add_argument("--speed", type=float, default=1.0, help="seconds of Azure's clock in one of ours (default 1)")
    up.add_argument("--port", type=int, default=0, help="port for http (default: any free one)")
    up.add_argument("--https-port", type=int, default=0, help="port for https (default: any free one)")
    which = up.add_mutually_exclusive_group()
    which.add_argument("--no-app", action="store_true", help="do not run a function app")
    which.add_argument(
        "--app", type=Path, default=Path(__file__).parent.parent, help="folder of the app (default: this one)"
    )
    up.add_argument("--policy", type=Path, help="file with Tether's policy (default: link the hub, mode enforce)")
    up.add_argument("--seed", type=int, default=0, help="seed of all chance (default 0)")
    return parser


async def _until_stopped(options: argparse.Namespace, began: float) -> None:
    """Run until SIGINT or SIGTERM, then end everything in order."""
    work = asyncio.ensure_future(_up(options, began))
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        work.cancel()

    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop)
    try:
        await work
    except asyncio.CancelledError:
        if not stopped:
            raise
        _say("\nStopped.")


async def _up(options: argparse.Namespace, began: float) -> None:
    up = running(
        speed=options.speed,
        seed=options.seed,
        port=options.port,
        https_port=options.https_port,
        certificate_folder=_STATE,
    )
    async with AsyncExitStack() as ending:
        local = await ending.enter_async_context(up)
        world = hub_and_spoke(local.azure, second_hub=True)
        policy: Json | str = f"@{options.policy.absolute()}" if options.policy else policy_for(world)
        _describe(local, world, policy, time.perf_counter() - began)
        if not options.no_app:
            host = await ending.enter_async_context(local.app(options.app.absolute(), policy=policy))
            _describe_app(host)
        _say("\nReady. Ctrl-C ends everything.")
        await asyncio.Event().wait()


def policy_for(world: HubAndSpoke) -> Json:
    """A policy that links the hubs of a ready-made world."""
    return {
        "owner": "local",
        "mode": "enforce",
        "scope": {"subscriptions": [world.subscription], "hubSubscriptions": [HUB_SUBSCRIPTION]},
        "hubs": [{"vnet": hub, "locations": [world.location]} for hub in world.hubs],
    }


def _describe(local: Running, world: HubAndSpoke, policy: Json | str, seconds: float) -> None:
    _say(f"Local Azure is up ({seconds:.1f} s); its clock runs {local.azure.clock.speed:g} times as fast as yours.")
    _say(f"\n  ARM          {local.https}   (trust {local.authority})")
    _say(f"               {local.http}   (no TLS; any bearer token)")
    _say(f"  identity     {local.http}/msi/token")
    _say(f"  control      {local.http}/_local/   clock, events, faults, event-faults, lookup")
    if local.storage is not None:
        _say(
            f"  storage      {local.storage.queue} (queue), {local.storage.table} (table), {local.storage.blob} (blob)"
        )
    _say(f"\n  hubs         {'\n               '.join(world.hubs)}")
    _say(f"  spoke        {world.spoke}")
    _say("\nEnvironment for an app of your own:")
    for name, value in local.app_settings(policy).items():
        _say(f"  export {name}={shlex.quote(value)}")
    body = _STATE / "cluster.json"
    body.write_text(json.dumps(cluster_request(world.node_subnet, world.location), indent=2))
    cluster = f"{world.group}/providers/Microsoft.ContainerService/managedClusters/team"
    authorization = "-H 'Authorization: Bearer any' -H 'Content-Type: application/json'"
    _say("\nCreate a private cluster in the spoke, then look at it:")
    _say(f"  curl -X PUT {authorization} -d @{body} '{local.http}{cluster}?api-version=2025-05-01'")
    _say(f"  curl {authorization} '{local.http}{cluster}?api-version=2025-05-01'")


def _describe_app(host: FunctionsHost) -> None:
    _say(f"\nThe app in {host.app} was indexed in {host.indexed_in:.2f} s and answers at {host.url}")
    for function in host.functions.values():
        _say(f"  {function.name:<20} {function.kind}")
    _say(f"  function key         {host.keys.function}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
