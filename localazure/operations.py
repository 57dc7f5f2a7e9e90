"""Asynchronous operations: the writes that Azure is still carrying out, and what a look-up of one answers."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from localazure.answers import Answer, arm_error
from localazure.store import Json

if TYPE_CHECKING:
    from localazure.azure import LocalAzure

type Takes = Callable[[float], Awaitable[None]]
"""Lets seconds of Azure's time pass: a clock's `sleep`, or an operation's `takes`, which a fault may end badly."""


async def at_once(_seconds: float) -> None:
    """A `Takes` that takes no time, for worlds that are there from the start."""


class OperationFailed(Exception):  # noqa: N818 - an outcome, raised inside the work of an operation
    """Ends an operation as Failed (or Canceled). `error` is what a poll shows, without a wrapper."""

    def __init__(self, code: str, message: str, *, status: str = "Failed", **more: object) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.error: Json = {"code": code, "message": message, **more}


class Kind(Enum):
    """Who runs the operation: each provider has its own addresses and its own way to answer a poll."""

    PRIVATE_DNS = "private DNS"
    NETWORK = "Microsoft.Network"
    AKS = "Microsoft.ContainerService"
    GROUPS = "Microsoft.Resources"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a fault has in store for the operations that a request starts."""

    error: Json | None = None
    """Fail with this when its time is up."""
    stuck: bool = False
    """Stay InProgress for ever."""
    host: str | None = None
    """Give addresses on this origin instead of ours."""
    forgotten: bool = False
    """Answer every look-up with 404."""


NO_FATE = Fate()
fate_of_request: ContextVar[Fate] = ContextVar("fate_of_request", default=NO_FATE)


@dataclass(slots=True)
class Operation:
    """One operation. `status` may be set to free text while it runs, and `error` beside it, as AKS does."""

    azure: LocalAzure
    kind: Kind
    id: str
    started: float
    status_address: str
    result_address: str
    pause: float | None
    """Seconds, of Azure's, that Retry-After asks for."""
    fate: Fate = NO_FATE
    status: str = "InProgress"
    error: Json | None = None
    ended: float | None = None
    failed_with: list[str] = field(default_factory=list[str])

    async def takes(self, seconds: float) -> None:
        """Let `seconds` of Azure's time pass for this operation, or end it as its fate says."""
        if self.fate.stuck:
            await self.azure.forever()
        await self.azure.clock.sleep(seconds)
        if self.fate.error is not None:
            raise OperationFailed(**self.fate.error)

    def headers(self, *, status: bool = True, location: bool, wait: bool = True) -> dict[str, str]:
        """The headers of the answer that started it: which of the two addresses, and how long to wait.

        Recorded: a zone or link write and every DELETE give both, a PUT of Microsoft.Network or AKS only the first.
        """
        given: dict[str, str] = {}
        if status:
            given["azure-asyncoperation"] = self.status_address
        if location:
            given["location"] = self.result_address
        if wait and self.pause is not None:
            given["retry-after"] = str(max(1, round(self.azure.clock.ours(self.pause))))
        return given

    def poll(self) -> Answer:
        """What a GET of the status address answers.

        Private DNS says 202 while it runs, network and AKS 200; a failure is always HTTP 200.
        Recorded: privatedns/link-create-full-flow, link-put-if-none-match-conflict, errors/poll-200-*.
        """
        running = self.ended is None
        body: Json = {"status": self.status}
        if self.kind is Kind.AKS:
            clock = self.azure.clock
            body = {"name": self.id, "status": self.status, "startTime": clock.iso(self.started)}
            if self.ended is not None:
                body["endTime"] = clock.iso(self.ended)
        if self.error is not None:
            body["error"] = self.error
        if running and self.kind in (Kind.PRIVATE_DNS, Kind.GROUPS):
            return Answer(202, body, self.headers(location=True))
        return Answer(200, body)

    def result(self) -> Answer:
        """What a GET of the Location address answers: 202 while it runs, then nothing more to say.

        Recorded: aks/private-stop-start-operations (204 that still carries Location),
        network/subnet-set-network-security-group-2024-01-01 [16] (204 with both addresses), and 200 for a resource
        group; 409 with the reason when a group could not be deleted.
        """
        if self.ended is None:
            return Answer(202, None, self.headers(status=False, location=True))
        if self.kind is Kind.GROUPS:
            return Answer(200) if self.error is None else Answer(409, {"error": self.error})
        if self.kind is Kind.AKS:
            return Answer(204, None, {"location": self.result_address, "content-type": "application/json"})
        if self.kind is Kind.NETWORK:
            addresses = self.headers(location=True, wait=False)
            return Answer(204, None, {**addresses, "content-type": "application/json; charset=utf-8"})
        return Answer(204)


