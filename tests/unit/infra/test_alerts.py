"""The alerts ask for what the app really tells: each name is looked for where the code makes it."""

import inspect
import re

import pytest

from functions import sweep, telemetry
from functions.ledger.reports import DriftReport
from functions.telemetry import Milestone
from functions.triggers import timers
from tests.unit.infra.bicep import INFRA, modules, parsed, resource, variable

RULES = {rule["name"]: rule for rule in variable("modules/alerts.bicep", "rules")}

# The windows that a rule may look back over (Learn, "Types of Azure Monitor alerts", log search alerts), in minutes.
WINDOWS = {
    "PT5M": 5,
    "PT10M": 10,
    "PT15M": 15,
    "PT30M": 30,
    "PT45M": 45,
    "PT1H": 60,
    "PT2H": 120,
    "PT3H": 180,
    "PT4H": 240,
    "PT5H": 300,
    "PT6H": 360,
    "P1D": 1440,
    "P2D": 2880,
}


def query(name: str) -> str:
    return RULES[name]["query"].replace("\\'", "'")


def test_what_wakes_a_person():
    assert RULES.keys() == {
        "poison",
        "dead-letters",
        "time-to-link",
        "sweep-stopped",
        "no-sweep",
        "no-watch",
        "unhealthy",
    }


@pytest.mark.parametrize("name", ["poison", "time-to-link"])
def test_metrics_are_those_of_the_telemetry(name: str):
    metric = re.search(r"Name == '([\w.]+)'", query(name))
    assert metric
    assert f'"{metric[1]}"' in inspect.getsource(telemetry)


def test_the_time_to_link_is_the_milestone_at_which_resolvers_see_the_zone():
    assert f"== '{Milestone.COMPLETED.value}'" in query("time-to-link")
    assert RULES["time-to-link"]["threshold"] == 120


def test_the_sweeps_line_is_the_one_that_it_writes():
    line = sweep._line(DriftReport(at=0.0))
    assert next(iter(line)) == "event", "the alerts look for the line by its beginning"
    assert line["event"] == "sweep"
    assert "stopped" in line
    assert '{"event":"sweep"' in query("no-sweep")
    assert "toint(line.stopped) > 0" in query("sweep-stopped")


def test_a_pass_that_the_limit_stops_is_told_by_its_finding():
    assert "line.code == 'change-limit'" in query("sweep-stopped")
    assert "`change-limit`" in (INFRA.parent / "docs" / "findings.md").read_text()


def test_the_round_of_watch_and_the_invalid_policy_are_told_so():
    source = inspect.getsource(timers)
    assert '"watch: %d clusters' in source
    assert "startswith 'watch: '" in query("no-watch")
    assert "while the policy is invalid" in source
    assert "'while the policy is invalid'" in query("unhealthy")


def test_dead_letters_are_sought_in_the_container_that_event_grid_writes_to():
    assert "/tether-dead-letters/" in query("dead-letters")
    assert "tether-dead-letters" in modules("main.bicep")["storage"].params["containers"]


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_gives_one_number_over_a_window_that_azure_knows_and_looks_at_no_less_often(name: str):
    rule = RULES[name]
    assert re.search(r"\| summarize found = \w+\(\w*\)$", query(name))
    if rule["window"] != "sweepWindow":
        assert WINDOWS[rule["every"]] <= WINDOWS[rule["window"]]
    assert rule["severity"] in {1, 2}


def test_the_hourly_sweep_is_missed_after_two_periods_and_what_one_takes():
    assert WINDOWS[parsed(INFRA / "main.bicep")["parameters"]["sweepWindow"]["default"]] > 120


def test_every_rule_tells_the_action_groups():
    assert resource("modules/alerts.bicep", "queries").properties["actions"] == {"actionGroups": "actionGroupIds"}
