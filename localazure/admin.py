"""Control of the local Azure over HTTP, below `/_local/`: for people trying it out and for tests in other processes.

GET    /_local/clock          Azure's time and how fast it runs
GET    /_local/events         each Event Grid subscription with its attempts and dead letters
POST   /_local/faults         put rules in force: one JSON rule or an array (localazure/faults.py, Rule.from_json)
DELETE /_local/faults         nothing fails any more
POST   /_local/event-faults   {"lose": 0.1, "double": 0.1, "delay": 0.1, "delay_by": 300, "reorder": 0.1}
POST   /_local/lookup         {"vnet": id, "name": "…"}: what a client in that VNet is told
POST   /_local/maintenance    {"cluster": id}: move the API server to another address; answers when that is done
POST   /_local/approval       {"cluster": id, "status": "Rejected"}: of the private endpoint's connection
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localazure.aks import maintenance
from localazure.azure import LocalAzure
from localazure.event_grid import DeliveryFaults, EventGrid, Subscription
from localazure.faults import Faults, Rule
from localazure.resources.private_endpoints import APPROVALS
from localazure.store import Json


def admin_routes(azure: LocalAzure, event_grid: EventGrid, faults: Faults) -> list[Route]:
    """The routes; wrong input is answered with 400 and a sentence."""

    async def clock(_: Request) -> Response:
        return JSONResponse({"now": azure.clock.iso(), "speed": azure.clock.speed})

    async def events(_: Request) -> Response:
        return JSONResponse({"subscriptions": [_told(known) for known in event_grid.subscriptions]})

    async def set_faults(request: Request) -> Response:
        document = await _document(request)
        rules = [Rule.from_json(rule) for rule in (document if isinstance(document, list) else [document])]
        for rule in rules:
            faults.add_rule(rule)
        return JSONResponse({"added": len(rules)}, status_code=201)

    async def clear_faults(_: Request) -> Response:
        faults.clear()
        event_grid.faults = DeliveryFaults()
        return Response(status_code=204)

    async def set_event_faults(request: Request) -> Response:
        event_grid.faults = _delivery_faults(_object(await _document(request)))
        return JSONResponse(asdict(event_grid.faults), status_code=201)

    async def lookup(request: Request) -> Response:
        question = _object(await _document(request))
        if question.keys() != {"vnet", "name"} or azure.store.get(str(question["vnet"])) is None:
            raise ValueError('a look-up needs {"vnet": the id of a VNet that exists, "name": a name}')
        return JSONResponse(asdict(azure.resolvers.lookup(str(question["vnet"]), str(question["name"]))))

    return [
        Route("/_local/clock", clock),
        Route("/_local/events", events),
        Route("/_local/faults", _explained(set_faults), methods=["POST"]),
        Route("/_local/faults", clear_faults, methods=["DELETE"]),
        Route("/_local/event-faults", _explained(set_event_faults), methods=["POST"]),
        Route("/_local/lookup", _explained(lookup), methods=["POST"]),
        *_cluster_routes(azure),
    ]


def _cluster_routes(azure: LocalAzure) -> list[Route]:
    async def move(request: Request) -> Response:
        wanted = _object(await _document(request))
        return JSONResponse({"addresses": await maintenance.maintenance(azure, str(wanted.get("cluster", "")))})

    async def approve(request: Request) -> Response:
        wanted = _object(await _document(request))
        status = str(wanted.get("status", ""))
        if status not in APPROVALS:
            raise ValueError(f"a status is one of {', '.join(APPROVALS)}")
        maintenance.set_approval(azure, str(wanted.get("cluster", "")), status)
        return Response(status_code=204)

    return [
        Route("/_local/maintenance", _explained(move), methods=["POST"]),
        Route("/_local/approval", _explained(approve), methods=["POST"]),
    ]


type _Endpoint = Callable[[Request], Awaitable[Response]]


def _explained(endpoint: _Endpoint) -> _Endpoint:
    """Answer wrong input with 400 and the reason."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except (ValueError, TypeError, LookupError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)

    return answer


async def _document(request: Request) -> Json | list[Json]:
    document: object = json.loads(await request.body())
    candidates = cast("list[object]", document) if isinstance(document, list) else [document]
    if not all(isinstance(candidate, dict) for candidate in candidates):
        raise ValueError("the body must be a JSON object, or an array of them")
    return cast("Json | list[Json]", document)


def _object(document: Json | list[Json]) -> Json:
    if isinstance(document, list):
        raise TypeError("the body must be one JSON object")
    return document


def _delivery_faults(wanted: Json) -> DeliveryFaults:
    known = DeliveryFaults.__dataclass_fields__.keys()
    if unknown := wanted.keys() - known:
        raise ValueError(f"unknown fields {sorted(unknown)}; there are {', '.join(known)}")
    return DeliveryFaults(**{name: float(value) for name, value in wanted.items()})


def _told(subscription: Subscription) -> Json:
    return {
        "name": subscription.name,
        "schema": subscription.schema,
        "attempts": [asdict(attempt) for attempt in subscription.attempts],
        "deadLetters": [asdict(letter) for letter in subscription.dead_letters],
    }
