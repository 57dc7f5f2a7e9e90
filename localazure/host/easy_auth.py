"""App Service authentication ("Easy Auth") in front of an app: who signed in goes into headers, forgeries go out.

Source: Learn, "Work with user identities in Azure App Service authentication" (headers and their form) and
"Authentication and authorization in Azure App Service".
"""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

SETTING = {"WEBSITE_AUTH_ENABLED": "True"}
"""What the platform puts into an app's environment where Easy Auth is on."""
_PREFIX = b"x-ms-client-principal"
_SCHEMA = "http://schemas.microsoft.com/identity/claims"


@dataclass(frozen=True, slots=True)
class Principal:
    """Someone who signed in with Entra ID; `claims` come on top of the usual ones."""

    name: str
    object_id: str
    tenant: str
    audience: str
    roles: Sequence[str] = ()
    claims: Mapping[str, str] | None = None

    def header(self) -> str:
        """The value of `X-MS-CLIENT-PRINCIPAL`: base64 of JSON."""
        claims = {
            "aud": self.audience,
            "iss": f"https://login.microsoftonline.com/{self.tenant}/v2.0",
            f"{_SCHEMA}/objectidentifier": self.object_id,
            f"{_SCHEMA}/tenantid": self.tenant,
            "preferred_username": self.name,
            **(self.claims or {}),
        }
        written = [{"typ": kind, "val": value} for kind, value in claims.items()]
        principal = {
            "auth_typ": "aad",
            "claims": [*written, *({"typ": "roles", "val": role} for role in self.roles)],
            "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            "role_typ": "http://schemas.microsoft.com/ws/2008/06/identity/claims/role",
        }
        return base64.b64encode(json.dumps(principal).encode()).decode()

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (_PREFIX, self.header().encode()),
            (_PREFIX + b"-id", self.object_id.encode()),
            (_PREFIX + b"-name", self.name.encode()),
            (_PREFIX + b"-idp", b"aad"),
        ]


class EasyAuth:
    """The middleware. With `required` who has not signed in gets 401, except below the `excluded` paths."""

    def __init__(self, *, required: bool = False, excluded: Sequence[str] = ("/runtime/webhooks",)) -> None:
        self._required = required
        self._excluded = tuple(path.casefold() for path in excluded)
        self._signed_in: dict[str, Principal] = {}

    def sign_in(self, principal: Principal) -> str:
        """A token that stands for the principal: send it as `Authorization: Bearer <token>`."""
        token = secrets.token_urlsafe(24)
        self._signed_in[token] = principal
        return token

    def around(self, app: ASGIApp) -> ASGIApp:
        """The app behind Easy Auth: it sees principal headers of ours and never those of a caller."""

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                return await app(scope, receive, send)
            given = dict[bytes, bytes](scope["headers"])
            token = given.get(b"authorization", b"").decode("latin-1").removeprefix("Bearer ")
            principal = self._signed_in.get(token)
            if principal is None and (token or self._must_sign_in(scope["path"])):
                return await _unauthorised(send)
            kept = [(name, value) for name, value in scope["headers"] if not name.startswith(_PREFIX)]
            added = principal.headers() if principal else []
            return await app({**scope, "headers": [*kept, *added]}, receive, send)

        return guarded

    def _must_sign_in(self, path: str) -> bool:
        return self._required and not path.casefold().startswith(self._excluded)


async def _unauthorised(send: Send) -> None:
    headers = [(b"www-authenticate", b'Bearer realm="local"'), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
