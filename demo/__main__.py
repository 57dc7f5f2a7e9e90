"""The demo's acts, and whether all went as it should."""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table

from demo.app_log import app_log
from demo.creation import Creation, Ended
from demo.kubenet import brought_up
from demo.mending import removed_and_mended
from demo.moving import moved
from demo.timeline import Timeline
from localazure.cannot_start import CannotStart
from localazure.running import Running, running
from localazure.world import HUB_SUBSCRIPTION, HubAndSpoke, hub_and_spoke

ROOT = Path(__file__).parent.parent
SPEED = 40.0
OWNER = "demo"
LOG = ROOT / "build" / "demo.log"


def main() -> int:
    """0 when every step was as it should be, else 1."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--speed", type=float, default=SPEED, help=f"Azure's clock against ours (default {SPEED:g})")
    options = parser.parse_args()
    console = Console()
    try:
        wrong = asyncio.run(_play(console, options.speed))
    except CannotStart as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    for line in wrong:
        console.print(f"[red]✗ {escape(line)}[/]")
    if not wrong:
        console.print("[green]✓ Every step was as it should be.[/]")
    return 1 if wrong else 0


async def _play(console: Console, speed: float) -> list[str]:
    began = time.perf_counter()
    async with running(speed=speed, seed=int(began)) as local:
        console.print(
            f"A local Azure is up. Its clock runs [bold]{speed:g}[/] times as fast as yours; Tether's does not, so "
            "here Tether has less time than in Azure. A spoke asks the DNS server in its hub, 10.0.0.4, for every "
            "name. AKS will make a private zone for the cluster, under a name that nobody can know before, and link it "
            "to the spoke alone."
        )
        wrong = await _without(console, local)
        with app_log(LOG):
            wrong += await _with(console, local)
            wrong += await brought_up(console, local)
            wrong += await moved(console, local)
        if local.azure.failures:
            wrong.append(f"the local Azure itself failed: {local.azure.failures[0]!r}")
    console.print(f"[dim]{time.perf_counter() - began:.0f} s in all[/]")
    return wrong


async def _without(console: Console, local: Running) -> list[str]:
    console.print(Rule("[bold]Without Tether"))
    world = hub_and_spoke(local.azure, second_hub=True)
    timeline = Timeline(console, local.azure.clock)
    ended = await _watched(local, world, timeline, "without-tether")
    why = "nodes gave up looking for the API server's name, exit status 52" if "52" in ended.message else ended.message
    timeline.step("ended", f"the cluster is {ended.state}: {why} ({ended.error})", "red")
    wrong: list[str] = []
    if ended.state != "Failed" or "52" not in ended.message:
        wrong.append(f"without Tether the cluster should fail with exit status 52, but: {ended.state} {ended.message}")
    if (timeline.at("ended") or 0) < 600:
        wrong.append("the nodes should have waited for 600 s of Azure's time")
    return wrong


async def _with(console: Console, local: Running) -> list[str]:
    console.print(Rule("[bold]With Tether"))
    world = hub_and_spoke(local.azure, nth=2, second_hub=True)
    timeline = Timeline(console, local.azure.clock)
    async with local.app(ROOT, policy=_policy(world)) as host:
        console.print(f"Tether is running: {', '.join(host.functions)} (its log: {LOG.relative_to(ROOT)})\n")
        ended = await _watched(local, world, timeline, "with-tether")
        timeline.step("ended", f"the cluster is {ended.state}", "green" if ended.state == "Succeeded" else "red")
        wrong = _judged(timeline, world, ended, _WITH_EVENT) + _undelivered(local)
        _show_links(console, ended)
        _show_spans(console, timeline, world, local.azure.clock.speed)
        console.print(Rule("[bold]A link that someone removes"))
        local.event_grid.faults.lose = 1.0
        wrong += await removed_and_mended(console, local, world, host, "with-tether")
        wrong += await _with_lost_events(console, local)
    return wrong


async def _with_lost_events(console: Console, local: Running) -> list[str]:
    """The same without a single event: the timer `watch` sees the cluster in AKS's own list."""
    console.print(Rule("[bold]With Tether, every event lost"))
    world = hub_and_spoke(local.azure, nth=3, second_hub=True)
    timeline = Timeline(console, local.azure.clock)
    ended = await _watched(local, world, timeline, "unheard-of")
    timeline.step("ended", f"the cluster is {ended.state}", "green" if ended.state == "Succeeded" else "red")
    wrong = _judged(timeline, world, ended, _WITHOUT_EVENT)
    if timeline.at("event") is not None:
        wrong.append("no event should have come")
    return [f"with every event lost: {line}" for line in wrong]


