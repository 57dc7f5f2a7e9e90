"""A query, compiled once into a function from a table's rows to the result's."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from localazure.resource_graph.lexing import InvalidQueryError
from localazure.resource_graph.scalars import Columns, Compiled, Kind, compiled
from localazure.resource_graph.syntax import (
    Call,
    Comparison,
    Count,
    Expand,
    Extend,
    Literal,
    Named,
    Operator,
    Order,
    Path,
    Project,
    ProjectAway,
    Query,
    Scalar,
    Summarize,
    Take,
    Where,
)
from localazure.store import Json

type Rows = Iterable[Json]
type Step = Callable[[Rows], Rows]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read and what to do with it.

    `types` are the only resource types that can pass, in lower case; None where the query does not tell. `pages`:
    the result has an `id`, without which Resource Graph gives no skip token (Learn, "Working with large data sets").
    """

    table: str
    types: frozenset[str] | None
    steps: tuple[Step, ...]
    pages: bool

    def run(self, rows: Rows) -> list[Json]:
        for step in self.steps:
            rows = step(rows)
        return list(rows)


def plan(query: Query, tables: dict[str, Columns]) -> Plan:
    """Compile a query over `tables`. Raises InvalidQueryError."""
    table = query.table.casefold()
    if table not in tables:
        raise InvalidQueryError(f"the table '{query.table}' is not known to the local Resource Graph")
    columns = tables[table]
    steps: list[Step] = []
    for operator in query.operators:
        step, columns = _step(operator, columns)
        steps.append(step)
    return Plan(table, _types(query), tuple(steps), pages="id" in columns)


def _step(operator: Operator, columns: Columns) -> tuple[Step, Columns]:
    """One operator's work, and the columns that come out of it."""
    match operator:
        case Where(condition):
            test = compiled(condition, columns).evaluate
            return lambda rows: (row for row in rows if test(row)), columns
        case Extend(named):
            added = _columns(named, columns)
            return _extend(added), {**columns, **{name: made.kind for name, made in added.items()}}
        case Project(named):
            kept = _columns(named, columns)
            return _project(kept), {name: made.kind for name, made in kept.items()}
        case ProjectAway(names):
            left: dict[str, Kind] = {name: kind for name, kind in columns.items() if name not in names}
            return lambda rows: ({name: row[name] for name in left} for row in rows), left
        case Expand(column, limit):
            ((name, made),) = _columns((column,), columns).items()
            return _expand(name, made, limit), {**columns, name: "dynamic"}
        case Order(keys):
            ordered = [(compiled(key.scalar, columns), key.ascending) for key in keys]
            _refuse_dynamic((made for made, _ in ordered), "order by")
            return _order(ordered), columns
        case Take(number):
            return lambda rows: list(rows)[:number], columns
        case Summarize(name, by):
            groups = _columns(by, columns)
            _refuse_dynamic(groups.values(), "summarize")
            out: dict[str, Kind] = {group: made.kind for group, made in groups.items()}
            return _summarize(name, groups), {**out, name: "long"}
        case Count():
            return lambda rows: [{"Count": sum(1 for _ in rows)}], {"Count": "long"}


def _columns(named: tuple[Named, ...], columns: Columns) -> dict[str, Compiled]:
    """The columns by name; one that the query did not name is `Column1` and so on (Kusto reference, project)."""
    return {column.name or f"Column{nth}": compiled(column.scalar, columns) for nth, column in enumerate(named, 1)}


def _refuse_dynamic(made: Iterable[Compiled], where: str) -> None:
    """Keys must not be dynamic: Kusto asks for an explicit cast such as tostring()."""
    if any(one.kind == "dynamic" for one in made):
        raise InvalidQueryError(f"{where}: a key is of type 'dynamic'; use an explicit cast such as tostring()")


def _extend(added: dict[str, Compiled]) -> Step:
    return lambda rows: (row | {name: made.evaluate(row) for name, made in added.items()} for row in rows)


def _project(kept: dict[str, Compiled]) -> Step:
    return lambda rows: ({name: made.evaluate(row) for name, made in kept.items()} for row in rows)


def _expand(name: str, made: Compiled, limit: int) -> Step:
    """A row for each entry of an array; a null or an empty array leaves no row, anything else one."""

    def entries(row: Json) -> list[Any]:
        value = made.evaluate(row)
        if isinstance(value, list):
            return cast("list[Any]", value)[:limit]
        return [] if value is None else [value]

    return lambda rows: (row | {name: entry} for row in rows for entry in entries(row))


def _order(keys: list[tuple[Compiled, bool]]) -> Step:
    """Nulls first when ascending, last when descending (Kusto reference, sort)."""

    def ordered(rows: Rows) -> Rows:
        result = list(rows)
        for made, ascending in reversed(keys):
            evaluate = made.evaluate
            result.sort(key=lambda row: _sortable(evaluate(row)), reverse=not ascending)
        return result

    return ordered


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, "" if value is None else value


def _summarize(name: str, groups: dict[str, Compiled]) -> Step:
    def counted(rows: Rows) -> Rows:
        counts: dict[tuple[Any, ...], int] = {} if groups else {(): 0}
        for row in rows:
            key = tuple(made.evaluate(row) for made in groups.values())
            counts[key] = counts.get(key, 0) + 1
        return [{**dict(zip(groups, key, strict=True)), name: count} for key, count in counts.items()]

    return counted


def _types(query: Query) -> frozenset[str] | None:
    """The resource types that the first `where`s leave, when they say so plainly."""
    for operator in query.operators:
        if not isinstance(operator, Where):
            return None
        if (found := _types_of(operator.condition)) is not None:
            return found
    return None


def _types_of(condition: Scalar) -> frozenset[str] | None:
    match condition:
        case Comparison("==" | "=~" | "in" | "in~", Path(("type",)), right):
            texts = [one.value for one in right if isinstance(one, Literal) and isinstance(one.value, str)]
            return frozenset(text.casefold() for text in texts) if len(texts) == len(right) else None
        case Call("and", (left, right)):
            return _types_of(left) or _types_of(right)
        case _:
            return None
