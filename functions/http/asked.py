"""One HTTP request, checked: what Tether takes of it, as typed values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, cast, get_type_hints
from urllib.parse import parse_qsl, urlsplit

import azure.functions as func
import msgspec
from msgspec import Meta

from functions.arm.resource_id import InvalidResourceIdError, ResourceId
from functions.http.problem import Problem
from functions.policy import Subscription

LARGEST_BODY = 64 * 1024  # bytes
_MOST_PARAMETERS = 32

_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)

# Query parameters of the platform: the function key and its name (Learn, "Work with access keys").
_PLATFORMS = frozenset({"code", "clientid"})


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Query or path parameters. An unknown one is an error: a typing mistake must not turn `dryRun` off."""


class NoParameters(Parameters, frozen=True, kw_only=True):
    """A route without any."""


class ClusterPath(Parameters, frozen=True, kw_only=True):
    """The three names that make a managed cluster's id (name rules: Learn, "Naming rules for Azure resources")."""

    subscription: Subscription
    group: Annotated[
        str, Meta(pattern=r"^[-\w.()]*[-\w()]$", max_length=90, description="The resource group of the cluster")
    ]
    name: Annotated[
        str,
        Meta(pattern=r"^[a-zA-Z0-9]([-_a-zA-Z0-9]*[a-zA-Z0-9])?$", max_length=63, description="The cluster's name"),
    ]

    @property
    def cluster(self) -> ResourceId:
        """The id. Raises Problem for names that make none."""
        group = f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
        try:
            return ResourceId(f"{group}/providers/Microsoft.ContainerService/managedClusters/{self.name}")
        except InvalidResourceIdError as error:
            raise Problem(400, "id-malformed", str(error)) from None


class EmptyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No route takes anything in its body yet: it is left out, or `{}`."""


@dataclass(frozen=True, slots=True)
class Asked[Query: Parameters]:
    """A request that is well-formed. `address` is its path without the query, which may hold a function key."""

    query: Query
    path: dict[str, str]
    address: str
    principal: str | None

    @property
    def cluster(self) -> ResourceId:
        """The cluster that the path names. Raises Problem when it names none."""
        return _converted(self.path, ClusterPath, "id-malformed").cluster


def asked[Query: Parameters](request: func.HttpRequest, query: type[Query]) -> Asked[Query]:
    """Check a request: size, JSON, parameters. Raises Problem with what is wrong."""
    check_body(request.get_body())
    parts = urlsplit(request.url)
    headers = cast("Mapping[str, str]", request.headers)  # azure-functions types it as a bare Mapping
    return Asked(
        query=_converted(_parameters(parts.query), query, "query-invalid"),
        path=dict(request.route_params),
        address=parts.path,
        principal=headers.get("x-ms-client-principal"),
    )


def check_body(body: bytes) -> None:
    """Raises Problem for a body that is too large, is no JSON, or says something that nobody would read."""
    if len(body) > LARGEST_BODY:
        raise Problem(413, "body-too-large", f"A body has at most {LARGEST_BODY} bytes; this has {len(body)}.")
    if not body:
        return
    try:
        msgspec.json.decode(body, type=EmptyBody)
    except msgspec.ValidationError as error:
        raise Problem(400, "body-invalid", f"The body must be left out or be {{}}: {error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "body-not-json", "The body is not JSON.") from None


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Problem(400, "query-invalid", "The query is too long, or not in UTF-8.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name.casefold() in _PLATFORMS:
            continue
        if name in found:
            raise Problem(400, "query-invalid", f"The query gives {name[:40]!a} twice.")
        found[name] = value
    return found


def _converted[T: Parameters](given: dict[str, str], kind: type[T], code: str) -> T:
    hints = get_type_hints(kind)
    kinds = {field.encode_name: hints[field.name] for field in msgspec.structs.fields(kind)}
    raw = {name: _value(value, kinds.get(name)) for name, value in given.items()}
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise Problem(400, code, _plain(str(error))) from None


def _value(text: str, kind: object) -> object:
    """A parameter's text as its type writes it in JSON, else the text. msgspec's own reading takes `0` for false."""
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    return int(text) if kind is int and _NUMBER.fullmatch(text) else text


def _plain(message: str) -> str:
    """The message naming the parameter as the caller wrote it: `top` rather than `$.top`."""
    return message.replace("`$.", "`").replace("Object contains unknown field", "There is no parameter") + "."
