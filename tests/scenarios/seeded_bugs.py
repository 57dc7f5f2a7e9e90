"""Mistakes put into Tether on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec
from azure.mgmt.privatedns.aio.operations import VirtualNetworkLinksOperations

from functions import settle as settling
from functions.fleet import ownership
from functions.fleet.zone_name import labels
from functions.ledger.state import Counters, Mark
from functions.queue import QueueError


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


BUGS: dict[str, Callable[[], Any]] = {
    "dropped-requeue": dropped_requeue,
    "missing-if-none-match": missing_if_none_match,
    "acknowledged-failure": acknowledged_failure,
    "mark-of-now": mark_of_now,
    "suffix-for-equality": suffix_for_equality,
}
