"""`python -m smoke`: is everything there that Tether needs, and does it work in this subscription?"""

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from azure.core.pipeline.transport import AioHttpTransport
from rich.console import Console
from rich.markup import escape

from functions.arm.clouds import BY_NAME, Cloud
from functions.arm.credential import TokenSource
from functions.arm.resource_id import is_guid
from functions.arm.session import Session
from functions.policy import Policy, PolicyError, load
from smoke.ground import Ground
from smoke.report import Report
from smoke.run import Wanted, smoke
from smoke.wire import Wire

_SAYS = """\
Looks, in this order, and says what is wrong and what to do:
  1. before anything runs: your sign-in, this clock against ARM's, the policy, rights, your DNS servers
  2. the app as it is deployed: /api/health, a dry run, the last sweep (nothing of this writes)
  3. with --write alone, and after you have typed a name: Tether's own code, run here with your sign-in, in a
     resource group tether-smoke-<random> that it makes and removes: a zone is linked to a VNet, seen Completed,
     left alone and removed; and what no documentation tells is asked of Azure. About ten minutes, a few cents.
     Nothing outside of that group is written, also when it fails or you press Ctrl-C.
All goes to build/smoke-<time>.json, without subscription or tenant ids, names of people, tokens and keys.
"""
_EXAMPLES = """\
examples:
  az login
  python -m smoke --subscription <guid> --policy policy.json
  TETHER_FUNCTION_KEY=… python -m smoke --subscription <guid> --policy policy.json --url https://<app>.azurewebsites.net
  python -m smoke --subscription <guid> --location westeurope --write

exit code: 0 all well, 1 something is wrong, 2 wrong arguments, 130 stopped
"""


def main(arguments: list[str] | None = None) -> int:
    """The exit code, as `--help` tells them."""
    options = _parser().parse_args(arguments)
    console = Console()
    try:
        wanted = _wanted(options)
        _cloud(options.cloud)
    except (OSError, ValueError, PolicyError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 2
    report = Report(console, time.time())
    stopped = False
    try:
        asyncio.run(_run(wanted, options, report))
    except (KeyboardInterrupt, asyncio.CancelledError):
        stopped = True
    for name in report.left:
        console.print(f"[red]{name} is left: az group delete --yes --name {name}[/]")
    console.print(f"written to {report.write()}")
    if stopped:
        console.print("Stopped.")
        return 130
    console.print("[green]All well.[/]" if not report.wrong else f"[red]{len(report.wrong)} wrong.[/]")
    return 1 if report.wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m smoke",
        description=_SAYS,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_argument_group("where")
    where.add_argument("--subscription", help="GUID of the subscription (or AZURE_SUBSCRIPTION_ID)")
    where.add_argument("--cloud", choices=list(BY_NAME), default=os.environ.get("TETHER_CLOUD", "AzureCloud"))
    where.add_argument("--location", default="westeurope", help="region of the throw-away group (default westeurope)")
    policy = parser.add_argument_group("the policy, and the app")
    policy.add_argument("--policy", type=Path, help="file with the policy (or TETHER_POLICY, as the app has it)")
    policy.add_argument("--app-principal", default="", help="object id of the app's identity, to look at its rights")
    policy.add_argument("--second-principal", default="", help="the same for the second app, where there is one")
    policy.add_argument("--url", default=os.environ.get("TETHER_URL", ""), help="the app's address (or TETHER_URL)")
    policy.add_argument("--key-file", type=Path, help="file with a function key (or TETHER_FUNCTION_KEY)")
    policy.add_argument("--cluster", default="", help="id of a cluster for the dry run (default: the app's first)")
    writing = parser.add_argument_group("writing")
    writing.add_argument("--write", action="store_true", help="also make, use and remove a resource group of its own")
    writing.add_argument("--yes", action="store_true", help="with --write: do not ask (for pipelines)")
    return parser


def _wanted(options: argparse.Namespace) -> Wanted:
    """What the arguments and the environment ask for. Raises ValueError, OSError or PolicyError."""
    subscription = options.subscription or os.environ.get("AZURE_SUBSCRIPTION_ID", "")
    if not is_guid(subscription):
        raise ValueError("name the subscription by its GUID:  --subscription, or AZURE_SUBSCRIPTION_ID")
    if any(given and not is_guid(given) for given in (options.app_principal, options.second_principal)):
        raise ValueError("--app-principal and --second-principal are object ids, GUIDs")
    key = options.key_file.read_text(encoding="utf-8").strip() if options.key_file else ""
    return Wanted(
        subscription=subscription,
        location=options.location.replace(" ", "").lower(),
        policy=_policy(options.policy),
        principal=options.app_principal,
        second=options.second_principal,
        url=options.url,
        key=key or os.environ.get("TETHER_FUNCTION_KEY", ""),
        cluster=options.cluster,
        writes=options.write,
    )


def _cloud(name: str) -> Cloud:
    """The cloud; its ARM may be another one, as the app's may (TETHER_ARM_ENDPOINT, the local Azure)."""
    endpoint = os.environ.get("TETHER_ARM_ENDPOINT", "").rstrip("/")
    if endpoint and urlsplit(endpoint).scheme != "https":
        raise ValueError("TETHER_ARM_ENDPOINT must be https:// and a host: a token is sent there")
    return replace(BY_NAME[name], arm=endpoint) if endpoint else BY_NAME[name]


def _policy(file: Path | None) -> Policy | None:
    text = f"@{file}" if file else os.environ.get("TETHER_POLICY", "")
    return load(text) if text else None


async def _run(wanted: Wanted, options: argparse.Namespace, report: Report) -> None:
    """With your own sign-in. SIGTERM ends it as Ctrl-C does, the group removed first."""
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: task and task.cancel())
    session = Session(_cloud(options.cloud), _sign_in(), AioHttpTransport(connection_timeout=5))
    wire = Wire(session, time.time, asyncio.sleep)

    async def consent(ground: Ground) -> bool:
        report.line(
            f"  {ground.name} in {ground.location}: two VNets, a private zone, a few links and records; then gone."
        )
        if options.yes:
            return True
        return sys.stdin.isatty() and _typed("  Type its name to go on: ") == ground.name

    try:
        await smoke(wanted, wire, report, consent)
    finally:
        await session.close()


def _typed(prompt: str) -> str:
    """What is typed, and nothing on Ctrl-C. Nothing else runs meanwhile.

    asyncio's own handler would only note a first Ctrl-C, and go on waiting for the line.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(prompt).strip()
    except (EOFError, KeyboardInterrupt):
        return ""
    finally:
        signal.signal(signal.SIGINT, before)


def _sign_in() -> TokenSource:
    """The sign-in of az, or else of azd. Neither goes over the network here, so that there is nothing to retry."""
    from azure.identity.aio import AzureCliCredential, AzureDeveloperCliCredential

    uses_azd = shutil.which("az") is None and shutil.which("azd") is not None
    return TokenSource((AzureDeveloperCliCredential if uses_azd else AzureCliCredential)(process_timeout=30))


if __name__ == "__main__":
    sys.exit(main())
