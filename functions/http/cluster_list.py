"""GET /clusters: the fleet as the ledger remembers it, filtered and in pages."""

import base64
import binascii
from typing import Annotated

import msgspec
from msgspec import Meta

from functions.http.answers import ClusterPage, ShownCluster
from functions.http.asked import Asked, Parameters
from functions.http.desk import Desk
from functions.http.problem import Problem
from functions.ledger.state import Row
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
    """Where a page ended: after which id, of which list."""

    version: int
    after: str
    filter: str


_VERSION = 1


async def cluster_list(asked: Asked[ListQuery], desk: Desk) -> ClusterPage:
    """A page of clusters in order of id. A cluster that comes or goes between two pages disturbs no other."""
    query = asked.query
    after = _place(query).after if query.continuation is not None else ""
    rows = await desk.live.ledger.rows()
    wanted = sorted((row for row in rows if _wanted(row, query)), key=_key)
    rest = [row for row in wanted if _key(row) > after]
    page, more = rest[: query.top], len(rest) > query.top
    return ClusterPage(
        value=tuple(ShownCluster.of(row) for row in page),
        continuation=_token(_key(page[-1]), query) if more else None,
    )


def _wanted(row: Row, query: ListQuery) -> bool:
    held = row.observed
    if not held.cluster:
        return False
    return (
        (query.subscription is None or row.subject.subscription.casefold() == query.subscription.casefold())
        and (query.finding is None or query.finding in held.findings or (query.finding == ANY and bool(held.findings)))
        and (query.state is None or held.state.casefold() == query.state.casefold())
    )


def _key(row: Row) -> str:
    # Two rows can tell of one cluster while its node resource group changes: the subject keeps them apart.
    return f"{row.observed.cluster} {row.subject}".casefold()


def _token(after: str, query: ListQuery) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Place(_VERSION, after, query.filter))).decode()


def _place(query: ListQuery) -> _Place:
    try:
        place = msgspec.json.decode(
            base64.b64decode(query.continuation or "", altchars=b"-_", validate=True), type=_Place
        )
    except (binascii.Error, ValueError):  # msgspec's errors and those of text that is not ASCII are ValueErrors too
        raise Problem(400, "continuation-invalid", "The continuation is none that Tether gave.") from None
    if place.version != _VERSION or place.filter != query.filter:
        raise Problem(400, "continuation-invalid", "The continuation belongs to another list: begin anew without it.")
    return place
