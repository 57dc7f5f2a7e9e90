"""What a person sees who removes a link by mistake: the dry run tells, the sweep mends."""

from typing import Any

import aiohttp
from rich.console import Console

from demo.patience import until
from demo.timeline import Timeline
from localazure.host.functions_host import FunctionsHost
from localazure.running import Running
from localazure.store import Resource
from localazure.world import HubAndSpoke

_LINK = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"


async def removed_and_mended(
    console: Console, local: Running, world: HubAndSpoke, host: FunctionsHost, name: str
) -> list[str]:
    """Remove the hub's link of the cluster `name`, ask for a dry run, sweep. What was not as it should be."""
    timeline = Timeline(console, local.azure.clock)
    timeline.start()
    link = _link_to_hub(local, world, name)
    if link is None:
        return [f"there is no link to the hub to remove for {name}"]
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person:
        async with person.delete(f"{local.http}{link.id}?api-version=2024-06-01") as answer:
            timeline.step(
                "removed", f"a person removes the link to {world.hub.rpartition('/')[2]} ({answer.status})", "red"
            )
        if not await until(lambda: _link_to_hub(local, world, name) is None):
            return ["the link should be gone"]
        wanted = await _dry_run(person, world, host, name)
        timeline.step("dry run", f"HTTP dry run: {len(wanted)} change: {wanted[0]['reason'] if wanted else 'none'}")
        await host.run_now("sweep")
        timeline.step("swept", "the hourly sweep runs, and finds that this cluster differs")
        mended = await until(lambda: _completed(_link_to_hub(local, world, name)))
    if not mended or len(wanted) != 1:
        return [f"a dry run should plan one link, and the sweep bring it back; planned {len(wanted)}, back: {mended}"]
    timeline.step("mended", "the link is there again, and Completed", "green")
    return []


async def _dry_run(person: aiohttp.ClientSession, world: HubAndSpoke, host: FunctionsHost, name: str) -> list[Any]:
    group = world.group.rpartition("/")[2]
    url = f"{host.url}/api/clusters/{world.subscription}/{group}/{name}/reconcile?dryRun=true"
    async with person.post(url, headers={"x-functions-key": host.keys.function}) as answer:
        return (await answer.json()).get("changes", [])


def _link_to_hub(local: Running, world: HubAndSpoke, name: str) -> Resource | None:
    """Tether's link from the cluster's zone to the spoke's hub, as ARM has it."""
    for link in local.azure.store.of_type(_LINK):
        to = link.properties["virtualNetwork"]["id"].casefold()
        if f"_{name}_".casefold() in link.id.casefold() and to == world.hub.casefold():
            return link
    return None


def _completed(link: Resource | None) -> bool:
    return link is not None and link.properties["virtualNetworkLinkState"] == "Completed"
