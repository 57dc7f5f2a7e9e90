"""Texts that no table property can hold go to a blob, and the property holds what of them fits.

A property takes 64 KiB of text in UTF-16, an entity 1 MiB (Learn, "Understanding the Table service data model").
"""

import logging
from typing import TYPE_CHECKING, Protocol

import msgspec

from functions.ledger.reports import ReportsError
from functions.ledger.state import Entry, Observed

if TYPE_CHECKING:
    from collections.abc import Sequence

_log = logging.getLogger("tether")

CONTAINER = "tether-bodies"

# A text longer than this, in bytes of UTF-16, does not go into a property.
_PROPERTY = 60_000

# What is left of each text of an entry, in characters: four of them, however JSON escapes them, stay below _PROPERTY.
_LEFT = 1000

# What is left of an observation's lists.
_KEPT_OF_LIST = 20

_TEXTS = ("before", "after", "reason", "error")


class Bodies(Protocol):
    """A store of bodies by name. Every call may raise ReportsError."""

    async def read(self, name: str) -> bytes | None: ...

    async def write(self, name: str, body: bytes) -> None: ...

    async def remove(self, name: str) -> None: ...


def fits(text: str) -> bool:
    """Whether a property can hold the text."""
    return len(text) * 4 <= _PROPERTY or len(text.encode("utf-16-le")) <= _PROPERTY


def cut_entry(entry: Entry) -> Entry:
    """The entry with its long texts cut, each saying by how much."""
    return msgspec.structs.replace(entry, **{name: _cut(getattr(entry, name)) for name in _TEXTS})


def _cut(text: str) -> str:
    if len(text) <= _LEFT:
        return text
    return f"{text[:_LEFT]}… [cut: {len(text) - _LEFT} more characters]"


def cut_observed(observed: Observed) -> Observed:
    """The observation with short lists. A hub that is missing counts as never linked, which harms nothing."""

    def few[T](items: "Sequence[T]") -> tuple[T, ...]:
        return tuple(items[:_KEPT_OF_LIST])

    return msgspec.structs.replace(
        observed,
        hubs=few(observed.hubs),
        findings=few(observed.findings),
        operations=few(observed.operations),
    )


async def keep(bodies: Bodies, name: str, text: str) -> bool:
    """Keep a text that does not fit. False when that cannot be done now: then what was cut is all there is."""
    try:
        await bodies.write(name, text.encode())
    except ReportsError as error:
        _log.warning("the whole of %s is not kept: %s", name, error)
        return False
    return True


async def whole(bodies: Bodies, name: str) -> bytes | None:
    """A text that did not fit, None when it cannot be had: then what was cut has to do."""
    try:
        return await bodies.read(name)
    except ReportsError as error:
        _log.warning("the whole of %s cannot be read: %s", name, error)
        return None


async def forget(bodies: Bodies, name: str) -> None:
    """Remove a text whose entry goes. One that cannot be removed now is left, and said to be."""
    try:
        await bodies.remove(name)
    except ReportsError as error:
        _log.warning("%s is left: %s", name, error)
