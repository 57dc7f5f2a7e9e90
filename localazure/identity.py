"""The managed identity of App Service: tokens for the app, and the check of them at ARM's door."""

import base64
import json
import secrets
import time
from collections.abc import Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localazure.answers import Refused, arm_error
from localazure.azure import LocalAzure
from localazure.store import Json

MANAGED_IDENTITY = "44444444-4444-4444-4444-444444444444"
"""The principal of the app's managed identity."""
_MANAGED_IDENTITY_ID = "/subscriptions/local/resourcegroups/local/providers/Microsoft.Web/sites/tether"
LIFE = 3600
"""Seconds of our time that a token lives: the caller's credential judges `expires_on` by its own clock."""


class Tokens:
    """Access tokens shaped like those of Entra ID. Strict: only those issued here open ARM's door."""

    def __init__(self, azure: LocalAzure, *, strict: bool = True) -> None:
        self._azure = azure
        self._strict = strict
        self._issued: set[str] = set()

    def issue(self, resource: str, now: float, principal: str = MANAGED_IDENTITY) -> tuple[str, int]:
        """A token for `resource`, owned by `principal`, and when it expires, in seconds since 1970."""
        expires = int(now) + LIFE
        claims = {
            "aud": resource,
            "exp": expires,
            "iat": int(now),
            "tid": self._azure.tenant,
            "oid": principal,
            "appid": principal,
            "xms_mirid": _MANAGED_IDENTITY_ID,  # az CLI reads the name of a managed identity from it
            "jti": secrets.token_hex(8),
        }
        token = ".".join([_part({"alg": "none", "typ": "JWT"}), _part(claims), secrets.token_urlsafe(16)])
        self._issued.add(token)
        return token, expires

    def check(self, authorization: str | None) -> str:
        """Who asks. Refuses with ARM's 401 when the `Authorization` header is missing or no good."""
        scheme, _, token = (authorization or "").partition(" ")
        if not authorization:
            raise _unauthenticated(
                "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
            )
        if scheme.casefold() != "bearer" or not token.strip():
            raise _unauthenticated("AuthenticationFailedInvalidHeader", "Authentication failed. Use 'Bearer <token>'.")
        if self._strict and token not in self._issued:
            raise _unauthenticated("InvalidAuthenticationToken", "The access token is invalid.")
        return principal_of(token)


def principal_of(token: str) -> str:
    """The `oid` of an access token; of what is no token, the text itself, so that each text is someone."""
    try:
        padded = token.split(".")[1] + "==="
        claims: object = json.loads(base64.urlsafe_b64decode(padded))
    except (IndexError, ValueError):
        return token
    return str(cast("Json", claims).get("oid", token)) if isinstance(claims, dict) else token


def identity_routes(azure: LocalAzure, tokens: Tokens, header: str) -> list[Route]:
    """`GET /msi/token`, as App Service answers it to whoever knows the value of `IDENTITY_HEADER`.

    Source: Learn, "How to use managed identities for App Service", REST endpoint reference (2019-08-01).
    """

    async def token(request: Request) -> JSONResponse:
        given = request.headers.get("x-identity-header")
        if given is None or not secrets.compare_digest(given.encode(), header.encode()):
            return _refused("The X-IDENTITY-HEADER header is missing or wrong.")
        if request.query_params.get("api-version") != "2019-08-01":
            return _refused("The api-version must be 2019-08-01.")
        resource = request.query_params.get("resource", "")
        if not resource:
            return _refused("The resource parameter is missing.")
        value, expires = tokens.issue(resource, time.time())
        return JSONResponse(
            {
                "access_token": value,
                "expires_on": str(expires),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": azure.tenant,
            }
        )

    return [Route("/msi/token", token, methods=["GET"])]


def _refused(message: str) -> JSONResponse:
    return JSONResponse({"statusCode": 400, "message": message}, status_code=400)


def _part(claims: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


def _unauthenticated(code: str, message: str) -> Refused:
    challenge = 'Bearer authorization_uri="https://login.microsoftonline.com/", error="invalid_token"'
    return arm_error(401, code, message, headers={"www-authenticate": challenge})
