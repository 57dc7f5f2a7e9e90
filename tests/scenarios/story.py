"""Tether and a local Azure in one process and in virtual time: the real loop over the real SDK, no sockets."""

import asyncio
import heapq
import itertools
import json
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.rest import HttpRequest
from multidict import CIMultiDict

from functions import work
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.resource_id import ResourceId
from functions.arm.session import Session
from functions.around import Around
from functions.dns.private_zone import PrivateZoneTarget
from functions.dns.target import Target
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.live import Live
from functions.policy import Hub, Mode, Policy, PolicyError, RecordTarget, Scope
from functions.queue import QueueError
from functions.triggers.events import receive
from functions.triggers.triage import Event
from functions.triggers.work import take
from functions.watch import watch
from functions.work import Work
from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.event_grid import EventGrid
from localazure.faults import Faults
from localazure.in_process import InProcessResponse, InProcessTransport
from localazure.store import Json
from localazure.virtual_time import run
from localazure.world import HUB_SUBSCRIPTION, SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.memory_target import MemoryTarget

ZONES = "Microsoft.Network/privateDnsZones"
LINKS = f"{ZONES}/virtualNetworkLinks"
OWNER = "platform-test"


class Token:
    async def get_token_info(self, *scopes: str, options: Any = None) -> AccessTokenInfo:
        return AccessTokenInfo("a.b.c", 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""


class ListeningTransport(InProcessTransport):
    """Keeps what was asked, as `METHOD path`, and when (seconds of the loop's clock).

    `alter` gets each good answer's JSON body to change, with its request: a body that is odd.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.app = app
        self.asked: list[str] = []
        self.asked_at: list[float] = []
        self.hosts: set[str] = set()
        self.alter: Callable[[HttpRequest, Any], None] | None = None

    async def send(self, request: HttpRequest, **kwargs: Any) -> Any:
        self.asked.append(f"{request.method} {urlsplit(request.url).path}")
        self.asked_at.append(asyncio.get_running_loop().time())
        self.hosts.add(urlsplit(request.url).hostname or "")
        answer = await super().send(request, **kwargs)
        if self.alter is None or answer.status_code != 200 or not answer.content:
            return answer
        body = msgspec.json.decode(answer.content)
        self.alter(request, body)
        return InProcessResponse(request, 200, CIMultiDict(answer.headers), json.dumps(body).encode())

    def links_put(self) -> list[str]:
        """The writes of Tether's own links."""
        return [call for call in self.asked if call.startswith("PUT") and "/virtualNetworkLinks/tether-" in call]


@dataclass
class MemoryQueue:
    """The work queue without storage: delays, redelivery of what failed, five tries, a poison list.

    Passes the contract of the real one (tests/contract/test_queue.py). `down` makes it unreachable.
    """

    clock: Callable[[], float]
    down: bool = False
    poison: list[bytes] = field(default_factory=list[bytes])
    sent: list[Work] = field(default_factory=list[Work])
    _heap: list[tuple[float, int, bytes, int]] = field(default_factory=list[tuple[float, int, bytes, int]])
    _order: Any = field(default_factory=itertools.count)

    async def send(self, item: Work, delay: float) -> None:
        if self.down:
            raise QueueError("the queue tether-work cannot be reached (test)")
        self.sent.append(item)
        self._push(work.encode(item), delay, 0)

    async def bury(self, body: bytes) -> None:
        self.poison.append(body)

    def put(self, body: bytes) -> None:
        """A message of someone else's."""
        self._push(body, 0, 0)

    def _push(self, body: bytes, delay: float, tries: int) -> None:
        heapq.heappush(self._heap, (self.clock() + max(0, math.ceil(delay)), next(self._order), body, tries))

    def lose_all(self) -> None:
        """Every message is gone, with the workers that had them."""
        self._heap.clear()

    def waiting(self) -> int:
        return len(self._heap)

    async def drain(self, take_one: Callable[[bytes], Awaitable[None]]) -> None:
        """Do what is due, as the host's listener does: delete on success, show again after 30 s on failure."""
        while self._heap and self._heap[0][0] <= self.clock():
            _, _, body, tries = heapq.heappop(self._heap)
            try:
                await take_one(body)
            except Exception:  # the host does not ask what kind
                logging.getLogger("host").exception("a message failed")
                if tries + 1 >= 5:
                    self.poison.append(body)
                else:
                    self._push(body, 30, tries + 1)


@dataclass
class Story:
    """One world with one Tether in it."""

    azure: LocalAzure
    faults: Faults
    grid: EventGrid
    queue: MemoryQueue
    live: Live
    transport: ListeningTransport
    world: HubAndSpoke
    documents: MemoryDocuments
    servers: dict[str, MemoryTarget]
    """The zones on DNS servers that were asked for something, by name."""
    failed_deliveries: int = 0
    next_watch: float = 0.0

    @property
    def ledger(self) -> MemoryLedger:
        assert isinstance(self.live.ledger, MemoryLedger)
        return self.live.ledger

    async def create(self, name: str = "team", **said: Any) -> str:
        """PUT a cluster in the spoke, and give its id."""
        cluster = f"{self.world.group}/providers/Microsoft.ContainerService/managedClusters/{name}"
        request = cluster_request(self.world.node_subnet, self.world.location, **said)
        assert (await self.ask("PUT", cluster, "2026-08-01", request)).status_code == 201
        return cluster

    async def ask(self, method: str, path: str, api_version: str = "2024-06-01", body: Json | None = None) -> Any:
        """What a person does with ARM, who is somebody else than Tether."""
        url = f"https://management.azure.com{path}?api-version={api_version}"
        return await self.transport.send(
            HttpRequest(method, url, json=body, headers={"Authorization": "Bearer person"})
        )

    def state(self, cluster: str) -> str:
        """The provisioning state, empty for a cluster that is gone."""
        held = self.azure.store.get(cluster)
        return held.properties["provisioningState"] if held else ""

    @property
    def zone(self) -> ResourceId:
        return ResourceId(self.azure.store.of_type(ZONES)[0].id)

    def links(self) -> dict[str, str]:
        """Names of the VNets that links lead to, and who made each: `ours`, or `others`."""
        return {
            link.properties["virtualNetwork"]["id"].rpartition("/")[2]: (
                "ours" if (link.body.get("tags") or {}).get("tether-owner") == OWNER else "others"
            )
            for link in self.azure.store.of_type(LINKS)
            if link.properties["virtualNetworkLinkState"] == "Completed"
        }

    async def passes(self, seconds: float, *, watching: bool = False) -> None:
        """Let Azure's time pass, with the host at its queue every second, and `watch` every minute if it is on."""
        end = self.azure.clock.now() + seconds
        while self.azure.clock.now() < end:
            if watching and self.azure.clock.now() >= self.next_watch:
                self.next_watch = self.azure.clock.now() + 60
                await self.watch()
            await self.queue.drain(self.take)
            await asyncio.sleep(1)

    async def watch(self) -> None:
        """One round of the timer."""
        assert isinstance(self.live.around, Around)
        await watch(self.live.around, self.live.queue, self.live.ledger, self.live.pauses)

    async def take(self, body: bytes) -> None:
        await take(body, self.live)

    async def event(self, subject: str, operation: str = f"{ZONES}/write", cause: str = "forged") -> None:
        """An event that Event Grid did not make."""
        kind = "Microsoft.Resources.ResourceWriteSuccess"
        event = Event(cause, kind, subject, operation, self.azure.clock.now())
        await receive(event, self.azure.clock.now(), lambda: self.live)

    async def hear(self, delivered: list[Json]) -> int:
        """The Event Grid trigger's endpoint: 200 when it returned, 500 when it raised."""
        (raw,) = delivered
        at = datetime.fromisoformat(raw["eventTime"]).timestamp()
        event = Event(raw["id"], raw["eventType"], raw["subject"], raw["data"]["operationName"], at)
        try:
            await receive(event, self.azure.clock.now(), lambda: self.live)
        except Exception:  # the host does not ask what kind
            logging.getLogger("host").exception("a delivery failed")
            self.failed_deliveries += 1
            return 500
        return 200


def a_policy(world: HubAndSpoke, *hubs: str, **more: Any) -> Policy:
    """Enforces; the hubs named, or the world's own found by discovery when none is."""
    return Policy(
        **{
            "owner": OWNER,
            "mode": Mode.ENFORCE,
            "scope": Scope(subscriptions=(SUBSCRIPTION,), hub_subscriptions=(HUB_SUBSCRIPTION,)),
            "hubs": tuple(Hub(vnet=ResourceId(hub)) for hub in hubs),
            "discover_resolvers": not hubs,
            **more,
        }
    )


type Tell = Callable[[Story], Awaitable[None]]


def tell(
    story: Tell,
    policy: Callable[[HubAndSpoke], Policy | PolicyError] = a_policy,
    *,
    deaf: bool = False,
    **world: Any,
) -> None:
    """Tell a story in a fresh world, in virtual time. `deaf`: Event Grid has no subscription."""

    async def told() -> None:
        azure = LocalAzure(seed=11)
        faults = Faults(azure)
        transport = ListeningTransport(arm_app(azure, faults))
        session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
        made = hub_and_spoke(azure, **world)
        wanted = policy(made)
        ledger, documents, servers = MemoryLedger(), MemoryDocuments(), dict[str, MemoryTarget]()
        reports = Reports(documents)
        around = wanted
        if isinstance(wanted, Policy):
            targets = Targets(wanted.records, lambda record: kept(record, session, servers))
            around = Around(session, wanted, Scopes(), azure.clock.now, ledger, reports, targets)
        queue = MemoryQueue(azure.clock.now)
        async with EventGrid(azure, seed=11) as grid:
            live = Live(queue, around, ledger, reports)
            here = Story(azure, faults, grid, queue, live, transport, made, documents, servers)
            if not deaf:
                await grid.subscribe("tether", here.hear)
            await story(here)
        await azure.close()
        assert azure.failures == []

    run(told())


def kept(record: RecordTarget, session: Session, servers: dict[str, MemoryTarget]) -> Target:
    """An Azure zone is the local Azure's; one on servers is in memory, the same for all who name it."""
    if record.private_zone is not None:
        return PrivateZoneTarget(session, record.private_zone)
    return servers.setdefault(record.zone_name, MemoryTarget(record.zone_name))


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    """The journal's lines of one kind."""
    told = [record.getMessage() for record in caplog.records if record.name == "tether"]
    read = [msgspec.json.decode(line) for line in told if line.startswith("{")]
    return [line for line in read if line["event"] == event]
