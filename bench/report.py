"""The rows of the report: printed as a table, and written to build/bench.json."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

REPORT = Path("build") / "bench.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `aim` is the most that it should be, None for a figure that only gives scale."""

    name: str
    value: float
    unit: str
    aim: float | None = None

    @property
    def ok(self) -> bool:
        return self.aim is None or self.value <= self.aim


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` of a hundred do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]


def write(rows: Sequence[Row], console: Console) -> None:
    """Print the rows and leave them in build/bench.json."""
    table = Table(title="Tether's speed here", title_justify="left")
    table.add_column("what", overflow="fold")
    for name in ("value", "unit", "aim", ""):
        table.add_column(name, justify="right")
    for row in rows:
        mark = "" if row.aim is None else "[green]✓[/]" if row.ok else "[red]✗[/]"
        table.add_row(row.name, f"{row.value:,.3g}", row.unit, "" if row.aim is None else f"≤ {row.aim:g}", mark)
    console.print(table)
    REPORT.parent.mkdir(exist_ok=True)
    document = {"rows": [{**asdict(row), "ok": row.ok} for row in rows]}
    REPORT.write_text(json.dumps(document, indent=2) + "\n")
    console.print(f"written to {REPORT}")
