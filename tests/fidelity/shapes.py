"""Tells where an answer is unlike the recorded one: keys, types and values, with what is random taken out."""

import re
from collections.abc import Iterator
from typing import Any

_RANDOM = (
    (re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"), "<guid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<time>"),
)

# Values that need not be equal, each with its reason; their types must be.
FREE_VALUES = {
    "message": "the local Azure words its messages itself where the sentence does not matter",
    "internalId": "an opaque identity",
    "internalDomainNameSuffix": "the VNet's own random domain",
    "description": "an approval is worded now so, now so in the recordings",
    "actions": "which actions a delegation needs is the delegated service's affair",
    "numberOfRecordSets": "a list tells of record sets that were made before the recording",
    "numberOfVirtualNetworkLinks": "the same of links",
    "numberOfVirtualNetworkLinksWithRegistration": "the same of links",
    "privateIPAddress": "addresses depend on what was in the subnet before the recording",
    "ipAddresses": "the same",
}


def unlike(expected: Any, said: Any, left_out: frozenset[str], path: str = "") -> Iterator[str]:
    """Each place where `said` lacks or contradicts something of `expected`. More than was recorded is no difference."""
    key = path.rpartition(".")[2].removesuffix("[]")
    if key in left_out:
        return
    if isinstance(expected, dict):
        if not isinstance(said, dict):
            yield f"{path}: {_kind(said)} instead of an object"
            return
        for name, value in expected.items():
            if name not in said and name not in left_out:
                yield f"{path}.{name}: missing"
            elif name in said:
                yield from unlike(value, said[name], left_out, f"{path}.{name}")
    elif isinstance(expected, list):
        yield from _unlike_lists(expected, said, left_out, path)
    elif _kind(expected) != _kind(said) or (
        key not in FREE_VALUES and without_random(expected) != without_random(said)
    ):
        yield f"{path}: {said!r} instead of {expected!r}"


def without_random(value: Any) -> Any:
    """A value with its GUIDs and times replaced by placeholders, so that two runs compare."""
    if isinstance(value, str):
        for pattern, placeholder in _RANDOM:
            value = pattern.sub(placeholder, value)
    return value


def _unlike_lists(expected: list[Any], said: Any, left_out: frozenset[str], path: str) -> Iterator[str]:
    key = path.rpartition(".")[2]
    if not isinstance(said, list) or len(said) != len(expected):
        if key not in FREE_VALUES or not isinstance(said, list):
            yield f"{path}: {said!r} instead of {expected!r}"
        return
    if all(isinstance(item, dict) and "name" in item for item in [*expected, *said]):
        expected = sorted(expected, key=lambda item: without_random(item["name"]))
        said = sorted(said, key=lambda item: without_random(item["name"]))
    for one, other in zip(expected, said, strict=True):
        yield from unlike(one, other, left_out, f"{path}[]")


def _kind(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def etag_form(etag: Any) -> str:
    """`W/"<guid>"`, `"<guid>"` or `<guid>`: what kind of ETag it is."""
    return str(without_random(str(etag)))


def address_form(address: str | None) -> str | None:
    """An operation's address without what is random, the port and the signature that newer ones carry.

    Microsoft.Network names an API version of its own there in some recordings (2022-01-01 for a request with
    2024-05-01), so its version does not count.
    """
    if address is None:
        return None
    base, _, query = address.replace("management.azure.com:443", "management.azure.com").partition("?")
    head, _, last = base.rpartition("/")
    kind = "<guid>" if without_random(last) == "<guid>" else "<base64>"
    version = "" if "/microsoft.network/locations/" in head.casefold() else query.partition("&")[0]
    return f"{head}/{kind}?{version}"
