"""HTTP requests to Tether in one process with a local Azure, in virtual time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
import msgspec

from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.http.answers import Replayed
from functions.http.desk import Desk
from functions.http.poison import anew
from functions.http.principal import EasyAuth
from functions.http.routes import RECONCILE, answer
from functions.live import Live
from functions.policy import Http, Policy
from functions.queue import POISON, QueueError, WorkQueue
from functions.work import decode
from localazure.host.easy_auth import Principal
from localazure.world import SUBSCRIPTION, HubAndSpoke
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.story import MemoryQueue, Story, Token, a_policy, tell

TENANT = "55555555-5555-4555-8555-555555555555"
APP = "66666666-6666-4666-8666-666666666666"
PERSON = "77777777-7777-4777-8777-777777777777"
CHECKED = EasyAuth(on=True, tenant=TENANT, client_id=APP)
TEAM = {"subscription": SUBSCRIPTION, "group": "apps", "name": "team"}


def a_principal(**changes: Any) -> Principal:
    """Someone who may write."""
    usual = {"name": "ada@example.com", "object_id": PERSON, "tenant": TENANT, "audience": APP}
    return Principal(**{**usual, "roles": ("Tether.Operator",), **changes})


@dataclass
class MemoryQueues:
    """The depths of a story's queue, and its poison list put back."""

    queue: MemoryQueue

    async def depth(self, queue: str) -> int:
        if self.queue.down:
            raise QueueError(f"the queue {queue} cannot be reached (test)")
        return len(self.queue.poison) if queue == POISON else self.queue.waiting()

    async def replay(self, onto: WorkQueue, by: str) -> Replayed:
        bodies, self.queue.poison[:] = self.queue.poison.copy(), []
        for body in bodies:
            await onto.send(anew(decode(body), by), 0)
        return Replayed(replayed=len(bodies), left=0)


@dataclass
class Answered:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        """The problem's code; says that it is one, with the media type of problems."""
        assert self.headers["content-type"].startswith("application/problem+json")
        assert self.body["status"] == self.status
        assert self.body["type"] == f"urn:tether:problem:{self.body['code']}"
        assert self.body["title"]
        assert self.body["detail"]
        return self.body["code"]


@dataclass
class Caller:
    """Whoever calls. `easy_auth` is how the platform is set up."""

    live: Live
    queue: MemoryQueue
    easy_auth: EasyAuth = field(default_factory=EasyAuth)
    documents: MemoryDocuments = field(default_factory=MemoryDocuments)

    def desk(self) -> Desk:
        credential = TokenSource(Token())  # type: ignore[arg-type]
        return Desk(self.live, MemoryQueues(self.queue), credential, PUBLIC.scope, self.easy_auth)

    async def ask(
        self,
        route: str,
        method: str = "GET",
        query: str = "",
        *,
        body: bytes = b"",
        principal: str | None = None,
        desk: Callable[[], Desk] | None = None,
        **path: str,
    ) -> Answered:
        headers = {"X-MS-CLIENT-PRINCIPAL": principal} if principal is not None else {}
        url = "https://tether.example/api/" + route.format(**path) + ("?" + query if query else "")
        request = func.HttpRequest(method, url, headers=headers, params={}, route_params=path, body=body)
        told = await answer(route, request, desk or self.desk)
        kept = {name.casefold(): value for name, value in told.headers.items()}
        return Answered(
            told.status_code, {"content-type": told.mimetype or "", **kept}, msgspec.json.decode(told.get_body())
        )

    async def reconcile(self, name: str, query: str = "", **more: Any) -> Answered:
        path = {"subscription": SUBSCRIPTION, "group": "apps", "name": name}
        return await self.ask(RECONCILE, "POST", query, **{**path, **more})


type Told = Callable[[Story, Caller], Awaitable[None]]


def call(story: Told, policy: Callable[[HubAndSpoke], Any] = a_policy, **world: Any) -> None:
    """Tell a story with someone who calls."""

    async def told(here: Story) -> None:
        await story(here, Caller(here.live, here.queue, documents=here.documents))

    tell(told, policy, **world)


def keys_may_write(world: HubAndSpoke) -> Policy:
    """A policy that asks for no principal."""
    return a_policy(world, http=Http(keys_may_write=True))


async def a_cluster_without_its_link(here: Story, **said: Any) -> None:
    """A cluster that is up, and whose link to the hub someone removed."""
    await here.create(**said)
    await here.passes(1500)
    for link in list(here.azure.store.of_type("Microsoft.Network/privateDnsZones/virtualNetworkLinks")):
        if link.name.startswith("tether-"):
            here.azure.store.remove(link.id)
    here.transport.asked.clear()
