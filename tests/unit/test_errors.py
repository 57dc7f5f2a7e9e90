import pytest

from functions.arm.errors import ArmError, Kind, classify, from_answer, from_poll


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        pytest.param(429, "RetryableError", Kind.RETRY, id="a lock of the network's"),
        pytest.param(429, "429", Kind.RETRY, id="a quota"),
        pytest.param(409, "AnotherOperationInProgress", Kind.RETRY, id="a lock that comes as a conflict"),
        pytest.param(409, "OperationNotAllowed", Kind.RETRY, id="AKS is busy"),
        pytest.param(500, "InternalServerError", Kind.RETRY, id="a failure of Azure's"),
        pytest.param(503, "", Kind.RETRY, id="a gateway's page"),
        pytest.param(408, "", Kind.RETRY, id="a time-out"),
        pytest.param(599, "NeverHeardOf", Kind.RETRY, id="an unknown failure"),
        pytest.param(0, "NoToken", Kind.RETRY, id="no status at all"),
        pytest.param(200, "NeverHeardOf", Kind.RETRY, id="an operation that failed for a reason we do not know"),
        pytest.param(409, "Conflict", Kind.CONFLICT, id="something is there"),
        pytest.param(412, "PreconditionFailed", Kind.CONFLICT, id="a lost race, at once"),
        pytest.param(200, "PreconditionFailed", Kind.CONFLICT, id="a lost race, told by the operation"),
        pytest.param(403, "AuthorizationFailed", Kind.DENIED, id="no right"),
        pytest.param(403, "NeverHeardOf", Kind.DENIED, id="an unknown refusal"),
        pytest.param(401, "ExpiredAuthenticationToken", Kind.DENIED, id="no valid token"),
        pytest.param(409, "ScopeLocked", Kind.DENIED, id="a lock that a person put there"),
        pytest.param(404, "ResourceNotFound", Kind.GONE, id="not there"),
        pytest.param(400, "InvalidResourceReference", Kind.INVALID, id="a request that will never do"),
        pytest.param(200, "BadRequest", Kind.INVALID, id="the same, told by the operation"),
    ],
)
def test_what_a_refusal_means(status: int, code: str, kind: Kind) -> None:
    assert classify(ArmError(status, code, "")) is kind


def test_a_400_whose_details_say_retry_is_retried() -> None:
    assert classify(ArmError(400, "Bad", "", codes=("ReferencedResourceNotProvisioned",))) is Kind.RETRY


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b'{"error": "text"}', b'{"error": {"code": []}}', b"[]", b"null", b"\xff\xfe", b'{"error": null}'],
)
def test_a_body_that_is_no_error_still_makes_one(body: bytes) -> None:
    error = from_answer(503, {}, body)
    assert (error.status, error.code) == (503, "")
    assert classify(error) is Kind.RETRY


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"error": {"message": "Zugriff verweigert f\xfcr"}}', id="Latin-1"),
        pytest.param(b'{"error": {"details": ' + b"[" * 100_000, id="lists that are too deep"),
        pytest.param(b'{"error": {"details": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", id="deep lists that end"),
    ],
)
def test_an_error_of_a_proxy_that_no_decoder_takes_still_makes_one(body: bytes) -> None:
    assert classify(from_answer(503, {}, body)) is Kind.RETRY
    assert from_poll("Failed", body).status == 200


@pytest.mark.parametrize(
    ("header", "pause"), [("7", 7.0), ("0", 0.0), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("²", None)]
)
def test_the_pause_is_a_number_of_seconds_or_none(header: str, pause: float | None) -> None:
    assert from_answer(429, {"Retry-After": header}, b"{}").retry_after == pause


def test_who_was_refused_is_not_repeated() -> None:
    message = (
        "The client 'ann@example.org' with object id '1-2' does not have authorization to perform action 'a/write'"
    )
    error = from_answer(403, {}, b'{"error":{"code":"AuthorizationFailed","message":"%s"}}' % message.encode())
    assert "ann@example.org" not in str(error)
    assert "1-2" not in str(error)
    assert "a/write" in str(error)
