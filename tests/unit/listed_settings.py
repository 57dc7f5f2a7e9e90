"""Compares a document with a list of what may stand in it, each entry with what it may say."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

type Rule = Callable[[object], bool]


def leaves(document: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Each value that is not an object, with the names that lead to it, parted by slashes; `[]` is a list's item."""
    match document:
        case dict():
            held: dict[str, Any] = document
            for name, value in held.items():
                yield from leaves(value, f"{path}/{name}" if path else name)
        case list():
            items: list[Any] = document
            for item in items:
                yield from leaves(item, f"{path}/[]")
        case value:
            yield path, value


def objections(document: object, allowed: Mapping[str, Rule]) -> list[str]:
    """What stands in the document and not in the list, or says what it may not. `*` in the list is any one name."""
    found: list[str] = []
    for path, value in leaves(document):
        rules = [rule for pattern, rule in allowed.items() if matches(pattern, path)]
        if not rules:
            found.append(f"{path} is not in the list")
        elif not all(rule(value) for rule in rules):
            found.append(f"{path} may not be {value!r}")
    return found


def matches(pattern: str, path: str) -> bool:
    names, held = pattern.split("/"), path.split("/")
    return len(names) == len(held) and all(wanted in ("*", name) for wanted, name in zip(names, held, strict=True))


def one_of(*values: object) -> Rule:
    return lambda value: any(value == allowed and type(value) is type(allowed) for allowed in values)


def text(pattern: str) -> Rule:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def between(least: int, most: int) -> Rule:
    return lambda value: type(value) is int and least <= value <= most


def span(least: float, most: float) -> Rule:
    """A .NET time span hh:mm:ss[.fff] of so many seconds."""

    def holds(value: object) -> bool:
        if not isinstance(value, str) or not (parts := re.fullmatch(r"(\d\d):([0-5]\d):([0-5]\d(?:\.\d+)?)", value)):
            return False
        return least <= int(parts[1]) * 3600 + int(parts[2]) * 60 + float(parts[3]) <= most

    return holds
