"""`python -m localazure up`: the local Azure with a hub-and-spoke network, and the app, until Ctrl-C."""

import argparse
import asyncio
import importlib
import logging
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from localazure.azurite import azurite
from localazure.cannot_start import CannotStart

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
    except (CannotStart, OSError, ValueError) as error:
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
        sys.stdout.write("\nStopped.\n")


async def _up(options: argparse.Namespace, began: float) -> None:
    async with AsyncExitStack() as ending:
        # Azurite needs most of a second to start, and so does importing the rest of the local Azure.
        storage, _ = await asyncio.gather(
            ending.enter_async_context(azurite()), asyncio.to_thread(importlib.import_module, "localazure.up")
        )
        from localazure.up import everything, say

        await ending.enter_async_context(everything(options, storage))
        say(f"\nReady after {time.perf_counter() - began:.1f} s. Ctrl-C ends everything.")
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
