"""The storm's way to ARM: in process, as slow as a network, and with a note of what ARM accepted and refused."""

import asyncio
from collections import Counter
from random import Random
from types import TracebackType
from typing import Any, override
from urllib.parse import urlsplit

from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncSupportsTokenInfo
from azure.core.rest import HttpRequest

from localazure.arm_front import arm_app
from localazure.azure import LocalAzure
from localazure.in_process import InProcessTransport

TOKEN = "storm"  # any text is one here


class Wire(InProcessTransport):
    """`accepted` says when (seconds of Azure's clock) each PUT was first accepted, `refused` which calls met a 429."""

    def __init__(self, azure: LocalAzure, dice: Random) -> None:
        super().__init__(arm_app(azure))
        self.accepted: dict[str, float] = {}
        self.refused: Counter[str] = Counter()
        self._azure = azure
        self._dice = dice

    @override
    async def send(self, request: HttpRequest, **kwargs: Any) -> Any:
        path = urlsplit(request.url).path.casefold()
        await self._way()
        answer = await super().send(request, **kwargs)
        if answer.status_code == 429:
            self.refused[f"{request.method} {_kind(path)}"] += 1
        if request.method == "PUT" and answer.status_code == 202:
            self.accepted.setdefault(path, self._azure.clock.now())
        await self._way()
        return answer

    async def _way(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.01, 0.08))


def _kind(path: str) -> str:
    """The collection that a path lies in, or that it is."""
    segments = path.split("/")
    return segments[-1] if segments[-1] in {"virtualnetworklinks", "managedclusters"} else segments[-2]


class Token(AsyncSupportsTokenInfo):
    """A managed identity that has its token already."""

    @override
    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        return AccessTokenInfo(TOKEN, 4_102_444_800)

    @override
    async def close(self) -> None:
        """Nothing to close."""

    @override
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Nothing to leave."""
