"""Refusals and failures as RFC 9457 problem details: what went wrong, in a form that a program can read."""

import http
import math

import msgspec

from functions.arm.errors import ArmError, Kind, NoAnswerError, NoTokenError, classify
from functions.fleet.scope import NotShownError
from functions.ledger.reports import ReportsError
from functions.ledger.state import LedgerError
from functions.policy import PolicyError
from functions.queue import QueueError
from functions.settings import SettingsError

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """An error (RFC 9457). `code` is stable and says what to look up in docs/http.md; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """A request that is answered with problem details. `headers` go out with them."""

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}

    @property
    def details(self) -> ProblemDetails:
        title = http.HTTPStatus(self.status).phrase
        urn = f"urn:tether:problem:{self.code}"
        return ProblemDetails(type=urn, title=title, status=self.status, detail=self.detail, code=self.code)


# What a route may fail with, beside Problem. Anything else is a mistake of Tether's own.
Failure = (ArmError, NoAnswerError, NoTokenError, LedgerError, ReportsError, QueueError, PolicyError, SettingsError)


def of_failure(error: Exception) -> Problem:
    """The problem that a failure underneath makes of a request.

    A gateway's statuses where Azure is at fault: 502 when ARM refuses Tether, 504 when it does not answer, and 503
    for what passes by itself or what an operator has to mend in the app.
    """
    match error:
        case ArmError():
            return _of_refusal(error)
        case NotShownError():
            pause = {"Retry-After": str(math.ceil(error.retry_after or 1.0))}
            return Problem(503, "subscription-not-visible", f"Whether it is in scope is not known: {error}.", pause)
        case NoAnswerError():
            return Problem(504, "arm-no-answer", str(error))
        case NoTokenError():
            return Problem(503, "no-token", str(error))
        case LedgerError():
            return Problem(503, "ledger-unreachable", str(error))
        case ReportsError():
            return Problem(503, "reports-unreachable", str(error))
        case QueueError():
            return Problem(503, "queue-unreachable", str(error))
        case PolicyError():
            return Problem(503, "policy-invalid", f"Nothing is done while the policy is invalid: {error}")
        case SettingsError():
            return Problem(503, "settings-invalid", str(error))
        case _:
            return Problem(500, "internal-error", "A mistake of Tether's own; the app's log has the traceback.")


def _of_refusal(error: ArmError) -> Problem:
    match classify(error):
        case Kind.GONE:
            return Problem(404, "not-found", f"ARM does not know it: {error}")
        case Kind.RETRY:
            pause = {"Retry-After": str(math.ceil(error.retry_after))} if error.retry_after else {}
            return Problem(503, "arm-busy", f"ARM asks to come back later: {error}", pause)
        case _:
            return Problem(502, "arm-refused", f"ARM refused what Tether asked: {error}")
