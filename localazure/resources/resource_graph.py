"""Resource Graph at ARM's front: queries in, pages of rows out. The language is in `localazure/resource_graph`."""

import base64
import json
from functools import lru_cache
from typing import Any, override

from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure
from localazure.resource_graph.lexing import InvalidQueryError
from localazure.resource_graph.parsing import parse
from localazure.resource_graph.pipeline import Plan, plan
from localazure.resource_graph.quota import Quota
from localazure.resource_graph.rows import TABLES, TYPES, known_subscriptions
from localazure.resources.provider import ArmRequest, ResourceType
from localazure.store import Json, items, part

PAGE = 1000
"""Rows in a page, unless `$top` asks for fewer (Learn, "Working with large Azure resource data sets")."""


class ResourceGraph(ResourceType):
    """`POST /providers/Microsoft.ResourceGraph/resources`, answering in the form `objectArray`.

    Source: REST reference, Azure Resource Graph, Resources - Resources, 2024-04-01.
    """

    type = "Microsoft.ResourceGraph/resources"

    def __init__(self, azure: LocalAzure) -> None:
        super().__init__(azure)
        self._quota = Quota(azure.clock)
        self._last: tuple[object, list[Json]] | None = None

    @override
    async def post(self, request: ArmRequest) -> Answer:
        headers = self._quota.take(request.principal)
        options = part(request.sent, "options")
        if str(options.get("resultFormat", "objectArray")).casefold() != "objectarray":
            raise _bad_request("InvalidResultFormat", "The local Resource Graph answers as objectArray only.")
        try:
            planned = _plan(str(request.sent.get("query", "")))
        except InvalidQueryError as error:
            raise _bad_request("InvalidQuery", f"Query is invalid: {error}.") from None
        scope = self._scope(request.sent)
        self._note(request.principal, planned, scope)
        rows = self._rows(planned, scope, str(request.sent["query"]), request.principal)
        first, size = _window(options)
        page = rows[first : first + size]
        more = first + len(page) < len(rows)
        body: Json = {
            "totalRecords": len(rows),
            "count": len(page),
            "data": page,
            "facets": [],
            "resultTruncated": "true" if more else "false",
        }
        if more and planned.pages:
            body["$skipToken"] = _skip_token(first + len(page))
        return Answer(200, body, headers)

    def _note(self, principal: str, planned: Plan, scope: frozenset[str] | None) -> None:
        """Record which rights the rows ask for, where that is wanted."""
        if self.azure.access.needs is not None:
            asked = known_subscriptions(self.azure) if scope is None else scope
            self.azure.access.note_rows(principal, planned.types or TYPES[planned.table], asked)

    def _scope(self, sent: Json) -> frozenset[str] | None:
        """The subscriptions that a query is about, in lower case; None is all of the tenant."""
        if "subscriptions" in sent and sent["subscriptions"] is not None:
            return frozenset(str(subscription).casefold() for subscription in items(sent, "subscriptions"))
        if not (groups := {str(group).casefold() for group in items(sent, "managementGroups")}):
            return None
        chains = {held.casefold(): chain for held, chain in self.azure.management_groups.items()}
        return frozenset(
            subscription
            for subscription in known_subscriptions(self.azure)
            if any(name.casefold() in groups for name in chains.get(subscription, ()))
        )

    def _rows(self, planned: Plan, scope: frozenset[str] | None, query: str, principal: str) -> list[Json]:
        """The whole result. The next page of the same query is cut from the same rows while nothing has changed."""
        view, access = self.azure.graph, self.azure.access
        hidden = frozenset(view.silent | view.missing | access.unreadable | view.not_yet)
        groups = tuple(self.azure.management_groups.items())
        key = (query, scope, self.azure.store.version, hidden, groups, access.rights.of(principal))
        if self._last is None or self._last[0] != key or view.stale_by:
            rows = view.rows(planned.table, planned.types, scope)
            self._last = key, planned.run(access.rows_seen(principal, rows))
        return self._last[1]


@lru_cache(maxsize=256)
def _plan(query: str) -> Plan:
    return plan(parse(query), TABLES)


def _window(options: Json) -> tuple[int, int]:
    """The first row wanted, and how many."""
    size = _whole(options, "$top", PAGE)
    if not 1 <= size <= PAGE:
        raise _bad_request("InvalidOptions", f"$top must be 1 to {PAGE}, not {size}.")
    if (token := options.get("$skipToken")) is None:
        return _whole(options, "$skip", 0), size
    try:
        return int(json.loads(base64.b64decode(str(token), validate=True))["skip"]), size
    except (ValueError, KeyError, TypeError):
        raise _bad_request("InvalidSkipToken", "The skip token is not one that was given.") from None


def _whole(options: Json, name: str, otherwise: int) -> int:
    value: Any = options.get(name)
    if value is None:
        return otherwise
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _bad_request("InvalidOptions", f"{name} must be a whole number.")
    return value


def _skip_token(skip: int) -> str:
    return base64.b64encode(json.dumps({"skip": skip}).encode()).decode()


def _bad_request(code: str, message: str) -> Refused:
    """Resource Graph's 400: the reason is in `details`."""
    outer = "Please provide the information below when you ask for support."
    return arm_error(400, "BadRequest", outer, cause="", details=[{"code": code, "message": message}])
