"""The whole local Azure on 127.0.0.1, for as long as a context lasts."""

import json
import secrets
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount

from localazure.admin import admin_routes
from localazure.arm_front import arm_app, droppable
from localazure.azure import Durations, LocalAzure
from localazure.azurite import Azurite, azurite
from localazure.certificates import certificates
from localazure.clock import Clock
from localazure.event_grid import EventGrid, Filter
from localazure.faults import Faults
from localazure.host.easy_auth import EasyAuth
from localazure.host.functions_host import FunctionsHost, functions_host
from localazure.identity import Tokens, identity_routes
from localazure.login import login_routes
from localazure.serving import address, bound, serving
from localazure.store import Json


@dataclass(frozen=True, slots=True)
class Running:
    """Where everything answers, and the things themselves for whoever runs in this process.

    `http` and `https` are ARM's URLs without a slash at the end (`/msi/token` and `/_local/` are there too);
    `authority` is the certificate file that clients of `https` must trust; `storage` is None when not asked for.
    """

    azure: LocalAzure
    event_grid: EventGrid
    faults: Faults
    http: str
    https: str
    authority: Path
    identity_header: str
    storage: Azurite | None

    def app_settings(self, policy: Json | str | None = None) -> dict[str, str]:
        """The environment in which an app finds this Azure instead of the real one. `policy`: JSON, or `@path`."""
        settings = {
            "TETHER_ARM_ENDPOINT": self.https,
            "IDENTITY_ENDPOINT": f"{self.http}/msi/token",
            "IDENTITY_HEADER": self.identity_header,
            "SSL_CERT_FILE": str(self.authority),
            "NO_PROXY": "127.0.0.1,localhost",
            "FUNCTIONS_WORKER_RUNTIME": "python",
        }
        if self.storage is not None:
            settings["AzureWebJobsStorage"] = self.storage.connection_string
        if policy is not None:
            settings["TETHER_POLICY"] = policy if isinstance(policy, str) else json.dumps(policy)
        return settings

    @asynccontextmanager
    async def app(
        self,
        folder: Path,
        *,
        policy: Json | str | None = None,
        settings: Mapping[str, str] | None = None,
        wanted: Filter | None = None,
        port: int = 0,
        easy_auth: EasyAuth | None = None,
    ) -> AsyncGenerator[FunctionsHost]:
        """Run the function app in `folder`, its Event Grid functions subscribed to all events (or those `wanted`).

        `settings` come on top of `app_settings(policy)`; `easy_auth` stands before its HTTP. Raises
        what `functions_host` raises.
        """
        environment = {**self.app_settings(policy), **(settings or {})}
        clock = self.azure.clock
        async with functions_host(folder, environment, clock, port=port, easy_auth=easy_auth) as host:
            subscriptions = [
                await self.event_grid.subscribe(
                    f"{function.name}-{number}", host.event_grid_endpoint(function.name), filter=wanted
                )
                for number, function in enumerate(host.functions.values())
                if function.kind == "eventGridTrigger"
            ]
            try:
                yield host
            finally:
                for subscription in subscriptions:
                    self.event_grid.unsubscribe(subscription)


@asynccontextmanager
async def running(
    *,
    speed: float = 1.0,
    seed: int = 0,
    port: int = 0,
    https_port: int = 0,
    storage: Azurite | bool = True,
    durations: Durations | None = None,
    strict_tokens: bool = False,
    certificate_folder: Path | None = None,
) -> AsyncGenerator[Running]:
    """Bring up ARM (http and https), the identity endpoint, Event Grid and, unless told otherwise, Azurite.

    Port 0 is any free one. `storage`: True starts an Azurite, one that runs already is used. With `strict_tokens` ARM
    takes only tokens that its identity endpoint gave. Certificates go into `certificate_folder`, else into a temporary
    one. All of it ends with the context, whatever ends that. Raises AzuriteMissing, or OSError naming a taken port.
    """
    async with AsyncExitStack() as ending:
        listening = ending.enter_context(bound(port))
        secure = ending.enter_context(bound(https_port))
        folder = certificate_folder or Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="localazure-ca-")))
        files = certificates(folder)
        azure = LocalAzure(Clock(speed), seed=seed, durations=durations, arm=address(secure, tls=True))
        faults, tokens, header = Faults(azure), Tokens(azure, strict=strict_tokens), secrets.token_hex(16)
        kept = storage if isinstance(storage, Azurite) else None
        if storage is True:
            kept = await ending.enter_async_context(azurite())
        event_grid = await ending.enter_async_context(EventGrid(azure, seed=seed))
        routes = [
            *identity_routes(azure, tokens, header),
            *login_routes(azure, tokens),
            *admin_routes(azure, event_grid, faults),
            Mount("/", arm_app(azure, faults, tokens=tokens)),
        ]
        front = droppable(Starlette(routes=routes))
        await ending.enter_async_context(serving(front, listening))
        await ending.enter_async_context(serving(front, secure, files.server))
        ending.push_async_callback(azure.close)
        yield Running(
            azure=azure,
            event_grid=event_grid,
            faults=faults,
            http=address(listening),
            https=address(secure, tls=True),
            authority=files.authority.absolute(),
            identity_header=header,
            storage=kept,
        )
