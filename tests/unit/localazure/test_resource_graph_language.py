"""The query language of the local Resource Graph: what each operator gives, and what is refused."""

from typing import Any

import pytest

from localazure.resource_graph.lexing import InvalidQueryError
from localazure.resource_graph.parsing import parse
from localazure.resource_graph.pipeline import plan
from localazure.resource_graph.rows import COLUMNS, TABLES

Json = dict[str, Any]


def row(name: str, **more: object) -> Json:
    return {**dict.fromkeys(COLUMNS), "id": f"/{name}", "name": name, "type": "net/vnets", **more}


ROWS = [
    row("Alpha", location="westeurope", properties={"state": "Succeeded", "n": 3, "dns": ["10.0.0.4"]}),
    row("beta-one", location="northeurope", properties={"state": "failed", "n": 10, "dns": []}),
    row("gamma", location="westeurope", type="net/nics", properties={"deep": {"er": "x"}}, tags={"env": "Prod"}),
]


def ask(query: str) -> list[Json]:
    return plan(parse(f"resources {query}"), TABLES).run(ROWS)


def names(query: str) -> list[str]:
    return [found["name"] for found in ask(query)]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name == 'alpha'", []),
        ("name == \"Alpha\"", ["Alpha"]),
        ("name =~ 'ALPHA'", ["Alpha"]),
        ("name != 'Alpha'", ["beta-one", "gamma"]),
        ("name !~ 'ALPHA'", ["beta-one", "gamma"]),
        ("name in ('alpha', 'gamma')", ["gamma"]),
        ("name in~ ('alpha', 'gamma')", ["Alpha", "gamma"]),
        ("name !in~ ('alpha', 'gamma')", ["beta-one"]),
        ("name has 'ONE'", ["beta-one"]),
        ("name has 'on'", []),
        ("name contains 'ON'", ["beta-one"]),
        ("name !contains 'm'", ["Alpha", "beta-one"]),
        ("name startswith 'al'", ["Alpha"]),
        ("name endswith 'A'", ["Alpha", "gamma"]),
        ("isnotempty(tags.env)", ["gamma"]),
        ("isempty(tags.env)", ["Alpha", "beta-one"]),
        ("isnull(properties.state)", ["gamma"]),
        ("tags['env'] =~ 'prod'", ["gamma"]),
        ("properties.dns[0] == '10.0.0.4'", ["Alpha"]),
        ("properties.state == 'nothing'", []),
        ("properties.state != 'failed'", ["Alpha", "gamma"]),
        ("array_length(properties.dns) > 0", ["Alpha"]),
        ("properties.n >= 10", ["beta-one"]),
        ("not(name == 'gamma') and location == 'westeurope'", ["Alpha"]),
        ("name == 'gamma' or name == 'Alpha' and location == 'x'", ["gamma"]),
        ("(name == 'gamma' or name == 'Alpha') and location == 'westeurope'", ["Alpha", "gamma"]),
        ("tolower(name) == 'alpha' // a comment", ["Alpha"]),
        ("name == @'Alpha'", ["Alpha"]),
        ("true == (name == 'gamma')", ["gamma"]),
    ],
)  # fmt: skip
def test_where_keeps(condition: str, found: list[str]) -> None:
    assert names(f"| where {condition}") == found


@pytest.mark.parametrize(
    ("query", "result"),
    [
        (
            "| where name == 'gamma' | project id, at = properties.deep.er, tags.env, tolower(name)",
            [{"id": "/gamma", "at": "x", "tags_env": "Prod", "Column4": "gamma"}],
        ),
        ("| project name | order by name asc | limit 2", [{"name": "Alpha"}, {"name": "beta-one"}]),
        ("| project name | sort by name | take 1", [{"name": "gamma"}]),
        ("| order by location asc, name desc | project name", [{"name": n} for n in ("beta-one", "gamma", "Alpha")]),
        (
            "| summarize n = count() by location | order by location asc",
            [{"location": "northeurope", "n": 1}, {"location": "westeurope", "n": 2}],
        ),
        ("| summarize count()", [{"count_": 3}]),
        ("| where name == 'nobody' | count", [{"Count": 0}]),
        ("| mv-expand dns = properties.dns | project name, dns", [{"name": "Alpha", "dns": "10.0.0.4"}]),
        (
            "| extend s = tostring(properties.state) | where s == 'failed' | project-away id, name | project s",
            [{"s": "failed"}],
        ),
    ],
)
def test_operators_give(query: str, result: list[Json]) -> None:
    assert ask(query) == result


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("resources | join (x) on id", "operator 'join'"),
        ("resources | where nothing == 'x'", "expression named 'nothing'"),
        ("resources | project name | where location == 'x'", "expression named 'location'"),
        ("resources | where name.x == 'y'", "of type string"),
        ("resources | order by properties.n", "explicit cast"),
        ("resources | summarize count() by properties.n", "explicit cast"),
        ("resources | summarize dcount(id)", "aggregation 'dcount'"),
        ("resources | where ago(1) == 1", "function 'ago'"),
        ("resources | where tolower(name, id) == 'x'", "takes 1 argument"),
        ("resources | where name in~ (id.x)", "of type string"),
        ("resources | where name in (tags)", "literals only"),
        ("resources | where name ==", "the end"),
        ("resources | where name == 'x", "recognition error"),
        ("resources where name == 'x'", "expected '|'"),
        ("resources | mv-expand properties.dns limit 5000", "1 to 2000"),
        ("resources " + "| mv-expand properties.dns " * 4, "3 times"),
        ("advisorresources", "table 'advisorresources'"),
        ("", "a table"),
    ],
)
def test_what_is_not_known_is_refused_by_name(query: str, reason: str) -> None:
    with pytest.raises(InvalidQueryError, match="^(?s:.*)" + reason.replace("|", "\\|")):
        plan(parse(query), TABLES)


@pytest.mark.parametrize(
    ("query", "types"),
    [
        ("| where type =~ 'Net/VNETS'", {"net/vnets"}),
        ("| where name == 'x' | where type in~ ('a/b', 'c/d') and id != ''", {"a/b", "c/d"}),
        ("| where type == 'a/b' or name == 'x'", None),
        ("| project type | where type == 'a/b'", None),
    ],
)
def test_only_the_types_that_can_pass_are_read(query: str, types: set[str] | None) -> None:
    assert plan(parse(f"resources {query}"), TABLES).types == types
