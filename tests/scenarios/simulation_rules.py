"""What must hold in every simulated world: at each request, at the end of each run of a function, and at the end."""

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, override
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.policy import OWNER_TAG
from localazure.azure import LocalAzure
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import Invocation
from tests.scenarios.random_world import ELSEWHERE, LINKS, LISTED, RandomWorld

# Between an intent that the tables could not take and its write.
_TABLES_TROUBLE = 10.0  # seconds

_QUERIES = "/providers/Microsoft.ResourceGraph/resources"


class Intents(logging.Handler):
    """The intents that the log tells. Findings and the ends of passes go into the trace."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.INFO)
        self.targets: set[str] = set()
        self.told = told

    @override
    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line.startswith('{"event":"intent"'):
            self.targets.add(json.loads(line)["change"]["target"].casefold())
        elif line.startswith(('{"event":"finding"', '{"event":"pass"')):
            read = json.loads(line)
            what = f"{read.get('code', '')} {read.get('seen', '')} {read.get('ended', '')} {read.get('error') or ''}"
            self.told.append(f"{'':10}log: {read['event']} {what} on {read['target']}")


@dataclass(eq=False)
class Rules:
    """Gathers what is broken. `asked` and `answered` stand in the way of every request of Tether's."""

    azure: LocalAzure
    world: RandomWorld
    began: float
    trace: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])
    writes: int = 0
    refused_writes: int = 0
    calls: int = 0
    _passes: dict[tuple[str, ResourceId], float] = field(default_factory=dict[tuple[str, ResourceId], float])

    def __post_init__(self) -> None:
        self.intents = Intents(self.trace)

    def broken(self, what: str) -> None:
        self.violations.append(f"{self.azure.clock.now() - self.began:9.2f} {what}")

    def asked(self, host: Host, invocation: Invocation | None, request: HttpRequest) -> None:
        """Before a request goes out."""
        self.calls += 1
        path, now = urlsplit(request.url).path, self.azure.clock.now()
        if invocation is not None and now < invocation.not_before.get(_call(request), -math.inf):
            self.broken(f"{request.method} {path} again before its Retry-After, by a {invocation.kind}")
        if request.method in ("GET", "HEAD") or (request.method == "POST" and path == _QUERIES):
            return
        self.writes += 1
        if invocation is not None:
            invocation.wrote = True
        target = path.casefold()
        if request.method not in ("PUT", "DELETE") or "/virtualnetworklinks/tether-" not in target:
            self.broken(f"{request.method} {path} is no write of Tether's")
            return
        zone = path.rsplit("/", 2)[0]
        self._prove(zone, path, request.method, host)
        kept = any(entry.target.casefold() == target and not entry.result for entry in host.ledger.entries.values())
        excused = self.azure.clock.now() - host.ledger.trouble_at < _TABLES_TROUBLE
        if not kept and not (excused and target in self.intents.targets):
            self.broken(f"{request.method} {path} without its intent")

    def _prove(self, zone: str, path: str, method: str, host: Host) -> None:
        plan = self.world.owner_of(zone)
        if zone.casefold() != LISTED.casefold() and (plan is None or not plan.concerns_tether):
            self.broken(f"{method} {path}: nobody's zone, or none of those in scope")
        if method == "DELETE":
            link = self.azure.store.get(path)
            if link is not None and (link.body.get("tags") or {}).get(OWNER_TAG) != host.policy.owner:
                self.broken(f"DELETE {path}: not ours")
            if plan is None or not plan.deleting:
                self.broken(f"DELETE {path}: its cluster lives")

    def answered(self, invocation: Invocation | None, request: HttpRequest, answer: Any) -> None:
        """When an answer comes, and nobody has seen it yet."""
        if invocation is not None and _is_owed(request, answer.status_code):
            invocation.owes = f"{request.method} {urlsplit(request.url).path} ({answer.status_code})"
        if answer.status_code < 400:
            return
        if request.method != "GET":
            self.refused_writes += 1
        pause = answer.headers.get("retry-after")
        if invocation is not None and pause is not None:
            invocation.not_before[_call(request)] = self.azure.clock.now() + float(pause)

    def unanswered(self, invocation: Invocation | None, request: HttpRequest) -> None:
        if invocation is not None and _is_owed(request, 0):
            invocation.owes = f"{request.method} {urlsplit(request.url).path} (no answer)"

    def invocation_ended(self, host: Host, invocation: Invocation) -> None:
        """After a run that returned, so that its event or message is gone for good."""
        if invocation.send_refused and not (invocation.kind == "event" and invocation.wrote):
            self.broken(f"a {invocation.kind} on {invocation.subject} was acknowledged though the queue refused")
        if (
            invocation.owes
            and invocation.kind in ("event", "message")
            and not invocation.sent | invocation.send_refused
        ):
            self.broken(f"a {invocation.kind} on {invocation.subject} asks for nothing after {invocation.owes}")
        self.passed(host, invocation)

    def passed(self, host: Host, invocation: Invocation) -> None:
        """A pass is over: it has seen what was so when it asked ARM first."""
        if invocation.subject is not None and invocation.first_asked_at is not None:
            key = (host.policy.owner, invocation.subject)
            self._passes[key] = max(self._passes.get(key, -math.inf), invocation.first_asked_at)

    def at_the_end(self, hosts: list[Host]) -> None:
        for what in (*self._links(), *self._others(), *(said for host in hosts for said in self._left(host))):
            self.broken(what)

    def _links(self) -> Iterator[str]:
        wanted = self.world.wanted()
        for plan in self.world.plans:
            if plan.deleting or not plan.concerns_tether or self.azure.store.get(plan.id) is None:
                continue
            zone = LISTED if plan.mode == LISTED else plan.zone
            if not zone:
                yield f"{plan.id} has no zone"
                continue
            links = self.azure.store.of_type(LINKS, zone)
            done = [link for link in links if link.properties["virtualNetworkLinkState"] == "Completed"]
            to = [link.properties["virtualNetwork"]["id"].casefold() for link in done]
            for hub in sorted(wanted):
                if to.count(hub) != 1:
                    yield f"{zone} has {to.count(hub)} links to {hub}"
            for link in links:
                if "/tether-" in link.id and link.properties["virtualNetwork"]["id"].casefold() not in wanted:
                    yield f"{link.id} was not wanted"

    def _others(self) -> Iterator[str]:
        """What was not ours is as it was, unless AKS took it with its cluster."""
        for link, body in self.world.kept.items():
            plan = self.world.owner_of(link.rsplit("/", 2)[0])
            held = self.azure.store.get(link)
            if plan is not None and plan.deleting:
                continue
            if held is None or held.body != body:
                yield f"{link}, which is not ours, was {'removed' if held is None else 'changed'}"

    def _left(self, host: Host) -> Iterator[str]:
        owner = host.policy.owner
        if host.queue.poison:
            yield f"{owner}: {len(host.queue.poison)} messages are poisoned"
        for item in host.queue.left():
            if not self._needs_a_person(item.row):
                yield f"{owner}: {item.why} on {item.row} still waits"
        for row in host.ledger.held.values():
            if (row.counters.pending or row.counters.look_at) and not self._needs_a_person(row.subject):
                yield f"{owner}: {row.subject} is not finished: {row.counters}"
        for subject, at in host.ledger.counted.items():
            in_scope = subject.subscription != ELSEWHERE  # a pass on what is out of scope asks ARM nothing
            if in_scope and self._passes.get((owner, subject), -math.inf) < at:
                yield f"{owner}: no pass on {subject} after its last event at {at - self.began:.2f}"

    def _needs_a_person(self, subject: ResourceId) -> bool:
        """A locked-down node group is looked at for a day: somebody may unlock it."""
        return any(
            plan.lockdown and plan.zone and ResourceId(plan.zone).group_id == subject for plan in self.world.plans
        )


def _call(request: HttpRequest) -> tuple[str, str]:
    return request.method, urlsplit(request.url).path.casefold()


def _is_owed(request: HttpRequest, status: int) -> bool:
    """Whether a call is not over with its answer: a write that goes on, or what should be tried again."""
    path = urlsplit(request.url).path
    for_now = status in (0, 429) or status >= 500
    if request.method == "GET":
        return for_now and "/managedClusters/" in path
    return for_now or status == 202
