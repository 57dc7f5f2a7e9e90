"""One authenticated way to ARM for the whole worker: raw requests for reads, typed clients for writes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline.policies import CustomHookPolicy, HeadersPolicy, RequestIdPolicy, UserAgentPolicy
from azure.core.rest import HttpRequest
from azure.mgmt.core.policies import AsyncARMChallengeAuthenticationPolicy
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from functions.arm import errors
from functions.arm.allowance import Allowance
from functions.arm.clouds import Cloud
from functions.arm.credential import TokenSource
from functions.arm.read_pauses import Met, ReadPauses
from functions.telemetry import telemetry

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AsyncHttpTransport
    from azure.core.rest import AsyncHttpResponse
    from azure.mgmt.containerservice.aio import ContainerServiceClient
    from azure.mgmt.network.aio import NetworkManagementClient

READ_TIMEOUT = 5  # seconds, as for tokens
RECORD_WRITE_TIMEOUT = 15  # seconds, for links and records
CLUSTER_WRITE_TIMEOUT = 60  # seconds, for clusters, subnets and Run Command

# How long a read is left alone that was throttled without a Retry-After: Resource Graph's window, and a pass's first
# pause. Without it other paths and workers would ask again at once.
_UNNAMED_PAUSE = 5.0  # seconds

type Answer = "AsyncHttpResponse"


class Session:
    """Reads and writes against one cloud's ARM, with one credential and one connection pool.

    Every call fails as ArmError (refused), NoAnswerError or NoTokenError, and with nothing else of azure-core.
    Nothing is retried here: the queue owns backoff (rule 5). A read that ARM refused with a Retry-After is not sent
    again before that is over; it fails as NoTurnError instead. Redirects are not followed, so that a token goes
    nowhere but to ARM, and resource providers are not registered on the side.
    """

    def __init__(self, cloud: Cloud, credential: TokenSource, transport: "AsyncHttpTransport[Any, Any]") -> None:
        self.cloud = cloud
        self._credential = credential
        self._transport = transport
        self._clients: dict[tuple[Callable[..., Any], str], Any] = {}
        self._allowance = Allowance()
        self._pauses = ReadPauses()

    def holding(self, subscription: str, reads: int) -> AbstractContextManager[None]:
        """Hold so many of a subscription's reads for a pass. Raises NoTurnError when they are not to be had now."""
        return self._allowance.held(subscription, reads, _seconds())

    def noting_pauses(self) -> AbstractContextManager[Met]:
        """Note the reads inside that ARM refuses with a pause: paths, and until when, in seconds of this worker."""
        return self._pauses.noting()

    def pauses_left(self, met: Met) -> list[tuple[str, float]]:
        """Of what was noted: the paths, and for how many seconds each still pauses."""
        now = _seconds()
        return [(path, until - now) for path, until in met.items() if until > now]

    def learn_pauses(self, left: Iterable[tuple[str, float]]) -> None:
        """What another worker met: paths, and for how many seconds each still pauses."""
        self._pauses.learn(left, _seconds())

    async def get(self, path: str, api_version: str) -> bytes:
        """The body of a GET on a path of ARM, such as an id."""
        return (await self.get_answer(f"{self.cloud.arm}{path}", api_version)).content

    async def get_answer(self, url: str, api_version: str | None = None) -> Answer:
        """The whole answer to a GET on an address of ARM's, already read.

        The caller has made sure that the address is ARM's (see operations.look_up): our token goes with it.
        """
        parameters = {"api-version": api_version} if api_version else {}
        return await self._send(HttpRequest("GET", url, params=parameters, headers={"Accept": "application/json"}))

    async def post(self, path: str, api_version: str, body: object) -> bytes:
        """The body of the answer to a POST that only asks, such as a query."""
        return (await self.post_answer(path, api_version, body)).content

    async def post_answer(self, path: str, api_version: str, body: object, timeout: float = READ_TIMEOUT) -> Answer:  # noqa: ASYNC109 - the transport keeps it
        """The whole answer to such a POST, already read. `timeout` is in seconds."""
        url = f"{self.cloud.arm}{path}"
        return await self._send(HttpRequest("POST", url, params={"api-version": api_version}, json=body), timeout)

    async def token_for(self, scope: str) -> str:
        """A token of ours for something else than ARM, to be sent to ARM and nowhere else. Raises NoTokenError."""
        return (await self._credential.get_token_info(scope)).token

    async def _send(self, request: HttpRequest, timeout: float = READ_TIMEOUT) -> Answer:  # noqa: ASYNC109 - as above
        path = urlsplit(request.url).path
        self._pauses.check(path, _seconds())
        client = self.private_dns("")
        answer = await guarded(lambda: client.send_request(request, read_timeout=timeout), request.method)
        telemetry().called(request.method, answer.status_code)
        if request.method == "GET":
            self._allowance.answered(request.url, answer.status_code, answer.headers, _seconds())
        if answer.status_code >= 400:
            error = errors.from_answer(answer.status_code, answer.headers, answer.content)
            pause = _UNNAMED_PAUSE if error.retry_after is None and error.status == 429 else error.retry_after
            if pause is not None:
                self._pauses.refused(path, pause, _seconds())
            raise error
        return answer

    def private_dns(self, subscription: str) -> PrivateDnsManagementClient:
        """The typed client for the private zones of one subscription. Raw reads take the one of none."""
        return self._client(PrivateDnsManagementClient, subscription)

    def network(self, subscription: str) -> "NetworkManagementClient":
        """The typed client for the networks of one subscription.

        The first one takes half a second to a second and 40 MB, for the import, and each then 80 kB: nobody pays for
        that before there is a subnet to be written.
        """
        from azure.mgmt.network.aio import NetworkManagementClient

        return self._client(NetworkManagementClient, subscription)

    def container_service(self, subscription: str) -> "ContainerServiceClient":
        """The typed client for the clusters of one subscription. The first one takes a tenth of a second or two."""
        from azure.mgmt.containerservice.aio import ContainerServiceClient

        return self._client(ContainerServiceClient, subscription)

    def _client[T](self, make: Callable[..., T], subscription: str) -> T:
        key = make, subscription.casefold()
        if key not in self._clients:
            self._clients[key] = make(
                self._credential,
                subscription,
                base_url=self.cloud.arm,
                credential_scopes=[self.cloud.scope],
                transport=self._transport,
                policies=[
                    RequestIdPolicy(),
                    HeadersPolicy(),
                    UserAgentPolicy("tether"),
                    AsyncARMChallengeAuthenticationPolicy(self._credential, self.cloud.scope),
                    CustomHookPolicy(),
                ],
            )
        return self._clients[key]

    async def close(self) -> None:
        """Close the connections and the credential. The session cannot be used afterwards."""
        await self._transport.close()
        await self._credential.close()


def _seconds() -> float:
    """Now, by a clock that never goes back."""
    return asyncio.get_running_loop().time()


async def guarded[T](call: Callable[[], Awaitable[T]], method: str) -> T:
    """Carry out a call of the SDK and translate its failures into ArmError and NoAnswerError."""
    try:
        return await call()
    except HttpResponseError as error:
        telemetry().called(method, error.status_code or 0)
        raise refused(error) from None
    except AzureError as error:
        telemetry().called(method, 0)
        raise errors.NoAnswerError(f"no answer from ARM ({type(error).__name__})") from None


def refused(error: HttpResponseError) -> errors.ArmError:
    """The refusal inside an exception of the SDK."""
    response: Any = error.response
    if response is None or error.status_code is None:
        return errors.ArmError(0, type(error).__name__, "the answer could not be read")
    body: bytes = response.body() if hasattr(response, "body") else response.content
    return errors.from_answer(error.status_code, response.headers, body)
