"""HTTP wakes Tether: one function a route, each handing over to functions/http, which is imported at the first request.

The functions take every method, so that a wrong one is answered with problem details like any other mistake.
"""

import azure.functions as func

bp = func.Blueprint()


# azure-functions leaves **kwargs of its decorators untyped.
@bp.route(route="clusters", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def clusters(req: func.HttpRequest) -> func.HttpResponse:
    """The fleet as the ledger remembers it."""
    return await _answer("clusters", req)


@bp.route(route="clusters/{subscription}/{group}/{name}", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def cluster(req: func.HttpRequest) -> func.HttpResponse:
    """A look under the covers of one cluster."""
    return await _answer("clusters/{subscription}/{group}/{name}", req)


@bp.route(route="clusters/{subscription}/{group}/{name}/reconcile", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def cluster_reconcile(req: func.HttpRequest) -> func.HttpResponse:
    """The plan for one cluster, or a pass over it."""
    return await _answer("clusters/{subscription}/{group}/{name}/reconcile", req)


@bp.route(route="drift", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def drift(req: func.HttpRequest) -> func.HttpResponse:
    """What the last sweep found."""
    return await _answer("drift", req)


@bp.route(route="sweep", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def sweep_now(req: func.HttpRequest) -> func.HttpResponse:
    """Sweep the fleet at once."""
    return await _answer("sweep", req)


@bp.route(route="health", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def health(req: func.HttpRequest) -> func.HttpResponse:
    """Whether Tether can do its work."""
    return await _answer("health", req)


@bp.route(route="poison/replay", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def poison_replay(req: func.HttpRequest) -> func.HttpResponse:
    """Put back what nobody could finish."""
    return await _answer("poison/replay", req)


@bp.route(route="openapi.json", auth_level=func.AuthLevel.FUNCTION)  # pyright: ignore[reportUnknownMemberType]
async def openapi(req: func.HttpRequest) -> func.HttpResponse:
    """The OpenAPI document of these routes."""
    return await _answer("openapi.json", req)


async def _answer(route: str, req: func.HttpRequest) -> func.HttpResponse:
    from functions.http.desk import desk
    from functions.http.routes import answer

    return await answer(route, req, desk)
