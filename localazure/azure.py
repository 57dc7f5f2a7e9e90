"""The local Azure itself: its clock, what exists, what is under way, and who listens to its events."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from localazure.access import Access
from localazure.aks.at_work import AtWork, NextEndpoint
from localazure.aks.command import Command, Runner, says_what_it_would_run
from localazure.aks.rules import AksRules
from localazure.clock import Clock
from localazure.interludes import Interlude, Interludes
from localazure.limits import Limits
from localazure.network_rules import NetworkRules
from localazure.operations import Operations
from localazure.resolver import Resolvers
from localazure.resource_graph.view import GraphView
from localazure.store import Json, Resource, Store

type Stage = Literal["Success", "Failure", "Cancel"]
type Verb = Literal["Write", "Delete", "Action"]
type Remover = Callable[[Resource], Coroutine[Any, Any, None]]
type Listener = Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Durations:
    """How long Azure takes for things, in seconds of its own clock. Figures from azure-facts and the recordings."""

    zone_write: float = 4
    link_write: float = 60
    link_refused: float = 2
    group_delete: float = 30
    link_delete: float = 20
    network_write: float = 4
    private_endpoint: float = 25
    cluster_group: float = 8  # from the PUT to the node resource group
    cluster_zone: float = 15  # from there to the private zone
    cluster_endpoint: float = 20  # from the zone to endpoint, NIC and A record
    cluster_nodes: float = 60  # from the endpoint to the first node's boot
    cluster_finish: float = 30  # from the name resolving to Succeeded
    cluster_delete: float = 60
    cluster_stop: float = 120
    cluster_abort: float = 6  # recorded aks/create-abort-canceled [5]
    cluster_record: float = 5  # from an address that has moved to the A record that says so
    command_schedule: float = 5  # from a run command to its pod
    command_run: float = 2
    command_unscheduled: float = 60  # AKS gives a pod so long to be scheduled (Learn, "Access a private cluster")
    name_lookup_deadline: float = 600  # AgentBaker: retrycmd_nslookup 1 15 600, then exit code 52
    connect_deadline: float = 1100  # [U] 100 tries of 10 s with a pause of 1 s, then exit code 51


class LocalAzure:
    """Everything that the local ARM knows. Made once; its background work ends with `close`."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        seed: int = 0,
        durations: Durations | None = None,
        arm: str = "https://management.azure.com",
        tenant: str = "11111111-1111-1111-1111-111111111111",
    ) -> None:
        self.clock = clock or Clock()
        self.store = Store()
        self.random = Random(seed)
        self.durations = durations or Durations()
        self.link_writes: Callable[[str], float] = lambda _vnet: self.durations.link_write
        """How long a new link takes, in seconds, by the id of its VNet in lower case: links of one zone need not take
        equally long."""
        self.operations = Operations(self)
        self.arm = arm
        self.tenant = tenant
        self.management_groups: dict[str, tuple[str, ...]] = {}
        """The management groups above a subscription, the nearest first."""
        self.aks = AksRules()
        self.network = NetworkRules()
        self.interludes = Interludes()
        self.resumed: list[str] = []
        """The ids of clusters whose interrupted upgrade or scaling a PUT has set going again. Tether must add none."""
        self.clusters_at_work: dict[str, AtWork] = {}
        """What AKS is doing, by the cluster's id in lower case."""
        self.next_endpoints: dict[str, NextEndpoint] = {}
        """Where AKS puts a cluster's next private endpoint, by the cluster's id in lower case."""
        self.run_command: Runner = says_what_it_would_run
        """What runs a command inside a cluster."""
        self.commands: dict[str, Command] = {}
        """Every run command by its id."""
        self.access = Access(lambda: self.management_groups)
        self.graph = GraphView(self)
        self.limits: Limits | None = None
        """Token buckets, when they are wanted: `azure.limits = Limits(azure.clock)`."""
        self.resolvers = Resolvers(self)
        self.removers: dict[str, Remover] = {}
        """How a resource that has more to it than its row is deleted with its resource group, by type (lower case)."""
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException] = []

    def guid(self) -> str:
        """A GUID that a seed repeats."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every Event Grid event (Event Grid schema), as it happens."""
        self._listeners.append(listener)

    def emit(self, verb: Verb, stage: Stage, resource_id: str, operation: str) -> None:
        """Tell what happened to a resource, as the subscription's system topic would.

        Shape: recorded events/eventgrid-schema/resource-write-success; `authorization` and `httpRequest` cannot be
        relied on, and a failure says `Succeeded` in `data.status` (events/eventgrid-schema/resource-write-failure).
        """
        self.store.touch(resource_id)
        subscription = resource_id.split("/")[2]
        event: Json = {
            "subject": resource_id,
            "eventType": f"Microsoft.Resources.Resource{verb}{stage}",
            "id": self.guid(),
            "topic": f"/subscriptions/{subscription}",
            "eventTime": self.clock.iso(),
            "dataVersion": "2",
            "metadataVersion": "1",
            "data": {
                "authorization": {},
                "claims": {"name": "someone@example.org"},
                "correlationId": self.guid(),
                "httpRequest": {},
                "resourceProvider": operation.split("/", maxsplit=1)[0],
                "resourceUri": resource_id,
                "operationName": operation,
                "status": "Succeeded",
                "subscriptionId": subscription,
                "tenantId": self.tenant,
            },
        }
        for listener in self._listeners:
            listener(event)

    def between(self, read: str, act: Callable[[], Awaitable[None]], *, nth: int = 1, method: str = "GET") -> Interlude:
        """Let someone else `act` right after the `nth` read of an id from now on, before its reader can go on.

        The reader gets what was there before. `done` of what comes back tells whether it happened.
        """
        return self.interludes.add(Interlude(method, read, act, nth))

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let Azure go on with something in the background. A crash of it is kept in `failures` for tests to see."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failures.append(error)

    async def forever(self) -> None:
        """Wait for something that never comes; `close` ends it."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """End all background work."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
