"""GET /clusters: the fleet as the ledger remembers it, filtered and in pages."""

import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import Meta

from functions.arm.resource_id import ResourceId
from functions.http.answers import MEMORY_NOT_UNDERSTOOD, ClusterPage, ShownCluster
from functions.http.asked import Asked, Parameters
from functions.http.desk import Desk
from functions.http.problem import Problem
from functions.ledger.state import Ledger, Row
from functions.policy import Subscription

ANY = "any"


class ListQuery(Parameters, frozen=True, kw_only=True):
    """Which clusters, and which page of them."""

    subscription: Subscription | None = None
    finding: (
        Annotated[
            str,
            Meta(
                pattern=r"^[a-z0-9-]+$",
                max_length=64,
                description="Only clusters with this finding code; `any` for any finding at all",
            ),
        ]
        | None
    ) = None
    state: (
        Annotated[
            str,
            Meta(pattern=r"^[A-Za-z]+$", max_length=64, description="Only this provisioning state, such as Failed"),
        ]
        | None
    ) = None
    top: Annotated[int, Meta(ge=1, le=1000, description="The most clusters in a page")] = 100
    continuation: (
        Annotated[str, Meta(max_length=4096, description="What the page before gave, with the same filter")] | None
    ) = None

    @property
    def filter(self) -> str:
        """What makes two requests ask for the same list."""
        return "|".join(part.casefold() for part in (self.subscription or "", self.finding or "", self.state or ""))


class _Place(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Where a page ended: after which row, of which list."""

    version: int
    after: str
    filter: str


_VERSION = 2  # in 1 a list was in order of the clusters' ids

_A_READ = 1000  # rows, the most that the tables give at once


async def cluster_list(asked: Asked[ListQuery], desk: Desk) -> ClusterPage:
    """A page of clusters in the ledger's order, which never changes: by subscription, then by a hash of the row.

    A cluster that comes or goes between two pages disturbs no other.
    """
    query = asked.query
    after = _place(query) if query.continuation is not None else None
    page, more = await _page(query, after, desk.live.ledger)
    return ClusterPage(
        value=tuple(ShownCluster.of(row) for row in page),
        continuation=_token(page[-1].subject, query) if more else None,
    )


async def _page(query: ListQuery, after: ResourceId | None, ledger: Ledger) -> tuple[list[Row], bool]:
    """The next rows that the filter keeps, as many as a page has, and whether there may be more."""
    found: list[Row] = []
    most = _A_READ if query.finding or query.state else min(query.top + 1, _A_READ)
    more = True
    while more and len(found) < query.top:
        rows = await ledger.page(after, most, query.subscription or "")
        found += (row for row in rows if _wanted(row, query))
        more = len(rows) == most
        after = rows[-1].subject if rows else after
    return found[: query.top], more or len(found) > query.top


def _wanted(row: Row, query: ListQuery) -> bool:
    if row.odd:  # what cluster it was is not known
        return query.finding in {None, ANY, MEMORY_NOT_UNDERSTOOD} and query.state is None
    held = row.observed
    if not held.cluster:
        return False
    return (
        query.finding is None or query.finding in held.findings or (query.finding == ANY and bool(held.findings))
    ) and (query.state is None or held.state.casefold() == query.state.casefold())


def _token(after: ResourceId, query: ListQuery) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Place(_VERSION, str(after), query.filter))).decode()


def _place(query: ListQuery) -> ResourceId:
    """After which row the page begins. Raises Problem for a continuation that is not Tether's, or not of this list."""
    try:
        place = msgspec.json.decode(
            base64.b64decode(query.continuation or "", altchars=b"-_", validate=True), type=_Place
        )
        after = ResourceId(place.after)
    except (binascii.Error, ValueError):  # msgspec's errors and those of text that is not ASCII are ValueErrors too
        raise Problem(400, "continuation-invalid", "The continuation is none that Tether gave.") from None
    if place.version != _VERSION or place.filter != query.filter:
        raise Problem(400, "continuation-invalid", "The continuation belongs to another list: begin anew without it.")
    return after
