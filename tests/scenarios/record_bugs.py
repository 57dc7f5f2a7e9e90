"""Mistakes with records, put into Tether on purpose, to see that the simulation finds them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from functions.dns.record import Record
from functions.fleet import address
from functions.fleet import observe_address as observing
from functions.handlers import api_server_records, record_memory
from functions.ledger.journal import Journal
from tests.scenarios.memory_target import MemoryTarget
from tests.scenarios.seeded_bugs import memory_of_nothing


@contextmanager
def owner_not_checked() -> Iterator[None]:
    """Whatever stands at a cluster's name is taken for ours."""
    with patch.object(api_server_records, "_whose", lambda *_: "ours"):
        yield


@contextmanager
def removed_at_first_404() -> Iterator[None]:
    """A cluster is gone when ARM says so once."""
    with patch.object(api_server_records, "gone_for_long", lambda _: True):
        yield


@contextmanager
def no_prerequisite() -> Iterator[None]:
    """A record is written over whatever came there since it was read."""
    real = MemoryTarget._write

    def write(self: MemoryTarget, name: str, before: Record, after: Record) -> None:
        real(self, name, self.held.get(name, Record()), after)

    with patch.object(MemoryTarget, "_write", write):
        yield


@contextmanager
def written_in_doubt() -> Iterator[None]:
    """An address is believed whatever the endpoint says of it."""
    real = address.locate

    def locate(cluster: Any, pieces: Any) -> Any:
        return real(cluster, replace(pieces, endpoint=None if pieces.endpoint is None else _sound(pieces.endpoint)))

    with patch.object(observing, "locate", locate):
        yield


def _sound(endpoint: Any) -> Any:
    properties = type(endpoint.properties)(network_interfaces=endpoint.properties.network_interfaces)
    return type(endpoint)(id=endpoint.id, properties=properties)


@contextmanager
def no_intent() -> Iterator[None]:
    """Nothing is written down before a record is."""

    async def unkept(*_: Any) -> None:
        return

    with patch.object(Journal, "_keep", unkept):
        yield


@contextmanager
def nothing_left() -> Iterator[None]:
    """What a cluster leaves behind is not written down."""
    with patch.object(record_memory, "left", lambda *_: ()):
        yield


BUGS: dict[str, Callable[[], Any]] = {
    "owner-not-checked": owner_not_checked,
    "removed-at-first-404": removed_at_first_404,
    "no-prerequisite": no_prerequisite,
    "written-in-doubt": written_in_doubt,
    "no-intent": no_intent,
    "memory-of-nothing": memory_of_nothing,
    "nothing-left": nothing_left,
}
