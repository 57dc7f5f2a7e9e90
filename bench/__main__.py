"""Run all benchmarks, or those named, and report."""

import argparse
import asyncio
import sys
from pathlib import Path

from rich.console import Console

from bench import (
    address_moves,
    arm_calls,
    birth_storm,
    bulk_records,
    cold_start,
    event_to_link,
    failure_to_subnet,
    irrelevant_event,
    package,
    sweep,
    sweep_records,
    watch_rows,
)
from bench.report import Row, write
from demo.app_log import app_log

LOG = Path("build") / "bench.log"
_ALL = {
    "event_to_link": event_to_link,
    "cold_start": cold_start,
    "package": package,
    "irrelevant_event": irrelevant_event,
    "arm_calls": arm_calls,
    "sweep": sweep,
    "sweep_records": sweep_records,
    "birth_storm": birth_storm,
    "address_moves": address_moves,
    "failure_to_subnet": failure_to_subnet,
    "bulk_records": bulk_records,
    "watch_rows": watch_rows,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=[*_ALL, []], metavar="NAME", help=f"any of {', '.join(_ALL)}")
    chosen = parser.parse_args().only or list(_ALL)
    console = Console()
    rows: list[Row] = []
    with console.status("") as status, app_log(LOG):
        for name in chosen:
            rows += asyncio.run(_ALL[name].measure(lambda text: status.update(f"[dim]{text}[/]")))
    write(rows, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
