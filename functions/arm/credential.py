"""Where Tether's tokens come from."""

from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken, AccessTokenInfo, TokenRequestOptions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError

from functions.arm.errors import NoTokenError

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncSupportsTokenInfo

TOKEN_TIMEOUT = 5  # seconds


class TokenSource(AsyncTokenCredential):
    """A credential whose failures are Tether's own.

    azure-core raises the same exceptions for a refusal by ARM and for a token that was not had; told apart here,
    they cannot be mistaken for each other later. The reason is given by type only: an identity endpoint's answer
    may hold what must not be logged.
    """

    def __init__(self, credential: "AsyncSupportsTokenInfo") -> None:
        self._credential = credential

    async def get_token_info(self, *scopes: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
        """A token for the scopes. Raises NoTokenError."""
        try:
            return await self._credential.get_token_info(*scopes, options=options)
        except AzureError as error:
            raise NoTokenError(
                f"no token for {' '.join(scopes)} ({type(error).__name__}): "
                "is the app's managed identity assigned, and AZURE_CLIENT_ID that of the identity to use?"
            ) from None

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The older form of the same."""
        token = await self.get_token_info(*scopes)
        return AccessToken(token.token, token.expires_on)

    async def close(self) -> None:
        await self._credential.close()

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def platform_credential(client_id: str | None) -> TokenSource:
    """The managed identity where the platform offers one, else the developer's own `az login`.

    Not DefaultAzureCredential: it would try half a dozen sources, slowly, and might find one that nobody meant.
    """
    import os

    from azure.core.pipeline.transport import AioHttpTransport
    from azure.identity.aio import AzureCliCredential, ManagedIdentityCredential

    if "IDENTITY_ENDPOINT" in os.environ:
        transport = AioHttpTransport(connection_timeout=TOKEN_TIMEOUT, read_timeout=TOKEN_TIMEOUT)
        return TokenSource(ManagedIdentityCredential(client_id=client_id, transport=transport, retry_total=0))
    return TokenSource(AzureCliCredential(process_timeout=TOKEN_TIMEOUT * 3))
