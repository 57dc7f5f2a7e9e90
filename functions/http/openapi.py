"""The OpenAPI 3.1 document, made from the table of routes and the types of their requests and answers."""

import http
from functools import cache
from typing import Any

import msgspec

from functions.http.asked import ClusterPath, EmptyBody, Parameters
from functions.http.problem import MEDIA_TYPE, ProblemDetails
from functions.http.routes import OPERATIONS, Document, Operation

type Json = dict[str, Any]

_REFERENCE = "#/components/schemas/{name}"
_ABOUT = """\
Every route needs a function key. Routes that write also need an Entra principal with the app role `Tether.Operator`,
unless the policy says `http.keysMayWrite`. Every error but the platform's own is an RFC 9457 problem.
"""


@cache
def document() -> bytes:
    """The document as it is served, and committed as docs/openapi.json."""
    answers = {kind for operation in OPERATIONS for _, kind, _ in operation.answers if kind is not Document}
    types = sorted({ProblemDetails, EmptyBody, *answers}, key=lambda kind: kind.__name__)
    _, schemas = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        paths.setdefault(f"/{operation.route}", {})[operation.method.casefold()] = _operation(operation)
    described: Json = {
        "openapi": "3.1.0",
        "info": {"title": "Tether", "version": "1", "description": _ABOUT, "license": {"name": "MIT"}},
        "servers": [{"url": "/api"}],
        "security": [{"keyInHeader": []}, {"keyInQuery": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "keyInHeader": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "keyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }
    return msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"


def _operation(operation: Operation) -> Json:
    path = _parameters(ClusterPath, "path") if "{" in operation.route else []
    described: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "parameters": [*path, *_parameters(operation.query, "query")],
        "responses": {
            **{str(status): _answer(kind, text, status) for status, kind, text in operation.answers},
            "401": {"description": "No function key, or a wrong one: the platform's own answer, without a body"},
            "default": {"description": "A problem", "content": {MEDIA_TYPE: {"schema": _reference(ProblemDetails)}}},
        },
    }
    if operation.takes_body:
        content = {"application/json": {"schema": _reference(EmptyBody)}}
        described["requestBody"] = {"required": False, "content": content}
    return described


def _answer(kind: type, text: str, status: int) -> Json:
    schema = {"type": "object"} if kind is Document else _reference(kind)
    content: Json = {"application/json": {"schema": schema}}
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:  # the same status tells of settings that cannot be used
        content[MEDIA_TYPE] = {"schema": _reference(ProblemDetails)}
    described: Json = {"description": text, "content": content}
    if status == http.HTTPStatus.ACCEPTED:
        described["headers"] = {"Location": {"required": True, "schema": {"type": "string", "format": "uri-reference"}}}
    return described


def _parameters(kind: type[Parameters], where: str) -> list[Json]:
    """The fields of a struct as parameters: their names, types and bounds are those that requests are checked by."""
    (_,), components = msgspec.json.schema_components([kind], ref_template=_REFERENCE)
    schema = components[kind.__name__]
    required = {*schema.get("required", [])}
    return [
        {
            "name": name,
            "in": where,
            "required": where == "path" or name in required,
            **({"description": described.pop("description")} if "description" in described else {}),
            "schema": described,
        }
        for name, described in ((name, _without_null(held)) for name, held in schema["properties"].items())
    ]


def _without_null(schema: Json) -> Json:
    """A parameter is given or left out; it is never null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", "") is None:
        del rest["default"]
    return {**rest, **choices[0]} if len(choices) == 1 else {**rest, **({"anyOf": choices} if choices else {})}


def _reference(kind: type) -> Json:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
