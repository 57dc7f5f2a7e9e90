"""Odd bodies: every field that Tether reads, in every wrong shape."""

from collections.abc import Iterator
from typing import Any, cast, get_args
from zlib import crc32

import msgspec

type Path = tuple[str, ...]

MISSING = object()

WRONG: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "a number": 7,
    "a big number": 10**400,
    "true": True,
    "a text": "unheard-of",
    "no text": "",
    "a text of no use": "a b/../\u0000'\u2028",
    "a surrogate": "\ud800",
    "an id that cannot be read": "/subscriptions/none/resourceGroups//providers/x",
    "an id of something else": "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/elsewhere",
    "a list": ["x", 1, None, {}],
    "no list": [],
    "a list of null": [None],
    "an object": {"x": 1},
    "an object of null": {"id": None, "properties": None},
    "no object": {},
}

ABSENT = frozenset({"missing", "null", "no text", "no list", "no object", "an object", "an object of null"})
"""Shapes in which Azure may say that there is nothing: an object may have fields of which Tether knows none."""

# What Azure's words can be taken for: each field is tried in these. The other shapes come to each third field.
_ALWAYS = frozenset(
    {"missing", "null", "a number", "a text", "an id that cannot be read", "a list", "a list of null", "an object"}
)


def shapes_for(path: Path) -> dict[str, Any]:
    """The shapes that a field is tried in: every kind of JSON, and a third of those that differ little from one."""
    rest = [shape for shape in WRONG if shape not in _ALWAYS]
    mine = {shape for nth, shape in enumerate(rest) if nth % 3 == crc32(named(path).encode()) % 3}
    return {shape: value for shape, value in WRONG.items() if shape in _ALWAYS | mine}


def fields_of(kind: type[msgspec.Struct]) -> Iterator[Path]:
    """The path of every field of a struct, those of the structs in it too. `*` is an item of a list."""
    for field in msgspec.structs.fields(kind):
        yield (field.encode_name,)
        for below, held in _structs_in(field.type):
            yield from ((field.encode_name, *below, *path) for path in fields_of(held))


def _structs_in(kind: Any) -> Iterator[tuple[Path, type[msgspec.Struct]]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield (), kind
        return
    is_list = getattr(kind, "__origin__", None) in {tuple, list}
    for part in get_args(kind):
        for path, held in _structs_in(part):
            yield (("*", *path) if is_list else path), held


def spoil(body: Any, path: Path, value: Any) -> bool:
    """Put a value where the path leads, in a body that has the place. False where it has not."""
    first, *rest = path
    if first == "*":
        items = cast("list[Any]", body) if isinstance(body, list) else []
        done = [spoil(item, tuple(rest), value) for item in items if rest]
        return any(done)
    if not isinstance(body, dict):
        return False
    held = cast("dict[str, Any]", body)
    if rest:
        if held.get(first) is None:
            held[first] = [{}] if rest[0] == "*" else {}
        return spoil(held[first], tuple(rest), value)
    if value is MISSING:
        held.pop(first, None)
    else:
        held[first] = value
    return True


def named(path: Path) -> str:
    return ".".join(path)
