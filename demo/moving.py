"""What people see whose API server moves: the record follows, the check tells who is behind, the pods are restarted."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dns.asyncquery
import dns.exception
import dns.message
from rich.console import Console
from rich.rule import Rule

from demo import hurried_clock
from demo.patience import WentWrong, come, until
from demo.premises import NAMESPACE, ZONE, Stage, how_to_install, stage_of
from demo.timeline import Timeline
from localazure.aks import maintenance
from localazure.aks.command import Command
from localazure.bind import Bind
from localazure.running import Running
from localazure.store import Json
from localazure.world import cluster_request

_NAME = "moving"
_RESTARTED = [f"DaemonSet {NAMESPACE}/agent", f"Deployment {NAMESPACE}/proxy"]
_OLD_TTL = 300.0  # seconds that AKS's own record may be kept


async def moved(console: Console, local: Running) -> list[str]:
    """Let maintenance move an API server while Tether looks on. What was not as it should be."""
    console.print(Rule("[bold]An API server that moves"))
    if missing := how_to_install():
        console.print(f"[yellow]This act is left out: it needs {missing}.[/]")
        return []
    local.event_grid.faults.lose = 0.0
    async with stage_of(local) as stage:
        console.print(
            f"On premises a BIND answers for {ZONE}, at {stage.primary.address}, and a copy of it in a branch, at "
            f"{stage.branch.address}. They do not see Azure, so Tether keeps the cluster's record there. In the "
            "cluster run two workloads that ask the node's DNS, and one that asks the cluster's.\n"
        )
        timeline = Timeline(console, local.azure.clock)
        timeline.start()
        return await timeline.during(_Act(local, stage, timeline).run())


@dataclass(slots=True)
class _Act:
    """The steps, each of which must come for the next one to."""

    local: Running
    stage: Stage
    timeline: Timeline
    cluster: str = ""
    fqdn: str = ""
    wrong: list[str] = field(default_factory=list[str])

    async def run(self) -> list[str]:
        try:
            old = await self._created()
            new = await self._moved(old)
            await self._told_who_is_behind(old, new)
            served = await self._mended(new)
            await self._restarted(served)
        except WentWrong as reason:
            self.wrong.append(f"an API server that moves: {reason}")
        return self.wrong

    async def _created(self) -> str:
        world = self.stage.world
        self.cluster = f"{world.group}/providers/Microsoft.ContainerService/managedClusters/{_NAME}"
        url = f"{self.local.http}{self.cluster}?api-version=2025-05-01"
        async with self.stage.person.put(url, json=cluster_request(world.node_subnet, world.location)) as answer:
            answer.raise_for_status()
        self.timeline.step("asked", f"a person asks for the private cluster {_NAME}")
        await come(until(self._succeeded), "the cluster comes up")
        self.fqdn = self._properties()["privateFQDN"]
        old = self._address()
        await come(until(lambda: self._answers(self.stage.primary, old)), f"BIND answers {old}")
        await self.stage.branch.rndc("retransfer", ZONE)
        await come(until(lambda: self._answers(self.stage.branch, old)), f"the branch's copy answers {old}")
        await come(until(self._is_green), "the resolution check is green before the move")
        self.timeline.step("created", f"the cluster is Succeeded, and BIND and its copy answer {old}: Tether's record")
        return old

    async def _moved(self, old: str) -> str:
        written: list[str] = []
        self.local.azure.listen(lambda event: written.append(event["id"]) if "kube-apiserver" in _of(event) else None)
        self.timeline.step("maintenance", "AKS's maintenance begins", "red")
        work = asyncio.ensure_future(maintenance.maintenance(self.local.azure, self.cluster))
        await come(until(lambda: self._address() not in {"", old}), "the API server moves")
        began, new = time.perf_counter(), self._address()
        self.timeline.step("moved", f"the API server has moved from {old} to {new}; nobody knows yet", "red")
        subscriptions = self.local.event_grid.subscriptions
        await come(until(lambda: any(set(written) & one.tried for one in subscriptions)), "the event reaches Tether")
        self.timeline.step("event", "Event Grid tells Tether")
        await come(until(lambda: self._answers(self.stage.primary, new)), f"BIND answers {new}")
        took = time.perf_counter() - began
        self.timeline.step("record", f"BIND answers {new}, {took:.1f} s of your clock after the move", "green")
        await work
        return new

    async def _told_who_is_behind(self, old: str, new: str) -> None:
        """The branch's copy hears nothing of updates, so the check finds it wrong once what it says is not a leftover.

        From here Tether's clock goes as fast as Azure's. Not before: BIND refuses what is signed at another time.
        """
        if not await self._answers(self.stage.branch, old):
            self.wrong.append("the branch's copy should not have heard of the move")
        hurried_clock.hurry(self.stage.clock, self.local.azure.clock.speed)
        self.timeline.step("hurried", "from here on Tether's clock runs as fast as Azure's", "dim")
        told = await come(until(self._wrong_address, 30), "the resolution check tells who still says the old address")
        seen = told["seen"].replace(self.fqdn, f"{self.fqdn[:12]}…")
        self.timeline.step("red", f"the resolution check is red, {told['code']}: {seen}", "red")
        if new not in told["seen"] or old not in told["seen"]:
            self.wrong.append(f"the finding should name {old} and {new}, and says: {told['seen']}")

    async def _mended(self, new: str) -> float:
        """Since when, by Tether's clock, the new address is answered everywhere."""
        await self.stage.branch.rndc("retransfer", ZONE)
        self.timeline.step("fetched", "a person has the branch's server fetch the zone (rndc retransfer)")
        await come(until(lambda: self._answers(self.stage.branch, new)), f"the branch's copy answers {new}")
        await come(until(self._is_green), "the resolution check turns green")
        self.timeline.step(
            "green", f"the resolution check is green: both servers answer {new}, by UDP and TCP", "green"
        )
        served = await come(until(lambda: self._move("servedAt"), 30), "Tether sees that nobody answers otherwise")
        self.timeline.step(
            "served", "Tether waits: clients may keep the old answer for 300 s from now. Nothing is restarted"
        )
        return datetime.fromisoformat(served).timestamp()

    async def _restarted(self, served: float) -> None:
        command = await come(until(self._command, 40), "AKS runs a command in the cluster")
        waited = hurried_clock.hurried(self.stage.clock, time.time)() - served
        self.timeline.step(
            "begun", "the 300 s are over, and `watch` sees it: AKS runs restart_pods.sh, with a real kubectl"
        )
        await come(until(lambda: command.ended, 60), "the command ends")
        self.timeline.step("ran", f"it ended with exit code {command.exit_code}", "red" if command.exit_code else "")
        restarted = _names(command.logs)
        marked = {name for name in ("proxy", "website") if self.stage.kube.annotation("deployments", name, NAMESPACE)}
        self.timeline.step("restarted", f"restarted, and up again: {', '.join(restarted)}", "green")
        self.timeline.step("left", f"left alone: Deployment {NAMESPACE}/website, which asks the cluster's DNS")
        await come(until(lambda: self._move("restartsEnded"), 30), "Tether knows that all is restarted")
        self.timeline.step("ended", "Tether's page of the cluster says so: nothing is left to restart", "green")
        if waited < _OLD_TTL:
            self.wrong.append(
                f"pods should be restarted {_OLD_TTL:.0f} s after nobody tells the old address, not {waited:.0f} s"
            )
        if (command.exit_code, restarted, marked) != (0, _RESTARTED, {"proxy"}):
            self.wrong.append(f"{_RESTARTED} should be restarted, but: {command.exit_code} {restarted} {marked}")
        if len(self._commands()) != 1:
            self.wrong.append(f"one command should have done it, not {len(self._commands())}")

    def _properties(self) -> Json:
        held = self.local.azure.store.get(self.cluster)
        return held.properties if held is not None else {}

    def _succeeded(self) -> bool:
        return self._properties().get("provisioningState") == "Succeeded"

    def _address(self) -> str:
        """Where the API server is now, empty while it is nowhere."""
        return next(iter(maintenance.addresses(self.local.azure, self.cluster)), "")

    async def _answers(self, server: Bind, address: str) -> bool:
        """Whether a server answers the cluster's name with this address and no other."""
        question = dns.message.make_query(self.fqdn, "A")
        try:
            said = await dns.asyncquery.udp(question, "127.0.0.1", timeout=1, port=server.port)
        except dns.exception.DNSException:
            return False
        return [record.to_text() for rrset in said.answer for record in rrset] == [address]

    async def _page(self) -> Mapping[str, Any]:
        """What Tether says of the cluster, having looked at it now."""
        _, _, subscription, _, group, *_ = self.cluster.split("/")
        url = f"{self.stage.host.url}/api/clusters/{subscription}/{group}/{_NAME}"
        headers = {"x-functions-key": self.stage.host.keys.function}
        async with self.stage.person.get(url, headers=headers) as answer:
            return await answer.json() if answer.status == 200 else {}

    async def _is_green(self) -> bool:
        page = await self._page()
        return bool(page) and not page["findings"] and not page["changes"]

    async def _wrong_address(self) -> dict[str, str]:
        found: list[dict[str, str]] = (await self._page()).get("findings", [])
        return next((finding for finding in found if finding["code"] == "wrong-address"), {})

    async def _move(self, part: str) -> Any:
        """What Tether's page says of the move, None where it says nothing."""
        return ((await self._page()).get("move") or {}).get(part)

    def _commands(self) -> list[Command]:
        commands = self.local.azure.commands.values()
        return [command for command in commands if command.cluster.casefold() == self.cluster.casefold()]

    def _command(self) -> Command | None:
        return next(iter(self._commands()), None)


def _of(event: Json) -> str:
    return str(event["subject"])


def _names(output: str) -> list[str]:
    """The workloads that the script says it restarted."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"tether":1')]
    return sorted(
        f"{line['kind']} {line['namespace']}/{line['name']}" for line in lines if line["state"] == "restarted"
    )
