"""What people do in a random world: make clusters and delete them, write tags, forge zones, take links over."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from azure.core.rest import HttpRequest

from functions.policy import OWNER_TAG
from localazure.arm_front import arm_app
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.resources.groups import ResourceGroups
from localazure.store import Json
from localazure.world import SUBSCRIPTION, cluster_request
from tests.scenarios.cluster_shapes import shaped
from tests.scenarios.random_world import AGENTS, APPS, LINKS, LISTED, ZONES, Plan, RandomWorld


class People:
    """All that they do is drawn from the world's seed, and done through an ARM that no fault touches."""

    def __init__(self, world: RandomWorld) -> None:
        self._world, self._azure, self._dice = world, world.azure, world.dice
        self._person = InProcessTransport(arm_app(world.azure, Faults(world.azure)))

    async def live(self) -> None:
        """All that people do, at its time."""
        dice, deeds = self._dice, list[tuple[float, int, Callable[[], Awaitable[None]]]]()
        for plan in self._world.plans:
            deeds.append((plan.born, len(deeds), lambda plan=plan: self.create(plan)))
            if plan.dies is not None:
                deeds.append((plan.dies, len(deeds), lambda plan=plan: self.delete(plan)))
            for _ in range(dice.randint(0, 3)):
                at = plan.born + dice.uniform(20, self._world.busy_for)
                deeds.append((at, len(deeds), lambda plan=plan: self._touch(plan)))
        for deed in (self._forge, self._take_over):
            if dice.random() < 0.6:
                deeds.append((dice.uniform(120, self._world.busy_for), len(deeds), deed))
        began = self._azure.clock.now()
        for at, _, deed in sorted(deeds, key=lambda each: each[:2]):
            await asyncio.sleep(max(0.0, began + at - self._azure.clock.now()))
            await deed()

    async def late_birth(self) -> Plan:
        """One more cluster, whose zone Tether has to link in time."""
        plan = replace(
            self._world.drawn_cluster(len(self._world.plans)),
            spoke=self._world.spokes[0],
            mode="system",
            excluded=False,
            lockdown=False,
            dies=None,
            id=f"{self._world.spokes[0].group}/providers/Microsoft.ContainerService/managedClusters/late",
        )
        plan.takes(self._world.harmless_shape())
        self._world.plans.append(plan)
        await self.create(plan)
        return plan

    async def delete_again(self) -> None:
        """Who deletes a cluster and fails, because of links on its zone, tries it again."""
        for plan in self._world.plans:
            if plan.deleting and self._azure.store.get(plan.id) is not None:
                await self.delete(plan)

    async def create(self, plan: Plan) -> None:
        request = cluster_request(
            plan.spoke.node_subnet,
            plan.spoke.location,
            private_dns_zone=plan.mode,
            lockdown=plan.lockdown,
            tags=({"tether": "off"} if plan.excluded else {}) | (AGENTS if plan.tagged else {}),
        )
        turned = shaped(self._azure, plan.spoke, plan.shape)
        await self._ask("PUT", plan.id, turned(request))

    async def delete(self, plan: Plan) -> None:
        plan.deleting = True
        await self._ask("DELETE", plan.id)

    async def _touch(self, plan: Plan) -> None:
        """A burst of events on a zone: somebody writes its tags, now and again soon after."""
        for _ in range(self._dice.randint(1, 4)):
            zone = plan.zone or (LISTED if plan.mode == LISTED else "")
            if zone and self._azure.store.get(zone) is not None:
                self._azure.emit("Write", "Success", zone, f"{ZONES}/write")
            await asyncio.sleep(self._dice.choice([0.05, 0.3, 1.0, 7.0]))

    async def _forge(self) -> None:
        """Somebody in the spoke makes zones that look like AKS's, and a group that claims a cluster."""
        victims = [plan for plan in self._world.plans if plan.zone and self._azure.store.get(plan.zone) is not None]
        if not victims:
            return
        victim = self._dice.choice(victims)
        group = victim.zone.split("/providers/", maxsplit=1)[0]
        name = f"99999999-0000-4000-8000-{self._dice.getrandbits(48):012x}.privatelink.westeurope.azmk8s.io"
        forged = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/forged"
        match self._dice.randrange(3):
            case 0:
                await self._ask("PUT", f"{APPS}/providers/{ZONES}/{name}", {"location": "global"})
            case 1:
                ResourceGroups(self._azure).create(forged, "westeurope", managed_by=victim.id)
                await self._ask("PUT", f"{forged}/providers/{ZONES}/{name}", {"location": "global"})
            case _:
                await self._ask("PUT", f"{group}/providers/{ZONES}/{name}", {"location": "global"})

    async def _take_over(self) -> None:
        """Somebody writes tags of their own on a link of ours: from now on it is theirs."""
        ours = [link for link in self._azure.store.of_type(LINKS) if OWNER_TAG in (link.body.get("tags") or {})]
        done = [link for link in ours if link.properties["virtualNetworkLinkState"] == "Completed"]
        if done:
            link = self._dice.choice(done)
            await self._ask("PATCH", link.id, {"tags": {"team": "network"}})
            self._world.keep(link)
            zone = link.id.rsplit("/", 2)[0]
            for _ in range(2):
                self._azure.emit("Write", "Success", zone, f"{ZONES}/write")

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        version = "2026-08-01" if "managedClusters" in path else "2024-06-01"
        url = f"https://management.azure.com{path}?api-version={version}"
        return await self._person.send(HttpRequest(method, url, json=body, headers={"Authorization": "Bearer a.b.c"}))
