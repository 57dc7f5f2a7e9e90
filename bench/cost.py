"""`python -m bench.cost`: what Tether costs in a month, from what was counted and from a table of prices."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.cost_counts import FLEETS, Counts, Measured, as_json, from_json, measured
from bench.cost_model import Assumed, cost, month

DOCS = Path(__file__).parent.parent / "docs"
COUNTS, PRICES, PAGE = DOCS / "cost-counts.json", DOCS / "prices.json", DOCS / "cost.md"
BEGIN, END = "<!-- written by  make cost  -->", "<!-- until here -->"
_MEMORIES = (0.5, 2.0)  # GB: the sizes of instances that Flex Consumption has, but for the largest

_EXAMPLES = """\
examples:
  python -m bench.cost                           the tables of docs/cost.md
  python -m bench.cost --prices mine.json        with your own prices (docs/prices.json has the form)
  python -m bench.cost --published 50000         with more events in your subscriptions
  python -m bench.cost --measure --write         count anew (about half a minute), and write docs/cost.md
"""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if options.measure:
        COUNTS.write_text(json.dumps([as_json(measured(size)) for size in FLEETS], indent=2) + "\n", encoding="utf-8")
    assumed = Assumed(**{field.name: getattr(options, field.name) for field in fields(Assumed)})
    try:
        tables = rendered(counted(), json.loads(options.prices.read_text(encoding="utf-8")), assumed)
    except (OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"the prices cannot be used: {type(error).__name__} {error}\n")
        return 1
    if options.write:
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
    else:
        sys.stdout.write(tables)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.cost",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--prices", type=Path, default=PRICES, help="table of prices (default docs/prices.json)")
    parser.add_argument("--measure", action="store_true", help="count anew first, into docs/cost-counts.json")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/cost.md")
    for field in fields(Assumed):
        name = f"--{field.name.replace('_', '-')}"
        default = float(field.default)  # pyright: ignore[reportArgumentType] - each has one, a number
        parser.add_argument(name, type=float, default=default, help=f"assumed a month (default {default:g})")
    return parser


def counted() -> list[Measured]:
    """What was counted the last time, for each size of fleet."""
    return [from_json(held) for held in json.loads(COUNTS.read_text(encoding="utf-8"))]


def with_tables(page: str, tables: str) -> str:
    """The page with its tables replaced. Raises ValueError when its marks are gone."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/cost.md has no place for its tables: {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{tables}\n{END}{after}"


def rendered(fleets: Sequence[Measured], prices: dict[str, Any], assumed: Assumed) -> str:
    """All tables, in Markdown. Raises KeyError for a price that is not named."""
    parts = [_once(fleets), *(_monthly(fleets, prices, assumed, memory) for memory in _MEMORIES), _prices(prices)]
    return "\n".join(parts)


def _once(fleets: Sequence[Measured]) -> str:
    head = ["happens once", "calls of ARM", "messages", "table requests", "blobs written", "log (kB)"]
    rows = [
        _of("a cluster is born: from the event until all is at rest", fleets[0].birth),
        _of("an event that wakes Tether, and all is as it was", fleets[0].unchanged),
        ["an event that concerns nobody", "0", "0", "0", "0", "0.0"],
        *(_of(f"a round of `watch`, {_number(of.clusters)} clusters", of.watch) for of in fleets),
        *(_of(f"a sweep, {_number(of.clusters)} clusters", of.sweep) for of in fleets),
    ]
    return _table(head, rows)


def _of(what: str, counts: Counts) -> list[str]:
    numbers = [counts.arm, counts.messages, counts.tables, counts.blob_writes]
    return [what, *(_number(number) for number in numbers), f"{counts.log_bytes / 1000:.1f}"]


def _monthly(fleets: Sequence[Measured], prices: dict[str, Any], assumed: Assumed, memory: float) -> str:
    """A month, with a column of amounts and one of money for each size."""
    head = [f"a month, instances of {memory * 1024:,.0f} MB", "unit"]
    for of in fleets:
        head += [f"{_number(of.clusters)} clusters", prices["currency"]]
    months = [month(of, assumed, memory) for of in fleets]
    costs = [cost(lines, prices) for lines in months]
    rows: list[list[str]] = []
    for nth, line in enumerate(months[0]):
        what = line.what if "a round" not in line.what else "  their time: rounds, sweeps, passes"
        row = [what.replace("  ", "&nbsp;&nbsp;"), line.unit]
        for lines, money in zip(months, costs, strict=True):
            row += [_number(lines[nth].amount), _money(money[nth], bool(line.meter))]
        rows.append(row)
    total = ["**all that has a price**", ""]
    for money in costs:
        total += ["", f"**{sum(each or 0.0 for each in money):,.2f}**"]
    return _table(head, [*rows, total])


def _prices(prices: dict[str, Any]) -> str:
    head = ["meter", prices["currency"], "for", "free a month", "region", "date", "source"]
    rows: list[list[str]] = []
    for meter, price in prices["prices"].items():
        free = prices["free"].get(meter)
        value = "not known" if price["value"] is None else f"{price['value']:.8f}".rstrip("0")
        amount = f"{_number(price['per'])} {price['unit']}"
        given = _number(free["amount"]) if free else ""
        date = price["date"] or f"not told; read {prices['read']}"
        rows.append([f"`{meter}`", value, amount, given, price["region"], date, price["source"]])
    return _table(head, rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *("---:" if _is_number(cell) else "---" for cell in rows[0][1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit() or not text


def _number(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 10 or amount == int(amount) else f"{amount:.3f}"


def _money(amount: float | None, priced: bool) -> str:
    if amount is None:
        return "?"
    return f"{amount:,.2f}" if priced else ""


if __name__ == "__main__":
    sys.exit(main())
