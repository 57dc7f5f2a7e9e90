"""Every route in one table: what it takes, what it answers, who does it. The OpenAPI document is made from it."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import msgspec

from functions.http.answers import ClusterPage, Health, Reconciliation, Replayed
from functions.http.asked import Asked, NoParameters, Parameters, asked
from functions.http.cluster_detail import cluster_detail
from functions.http.cluster_list import ListQuery, cluster_list
from functions.http.desk import Desk
from functions.http.detail_answer import ClusterDetail
from functions.http.health import health, without_settings
from functions.http.problem import MEDIA_TYPE, Failure, Problem, of_failure
from functions.http.remediation import ReconcileQuery, reconcile_cluster
from functions.http.replay import replay
from functions.http.sweeping import DriftQuery, SweepQuery, last_drift, sweep_now
from functions.ledger.reports import DriftReport
from functions.settings import SettingsError

_log = logging.getLogger("tether")

CLUSTERS = "clusters"
CLUSTER = "clusters/{subscription}/{group}/{name}"
RECONCILE = "clusters/{subscription}/{group}/{name}/reconcile"
HEALTH = "health"
REPLAY = "poison/replay"
OPENAPI = "openapi.json"
DRIFT = "drift"
SWEEP = "sweep"


class Document(msgspec.Struct, frozen=True):
    """A document as it is, such as the OpenAPI one."""

    body: msgspec.Raw


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route. `does` gets the checked request and raises Problem or a Failure.

    Without `does` it needs nothing of the worker's: the document itself. `needs_policy`: whether a policy that is
    invalid keeps it from answering (rule 13).
    """

    id: str
    method: str
    route: str
    summary: str
    does: Callable[[Asked[Any], Desk], Awaitable[msgspec.Struct]] | None = None
    query: type[Parameters] = NoParameters
    answers: tuple[tuple[int, type, str], ...] = ()
    takes_body: bool = False
    needs_policy: bool = True


OPERATIONS = (
    Operation(
        id="listClusters",
        method="GET",
        route=CLUSTERS,
        summary="The clusters that Tether has looked at, as it remembers them",
        does=cluster_list,
        query=ListQuery,
        answers=((200, ClusterPage, "A page of clusters"),),
    ),
    Operation(
        id="getCluster",
        method="GET",
        route=CLUSTER,
        summary="A look under the covers of one cluster, read from ARM for this answer",
        does=cluster_detail,
        answers=((200, ClusterDetail, "The cluster and what lies around it"),),
    ),
    Operation(
        id="reconcileCluster",
        method="POST",
        route=RECONCILE,
        summary="The plan for one cluster (dryRun=true, the default), or a pass over it at once",
        does=reconcile_cluster,
        query=ReconcileQuery,
        answers=(
            (200, Reconciliation, "The plan; or what was done, and nothing is left to do"),
            (202, Reconciliation, "What was done so far; work goes on, and Location tells where to look"),
        ),
        takes_body=True,
    ),
    Operation(
        id="getDrift",
        method="GET",
        route=DRIFT,
        summary="What the last sweep found (times in seconds since 1970)",
        does=last_drift,
        query=DriftQuery,
        answers=((200, DriftReport, "The report of a sweep"),),
    ),
    Operation(
        id="sweepNow",
        method="POST",
        route=SWEEP,
        summary="Sweep the fleet at once, and permit a plan that an earlier sweep stopped",
        does=sweep_now,
        query=SweepQuery,
        answers=((200, DriftReport, "The report of this sweep"),),
        takes_body=True,
    ),
    Operation(
        id="getHealth",
        method="GET",
        route=HEALTH,
        summary="Whether Tether can do its work",
        does=health,
        answers=((200, Health, "All is well"), (503, Health, "Something that Tether needs is not there")),
        needs_policy=False,
    ),
    Operation(
        id="replayPoison",
        method="POST",
        route=REPLAY,
        summary="Put the messages that nobody could finish back to be worked on",
        does=replay,
        answers=((200, Replayed, "How many were put back"),),
        takes_body=True,
    ),
    Operation(
        id="getOpenApi",
        method="GET",
        route=OPENAPI,
        summary="This document",
        answers=((200, Document, "An OpenAPI 3.1 document"),),
        needs_policy=False,
    ),
)


async def answer(route: str, request: func.HttpRequest, desk: Callable[[], Desk]) -> func.HttpResponse:
    """Answer a request that came in by a route, whatever it holds. Never raises."""
    try:
        return _told(await _answered(route, request, desk))
    except Problem as problem:
        return _refusal(problem)
    except Failure as error:
        problem = of_failure(error)
        _log.warning("%s is answered with %d: %s", route, problem.status, error)
        return _refusal(problem)
    except Exception as error:  # noqa: BLE001 - logged with its traceback, and told as a problem
        _log.exception("%s failed by a mistake of Tether's own", route)
        return _refusal(of_failure(error))


async def _answered(route: str, request: func.HttpRequest, desk: Callable[[], Desk]) -> msgspec.Struct:
    operation = _operation(route, request.method)
    given = asked(request, operation.query)
    if operation.does is None:
        return _document()
    try:
        here = desk()
    except SettingsError as error:
        if operation.route == HEALTH:
            return without_settings(error)
        raise
    if operation.needs_policy:
        _ = here.around
    return await operation.does(given, here)


def _document() -> Document:
    from functions.http.openapi import document

    return Document(msgspec.Raw(document()))


def _operation(route: str, method: str) -> Operation:
    allowed = {operation.method: operation for operation in OPERATIONS if operation.route == route}
    found = allowed.get(method.upper())
    if found is None:
        named = ", ".join(sorted(allowed))
        raise Problem(405, "method-not-allowed", f"This route takes {named}.", {"Allow": named})
    return found


def _told(body: msgspec.Struct) -> func.HttpResponse:
    """The answer, with the status that it calls for."""
    match body:
        case Document():
            return _response(bytes(body.body), 200)
        case Health() if body.status != "healthy":
            return _response(msgspec.json.encode(body), 503)
        case Reconciliation() if body.looks_again_in is not None and not body.dry_run:
            return _response(msgspec.json.encode(body), 202, headers={"Location": body.status})
        case _:
            return _response(msgspec.json.encode(body), 200)


def _refusal(problem: Problem) -> func.HttpResponse:
    return _response(msgspec.json.encode(problem.details), problem.status, MEDIA_TYPE, problem.headers)


def _response(
    body: bytes, status: int, media_type: str = "application/json", headers: dict[str, str] | None = None
) -> func.HttpResponse:
    safe = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return func.HttpResponse(body, status_code=status, headers=safe, mimetype=media_type)
