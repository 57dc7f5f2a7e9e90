"""What can go wrong with a request, one named effect each, with the bodies that Azure was recorded to give."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from localazure.answers import Answer, Refused, arm_error
from localazure.azure import LocalAzure
from localazure.operations import Fate


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of a request. Several may come together."""

    name: str
    latency: float = 0
    """Seconds, of ours, before anything is done."""
    answer: Callable[[LocalAzure], Answer] | None = None
    """Given instead of doing anything."""
    drop: Literal["before", "after"] | None = None
    """Cut the connection before the work, or when it is done and nobody has been told."""
    silent: bool = False
    """Never answer."""
    fate: Fate | None = None
    """Of the operation that the request starts."""
    hide: float = 0
    """Seconds, of Azure's, that what a PUT makes is not found by a GET (pulumi-azure-native#3138)."""


def latency(seconds: float) -> Effect:
    """Answer late, in seconds of ours."""
    return Effect("latency", latency=seconds)


def throttled(retry_after: int | None = None) -> Effect:
    """429. Microsoft.Network gives Retry-After or not. Recorded: errors/429-retryable-error-*."""
    return _refusal("throttled", _throttled(retry_after))


def _throttled(retry_after: int | None) -> Refused:
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    detail = {"code": "RetryableErrorDueToAnotherOperation", "message": "Another operation holds the resource."}
    refused = arm_error(429, "RetryableError", "A retryable error occurred.", cause="service", headers=headers)
    body = refused.answer.body
    if isinstance(body, dict):
        body["error"]["details"] = [detail]
    return refused


def _refusal(name: str, refused: Refused) -> Effect:
    return Effect(name, answer=lambda _: refused.answer)


def dropped_before() -> Effect:
    """Cut the connection before anything is done."""
    return Effect("dropped_before", drop="before")


EFFECTS: dict[str, Callable[..., Effect]] = {effect.__name__: effect for effect in (latency, throttled, dropped_before)}


def effect_named(name: str, settings: dict[str, Any]) -> Effect:
    """An effect by its name and settings, as an admin endpoint takes them. ValueError says what is wrong."""
    if name not in EFFECTS:
        raise ValueError(f"no effect is called '{name}'; there are {', '.join(sorted(EFFECTS))}")
    try:
        inspect.signature(EFFECTS[name]).bind(**settings)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
    return EFFECTS[name](**settings)
