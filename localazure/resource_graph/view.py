"""What Resource Graph shows at an instant: all that exists, or what existed some seconds ago, or less than that."""

import asyncio
from collections.abc import Container, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from localazure.resource_graph.rows import SUBSCRIPTIONS, TYPES, row_of, rows_of
from localazure.store import Json

if TYPE_CHECKING:
    from localazure.azure import LocalAzure


class GraphView:
    """Resource Graph's picture of Azure, which a test may make late or incomplete.

    `silent`: subscriptions that it leaves out without a word, as it does where the caller has no access.
    `missing`: ids of resources that it does not know.
    `shown_from`: when a subscription, in lower case, and all in it begins to be shown (seconds on Azure's clock): a new
    one is shown minutes after it was made.
    """

    def __init__(self, azure: "LocalAzure") -> None:
        self._azure = azure
        self.silent: set[str] = set()
        self.missing: set[str] = set()
        self.shown_from: dict[str, float] = {}
        self.stale_by: float = 0
        self._past: dict[str, dict[str, list[tuple[float, Json | None]]]] = {}
        self._changed: set[str] = set()

    def be_stale(self, seconds: float) -> None:
        """From now on show things as they were `seconds` (of Azure's clock) ago. What there is now counts as old.

        Needs a running event loop. Seconds 0 is the present again.
        """
        if seconds > 0 and self._note not in self._azure.store.watchers:
            self._azure.store.watchers.append(self._note)
            for table, kinds in TYPES.items():
                for kind in kinds:
                    for row in rows_of(self._azure, table, kind):
                        self._remember(float("-inf"), kind, str(row["id"]), row)
        self.stale_by = seconds

    @property
    def not_yet(self) -> frozenset[str]:
        """Subscriptions that are not shown yet."""
        now = self._azure.clock.now()
        return frozenset(name for name, since in self.shown_from.items() if now < since)

    def rows(self, table: str, types: Iterable[str] | None, within: Container[str] | None) -> Iterator[Json]:
        """The rows of a table, of all its types or only these, in all subscriptions or only `within` (lower case)."""
        silent = {subscription.casefold() for subscription in self.silent | self._azure.access.unreadable}
        silent |= self.not_yet
        missing = {resource_id.casefold() for resource_id in self.missing}
        for kind in TYPES[table] if types is None else sorted(types):
            if kind not in TYPES[table]:
                continue
            for row in self._rows(table, kind):
                subscription = row["subscriptionId"].casefold()
                if subscription in silent or (within is not None and subscription not in within):
                    continue
                if not missing or row["id"].casefold() not in missing:
                    yield row

    def _rows(self, table: str, kind: str) -> Iterator[Json]:
        if not self.stale_by or kind == SUBSCRIPTIONS:
            yield from rows_of(self._azure, table, kind)
            return
        as_of = self._azure.clock.now() - self.stale_by
        for _, versions in sorted(self._past.get(kind, {}).items()):
            while len(versions) > 1 and versions[1][0] <= as_of:
                del versions[0]
            at, row = versions[0]
            if at <= as_of and row is not None:
                yield row

    def _note(self, resource_id: str) -> None:
        """Remember a resource once whoever is changing it now has finished."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._remember_changes)
        while resource_id.count("/") > 2:  # a child's change shows in its parent's row
            self._changed.add(resource_id)
            resource_id = resource_id.rsplit("/", 2)[0]

    def _remember_changes(self) -> None:
        changed, self._changed = self._changed, set()
        now = self._azure.clock.now()
        for resource_id in changed:
            resource = self._azure.store.get(resource_id)
            if resource is None:
                for kind, known in self._past.items():
                    if resource_id.casefold() in known:
                        self._remember(now, kind, resource_id, None)
            elif (shown := row_of(self._azure, resource)) is not None:
                self._remember(now, shown[1]["type"], resource.id, shown[1])

    def _remember(self, at: float, kind: str, resource_id: str, row: Json | None) -> None:
        kept: Json | None = None if row is None else msgspec.json.decode(msgspec.json.encode(row))
        self._past.setdefault(kind, {}).setdefault(resource_id.casefold(), []).append((at, kept))