class Operations:
    """All operations, by the last segment of their addresses."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._by_id: dict[str, Operation] = {}

    def start(
        self,
        kind: Kind,
        work: Callable[[Operation], Awaitable[None]],
        *,
        subscription: str,
        api_version: str,
        resource_group: str = "",
        location: str = "",
        name: str = "",
        pause: float | None = None,
    ) -> Operation:
        """Begin `work` in the background and answer at once.

        `work` gets the operation; it ends well by returning and badly by raising OperationFailed. `name` is the
        operation's own, as private DNS puts it into its addresses: `UpsertVirtualNetworkLink`. `pause`: seconds for
        Retry-After where the kind's own are not right.
        """
        fate = fate_of_request.get()
        guid = self._azure.guid()
        segment = _dns_segment(name, guid) if kind is Kind.PRIVATE_DNS else guid
        status_path, result_path = _paths(kind, subscription, resource_group, location.lower())
        query = f"?api-version={_API_VERSION.get(kind, api_version)}" + _signature(self._azure)
        origin = fate.host or self._azure.arm
        operation = Operation(
            azure=self._azure,
            kind=kind,
            id=segment,
            started=self._azure.clock.now(),
            status_address=f"{origin}{status_path}/{segment}{query}",
            result_address=f"{origin}{result_path}/{segment}{query}",
            pause=_RETRY_AFTER[kind] if pause is None else pause,
            fate=fate,
        )
        self._by_id[segment] = operation
        self._azure.spawn(self._run(operation, work))
        return operation

    async def _run(self, operation: Operation, work: Callable[[Operation], Awaitable[None]]) -> None:
        try:
            await work(operation)
            operation.status = "Succeeded"
        except OperationFailed as failed:
            operation.status, operation.error = failed.status, failed.error
        except Exception as crash:
            operation.status = "Failed"
            operation.error = {"code": "InternalServerError", "message": f"The local Azure broke: {crash!r}"}
            raise
        finally:
            operation.ended = self._azure.clock.now()

    def look_up(self, segment: str, *, result: bool) -> Answer:
        """Answer a GET of an operation's address by its last segment."""
        operation = self._by_id.get(segment)
        if operation is None or operation.fate.forgotten:
            raise arm_error(404, "NotFound", f"Operation {segment} was not found.", cause="service")
        return operation.result() if result else operation.poll()

    def running(self) -> list[Operation]:
        """Those that have not ended."""
        return [operation for operation in self._by_id.values() if operation.ended is None]


# AKS names this version in its operation addresses whatever the request used (recorded: every aks/ file).
_API_VERSION = {Kind.AKS: "2016-03-30"}

# Recorded privatedns/zone-link-record-full-flow-2024-06-01: 30, and 3 for a VNet ([6]). AKS: none in any recording.
# Resource groups: ARM's usual 15.
_RETRY_AFTER: dict[Kind, float | None] = {Kind.PRIVATE_DNS: 30, Kind.NETWORK: 3, Kind.AKS: None, Kind.GROUPS: 15}


def _paths(kind: Kind, subscription: str, group: str, location: str) -> tuple[str, str]:
    """Status and result addresses without origin, last segment and query."""
    root = f"/subscriptions/{subscription}"
    match kind:
        case Kind.PRIVATE_DNS:
            base = f"{root}/resourceGroups/{group}/providers/Microsoft.Network"
            return f"{base}/privateDnsOperationStatuses", f"{base}/privateDnsOperationResults"
        case Kind.NETWORK:
            base = f"{root}/providers/Microsoft.Network/locations/{location}"
            return f"{base}/operations", f"{base}/operationResults"
        case Kind.AKS:
            base = f"{root}/providers/Microsoft.ContainerService/locations/{location}"
            return f"{base}/operations", f"{base}/operationresults"
        case Kind.GROUPS:
            return f"{root}/operationresults", f"{root}/operationresults"


def _dns_segment(name: str, guid: str) -> str:
    """Recorded addresses decode to `FrontEndAsyncOperation;UpsertVirtualNetworkLink;<guid>`."""
    return base64.b64encode(f"FrontEndAsyncOperation;{name};{guid}".encode()).decode()


def _signature(azure: LocalAzure) -> str:
    """Addresses carry a signed time, certificate and hash since about 2023 (REDACTED in the recordings)."""
    return f"&t={int(azure.clock.now() * 1000)}&c=local&s={azure.random.getrandbits(64):016x}&h=local"