async def _watched(local: Running, world: HubAndSpoke, timeline: Timeline, name: str) -> Ended:
    creation = Creation(local, world, timeline, name)
    return await timeline.during(creation.run(), "; nodes give up 600 s after they boot")


def _policy(world: HubAndSpoke) -> str:
    """Both hubs named: the one whose resolvers the spoke asks, and one for others who need the API server."""
    return json.dumps(
        {
            "owner": OWNER,
            "mode": "enforce",
            "scope": {"subscriptions": [world.subscription], "hubSubscriptions": [HUB_SUBSCRIPTION]},
            "hubs": [{"vnet": hub, "locations": [world.location]} for hub in world.hubs],
        }
    )


_WITHOUT_EVENT = ("asked", "zone")
_WITH_EVENT = (*_WITHOUT_EVENT, "event")


def _judged(timeline: Timeline, world: HubAndSpoke, ended: Ended, steps: tuple[str, ...]) -> list[str]:
    """What was not as it should be with Tether: each of the steps, the links, the cluster."""
    wrong: list[str] = []
    if ended.state != "Succeeded":
        wrong.append(f"with Tether the cluster should come up, but: {ended.state} {ended.message}")
    names = [hub.rpartition("/")[2] for hub in world.hubs]
    wanted = [
        *steps,
        *(f"{step} {name}" for name in names for step in ("accepted", "completed")),
        "resolves",
    ]
    wrong += [f"this step is missing: {step}" for step in wanted if timeline.at(step) is None]
    ours = {
        (link.properties.virtual_network.id or "").casefold()
        for link in ended.links
        if (link.tags or {}).get("tether-owner") == OWNER and link.properties.virtual_network_link_state == "Completed"
    }
    if ours != {hub.casefold() for hub in world.hubs}:
        wrong.append(f"ARM should show a Completed link of Tether's to each hub, and shows {sorted(ours)}")
    return wrong


def _undelivered(local: Running) -> list[str]:
    """Tether takes every event, also those that do not concern it."""
    attempts = [attempt for subscription in local.event_grid.subscriptions for attempt in subscription.attempts]
    failed = [attempt for attempt in attempts if attempt.status >= 400 or attempt.status == 0]
    return [f"{len(failed)} of {len(attempts)} deliveries of events failed"] if failed else []


def _show_links(console: Console, ended: Ended) -> None:
    table = Table(title=f"\nThe links of {ended.zone}, as ARM reports them", title_justify="left")
    for column in ("link", "to", "state", "made by"):
        table.add_column(column, overflow="fold")
    for link in ended.links:
        owner = (link.tags or {}).get("tether-owner")
        to = (link.properties.virtual_network.id or "").rpartition("/")[2]
        table.add_row(
            link.name, to, link.properties.virtual_network_link_state, f"Tether ({owner})" if owner else "AKS"
        )
    console.print(table)


def _show_spans(console: Console, timeline: Timeline, world: HubAndSpoke, speed: float) -> None:
    hub = world.hub.rpartition("/")[2]
    table = Table(title="\nHow long it took", title_justify="left")
    table.add_column("from the zone's birth to")
    table.add_column("Azure's clock", justify="right")
    table.add_column("real time here", justify="right")
    for name, step in (
        (f"link to {hub} accepted", f"accepted {hub}"),
        (f"link to {hub} Completed", f"completed {hub}"),
        ("the name resolves in the spoke", "resolves"),
        ("cluster Succeeded", "ended"),
    ):
        if (span := timeline.between("zone", step)) is not None:
            table.add_row(name, f"{span:.0f} s", f"{span / speed:.2f} s")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
