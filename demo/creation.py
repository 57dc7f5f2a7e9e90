"""One creation of a private cluster, asked for and watched with the real SDK clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from demo.timeline import Timeline
from localazure.running import Running
from localazure.store import Json
from localazure.world import HubAndSpoke, cluster_request

_ZONE = "Microsoft.Network/privateDnsZones"
_LINK = f"{_ZONE}/virtualNetworkLinks"
_ENDPOINT = "Microsoft.Network/privateEndpoints"
_WRITTEN = "Microsoft.Resources.ResourceWriteSuccess"

# Real seconds between two looks, and the Azure seconds after which a creation has gone wrong in some new way.
_LOOK = 0.05
_LONGEST = 1500.0

# A cluster rests in these alone: AKS writes other texts while it works.
_ENDS = frozenset({"Succeeded", "Failed", "Canceled"})


class _AnyToken:
    """The person's own credential: the local ARM takes any."""

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("e30.e30.x", 4_102_444_800)

    async def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        return AccessTokenInfo("e30.e30.x", 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> "_AnyToken":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to leave."""


@dataclass(slots=True)
class Ended:
    """How a creation ended: the cluster's state, AKS's error code and message, its zone, and the links ARM shows."""

    state: str
    error: str
    message: str
    zone: str
    links: list[Any]


class Creation:
    """A person who asks ARM for a cluster, and looks at what becomes of it."""

    def __init__(self, local: Running, world: HubAndSpoke, timeline: Timeline, name: str) -> None:
        self._local = local
        self._world = world
        self._timeline = timeline
        self._name = name
        self._zone = ""
        self._zone_event = ""
        self._group = world.group.rpartition("/")[2]
        local.azure.listen(self._happened)

    async def run(self) -> Ended:
        """Ask for the cluster and watch until ARM says that it came up or failed."""
        async with self._clients() as (aks, dns):
            self._timeline.start()
            request: Any = cluster_request(self._world.node_subnet, self._world.location)
            poller = await aks.managed_clusters.begin_create_or_update(self._group, self._name, request, polling=False)
            self._timeline.step("asked", f"a person asks for the private cluster {self._name}; AKS is creating it")
            del poller
            state = ""
            while (cluster := await aks.managed_clusters.get(self._group, self._name)).properties is not None:
                state = cluster.properties.provisioning_state or ""
                if state in _ENDS or self._timeline.now() > _LONGEST:
                    break
                await self._look(cluster.properties.private_fqdn or "")
                await asyncio.sleep(_LOOK)
            assert cluster.properties is not None
            status = cluster.properties.status
            error = status.provisioning_error if status else None
            return Ended(
                state,
                (error.code or "") if error else "",
                (error.message or "") if error else "",
                self._zone.rpartition("/")[2],
                await self._links(dns) if self._zone else [],
            )

    async def _look(self, name: str) -> None:
        """Steps that no event tells of: the event itself, links that ARM accepted, what the spoke resolves."""
        if any(self._zone_event in subscription.tried for subscription in self._local.event_grid.subscriptions):
            self._timeline.step("event", "Event Grid tells Tether")
        hubs = {hub.casefold() for hub in self._world.hubs}
        links = [
            link
            for link in self._local.azure.store.of_type(_LINK, self._zone)
            if self._zone and link.properties["virtualNetwork"]["id"].casefold() in hubs
        ]
        for link in links:
            hub = link.properties["virtualNetwork"]["id"].rpartition("/")[2]
            self._timeline.step(f"accepted {hub}", f"ARM accepted the link to {hub}", "cyan")
            if link.properties["virtualNetworkLinkState"] == "Completed":
                self._timeline.step(f"completed {hub}", f"the link to {hub} is Completed", "cyan")
        # The spoke is asked only when a link is there: a question before would put a "no" into the hub's cache.
        if any(link.properties["virtualNetworkLinkState"] == "Completed" for link in links):
            told = self._local.azure.resolvers.lookup(self._world.spoke, name)
            if told.addresses:
                self._timeline.step("resolves", f"the spoke resolves the API server: {told.addresses[0]}", "green")
            elif told.cached:
                self._timeline.step("cached", 'the hub\'s resolver still keeps a "no" that a node got too early', "dim")

    def _happened(self, event: Json) -> None:
        """The steps that Azure tells of itself."""
        if event["eventType"] != _WRITTEN:
            return
        subject, operation = event["subject"], event["data"]["operationName"]
        if operation == f"{_ZONE}/write" and not self._zone:
            self._zone, self._zone_event = subject, event["id"]
            self._timeline.step("zone", f"AKS made the private zone {_short(subject)}", "bold")
        elif operation == f"{_ENDPOINT}/write" and self._zone:
            self._timeline.step("endpoint", "the API server has its private endpoint, and the zone its A record")

    async def _links(self, dns: PrivateDnsManagementClient) -> list[Any]:
        parts = self._zone.split("/")
        return [link async for link in dns.virtual_network_links.list(parts[4], parts[-1])]

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[ContainerServiceClient, PrivateDnsManagementClient]]:
        options: dict[str, Any] = {
            "base_url": self._local.https,
            "credential_scopes": [f"{self._local.https}/.default"],
            "connection_verify": str(self._local.authority),
        }
        async with (
            ContainerServiceClient(_AnyToken(), self._world.subscription, **options) as aks,
            PrivateDnsManagementClient(_AnyToken(), self._world.subscription, **options) as dns,
        ):
            yield aks, dns


def _short(zone_id: str) -> str:
    """A zone's name that fits a line: AKS's GUID cut to its first part."""
    guid, _, rest = zone_id.rpartition("/")[2].partition(".")
    return f"{guid[:8]}….{rest}"
