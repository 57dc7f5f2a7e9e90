"""The Bicep files as values: what is declared, read by a parser and not by eye."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

INFRA = Path(__file__).parents[3] / "infra"
FILES = tuple(sorted(INFRA.rglob("*.bicep")))

type Json = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """A resource or a module. `condition` is None where it is always deployed, `each` where it is not in a loop.

    In values an identifier looks as a string with the same text does.
    """

    symbol: str
    type: str
    version: str
    body: Json
    condition: Any
    each: Any

    @property
    def properties(self) -> Json:
        return self.body["properties"]

    @property
    def params(self) -> Json:
        return self.body["params"]


_parser = BicepParser()


@cache
def parsed(path: Path) -> Json:
    return _parser.parse(file_path=path)


def resources(name: str, kind: str = "") -> list[Declared]:
    """What a file declares itself, and not what it only names (`existing`); of one type where that is given."""
    held = parsed(INFRA / name).get("resources", {}).items()
    found = [_declared(symbol, raw["type"], raw["api_version"], raw) for symbol, raw in held if not raw["existing"]]
    return [one for one in found if kind in ("", one.type)]


def resource(name: str, symbol: str) -> Declared:
    return next(one for one in resources(name) if one.symbol == symbol)


def modules(name: str) -> dict[str, Declared]:
    """The modules of a file by their symbols; the type is the path."""
    held = parsed(INFRA / name).get("modules", {}).items()
    return {symbol: _declared(symbol, raw["detail"]["path"], "", raw) for symbol, raw in held}


def variable(name: str, symbol: str) -> Any:
    return parsed(INFRA / name)["variables"][symbol]["value"]


def data(name: str) -> Any:
    """A JSON file beside the Bicep."""
    return json.loads((INFRA / name).read_text())


def keys(value: Any) -> Iterator[str]:
    """Every key of every object in a value."""
    match value:
        case dict():
            for key, part in value.items():
                yield key
                yield from keys(part)
        case list():
            for part in value:
                yield from keys(part)
        case _:
            return


def strings(value: Any) -> Iterator[str]:
    """Every string in a value, identifiers too."""
    match value:
        case str():
            yield value
        case dict():
            for part in value.values():
                yield from strings(part)
        case list():
            for part in value:
                yield from strings(part)
        case _:
            return


def _declared(symbol: str, kind: str, version: str, raw: Json) -> Declared:
    body, condition, each = raw["config"], None, None
    if "loop_type" in body:
        each, condition, body = body["loop_type"]["detail"]["array_name"], body["condition"], body["config"]
    elif set(body) == {"condition", "config"}:
        condition, body = body["condition"], body["config"]
    return Declared(symbol, kind, version, body, condition, each)
