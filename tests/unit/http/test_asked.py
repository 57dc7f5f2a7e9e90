"""What is taken of a request, and what is refused."""

from typing import Any

import azure.functions as func
import pytest

from functions.arm.resource_id import ResourceId
from functions.http.asked import LARGEST_BODY, NoParameters, Parameters, asked
from functions.http.cluster_list import ListQuery
from functions.http.problem import Problem
from functions.http.remediation import ReconcileQuery

SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"


def a_request(query: str = "", body: bytes = b"", **path: str) -> func.HttpRequest:
    return func.HttpRequest(
        "GET", f"https://tether.example/api/x?{query}", headers={}, params={}, route_params=path, body=body
    )


def refusal(request: func.HttpRequest, query: type[Parameters] = NoParameters) -> Problem:
    with pytest.raises(Problem) as refused:
        asked(request, query)
    return refused.value


@pytest.mark.parametrize(
    ("query", "dry_run"),
    [
        pytest.param("", True, id="a dry run is the default"),
        pytest.param("dryRun=true", True, id="asked for"),
        pytest.param("dryRun=false", False, id="not wanted"),
        pytest.param("dryRun=false&code=the-key&clientId=default", False, id="the platform's own parameters"),
    ],
)
def test_a_dry_run_is_what_nobody_turned_off(query: str, dry_run: bool) -> None:
    assert asked(a_request(query), ReconcileQuery).query.dry_run is dry_run


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        pytest.param("dryrun=false", ReconcileQuery, id="a name in another case"),
        pytest.param("dry_run=false", ReconcileQuery, id="another name"),
        pytest.param("dryRun=no", ReconcileQuery, id="no truth value"),
        pytest.param("dryRun=0", ReconcileQuery, id="a number"),
        pytest.param("dryRun=", ReconcileQuery, id="nothing"),
        pytest.param("dryRun=true&dryRun=false", ReconcileQuery, id="twice"),
        pytest.param("x=1", NoParameters, id="a parameter where there is none"),
        pytest.param("top=0", ListQuery, id="a page of nothing"),
        pytest.param("top=1001", ListQuery, id="too long a page"),
        pytest.param("top=1.5", ListQuery, id="a page of one and a half"),
        pytest.param("top=1e2", ListQuery, id="a number in another form"),
        pytest.param("subscription=prod", ListQuery, id="a subscription by its name"),
        pytest.param("finding=%00", ListQuery, id="a control character"),
        pytest.param("state=Failed%20or%201", ListQuery, id="a state that is no word"),
        pytest.param("finding=%ff", ListQuery, id="bytes that are no UTF-8"),
        pytest.param("&".join(f"p{number}=1" for number in range(40)), ListQuery, id="too many"),
    ],
)
def test_a_query_that_says_something_else_is_refused(query: str, kind: type[Parameters]) -> None:
    problem = refusal(a_request(query), kind)
    assert (problem.status, problem.code) == (400, "query-invalid")


def test_a_refused_query_is_named_as_the_caller_wrote_it() -> None:
    assert "`dryrun`" in refusal(a_request("dryrun=false"), ReconcileQuery).detail
    assert "`top`" in refusal(a_request("top=0"), ListQuery).detail


def test_the_function_key_never_comes_back() -> None:
    assert "s3cret" not in refusal(a_request("code=s3cret&x=1")).detail
    assert "s3cret" not in refusal(a_request("code=s3cret&x=1&x=2")).detail


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"{", 400, "body-not-json", id="half of JSON"),
        pytest.param(b"\xff\xfe", 400, "body-not-json", id="bytes"),
        pytest.param(b"<a/>", 400, "body-not-json", id="XML"),
        pytest.param(b"[" * 60000, 400, "body-invalid", id="deeply nested"),
        pytest.param(b"[]", 400, "body-invalid", id="a list"),
        pytest.param(b"null", 400, "body-invalid", id="null"),
        pytest.param(b'{"dryRun": false}', 400, "body-invalid", id="something that is said elsewhere"),
        pytest.param(b" " * (LARGEST_BODY + 1), 413, "body-too-large", id="too large"),
    ],
)
def test_a_body_that_nobody_would_read_is_refused(body: bytes, status: int, code: str) -> None:
    problem = refusal(a_request(body=body))
    assert (problem.status, problem.code) == (status, code)


@pytest.mark.parametrize("body", [b"", b"{}", b" {}\n"])
def test_a_body_may_be_left_out_or_be_empty(body: bytes) -> None:
    assert asked(a_request(body=body), NoParameters).query == NoParameters()


def test_three_names_make_a_cluster() -> None:
    request = a_request(subscription=SUBSCRIPTION, group="rg.(a)", name="prod-1")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg.(a)"
    expected = f"{group}/providers/Microsoft.ContainerService/managedClusters/prod-1"
    assert asked(request, NoParameters).cluster == ResourceId(expected)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"subscription": "prod"}, id="a subscription by its name"),
        pytest.param({"subscription": f"{SUBSCRIPTION}\n"}, id="a line feed after a GUID"),
        pytest.param({"group": "a/providers/b"}, id="a path in the group"),
        pytest.param({"group": ".."}, id="the group above"),
        pytest.param({"group": "rg."}, id="a dot at the end"),
        pytest.param({"group": "g" * 91}, id="a group's name that is too long"),
        pytest.param({"name": "a/../b"}, id="a path in the name"),
        pytest.param({"name": "a?x=1"}, id="a query in the name"),
        pytest.param({"name": "a\n"}, id="a line feed after the name"),
        pytest.param({"name": "-a"}, id="a hyphen first"),
        pytest.param({"name": "n" * 64}, id="a name that is too long"),
        pytest.param({"name": ""}, id="no name"),
    ],
)
def test_names_that_make_no_cluster_are_refused(changed: dict[str, Any]) -> None:
    path = {"subscription": SUBSCRIPTION, "group": "rg", "name": "prod", **changed}
    with pytest.raises(Problem) as refused:
        _ = asked(a_request(**path), NoParameters).cluster
    assert (refused.value.status, refused.value.code) == (400, "id-malformed")
