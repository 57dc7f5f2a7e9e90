"""What Tether tells of itself in numbers: a span a pass, counters and histograms, through OpenTelemetry.

Only where `APPLICATIONINSIGHTS_CONNECTION_STRING` is set; elsewhere nothing of OpenTelemetry is even imported. The
Functions worker sets Azure Monitor up before the app is indexed when `PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY` is
true (its source, azure_functions_runtime/otel.py); then that is used, and costs the first event nothing. Otherwise it
is set up here, at first use, which takes about 0.6 s (measured on two cores without .pyc files).

Names are stable: alerts and workbooks are made of them. Attributes hold codes, never names or ids of resources, so
that a large fleet does not make a large number of time series; the cause id is on the span only.
"""

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from functions.handlers.verdict import Finding, Outcome

_SETTING = "APPLICATIONINSIGHTS_CONNECTION_STRING"

# Bounds of the histogram, in seconds: what matters is whether a name resolves before nodes give up, after 600 s.
_BOUNDS = (0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 450, 600, 900, 1800, 3600)

# Libraries that azure-monitor-opentelemetry would instrument besides the Azure SDK, and that Tether does not use.
_UNUSED = ("django", "fastapi", "flask", "httpx", "httpx2", "psycopg2", "requests", "urllib", "urllib3")


class Milestone(Enum):
    """How far a newborn zone has come."""

    ACCEPTED = "accepted"  # ARM took the link
    COMPLETED = "completed"  # the hub's resolvers see the zone
    RESOLVING = "resolving"  # the hub's servers answer for the name


class Telemetry(Protocol):
    """What Tether tells. No call raises, and none waits for anything."""

    def span(self, name: str, cause: str) -> AbstractContextManager[None]:
        """A span around one pass, with its cause id; at its end the number of ARM calls made within it."""
        ...

    def called(self, method: str, status: int) -> None:
        """ARM answered a call with this status; 0 when no answer came."""
        ...

    def passed(self, ended: str, outcomes: "Iterable[Outcome]", findings: "Iterable[Finding]") -> None:
        """A pass is over: how it ended in a word (not a sentence), what it changed, what it found."""
        ...

    def reached(self, milestone: Milestone, seconds: float) -> None:
        """A zone came this far, so many seconds after its birth."""
        ...

    def poisoned(self, depth: int) -> None:
        """So many messages lie in the app's poison queues."""
        ...

    def published(self, *, well: bool) -> None:
        """Events were published to the topic, or could not be."""
        ...


class Silent:
    """Tells nobody."""

    def span(self, name: str, cause: str) -> AbstractContextManager[None]:
        return nullcontext()

    def called(self, method: str, status: int) -> None:
        pass

    def passed(self, ended: str, outcomes: "Iterable[Outcome]", findings: "Iterable[Finding]") -> None:
        pass

    def reached(self, milestone: Milestone, seconds: float) -> None:
        pass

    def poisoned(self, depth: int) -> None:
        pass

    def published(self, *, well: bool) -> None:
        pass


@dataclass(slots=True)
class _Calls:
    """ARM calls within one span. Tasks that a pass starts share it, since they inherit its context."""

    made: int = 0
    refused: int = 0


_calls: ContextVar[_Calls | None] = ContextVar("tether_arm_calls", default=None)


class Told:
    """Tells through the given providers of OpenTelemetry."""

    def __init__(self, traces: "TracerProvider", metrics: "MeterProvider") -> None:
        meter = metrics.get_meter("tether")
        self._tracer = traces.get_tracer("tether")
        self._arm = meter.create_counter("tether.arm.calls", "{call}", "Calls to ARM by method and status")
        self._passes = meter.create_counter("tether.passes", "{pass}", "Passes by how they ended")
        self._outcomes = meter.create_counter("tether.outcomes", "{change}", "Changes by handler, action and result")
        self._findings = meter.create_counter("tether.findings", "{finding}", "Findings by code and severity")
        self._published = meter.create_counter("tether.events.published", "{batch}", "Events out, by how it went")
        self._poison = meter.create_gauge("tether.poison.depth", "{message}", "Messages in the poison queues")
        self._since_birth = meter.create_histogram(
            "tether.zone.time",
            "s",
            "Time from a zone's birth to a milestone",
            explicit_bucket_boundaries_advisory=_BOUNDS,
        )

    @contextmanager
    def span(self, name: str, cause: str) -> Generator[None]:
        calls = _Calls()
        token = _calls.set(calls)
        try:
            with self._tracer.start_as_current_span(name, attributes={"tether.cause": cause}) as span:
                try:
                    yield
                finally:
                    span.set_attribute("tether.arm.calls", calls.made)
                    span.set_attribute("tether.arm.refused", calls.refused)
        finally:
            _calls.reset(token)

    def called(self, method: str, status: int) -> None:
        if (calls := _calls.get()) is not None:
            calls.made += 1
            calls.refused += status == 0 or status >= 400
        self._arm.add(1, {"method": method, "status": status})

    def passed(self, ended: str, outcomes: "Iterable[Outcome]", findings: "Iterable[Finding]") -> None:
        self._passes.add(1, {"ended": ended})
        for outcome in outcomes:
            change = outcome.change
            told = {"handler": change.handler, "action": change.action.value, "result": outcome.result.value}
            self._outcomes.add(1, told)
        for finding in findings:
            self._findings.add(1, {"code": finding.code, "severity": finding.severity.value})

    def reached(self, milestone: Milestone, seconds: float) -> None:
        # An event's time is Azure's, so that a clock which is a little off must not make a negative wait.
        self._since_birth.record(max(0.0, seconds), {"milestone": milestone.value})

    def poisoned(self, depth: int) -> None:
        self._poison.set(depth)

    def published(self, *, well: bool) -> None:
        self._published.add(1, {"result": "sent" if well else "failed"})


_told: Telemetry | None = None


def telemetry() -> Telemetry:
    """The worker's own, made at first use."""
    global _told  # noqa: PLW0603 - one a worker
    if _told is None:
        _told = of(os.environ)
    return _told


def of(environment: Mapping[str, str]) -> Telemetry:
    """What the settings ask for."""
    connection = environment.get(_SETTING, "").strip()
    return _through_azure_monitor(connection) if connection else Silent()


def _through_azure_monitor(connection: str) -> Told:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.trace import TracerProvider

    if not isinstance(trace.get_tracer_provider(), TracerProvider):  # else the Functions worker has set it up
        # Its only parameter is an untyped **kwargs.
        from azure.monitor.opentelemetry import configure_azure_monitor  # pyright: ignore[reportUnknownVariableType]

        # Logs reach Application Insights through the Functions host already; twice would be paid for twice.
        configure_azure_monitor(
            connection_string=connection,
            disable_logging=True,
            enable_live_metrics=False,
            enable_performance_counters=False,
            instrumentation_options={library: {"enabled": False} for library in _UNUSED},
        )
    return Told(trace.get_tracer_provider(), metrics.get_meter_provider())
