"""What ARM's refusals mean, in one place."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import cast

import msgspec


class Kind(Enum):
    """What to do about a refusal."""

    RETRY = "retry"  # later, after the pause that ARM names or the loop's own
    CONFLICT = "conflict"  # something is there already, or a race was lost: observe again
    DENIED = "denied"  # a person must grant, unlock or exempt
    GONE = "gone"  # what we asked for is not there (now)
    INVALID = "invalid"  # the same request will never do


@dataclass(eq=False)  # an exception is itself, and Python writes its traceback into it
class ArmError(Exception):
    """A refusal by ARM or by a resource provider.

    `code` and `message` are the service's own, whether wrapped in `error` (ARM) or bare (AKS, private DNS on 412);
    `codes` are those of `details`. `retry_after` is in seconds, None when the service named no pause.
    A status of 200 means that a long-running operation ended so.
    """

    status: int
    code: str
    message: str
    codes: tuple[str, ...] = ()
    retry_after: float | None = None

    def __str__(self) -> str:
        return f"{self.code or self.status}: {self.message}"


class NoAnswerError(Exception):
    """No answer came: the request may or may not have been carried out.

    `retry_after` is the pause (seconds) that ARM named for something else that the same pass asks.
    """

    retry_after: float | None = None


class NoTokenError(Exception):
    """The managed identity gave no token, so that nothing was asked."""


# Codes that mean more, or other, than their status. Sources: the recorded errors/*, "Common deployment errors" (Learn).
_BY_CODE = {
    "AnotherOperationInProgress": Kind.RETRY,  # 409, but a lock: errors/409-another-operation-in-progress-subnet-put
    "OperationNotAllowed": Kind.RETRY,  # 409 of AKS while another operation runs
    "AKSOperationPreempted": Kind.RETRY,
    "ReferencedResourceNotProvisioned": Kind.RETRY,  # comes as 429 or as 400
    "RetryableError": Kind.RETRY,
    "PrincipalNotFound": Kind.RETRY,  # 400, replication delay: errors/400-principal-not-found
    "OperationCancelled": Kind.RETRY,
    "InternalServerError": Kind.RETRY,
    "PreconditionFailed": Kind.CONFLICT,  # in a poll with HTTP 200: errors/poll-200-failed-privatedns-precondition
    "Conflict": Kind.CONFLICT,
    "RoleAssignmentExists": Kind.CONFLICT,
    "CannotDeleteResource": Kind.CONFLICT,
    "ScopeLocked": Kind.DENIED,  # 409, yet only a person can unlock: errors/409-scope-locked-write
    "ReadOnlyDisabledSubscription": Kind.DENIED,
    "AuthorizationFailed": Kind.DENIED,
    "LinkedAuthorizationFailed": Kind.DENIED,
    "RequestDisallowedByPolicy": Kind.DENIED,
    "DenyAssignmentAuthorizationFailed": Kind.DENIED,
    "SubscriptionNotAuthorized": Kind.DENIED,  # in a poll with HTTP 200: errors/poll-200-failed-network
    # Of a cluster with a zone of its own: errors/aks-custom-private-dns-zone-missing-permission.
    "CustomPrivateDNSZoneMissingPermissionError": Kind.DENIED,
    "CreateOrUpdateVirtualNetworkLinkFailed": Kind.INVALID,  # AKS's own link: a cluster's provisioning error
}


def classify(error: ArmError) -> Kind:
    """What a refusal means, by its code first and then by its status.

    A code that is not known is retried when the status allows hope; the loop sets the pace.
    """
    known = _BY_CODE.get(error.code)
    match error.status:
        case _ if known is not None:
            return known
        case 401 | 403:
            return Kind.DENIED
        case 404 | 410:
            return Kind.GONE
        case 409 | 412:
            return Kind.CONFLICT
        case 400 if any(_BY_CODE.get(code) is Kind.RETRY for code in error.codes):
            return Kind.RETRY
        case status if 400 <= status < 500 and status not in {408, 429}:
            return Kind.INVALID
        case 200 if error.code == "BadRequest":
            return Kind.INVALID  # an operation that ended so: errors/poll-link-overlapping-namespaces
        case _:
            return Kind.RETRY


class Body(msgspec.Struct):
    """An error as ARM writes it. Any field may have any form: an odd one must not hide the others.

    `code` can be a number (errors/429-numeric-code-identity-put has it as text), and AKS writes a sentence into
    `details` at times (errors/aks-create-or-update-virtual-network-link-failed).
    """

    code: object = None
    message: object = None
    details: object = None


class _Wrapped(msgspec.Struct):
    error: Body


# A longer pause is believed no longer: ARM names seconds, private DNS and AKS minutes.
_LONGEST_PAUSE = 3600.0  # seconds

_wrapped = msgspec.json.Decoder(_Wrapped)
_bare = msgspec.json.Decoder(Body)


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> ArmError:
    """Read a refusal from an answer whose status is an error. Never raises: a body may be HTML or cut off."""
    return from_body(status, _decoded(body), retry_after(headers))


def from_body(status: int, body: Body, pause: float | None = None) -> ArmError:
    """Read a refusal from a decoded error object."""
    return ArmError(
        status=status,
        code=_text(body.code),
        message=_without_names(_text(body.message) or "the service gave no reason"),
        codes=tuple(_codes_in(body.details)),
        retry_after=pause,
    )


def from_poll(code: str, error: bytes) -> ArmError:
    """Read why an operation ended badly. `code` is for an `error` that is empty, null, or no object."""
    try:
        body = _bare.decode(error)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        body = Body(code=code, message="the operation ended without a reason")
    return from_body(200, body)


def _codes_in(details: object) -> Iterator[str]:
    """The codes of those details that have one."""
    for detail in cast("list[object]", details) if isinstance(details, list) else ():
        if isinstance(detail, dict) and (code := _text(cast("dict[str, object]", detail).get("code"))):
            yield code


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The pause that an answer asks for, in seconds: an hour at most. A date, which ARM does not send, is none."""
    text = headers.get("retry-after") or headers.get("Retry-After") or ""
    return min(float(text), _LONGEST_PAUSE) if text.isascii() and text.isdigit() else None


def _decoded(body: bytes) -> Body:
    try:
        return _wrapped.decode(body).error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:
            return _bare.decode(body)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return Body(message=f"the answer was no ARM error but {len(body)} bytes of something else")


_NAMES = re.compile(r"(client|user|principal) '[^']*'( with object id '[^']*')?", re.IGNORECASE)


def _without_names(message: str) -> str:
    """The message without who asked: names and object ids are personal data, the action and scope are what helps."""
    return _NAMES.sub(r"\1 (name withheld)", message)[:2000]
