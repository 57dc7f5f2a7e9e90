"""A local ARM in process, with the real SDK clients of Tether on it: what most tests here begin with."""

from dataclasses import dataclass, field
from typing import Any, Self

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.rest import HttpRequest
from azure.mgmt.network.aio import NetworkManagementClient
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.faults import Faults
from localazure.in_process import InProcessTransport
from localazure.resources.groups import ResourceGroups
from localazure.resources.virtual_networks import VirtualNetworks
from localazure.store import Json

SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
ZONE = f"{NETWORK}/privateDnsZones/zone.example"
HUB = f"{NETWORK}/virtualNetworks/hub"
LINK = f"{ZONE}/virtualNetworkLinks/link"


class AnyToken:
    """A credential that ARM's front accepts when it is not strict."""

    async def get_token(self, *_scopes: str, **_options: Any) -> AccessToken:
        return AccessToken("a.b.c", 4102444800)

    async def get_token_info(self, *_scopes: str, **_options: Any) -> AccessTokenInfo:
        return AccessTokenInfo("a.b.c", 4102444800)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing to leave."""


@dataclass
class LocalArm:
    """Make it inside a running event loop. Events are kept as (subject's type, event type)."""

    azure: LocalAzure = field(default_factory=LocalAzure)

    def __post_init__(self) -> None:
        self.faults = Faults(self.azure)
        self.transport = InProcessTransport(arm_app(self.azure, self.faults))
        self.events: list[tuple[str, str]] = []
        self.azure.listen(self._hear)
        options: dict[str, Any] = {"transport": self.transport, "retry_total": 0, "polling_interval": 1}
        self.dns = PrivateDnsManagementClient(AnyToken(), SUBSCRIPTION, **options)
        self.network = NetworkManagementClient(AnyToken(), SUBSCRIPTION, **options)

    def _hear(self, event: Json) -> None:
        self.events.append((event["data"]["operationName"], event["eventType"].rpartition(".")[2]))

    def group(self) -> None:
        ResourceGroups(self.azure).create(GROUP, "westeurope")

    def vnet(self, name: str = "hub", prefix: str = "10.0.0.0/16") -> str:
        """A VNet that is there at once."""
        vnet_id = f"{NETWORK}/virtualNetworks/{name}"
        VirtualNetworks(self.azure).place(vnet_id, "westeurope", [prefix])
        return vnet_id

    async def zone(self, name: str = "zone.example") -> str:
        zone_id = f"{NETWORK}/privateDnsZones/{name}"
        await self.write(zone_id, {"location": "global"})
        return zone_id

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One raw request; underscores in header names stand for hyphens."""
        version = "" if "?" in path else "?api-version=2024-06-01"
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.dns.send_request(HttpRequest(method, path + version, json=body, headers=given))

    async def write(self, path: str, body: Json, **headers: str) -> Json:
        """PUT and wait for the end: the last poll's body, or the answer of a write that needs none."""
        said = await self.call("PUT", path, body, **headers)
        if "azure-asyncoperation" not in said.headers:
            return said.json()
        return await self.end_of(said)

    async def end_of(self, said: Any) -> Json:
        """The body of the poll that ends what an answer has started."""
        assert said.status_code < 300, said.text()
        while True:
            poll = await self.call("GET", said.headers["azure-asyncoperation"])
            body: Json = poll.json()
            if body["status"] in ("Succeeded", "Failed", "Canceled"):
                return body
            await self.azure.clock.sleep(1)

    async def link(self, name: str, vnet: str, zone: str = ZONE, **headers: str) -> Json:
        """Write a link and wait for the end."""
        body = {"location": "global", "properties": {"virtualNetwork": {"id": vnet}, "registrationEnabled": False}}
        return await self.write(f"{zone}/virtualNetworkLinks/{name}", body, **headers)
