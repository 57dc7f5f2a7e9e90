"""Signing in to the local Azure, as az CLI and MSAL do it: discovery documents and the token endpoint.

Source: Learn, "OpenID Connect on the Microsoft identity platform" and "OAuth 2.0 client credentials flow"; the
metadata document is ARM's, GET /metadata/endpoints.
"""

import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from localazure.azure import LocalAzure
from localazure.identity import LIFE, Tokens


def login_routes(azure: LocalAzure, tokens: Tokens) -> list[Route]:
    """The routes. Any service principal with any secret may sign in: the token's `oid` is its client id."""

    async def discovery(_: Request) -> JSONResponse:
        base = f"{azure.arm}/{azure.tenant}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            }
        )

    async def token(request: Request) -> JSONResponse:
        form = dict(parse_qsl((await request.body()).decode()))
        grant, client, scope = (form.get(name, "") for name in ("grant_type", "client_id", "scope"))
        if grant != "client_credentials":
            return _refused("unsupported_grant_type", "The local Azure signs in service principals only.")
        if not client or not scope:
            return _refused("invalid_request", "client_id and scope are needed.")
        value, _ = tokens.issue(scope.split()[0].removesuffix("/.default"), time.time(), client)
        return JSONResponse({"token_type": "Bearer", "expires_in": LIFE, "ext_expires_in": LIFE, "access_token": value})

    async def endpoints(_: Request) -> JSONResponse:
        authentication = {
            "loginEndpoint": azure.arm,
            "audiences": [azure.arm],
            "tenant": azure.tenant,
            "identityProvider": "AAD",
        }
        cloud = {"name": "LocalAzure", "resourceManager": azure.arm, "authentication": authentication, "suffixes": {}}
        return JSONResponse([cloud])

    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", discovery, methods=["GET"]),
        Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"]),
        Route("/metadata/endpoints", endpoints, methods=["GET"]),
    ]


def az_lines(azure: LocalAzure, authority: Path) -> list[str]:
    """What to paste into a shell so that az CLI speaks to this Azure over https; `authority` is the CA's file.

    az keeps what it learns beside that file, and a cloud a port, so that nothing of the user's own is touched.
    """
    name = f"Local{urlsplit(azure.arm).port}"
    endpoints = ("resource-manager", "active-directory", "active-directory-resource-id")
    cloud = " ".join(f"--endpoint-{name} {azure.arm}" for name in endpoints)
    return [
        f"export REQUESTS_CA_BUNDLE={authority} AZURE_CONFIG_DIR={authority.parent}/az",
        f"az cloud register --name {name} --skip-endpoint-discovery {cloud}",
        f"az cloud set --name {name} && az config set core.instance_discovery=false",
        f"az login --service-principal --username local --password any --tenant {azure.tenant}",
    ]


def _refused(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, status_code=400)
