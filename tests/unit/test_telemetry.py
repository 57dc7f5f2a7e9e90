"""What Tether tells of itself arrives in OpenTelemetry as it should, and costs nothing where nobody listens."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from functions.handlers.verdict import Action, Change, Finding, Linking, Outcome, Result, Severity
from functions.telemetry import Milestone, Silent, Telemetry, Told, of
from tests.unit.worlds import HUB, ZONE

CHANGE = Change("zone_links", ZONE, Action.CREATE, Linking(HUB), "because")
FINDING = Finding("zone_links", Severity.ERROR, "not-authorised", ZONE, "seen", "advice")


class Heard:
    """Telemetry with everything that it told."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.reader = InMemoryMetricReader()
        self.traces = TracerProvider()
        self.traces.add_span_processor(SimpleSpanProcessor(self.spans))
        self.metrics = MeterProvider([self.reader])
        self.told = Told(self.traces, self.metrics)

    def points(self, name: str) -> list[Any]:
        """The data points of one metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def values(self, name: str) -> dict[tuple[object, ...], float]:
        return {tuple(point.attributes.values()): point.value for point in self.points(name)}


@pytest.fixture
def heard() -> Iterator[Heard]:
    heard = Heard()
    yield heard
    heard.traces.shutdown()
    heard.metrics.shutdown()


async def test_a_span_holds_the_cause_and_the_calls_of_its_pass_and_of_the_tasks_it_starts(heard: Heard) -> None:
    async def read(status: int) -> None:
        heard.told.called("GET", status)

    heard.told.called("GET", 200)  # in no pass
    with heard.told.span("pass", "e-1"):
        heard.told.called("PUT", 202)
        await asyncio.gather(read(200), read(404), read(0))
    (span,) = heard.spans.get_finished_spans()
    assert span.name == "pass"
    assert dict(span.attributes or {}) == {"tether.cause": "e-1", "tether.arm.calls": 4, "tether.arm.refused": 2}
    counted = {("GET", 200): 2, ("GET", 404): 1, ("GET", 0): 1, ("PUT", 202): 1}
    assert heard.values("tether.arm.calls") == counted


async def test_passes_side_by_side_count_their_own_calls(heard: Heard) -> None:
    async def one_pass(cause: str, calls: int) -> None:
        with heard.told.span("pass", cause):
            for _ in range(calls):
                heard.told.called("GET", 200)
                await asyncio.sleep(0)

    await asyncio.gather(one_pass("e-1", 1), one_pass("e-2", 3))
    spans = [dict(span.attributes or {}) for span in heard.spans.get_finished_spans()]
    assert {span["tether.cause"]: span["tether.arm.calls"] for span in spans} == {"e-1": 1, "e-2": 3}


def test_a_pass_that_raises_is_an_error_in_its_span(heard: Heard) -> None:
    with pytest.raises(ValueError, match="ours"), heard.told.span("pass", "e-1"):
        raise ValueError("ours")
    (span,) = heard.spans.get_finished_spans()
    assert not span.status.is_ok
    assert span.attributes is not None
    assert span.attributes["tether.arm.calls"] == 0


def test_passes_outcomes_and_findings_are_counted_by_their_codes(heard: Heard) -> None:
    heard.told.passed("look-again", [Outcome(CHANGE, Result.STARTED)], [FINDING])
    heard.told.passed("settled", [], [FINDING])
    assert heard.values("tether.passes") == {("look-again",): 1, ("settled",): 1}
    assert heard.values("tether.outcomes") == {("zone_links", "create", "started"): 1}
    assert heard.values("tether.findings") == {("not-authorised", "error"): 2}


@pytest.mark.parametrize("milestone", list(Milestone))
def test_the_time_since_a_zones_birth_is_told_for_each_milestone(heard: Heard, milestone: Milestone) -> None:
    heard.told.reached(milestone, 1.5)
    heard.told.reached(milestone, -0.2)
    (point,) = heard.points("tether.zone.time")
    assert (point.count, point.sum, dict(point.attributes)) == (2, 1.5, {"milestone": milestone.value})
    assert 600 in point.explicit_bounds


def test_the_poison_queues_depth_is_the_last_one_told(heard: Heard) -> None:
    heard.told.poisoned(4)
    heard.told.poisoned(1)
    assert heard.values("tether.poison.depth") == {(): 1}


def test_publishing_is_counted_by_how_it_went(heard: Heard) -> None:
    heard.told.published(well=True)
    heard.told.published(well=False)
    assert heard.values("tether.events.published") == {("sent",): 1, ("failed",): 1}


def test_no_time_series_names_a_resource(heard: Heard) -> None:
    heard.told.passed("settled", [Outcome(CHANGE, Result.STARTED)], [FINDING])
    data = heard.reader.get_metrics_data()
    assert data is not None
    assert "/subscriptions/" not in data.to_json()


@pytest.mark.parametrize("environment", [{}, {"APPLICATIONINSIGHTS_CONNECTION_STRING": "  "}])
def test_without_a_connection_string_nobody_is_told(environment: dict[str, str]) -> None:
    silent: Telemetry = of(environment)
    assert isinstance(silent, Silent)
    with silent.span("pass", "e-1"):
        silent.called("GET", 200)
    silent.passed("settled", [], [FINDING])
    silent.reached(Milestone.ACCEPTED, 1)
    silent.poisoned(0)
    silent.published(well=True)


def in_a_fresh_process(script: str) -> str:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
    assert not done.returncode, done.stderr
    return done.stdout.strip()


def test_without_a_connection_string_nothing_of_opentelemetry_is_imported() -> None:
    script = (
        "import sys; from functions.telemetry import of; of({}).called('GET', 200);"
        "print([name for name in sys.modules if name.split('.')[0] in {'opentelemetry', 'azure'}])"
    )
    assert in_a_fresh_process(script) == "[]"


NOWHERE = "InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://127.0.0.1:9/"


def test_with_a_connection_string_azure_monitor_is_set_up_once() -> None:
    script = f"""
import logging, os
logging.disable()
os.environ["APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL"] = "true"
from functions.telemetry import of
first = of({{"APPLICATIONINSIGHTS_CONNECTION_STRING": {NOWHERE!r}}})
from opentelemetry import trace
provider = trace.get_tracer_provider()
of({{"APPLICATIONINSIGHTS_CONNECTION_STRING": {NOWHERE!r}}}).called("GET", 200)
print(type(first).__name__, type(provider).__module__, provider is trace.get_tracer_provider(), flush=True)
os._exit(0)  # without waiting for what nobody takes
"""
    assert in_a_fresh_process(script) == "Told opentelemetry.sdk.trace True"
