"""What people see whose kubenet cluster cannot be made: Tether attaches its route table, and puts the cluster again."""

import json
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.rule import Rule

from demo.patience import WentWrong, come, until
from demo.timeline import Timeline
from localazure.resources.subnets import Subnets
from localazure.running import Running
from localazure.store import Json, part
from localazure.world import HUB_SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke

_ROOT = Path(__file__).parent.parent
_NAME = "kubenet"
_CLUSTERS = "Microsoft.ContainerService/managedClusters"
_SUBSCRIPTION = "55555555-5555-5555-5555-555555555555"  # no cluster of the other acts is in this one's way
_MISSING_TABLE = "ExistingRouteTableNotAssociatedWithSubnet"


async def brought_up(console: Console, local: Running) -> list[str]:
    """Let the creation of a kubenet cluster fail while Tether looks on. What was not as it should be."""
    console.print(Rule("[bold]A kubenet cluster that cannot be made"))
    console.print(
        "The cluster is to stand in a subnet of one's own, with custom DNS. AKS makes a route table for its pods and "
        "leaves it to others to attach it, so the creation fails, and there it ends without Tether. Here the policy "
        "says [bold]failedClusters.reconcile[/], so that Tether may put the cluster again.\n"
    )
    local.event_grid.faults.lose = 0.0
    world = hub_and_spoke(local.azure, nth=5, subscription=_SUBSCRIPTION)
    Subnets(local.azure).change(world.node_subnet, serviceEndpoints=[{"service": "Microsoft.Storage"}])
    timeline = Timeline(console, local.azure.clock)
    async with local.app(_ROOT, policy=_policy(world)):
        timeline.start()
        return await timeline.during(_Act(local, world, timeline).run())


@dataclass(slots=True)
class _Act:
    """The steps, each of which must come for the next one to."""

    local: Running
    world: HubAndSpoke
    timeline: Timeline
    cluster: str = ""
    failures: set[str] = field(default_factory=set[str])
    """The ids of the events that tell of a failure of the cluster."""
    wrong: list[str] = field(default_factory=list[str])

    async def run(self) -> list[str]:
        before = self._subnet()
        self.local.azure.listen(self._happened)
        try:
            await self._failed()
            await self._attached(before)
            await self._put_again()
        except WentWrong as reason:
            self.wrong.append(f"a kubenet cluster that cannot be made: {reason}")
        return self.wrong

    async def _failed(self) -> None:
        self.cluster = f"{self.world.group}/providers/{_CLUSTERS}/{_NAME}"
        url = f"{self.local.http}{self.cluster}?api-version=2025-05-01"
        request = cluster_request(self.world.node_subnet, self.world.location, kubenet=True)
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer any"}) as person,
            person.put(url, json=request) as answer,
        ):
            answer.raise_for_status()
        self.timeline.step("asked", f"a person asks for the private cluster {_NAME}, with the network plugin kubenet")
        await come(until(lambda: self._state() == "Failed", 40), "the creation fails")
        error = part(part(self._properties(), "status"), "provisioningError").get("code")
        self.timeline.step(
            "failed", f"the cluster is Failed: its subnet does not have its route table ({error})", "red"
        )
        if error != _MISSING_TABLE:
            self.wrong.append(f"the creation should fail for want of the route table, but: {error}")

    async def _attached(self, before: Json) -> None:
        subscriptions = self.local.event_grid.subscriptions
        await come(until(lambda: any(self.failures & one.tried for one in subscriptions)), "the event reaches Tether")
        self.timeline.step("event", "Event Grid tells Tether")
        table = await come(until(self._table), "the subnet gets its route table")
        self.timeline.step("attached", f"Tether has attached {table.rpartition('/')[2]} to the subnet", "cyan")
        await come(until(lambda: self._subnet()["provisioningState"] == "Succeeded"), "Azure is done with the subnet")
        after = self._subnet()
        lost = sorted(name for name, value in before.items() if after.get(name) != value)
        if lost:
            self.wrong.append(f"the subnet should have kept {', '.join(lost)}")
            return
        self.timeline.step("kept", "the subnet has all that it had before, its service endpoint among it")

    async def _put_again(self) -> None:
        await come(until(lambda: self._state() != "Failed", 30), "Tether puts the cluster again")
        self.timeline.step("put", "Tether puts the cluster again, as it read it: AKS goes on where it stopped", "cyan")
        await come(until(lambda: self._state() in {"Succeeded", "Failed"}, 40), "AKS ends with the cluster")
        state, routes = self._state(), self._routes()
        self.timeline.step("routes", f"AKS has written a route to the pods of each node: {', '.join(routes)}")
        self.timeline.step("ended", f"the cluster is {state}", "green" if state == "Succeeded" else "red")
        if (state, len(routes), len(self.failures)) != ("Succeeded", 2, 1):
            self.wrong.append(f"the kubenet cluster should come up, with two routes, but: {state} {routes}")

    def _happened(self, event: Json) -> None:
        mine = str(event["subject"]).casefold() == self.cluster.casefold()
        if mine and event["eventType"].endswith("WriteFailure"):
            self.failures.add(event["id"])

    def _state(self) -> str:
        return str(self._properties().get("provisioningState"))

    def _properties(self) -> Json:
        held = self.local.azure.store.get(self.cluster)
        return held.properties if held is not None else {}

    def _subnet(self) -> Json:
        held = self.local.azure.store.get(self.world.node_subnet)
        return deepcopy(held.properties) if held is not None else {}

    def _table(self) -> str:
        """The id of the subnet's route table, empty while it has none."""
        return str(part(self._subnet(), "routeTable").get("id") or "")

    def _routes(self) -> list[str]:
        """Where the routes in the subnet's table lead from and to."""
        held = self.local.azure.store.of_type("Microsoft.Network/routeTables/routes", self._table())
        return [f"{one.properties['addressPrefix']} to {one.properties['nextHopIpAddress']}" for one in held]


def _policy(world: HubAndSpoke) -> str:
    return json.dumps(
        {
            "owner": "demo",
            "mode": "enforce",
            "scope": {"subscriptions": [world.subscription], "hubSubscriptions": [HUB_SUBSCRIPTION]},
            "hubs": [{"vnet": world.hub, "locations": [world.location]}],
            "failedClusters": {"reconcile": True},
        }
    )
