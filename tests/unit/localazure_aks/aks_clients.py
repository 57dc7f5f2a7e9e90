"""The real Azure SDK clients, speaking to a local Azure in this process and in virtual time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.mgmt.containerservice.aio import ContainerServiceClient
from azure.mgmt.privatedns.aio import PrivateDnsManagementClient

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport
from localazure.resolver import ResolverRules
from localazure.virtual_time import run
from localazure.world import SUBSCRIPTION, HubAndSpoke, cluster_request, hub_and_spoke

ZONES = "Microsoft.Network/privateDnsZones"


class AnyToken:
    """A credential whose token never runs out."""

    async def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        return AccessToken("a.b.c", 4_102_444_800)

    async def get_token_info(self, *scopes: str, **kwargs: Any) -> AccessTokenInfo:
        return AccessTokenInfo("a.b.c", 4_102_444_800)

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self) -> "AnyToken":
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing to leave."""


@dataclass
class Bench:
    """A hub-and-spoke world with the clients of its user."""

    azure: LocalAzure
    world: HubAndSpoke
    aks: ContainerServiceClient
    dns: PrivateDnsManagementClient

    async def create(self, name: str = "team", **said: Any) -> Any:
        """PUT a cluster in the spoke and give its poller."""
        request = cluster_request(self.world.node_subnet, self.world.location, **said)
        return await self.aks.managed_clusters.begin_create_or_update("apps", name, request)

    async def link(self, zone_id: str, vnet_id: str, name: str = "hub") -> Any:
        """Link a zone, wherever it lies, to a VNet, and give its poller."""
        link = {"location": "global", "properties": {"virtualNetwork": {"id": vnet_id}, "registrationEnabled": False}}
        parts = zone_id.split("/")
        return await self.dns.virtual_network_links.begin_create_or_update(parts[4], parts[-1], name, link)

    def when_the_zone_is_born(self, then: Callable[[str], Awaitable[None]]) -> None:
        """Do something as soon as the event of the zone's write comes."""

        def hear(event: dict[str, Any]) -> None:
            told = event["eventType"], event["data"]["operationName"]
            if told == ("Microsoft.Resources.ResourceWriteSuccess", "Microsoft.Network/privateDnsZones/write"):
                self.azure.spawn(then(event["subject"]))  # type: ignore[arg-type]

        self.azure.listen(hear)


def in_virtual_time(story: Callable[[Bench], Awaitable[None]], *, negative_ttl: float = 300, **world: Any) -> None:
    """Tell a story in a fresh world; a crash in the background of the local Azure fails the test too.

    `negative_ttl`: seconds that a hub's resolver keeps a no from public DNS. `world`: how `hub_and_spoke` builds.
    """

    async def told() -> None:
        azure = LocalAzure(seed=7)
        azure.resolvers.rules = ResolverRules(public_negative_ttl=negative_ttl)
        transport = InProcessTransport(arm_app(azure))
        more: dict[str, Any] = {"transport": transport, "retry_total": 0}
        async with (
            ContainerServiceClient(AnyToken(), SUBSCRIPTION, **more) as aks,
            PrivateDnsManagementClient(AnyToken(), SUBSCRIPTION, **more) as dns,
        ):
            await story(Bench(azure, hub_and_spoke(azure, **world), aks, dns))
        await azure.close()
        assert azure.failures == []

    run(told())


async def state_of(bench: Bench, name: str = "team") -> tuple[str, str]:
    """The provisioning state and the code of the provisioning error."""
    cluster = await bench.aks.managed_clusters.get("apps", name)
    error = cluster.properties.status.provisioning_error.code if cluster.properties.status else ""
    return cluster.properties.provisioning_state, error


def the_zone(bench: Bench) -> str:
    return bench.azure.store.of_type(ZONES)[0].id
