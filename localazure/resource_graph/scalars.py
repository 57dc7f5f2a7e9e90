"""Scalar expressions, compiled once into functions of a row.

A value is text, number, truth, or dynamic (JSON, where None is null). As in Kusto a null equals nothing and differs
from every value, and text operators read a null as empty text.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from typing import Literal as Choice

import msgspec

from localazure.resource_graph.lexing import InvalidQueryError
from localazure.resource_graph.syntax import Call, Comparison, Literal, Path, Scalar
from localazure.store import Json

type Kind = Choice["string", "long", "bool", "dynamic"]
type Evaluate = Callable[[Json], Any]
type Columns = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression, ready to run, and the type of what it gives."""

    evaluate: Evaluate
    kind: Kind


def compiled(scalar: Scalar, columns: Columns) -> Compiled:
    """Compile an expression over rows with these columns. Raises InvalidQueryError."""
    match scalar:
        case Literal(value):
            return Compiled(lambda _: value, _kind_of(value))
        case Path(steps):
            return _path(steps, columns)
        case Comparison(word, left, right):
            return _comparison(word, compiled(left, columns), [compiled(one, columns) for one in right])
        case Call(function, arguments):
            return _call(function, [compiled(one, columns) for one in arguments])


def as_text(value: Any) -> str:
    """What `tostring` makes of a value: JSON for objects and arrays, nothing for null."""
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "True" if value else "False"
        case int() | float():
            return str(value)
        case _:
            return msgspec.json.encode(value).decode()


def _kind_of(value: str | int | bool | None) -> Kind:
    match value:
        case bool():
            return "bool"
        case int():
            return "long"
        case str():
            return "string"
        case None:
            return "dynamic"


def _path(steps: tuple[str | int, ...], columns: Columns) -> Compiled:
    column, *below = steps
    if column not in columns:
        raise InvalidQueryError(f"failed to resolve scalar expression named '{column}'")
    if not below:
        return Compiled(operator.itemgetter(column), columns[str(column)])
    if columns[str(column)] != "dynamic":
        raise InvalidQueryError(f"a path cannot be applied to '{column}', which is of type {columns[str(column)]}")

    def evaluate(row: Json) -> Any:
        value = row[cast("str", column)]
        for step in below:
            if isinstance(value, dict) and isinstance(step, str):
                value = cast("Json", value).get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(cast("list[Any]", value)):
                value = cast("list[Any]", value)[step]
            else:
                return None
        return value

    return Compiled(evaluate, "dynamic")


def _comparison(word: str, left: Compiled, right: list[Compiled]) -> Compiled:
    negated = word.startswith("!") and word not in ("!=", "!~")
    plain = word.removeprefix("!") if negated else word
    if plain in ("in", "in~"):
        test = _one_of(left.evaluate, [one.evaluate({}) if one.kind != "dynamic" else None for one in right], plain)
        if any(one.kind == "dynamic" for one in right):
            raise InvalidQueryError(f"'{word}' takes literals only in the local Resource Graph")
    else:
        test = _TESTS[plain](left.evaluate, right[0].evaluate)
    return Compiled((lambda row: not test(row)) if negated else test, "bool")


def _one_of(left: Evaluate, values: list[Any], word: str) -> Evaluate:
    if word == "in~":
        folded = frozenset(as_text(value).casefold() for value in values)
        return lambda row: as_text(left(row)).casefold() in folded
    wanted = frozenset(values)
    return lambda row: _hashable(left(row)) in wanted


def _hashable(value: Any) -> Any:
    return as_text(value) if isinstance(value, dict | list) else value


def _text_test(test: Callable[[str, str], bool]) -> Callable[[Evaluate, Evaluate], Evaluate]:
    """A test of two texts without regard to case."""
    return lambda left, right: lambda row: test(as_text(left(row)).casefold(), as_text(right(row)).casefold())


def _value_test(test: Callable[[Any, Any], bool]) -> Callable[[Evaluate, Evaluate], Evaluate]:
    """Bigger or smaller: false where either is null or the two cannot be compared."""

    def made(left: Evaluate, right: Evaluate) -> Evaluate:
        def evaluate(row: Json) -> bool:
            one, other = left(row), right(row)
            comparable = isinstance(one, str) and isinstance(other, str)
            comparable = comparable or (isinstance(one, int | float) and isinstance(other, int | float))
            return comparable and test(one, other)

        return evaluate

    return made


def _has(text: str, term: str) -> bool:
    """Whether `term` stands in `text` as a whole: nothing alphanumeric touches it (Kusto reference, has)."""
    at = text.find(term)
    while at >= 0:
        end = at + len(term)
        if not (at > 0 and text[at - 1].isalnum()) and not (end < len(text) and text[end].isalnum()):
            return True
        at = text.find(term, at + 1)
    return False


_TESTS: dict[str, Callable[[Evaluate, Evaluate], Evaluate]] = {
    "==": lambda left, right: lambda row: (value := left(row)) is not None and value == right(row),
    "!=": lambda left, right: lambda row: left(row) != right(row),
    "=~": _text_test(operator.eq),
    "!~": _text_test(operator.ne),
    "has": _text_test(_has),
    "contains": _text_test(lambda text, piece: piece in text),
    "startswith": _text_test(str.startswith),
    "endswith": _text_test(str.endswith),
    "<": _value_test(operator.lt),
    "<=": _value_test(operator.le),
    ">": _value_test(operator.gt),
    ">=": _value_test(operator.ge),
}


def _call(function: str, arguments: list[Compiled]) -> Compiled:
    if function not in _FUNCTIONS:
        raise InvalidQueryError(f"the function '{function}' is not known to the local Resource Graph")
    wanted, kind, make = _FUNCTIONS[function]
    if len(arguments) != wanted:
        raise InvalidQueryError(f"{function}() takes {wanted} argument(s), not {len(arguments)}")
    return Compiled(make(*(one.evaluate for one in arguments)), kind)


def _length(value: Any) -> int | None:
    return len(cast("list[Any]", value)) if isinstance(value, list) else None


def _empty(value: Any) -> bool:
    return as_text(value) == ""


def _of(function: Callable[[Any], Any]) -> Callable[[Evaluate], Evaluate]:
    return lambda value: lambda row: function(value(row))


def _both(one: Evaluate, other: Evaluate) -> Evaluate:
    return lambda row: one(row) and other(row)


def _either(one: Evaluate, other: Evaluate) -> Evaluate:
    return lambda row: one(row) or other(row)


_FUNCTIONS: dict[str, tuple[int, Kind, Callable[..., Evaluate]]] = {
    "not": (1, "bool", _of(operator.not_)),
    "and": (2, "bool", _both),
    "or": (2, "bool", _either),
    "tostring": (1, "string", _of(as_text)),
    "tolower": (1, "string", _of(lambda value: as_text(value).lower())),
    "toupper": (1, "string", _of(lambda value: as_text(value).upper())),
    "array_length": (1, "long", _of(_length)),
    "isempty": (1, "bool", _of(_empty)),
    "isnotempty": (1, "bool", _of(lambda value: not _empty(value))),
    "isnull": (1, "bool", _of(lambda value: value is None)),
    "isnotnull": (1, "bool", _of(lambda value: value is not None)),
}
