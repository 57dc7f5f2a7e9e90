"""What people do in the simulation of kubenet: with their clusters, and with the subnets under them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import Any

from azure.core.rest import HttpRequest

from localazure.aks import maintenance
from localazure.aks.interrupted import fail_scaling, fail_upgrade
from localazure.answers import Refused
from localazure.arm_front import arm_app
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.operations import OperationFailed
from localazure.resources.route_tables import RouteTables, route
from localazure.store import Json
from localazure.world import cluster_request
from tests.scenarios.cluster_shapes import shaped
from tests.scenarios.kubenet_world import KubenetWorld, Plan

# So long people wait for a cluster that they want something of.
_PATIENCE = 1500.0  # seconds


class People:
    """They go through an ARM that no fault touches. `dice` is theirs alone."""

    def __init__(self, world: KubenetWorld, dice: Random) -> None:
        self.world, self.azure, self.dice = world, world.azure, dice
        self._person = InProcessTransport(arm_app(self.azure, Faults(self.azure)))
        self._deeds: set[asyncio.Task[None]] = set()
        self._for_ever: list[asyncio.Task[None]] = []

    async def live(self) -> None:
        """Begin all that they do."""
        for plan in self.world.plans:
            self._begin(lambda plan=plan: self._life(plan))
        for subnet in tuple(self.world.said):
            self._begin(lambda subnet=subnet: self._write(subnet))
            self._begin(lambda subnet=subnet: self._write_between(subnet))
        for subnet, every in self.world.terraformed.items():
            task = asyncio.ensure_future(self._terraform(subnet, every))
            self._for_ever.append(task)

    async def over(self) -> None:
        """Wait until everything that they began is done. Terraform never is."""
        while self._deeds:
            await asyncio.sleep(1)

    def leave(self) -> None:
        for task in self._for_ever:
            task.cancel()

    async def create(self, plan: Plan) -> None:
        request = cluster_request(
            plan.subnet,
            plan.location,
            kubenet=plan.kubenet,
            private_dns_zone=plan.zone,
            tags={"tether": "off"} if plan.excluded else None,
        )
        plan.deleting, plan.touched, plan.up_at = False, False, 0.0
        plan.births, plan.born_at = plan.births + 1, self.azure.clock.now()
        turned = shaped(self.azure, replace(self.world.spokes[0], node_subnet=plan.subnet), plan.shape)
        answer = await self._ask("PUT", plan.id, turned(request))
        assert answer.status_code == 201, answer.text()
        self.world.note()

    def _begin(self, deed: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.ensure_future(_quietly(deed))
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)

    async def _life(self, plan: Plan) -> None:
        await asyncio.sleep(plan.born)
        await self.create(plan)
        match plan.fate:
            case "upgrade" if await self._becomes(plan, "succeeded"):
                await asyncio.sleep(self.dice.uniform(0, 120))
                await fail_upgrade(self.azure, plan.id)
            case "scaling" if await self._becomes(plan, "succeeded"):
                await fail_scaling(self.azure, plan.id)
            case "stop":
                await asyncio.sleep(self.dice.uniform(200, 900))
                await maintenance.stop(self.azure, plan.id)
                await asyncio.sleep(self.dice.uniform(5, 300))
                plan.touched = True
                await maintenance.start(self.azure, plan.id)
            case "delete":
                await self._delete(plan)
            case "by hand" if await self._becomes(plan, "failed"):
                await asyncio.sleep(self.dice.uniform(0, 60))
                await self._mend(plan)
            case "hostile":
                await asyncio.sleep(self.dice.uniform(10, 160))
                self._lead_away(plan)
            case _:
                pass

    async def _becomes(self, plan: Plan, state: str) -> bool:
        for _ in range(int(_PATIENCE / 5)):
            await asyncio.sleep(5)
            self.world.note()
            if plan.state == state:
                return True
        return False

    async def _delete(self, plan: Plan) -> None:
        await asyncio.sleep(self.dice.uniform(30, 600))
        plan.deleting = True
        await self._ask("DELETE", plan.id)
        while self.azure.store.get(plan.id) is not None:
            await asyncio.sleep(1)
        if self.dice.random() < 0.5:
            await asyncio.sleep(self.dice.uniform(5, 120))
            await self.create(plan)

    async def _mend(self, plan: Plan) -> None:
        """What the documentation tells a person to do: attach the table, and put the cluster again."""
        held = self.azure.store.get(plan.table)
        if held is not None and not self.world.table_of(plan.subnet):
            self.world.write(plan.subnet, routeTable={"id": held.id})
            self.world.said[plan.subnet].pop("routeTable")  # AKS may take its own off again
        plan.touched = True
        body = (await self._ask("GET", plan.id)).json()
        await self._ask("PUT", plan.id, body)

    def _lead_away(self, plan: Plan) -> None:
        """The owner of a node resource group has the pods' table lead everything elsewhere."""
        held = self.azure.store.get(plan.table)
        if held is None:
            return
        bad = route("all", "0.0.0.0/0", "10.66.0.4")
        table = RouteTables(self.azure)
        table.place(held.id, plan.location, [*table.shown(held)["properties"].get("routes", []), bad])
        plan.hostile_at = self.azure.clock.now()

    async def _write(self, subnet: str) -> None:
        """Somebody changes a subnet now and then."""
        for _ in range(self.dice.randint(0, 3)):
            await asyncio.sleep(self.dice.uniform(10, self.world.busy_for / 2))
            self.world.write(subnet, **self.world.drawn_properties())
        if self.dice.random() < 0.06:
            delegation = {"name": "sql", "properties": {"serviceName": "Microsoft.Sql/managedInstances"}}
            self.world.write(subnet, delegations=[delegation])

    async def _write_between(self, subnet: str) -> None:
        """Somebody writes the subnet, or the one beside it, right after a read of it was answered."""
        others = [one for one in self.world.said if one != subnet] or [subnet]
        for _ in range(self.dice.choice([0, 1, 1, 2])):
            where = self.dice.choice([subnet, subnet, self.dice.choice(others)])
            nth = self.dice.randint(1, 8)

            async def act(where: str = where) -> None:
                self.world.write(where, **self.world.drawn_properties())

            self.azure.between(subnet, act, nth=nth)

    async def _terraform(self, subnet: str, every: float) -> None:
        """A pipeline that wants the subnet without a table, for ever."""
        while True:
            await asyncio.sleep(every)
            self.world.note()
            if self.world.table_of(subnet):
                self.world.write(subnet, routeTable=None)

    async def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        url = f"https://management.azure.com{path}?api-version=2026-08-01"
        return await self._person.send(HttpRequest(method, url, json=body, headers={"Authorization": "Bearer a.b.c"}))


async def _quietly(deed: Callable[[], Awaitable[None]]) -> None:
    """A cluster that is busy, or gone meanwhile, refuses what people want of it."""
    with suppress(Refused, OperationFailed, LookupError):
        await deed()
