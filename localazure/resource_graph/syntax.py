"""What a query says, as values: scalar expressions, and the operators between the pipes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | bool | None


@dataclass(frozen=True, slots=True)
class Path:
    """A column and what lies below it: `properties.subnets[0].id` is ("properties", "subnets", 0, "id")."""

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`tolower(name)`; `not`, `and` and `or` are calls too."""

    function: str
    arguments: tuple["Scalar", ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`, and for the `in` family several on the right."""

    operator: str
    left: "Scalar"
    right: tuple["Scalar", ...]


type Scalar = Literal | Path | Call | Comparison


@dataclass(frozen=True, slots=True)
class Named:
    """A column of a result; `name` is empty when the query gives it none."""

    name: str
    scalar: Scalar


@dataclass(frozen=True, slots=True)
class Where:
    condition: Scalar


@dataclass(frozen=True, slots=True)
class Extend:
    columns: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Project:
    columns: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class ProjectAway:
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Expand:
    """`mv-expand name = scalar`: a row for each entry, at most `limit` of one row."""

    column: Named
    limit: int


@dataclass(frozen=True, slots=True)
class Key:
    """What to sort by."""

    scalar: Scalar
    ascending: bool


@dataclass(frozen=True, slots=True)
class Order:
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Take:
    rows: int


@dataclass(frozen=True, slots=True)
class Summarize:
    """`summarize name = count() by …`."""

    name: str
    by: tuple[Named, ...]


@dataclass(frozen=True, slots=True)
class Count:
    pass


type Operator = Where | Extend | Project | ProjectAway | Expand | Order | Take | Summarize | Count


@dataclass(frozen=True, slots=True)
class Query:
    table: str
    operators: tuple[Operator, ...]
