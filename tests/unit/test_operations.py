"""How an operation stands, by each form that the answer to a look-up can have."""

import asyncio

import pytest

from functions.arm.errors import Kind, classify
from functions.arm.operations import LookedUp, Operation, Progress, look_up
from tests.unit.test_run_command import answered, session
from tests.unit.worlds import AT, CLUSTER_ID

ADDRESS = "https://management.azure.com/subscriptions/s/providers/Microsoft.Network/locations/westeurope/operations/o"
REASON = {"code": "AuthorizationFailed", "message": "no"}


def looked_up(status: int, body: object) -> LookedUp:
    app, _ = answered(status, body)
    return asyncio.run(look_up(session(app), Operation(CLUSTER_ID, ADDRESS, AT, AT)))


@pytest.mark.parametrize(
    ("body", "progress"),
    [
        pytest.param({"status": "Succeeded"}, Progress.SUCCEEDED, id="succeeded"),
        pytest.param({"status": "Failed", "error": REASON}, Progress.FAILED, id="failed"),
        pytest.param({"status": "Canceled", "error": REASON}, Progress.FAILED, id="canceled"),
        pytest.param({"status": "CreatingAgentPools: 0/1 nodes completed"}, Progress.RUNNING, id="free text of AKS"),
        pytest.param({"status": "Ready"}, Progress.RUNNING, id="a word that sounds like an end"),
        pytest.param({"status": None}, Progress.RUNNING, id="a null status"),
        pytest.param({"status": 7}, Progress.RUNNING, id="a number as status"),
        pytest.param({}, Progress.RUNNING, id="no status"),
        pytest.param(b"<html>", Progress.RUNNING, id="a page of HTML"),
        pytest.param(b'{"status": "\xe9"}', Progress.RUNNING, id="a status that is no UTF-8"),
        pytest.param(b'{"x": ' + b"[" * 100_000, Progress.RUNNING, id="lists that are too deep"),
        pytest.param({"status": "InProgress", "error": REASON}, Progress.RUNNING, id="an error beside InProgress"),
        pytest.param({"status": "Succeeded", "error": REASON}, Progress.SUCCEEDED, id="an error beside Succeeded"),
    ],
)
def test_only_the_three_end_states_end_an_operation(body: object, progress: Progress) -> None:
    assert looked_up(200, body).progress is progress


# Forms of `error` that no specification names. None of them may hide the status beside it.
ODD_ERRORS = [
    pytest.param("a sentence", id="a sentence"),
    pytest.param(None, id="null"),
    pytest.param(17, id="a number"),
    pytest.param([REASON], id="a list"),
    pytest.param({"code": {"value": "X"}, "message": "no"}, id="an object as code"),
    pytest.param({"code": 1.5, "message": "no"}, id="a fraction as code"),
    pytest.param({"code": "X", "message": {"text": "no"}}, id="an object as message"),
    pytest.param({"code": "X", "details": {"code": "Y"}}, id="an object as details"),
    pytest.param({"code": "X", "details": ["Y", None, {"code": 5}]}, id="odd details"),
]


@pytest.mark.parametrize("error", ODD_ERRORS)
@pytest.mark.parametrize(
    ("status", "progress"),
    [("Succeeded", Progress.SUCCEEDED), ("Failed", Progress.FAILED), ("Canceled", Progress.FAILED)],
)
def test_an_odd_error_does_not_hide_the_status(error: object, status: str, progress: Progress) -> None:
    looked = looked_up(200, {"status": status, "error": error})
    assert looked.progress is progress
    assert (looked.error is not None) is (progress is Progress.FAILED)


@pytest.mark.parametrize(
    "details",
    [
        pytest.param(["a sentence"], id="texts"),
        pytest.param([{"code": 5}], id="a number as code"),
        pytest.param({"code": "Y"}, id="an object"),
        pytest.param(None, id="null"),
    ],
)
def test_odd_details_do_not_hide_the_code_of_a_failure(details: object) -> None:
    looked = looked_up(200, {"status": "Failed", "error": {**REASON, "details": details}})
    assert looked.error is not None
    assert (looked.error.code, classify(looked.error)) == ("AuthorizationFailed", Kind.DENIED)


def test_the_codes_of_details_are_read_beside_odd_ones() -> None:
    details = [None, {"code": "ReferencedResourceNotProvisioned", "line": 1}, {"code": 5}]
    looked = looked_up(200, {"status": "Failed", "error": {"code": "X", "details": details}})
    assert looked.error is not None
    assert looked.error.codes == ("ReferencedResourceNotProvisioned", "5")


def test_a_failure_without_a_reason_says_so() -> None:
    looked = looked_up(200, {"status": "Canceled"})
    assert looked.error is not None
    assert (looked.error.code, looked.error.message) == ("Canceled", "the operation ended without a reason")
