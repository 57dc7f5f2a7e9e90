"""From a query's text to what it says. What is outside the small part that is known here is refused by name."""

from collections.abc import Callable

from localazure.resource_graph.lexing import InvalidQueryError, Token, tokens
from localazure.resource_graph.scalar_parsing import Reader, scalar
from localazure.resource_graph.syntax import (
    Count,
    Expand,
    Extend,
    Key,
    Named,
    Operator,
    Order,
    Path,
    Project,
    ProjectAway,
    Query,
    Summarize,
    Take,
    Where,
)

EXPANDED = 128
"""Rows that `mv-expand` makes of one row unless told; 2000 at most (Learn, Resource Graph query language)."""
MOST_EXPANDED = 2000
MOST_EXPANSIONS = 3


def parse(text: str) -> Query:
    """Read a query. Raises InvalidQueryError."""
    reader = Reader(tokens(text))
    table = reader.name("a table")
    operators: list[Operator] = []
    while not reader.at_end():
        reader.expect("|")
        word = reader.name("an operator")
        if word not in _OPERATORS:
            raise InvalidQueryError(f"the operator '{word}' is not known to the local Resource Graph")
        operators.append(_OPERATORS[word](reader))
    if sum(isinstance(operator, Expand) for operator in operators) > MOST_EXPANSIONS:
        raise InvalidQueryError(f"mv-expand may stand {MOST_EXPANSIONS} times in a query")
    return Query(table, tuple(operators))


def _where(reader: Reader) -> Where:
    return Where(scalar(reader))


def _extend(reader: Reader) -> Extend:
    return Extend(_columns(reader))


def _project(reader: Reader) -> Project:
    return Project(_columns(reader))


def _project_away(reader: Reader) -> ProjectAway:
    names = [reader.name("a column")]
    while reader.took(","):
        names.append(reader.name("a column"))
    return ProjectAway(tuple(names))


def _expand(reader: Reader) -> Expand:
    column = _named(reader)
    limit = EXPANDED
    if reader.took("limit"):
        limit = reader.number()
    if not 1 <= limit <= MOST_EXPANDED:
        raise InvalidQueryError(f"mv-expand takes a limit of 1 to {MOST_EXPANDED}, not {limit}")
    return Expand(column, limit)


def _order(reader: Reader) -> Order:
    reader.expect("by")
    keys = [_key(reader)]
    while reader.took(","):
        keys.append(_key(reader))
    return Order(tuple(keys))


def _key(reader: Reader) -> Key:
    """Descending unless told (Kusto reference, sort operator)."""
    by = scalar(reader)
    ascending = reader.took("asc")
    if not ascending:
        reader.took("desc")
    return Key(by, ascending)


def _take(reader: Reader) -> Take:
    return Take(reader.number())


def _summarize(reader: Reader) -> Summarize:
    name = "count_"
    if reader.peek(1).value == "=":
        name = reader.name("a column")
        reader.expect("=")
    function = reader.name("an aggregation")
    if function != "count":
        raise InvalidQueryError(f"the aggregation '{function}' is not known to the local Resource Graph")
    reader.expect("(")
    reader.expect(")")
    return Summarize(name, _columns(reader) if reader.took("by") else ())


def _count(_reader: Reader) -> Count:
    return Count()


def _columns(reader: Reader) -> tuple[Named, ...]:
    columns = [_named(reader)]
    while reader.took(","):
        columns.append(_named(reader))
    return tuple(columns)


def _named(reader: Reader) -> Named:
    """`name = expression`, or an expression that gives its column a name: a path its own, dots as underscores."""
    first: Token = reader.peek()
    if first.kind == "name" and reader.peek(1).value == "=":
        name = reader.name("a column")
        reader.expect("=")
        return Named(name, scalar(reader))
    said = scalar(reader)
    if isinstance(said, Path):
        return Named("_".join(str(step) for step in said.steps), said)
    return Named("", said)


_OPERATORS: dict[str, Callable[[Reader], Operator]] = {
    "where": _where,
    "extend": _extend,
    "project": _project,
    "project-away": _project_away,
    "mv-expand": _expand,
    "order": _order,
    "sort": _order,
    "limit": _take,
    "take": _take,
    "summarize": _summarize,
    "count": _count,
}
