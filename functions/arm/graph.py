"""Azure Resource Graph: what is asked of all of Azure at once."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, get_args

import msgspec

from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.resource_id import is_guid
from functions.arm.session import Session
from functions.arm.understood import Odd, each, fields, text_in

_API = "2024-04-01"
_PATH = "/providers/Microsoft.ResourceGraph/resources"

# A page has at most 1000 rows, and a query names at most 1000 subscriptions (Learn, "Working with large Azure resource
# data sets" and "Troubleshoot errors using Azure Resource Graph").
PAGE = 1000
_MOST_SUBSCRIPTIONS = 1000
_MOST_PAGES = 1000

# A page of a big table takes Resource Graph longer than ARM takes for one resource.
_TIMEOUT = 30.0  # seconds

# What the quota's window is said to be (Learn, "Throttled requests"), where an answer names no pause.
_WINDOW = 5.0  # seconds
_MOST_REFUSALS = 5  # in a row, before a survey is given up


class Page[Row](msgspec.Struct):
    """One page of a query's answer, in the form `objectArray`."""

    data: list[Row]
    truncated: str = msgspec.field(default="", name="resultTruncated")  # "true" or "false"; absent is not whole
    token: str | None = msgspec.field(default=None, name="$skipToken")


class Graph:
    """Queries over many subscriptions, page by page, within the quota of one principal and a budget of seconds.

    `now` gives seconds, `sleep` waits for some: they are the timer's own, so that tests can give others. `queries` and
    `rows` count what was asked and what came. `odd` are the rows that could not be understood, which no query gives.
    """

    def __init__(
        self, session: Session, *, now: Callable[[], float], sleep: Callable[[float], Awaitable[None]], budget: float
    ) -> None:
        self.session = session
        self.queries = 0
        self.rows = 0
        self.odd: list[Odd] = []
        self._now = now
        self._sleep = sleep
        self._until = now() + budget
        self._not_before = 0.0

    async def query[Row](
        self, text: str, page: msgspec.json.Decoder[Page[Row]], subscriptions: Sequence[str] | None
    ) -> list[Row]:
        """All rows of a query in the subscriptions named, or in all of the tenant's that we may see.

        The text projects `id` and orders by it, or its answer fits one page: without `id` Resource Graph gives no skip
        token. Raises ArmError, NoTokenError, and NoAnswerError when the answer is not whole: a part is never taken for
        the whole. What we may not see is left out without a word, and so is a row that cannot be understood (which goes
        to `odd`), so absence here proves nothing.
        """
        if subscriptions is None:
            return await self._pages(text, page, None)
        rows: list[Row] = []
        for first in range(0, len(subscriptions), _MOST_SUBSCRIPTIONS):
            rows += await self._pages(text, page, subscriptions[first : first + _MOST_SUBSCRIPTIONS])
        return rows

    async def _pages[Row](
        self, text: str, decoder: msgspec.json.Decoder[Page[Row]], subscriptions: Sequence[str] | None
    ) -> list[Row]:
        body: dict[str, Any] = {"query": text, "options": {"resultFormat": "objectArray", "$top": PAGE}}
        if subscriptions is not None:
            body["subscriptions"] = list(subscriptions)
        rows: list[Row] = []
        for _ in range(_MOST_PAGES):
            page, odd = _page_of(decoder, await self._ask(body))
            rows += page.data
            self.odd += odd
            self.rows += len(page.data) + len(odd)
            if not page.token:
                if page.truncated.casefold() != "false":
                    raise NoAnswerError("Resource Graph gave a part of its rows and no way to the rest")
                return rows
            body["options"] = {**body["options"], "$skipToken": page.token}
        raise NoAnswerError(f"a query of Resource Graph does not end after {_MOST_PAGES} pages")

    async def _ask(self, body: object) -> bytes:
        """One page, within the quota: a refusal is repeated when its pause is over, and not before."""
        refusals = 0
        while True:
            await self._wait()
            self.queries += 1
            try:
                answer = await self.session.post_answer(_PATH, _API, body, _TIMEOUT)
            except ArmError as error:
                refusals += 1
                if error.status != 429 or refusals == _MOST_REFUSALS:
                    raise
                pause = error.retry_after or _WINDOW
                if self._now() + pause > self._until:
                    raise
                self._not_before = self._now() + pause
                continue
            if answer.headers.get("x-ms-user-quota-remaining") == "0":
                self._not_before = self._now() + _resets_after(answer.headers.get("x-ms-user-quota-resets-after", ""))
            return answer.content

    async def _wait(self) -> None:
        pause = max(0.0, self._not_before - self._now())
        if self._now() + pause > self._until:
            raise NoAnswerError("Resource Graph's quota does not allow the survey to end in time")
        if pause:
            await self._sleep(pause)


_DURATION = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})(\.\d+)?")


def _resets_after(text: str) -> float:
    """Seconds in `hh:mm:ss`, as the quota's header gives them (Learn, "Throttled requests")."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return _WINDOW
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return hours * 3600 + minutes * 60 + seconds + float(match[4] or 0)


class Above(msgspec.Struct, frozen=True):
    """A management group in a subscription's chain of ancestors."""

    name: str | None = None


class SubscriptionRow(msgspec.Struct, frozen=True, rename="camel"):
    """A subscription that we may see, with the management groups above it."""

    subscription_id: str | None = None
    chain: tuple[Above, ...] | None = None

    @property
    def groups(self) -> frozenset[str]:
        """Their names in lower case. Empty where the row does not tell: every subscription has the root group."""
        return frozenset(above.name.casefold() for above in self.chain or () if above.name)


_subscriptions = msgspec.json.Decoder(Page[SubscriptionRow])

_SUBSCRIPTIONS = "resourcecontainers | where type =~ 'microsoft.resources/subscriptions'"
_CHAIN = "project id, subscriptionId, chain = properties.managementGroupAncestorsChain"


async def subscriptions(graph: Graph, named: Sequence[str] | None) -> list[SubscriptionRow]:
    """Those of the subscriptions named that we may see, or all that we may see.

    A subscription that was made minutes ago has no row yet. Column: Resource Graph's `resourcecontainers`,
    `properties.managementGroupAncestorsChain`. A row whose subscription is named by no GUID is odd: the name would
    become a part of paths that ARM is asked for.
    """
    rows = await graph.query(f"{_SUBSCRIPTIONS} | {_CHAIN} | order by id asc", _subscriptions, named)
    odd = [row for row in rows if row.subscription_id and not is_guid(row.subscription_id)]
    graph.odd += [Odd(None, "SubscriptionRow", "$.subscriptionId", "it is no GUID") for _ in odd]
    return [row for row in rows if row not in odd] if odd else rows


def _page_of[Row](decoder: msgspec.json.Decoder[Page[Row]], body: bytes) -> tuple[Page[Row], tuple[Odd, ...]]:
    """A page, decoded whole, and row by row where that fails; and the rows that cannot be understood."""
    try:
        return decoder.decode(body), ()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        held = fields(body)
    read = each(held, "data", _row_of(decoder))
    truncated, token = text_in(held, "resultTruncated"), text_in(held, "$skipToken")
    return Page(list(read.items), truncated or "", token), read.odd


def _row_of[Row](decoder: msgspec.json.Decoder[Page[Row]]) -> msgspec.json.Decoder[Row]:
    """The decoder of one row of a page."""
    kind: Any = decoder.type
    (row,) = get_args(kind)
    return msgspec.json.Decoder(row, dec_hook=decoder.dec_hook)
