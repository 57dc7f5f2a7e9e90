"""What a provider answers: a status, headers and a body, and the error bodies that ARM and AKS use."""

from dataclasses import dataclass, field

from localazure.store import Json


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer. `body` None is an empty body, text goes out as it is (a gateway's HTML)."""

    status: int
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Refused(Exception):  # noqa: N818 - an answer, raised from where the refusal is found
    """Ends a request with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status} {answer.body}")
        self.answer = answer


def arm_error(
    status: int,
    code: str,
    message: str,
    *,
    cause: str = "gateway",
    headers: dict[str, str] | None = None,
    **more: object,
) -> Refused:
    """ARM's own shape: an `error` wrapper, and `x-ms-failure-cause` that says who refused.

    Some providers leave the header out: `cause=""`. `more` goes beside code and message, e.g. `details=[]`.
    Source: recorded errors/404-resource-group-not-found (gateway), errors/429-retryable-error-* (service).
    """
    body: Json = {"error": {"code": code, "message": message, **more}}
    return Refused(Answer(status, body, {**({"x-ms-failure-cause": cause} if cause else {}), **(headers or {})}))


def bare_error(status: int, code: str, message: str, **more: object) -> Refused:
    """The shape without a wrapper that AKS uses, and private DNS for a 412.

    Source: recorded errors/400-aks-dns-zone-not-found, privatedns/a-record-put-if-none-match-412.
    """
    return Refused(Answer(status, {"code": code, "message": message, **more}))
