"""Mistakes put into Tether on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

import msgspec
from azure.mgmt.privatedns.aio.operations import VirtualNetworkLinksOperations

from functions import pace, permission
from functions import reconcile as reconciling
from functions import settle as settling
from functions import unproven as unproving
from functions.arm import graph, reads
from functions.arm.errors import NoAnswerError
from functions.fleet import observe, ownership
from functions.fleet.scope import NotShownError, Scopes
from functions.fleet.zone_name import labels
from functions.handlers import zone_link_leaving, zone_link_removal, zone_link_standing, zone_links
from functions.ledger import journal
from functions.ledger.hour import Hour
from functions.ledger.state import Counters, LedgerError, Mark, Observed, Row
from functions.passed import Pass
from functions.policy import OWNER_TAG
from functions.queue import QueueError
from functions.recount import Recount
from functions.restraint import Restrained
from tests.scenarios import memory_ledger
from tests.scenarios.memory_ledger import MemoryLedger


@contextmanager
def dropped_requeue() -> Iterator[None]:
    """A pass that wants another one ends as if it did not."""
    real = settling.settle

    async def settle(work: Any, done: Any, *rest: Any) -> None:
        await real(work, replace(done, follow_up=None), *rest)

    with patch.object(settling, "settle", settle):
        yield


@contextmanager
def missing_if_none_match() -> Iterator[None]:
    """A link is put without its precondition."""
    real: Any = VirtualNetworkLinksOperations.begin_create_or_update

    async def put(self: Any, *args: Any, match_condition: Any = None, **named: Any) -> Any:
        return await real(self, *args, **named)

    with patch.object(VirtualNetworkLinksOperations, "begin_create_or_update", put):
        yield


@contextmanager
def acknowledged_failure() -> Iterator[None]:
    """A message whose follow-up the queue did not take is deleted all the same."""
    real = settling.settle

    async def settle(*args: Any) -> None:
        try:
            await real(*args)
        except QueueError:
            return

    with patch.object(settling, "settle", settle):
        yield


@contextmanager
def mark_of_now() -> Iterator[None]:
    """A pass marks as done what is counted when it ends, and not what was counted when it began."""
    real = Counters.finished

    def finished(self: Counters, mark: Mark, cause: str, *, looking: bool) -> Counters:
        return real(self, msgspec.structs.replace(mark, seq=self.seq), cause, looking=looking)

    with patch.object(Counters, "finished", finished):
        yield


@contextmanager
def suffix_for_equality() -> Iterator[None]:
    """A zone is taken for the cluster's when it ends as the cluster's name does."""

    def prove_name(zone: Any, private_fqdn: str, location: str, suffixes: Any) -> None:
        if labels(private_fqdn)[2:] != labels(zone.name)[1:]:
            raise ownership.NotProvenError("the cluster's private name does not end like this zone")

    with patch.object(ownership, "_prove_name", prove_name):
        yield


@contextmanager
def unlimited_removal() -> Iterator[None]:
    """A pass removes whatever it wants to, however much the hour has seen."""

    def within_limit(changes: Any, *_: Any, **__: Any) -> Restrained:
        return Restrained(tuple(changes))

    with patch.object(permission, "within_limit", within_limit):
        yield


@contextmanager
def one_count() -> Iterator[None]:
    """A pass does not count again once its intent is kept, so that two workers can take the same last place."""

    async def withholds(*_: Any, **__: Any) -> bool:
        return False

    with patch.object(Recount, "withholds", withholds):
        yield


@contextmanager
def rows_for_clusters() -> Iterator[None]:
    """The removal limit takes its share of all rows, those of clusters that ended long ago included."""
    real = MemoryLedger.hour

    async def hour(self: MemoryLedger, at: float) -> Hour:
        return msgspec.structs.replace(await real(self, at), fleet=len(self.held))

    with patch.object(MemoryLedger, "hour", hour):
        yield


@contextmanager
def anybodys_links() -> Iterator[None]:
    """A link with an owner's tag is taken for ours, whoever the owner is."""

    def is_ours(link: Any, *_: Any) -> bool:
        return link.properties.virtual_network is not None and OWNER_TAG in (link.tags or {})

    with patch.object(zone_link_removal, "is_ours", is_ours):
        yield


@contextmanager
def forgotten_pause() -> Iterator[None]:
    """A pass that could not see is made again at once."""
    with patch.object(pace, "after_blindness", lambda *_: 0.0):
        yield


