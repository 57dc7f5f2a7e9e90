"""What a month comes to: counts of what happens once, times how often it happens, times prices. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from bench.cost_counts import Measured

MONTH = 730 * 3600  # seconds: Azure's own month
WATCHES, SWEEPS = MONTH // 60, MONTH // 3600

# Processor seconds for each cluster, measured on 2026-11-21 on two cores: `make bench` (a sweep of 10,000 took 3.9 s of
# it), and all rows of 10,000 clusters read from Azurite's tables in 4 s (docs/http.md).
_SWEEPING, _ROWS = 3.9e-4, 4e-4

# An event's run until the link's PUT took 0.23 s with ARM 50 ms away (`make bench`); a pass makes as many calls or
# fewer. All are below what the Flex Consumption plan counts at least: 1 s, and then in steps of 0.1 s (Learn, "Azure
# Functions Flex Consumption plan hosting", billing).
_LEAST, _STEP = 1.0, 0.1  # seconds

_A_MESSAGE = 3  # operations: put, get, delete
_A_LOG_LINE = 120  # bytes of the line that each round of `watch` says
_KEPT = 3  # months for which the ledger keeps what nobody writes to
_ENTRY = 700  # bytes of a journal's entry, of which a birth has two


@dataclass(frozen=True, slots=True)
class Assumed:
    """What no measurement of Tether's can tell, since it is yours: all of it a month, and to be overridden."""

    births_share: float = 0.1
    """Clusters made (and as many deleted), as a share of the fleet."""
    events_a_birth: float = 15
    """Deliveries for each that is made or deleted: zone, links, endpoint, NIC, record, cluster."""
    writes: float = 30
    """Deliveries for each cluster that make Tether look, and find nothing to do."""
    others: float = 300
    """Deliveries for each cluster that pass the filter and concern nobody, such as other private endpoints."""
    published: float = 10_000
    """Events of the subscriptions for each cluster, of every kind: Event Grid compares each with the filter."""
    always_ready: float = 1
    """Instances that are kept ready for events."""


@dataclass(frozen=True, slots=True)
class Line:
    """One meter in a month. `meter` is its price's name, empty for what is only counted. `unit` is for people."""

    what: str
    amount: float
    unit: str
    meter: str = ""


def month(of: Measured, assumed: Assumed, memory: float) -> list[Line]:
    """All that is counted, for instances of so much memory (GB)."""
    births = 2 * max(1.0, of.clusters * assumed.births_share)  # one that goes costs about as much as one that comes
    looks = of.clusters * assumed.writes
    deliveries = births * assumed.events_a_birth + looks + of.clusters * assumed.others
    messages = births * of.birth.messages + looks * of.unchanged.messages
    watching = run(of.watch.seconds + of.clusters * _ROWS)
    sweeping = run(of.sweep.seconds + of.clusters * (_SWEEPING + _ROWS))
    on_demand = messages * run(0) + WATCHES * watching + SWEEPS * sweeping
    log = births * of.birth.log_bytes + looks * of.unchanged.log_bytes
    kept = of.clusters * of.row_bytes + births * _KEPT * 2 * _ENTRY
    return [
        Line("calls of ARM", _calls(of, births, looks), "calls"),
        Line("events delivered", deliveries, "executions", "functions.alwaysReady.execution"),
        Line("  their time, at least 1 s each", deliveries * run(0) * memory, "GB-s", "functions.alwaysReady.gbSecond"),
        Line(
            "instances kept ready for them",
            assumed.always_ready * MONTH * memory,
            "GB-s",
            "functions.alwaysReady.baselineGbSecond",
        ),
        Line("messages and timers", messages + WATCHES + SWEEPS, "executions", "functions.onDemand.execution"),
        Line(
            f"  their time: a round {watching:.1f} s, a sweep {sweeping:.1f} s",
            on_demand * memory,
            "GB-s",
            "functions.onDemand.gbSecond",
        ),
        Line("Event Grid", of.clusters * assumed.published + deliveries, "operations", "eventGrid.operation"),
        Line("tables", _tables(of, births, looks), "requests", "storage.table.transaction"),
        Line("queue", messages * _A_MESSAGE, "operations", "storage.queue.operation"),
        Line("  polls, at most one a second", float(MONTH), "operations", "storage.queue.operation"),
        Line("blobs written", float(WATCHES + SWEEPS * of.sweep.blob_writes), "operations", "storage.blob.write"),
        Line("kept", kept / 1e9, "GB", "storage.gbMonth"),
        Line("log lines", (log + SWEEPS * of.sweep.log_bytes + WATCHES * _A_LOG_LINE) / 1e9, "GB", "logs.gb"),
    ]


def run(seconds: float) -> float:
    """What is charged for a run that lasts so long and has its instance for itself: the most that it can be."""
    return max(_LEAST, ceil(seconds / _STEP) * _STEP)


def cost(lines: list[Line], prices: Mapping[str, Any]) -> list[float | None]:
    """What each line costs, None for one without a price. A free amount is used up once, by lines in their order.

    Raises KeyError for a meter that the prices do not name.
    """
    left = {meter: float(free["amount"]) for meter, free in prices["free"].items()}
    found: list[float | None] = []
    for line in lines:
        if not line.meter:
            found.append(0.0)
            continue
        price = prices["prices"][line.meter]
        charged = max(0.0, line.amount - left.get(line.meter, 0.0))
        left[line.meter] = max(0.0, left.get(line.meter, 0.0) - line.amount)
        found.append(None if price["value"] is None else charged / price["per"] * price["value"])
    return found


def _calls(of: Measured, births: float, looks: float) -> float:
    return births * of.birth.arm + looks * of.unchanged.arm + WATCHES * of.watch.arm + SWEEPS * of.sweep.arm


def _tables(of: Measured, births: float, looks: float) -> float:
    passes = births * of.birth.tables + looks * of.unchanged.tables
    return passes + WATCHES * of.watch.tables + SWEEPS * of.sweep.tables