@contextmanager
def intents_left_open() -> Iterator[None]:
    """Nobody looks through the journal for what dead workers left."""

    async def nothing(*_: Any) -> int:
        return 0

    names = ("close_left_open", "close_all_left_open")
    with patch.object(journal, names[0], nothing), patch.object(journal, names[1], nothing):
        yield


@contextmanager
def unshown_for_outside() -> Iterator[None]:
    """A subscription that Resource Graph does not show counts as out of scope, for an hour."""
    real, until = Scopes.hold, WeakKeyDictionary[Scopes, dict[str, float]]()

    async def hold(self: Scopes, session: Any, policy: Any, subscription: str, at: float) -> bool:
        known = until.setdefault(self, {})
        if known.get(subscription, 0.0) > at:
            return False
        try:
            return await real(self, session, policy, subscription, at)
        except NotShownError:
            known[subscription] = at + 3600.0
            return False

    with patch.object(Scopes, "hold", hold):
        yield


@contextmanager
def nothing_to_read() -> Iterator[None]:
    """A pass raises for a cluster that names no subnet, as asyncio.wait does for no tasks."""
    real = observe.observe_spokes

    async def observe_spokes(session: Any, cluster: Any) -> Any:
        if cluster is not None and not cluster.own_vnets:
            raise ValueError("Set of Tasks/Futures is empty.")
        return await real(session, cluster)

    with patch.object(observe, "observe_spokes", observe_spokes):
        yield


@contextmanager
def unlisted_for_removed() -> Iterator[None]:
    """A hub whose operation ended in an earlier pass is taken for absent while the links are not listed."""
    with (
        patch.object(observe, "_linked_before", lambda _: False),
        patch.object(zone_link_standing, "is_remembered", lambda *_: False),
        patch.object(zone_links, "_with_ended", lambda whole, *_: whole),
    ):
        yield


@contextmanager
def removed_on_one_look() -> Iterator[None]:
    """A link that nothing wants is removed by the first pass that finds it so."""
    with patch.object(zone_link_leaving, "GONE_AFTER", 0.0):
        yield


@contextmanager
def memory_of_nothing() -> Iterator[None]:
    """A pass that proved nothing writes what it saw over the memory of a cluster, and the ledger takes it."""

    def unproven(ended: str, findings: Any, at: float, before: Observed | None, state: str = "") -> Pass:
        codes = tuple(finding.code for finding in findings)
        held = before or Observed()
        seen = Observed(at=at, findings=codes, state=state, zone=held.zone, deleting=held.deleting)
        return Pass(ended, findings=findings, observed=seen)

    with (
        patch.object(unproving, "unproven", unproven),
        patch.object(reconciling, "unproven", unproven),
        patch.object(memory_ledger, "yields", lambda *_: False),
    ):
        yield


@contextmanager
def list_for_item() -> Iterator[None]:
    """A list of which one item is odd is not read at all."""

    def each(*_: Any) -> None:
        raise NoAnswerError("an item is not what the documentation says")

    with patch.object(reads, "each", each), patch.object(graph, "each", each):
        yield


@contextmanager
def odd_row_stops_watch() -> Iterator[None]:
    """One row that cannot be decoded counts as a ledger that gives no answer."""
    real = MemoryLedger.watched

    async def watched(self: MemoryLedger) -> tuple[Row, ...]:
        rows = await real(self)
        if any(row.odd for row in rows):
            raise LedgerError("a row cannot be decoded")
        return rows

    with patch.object(MemoryLedger, "watched", watched):
        yield


BUGS: dict[str, Callable[[], Any]] = {
    "dropped-requeue": dropped_requeue,
    "missing-if-none-match": missing_if_none_match,
    "acknowledged-failure": acknowledged_failure,
    "mark-of-now": mark_of_now,
    "suffix-for-equality": suffix_for_equality,
    "unlimited-removal": unlimited_removal,
    "one-count": one_count,
    "rows-for-clusters": rows_for_clusters,
    "anybodys-links": anybodys_links,
    "forgotten-pause": forgotten_pause,
    "intents-left-open": intents_left_open,
    "unlisted-for-removed": unlisted_for_removed,
    "removed-on-one-look": removed_on_one_look,
    "unshown-for-outside": unshown_for_outside,
    "nothing-to-read": nothing_to_read,
    "memory-of-nothing": memory_of_nothing,
    "list-for-item": list_for_item,
    "odd-row-stops-watch": odd_row_stops_watch,
}
