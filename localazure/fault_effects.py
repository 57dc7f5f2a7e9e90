"""What can go wrong with a request: one named effect each, by itself or by its name in JSON."""

import inspect
from collections.abc import Callable
from typing import Any

from localazure.fault import Effect
from localazure.fault_refusals import (
    another_operation,
    denied_by_assignment,
    denied_by_policy,
    internal_error,
    locked,
    not_authorised,
    not_authorised_on_linked,
    not_found,
    precondition_failed,
    server_timeout,
    throttled,
    too_many_requests,
    unavailable_html,
)
from localazure.operations import Fate


def latency(seconds: float) -> Effect:
    """Answer late, by seconds of ours."""
    return Effect("latency", latency=seconds)


def dropped_before() -> Effect:
    """Cut the connection before anything is done."""
    return Effect("dropped_before", drop="before")


def dropped_after() -> Effect:
    """Do it, and cut the connection without an answer."""
    return Effect("dropped_after", drop="after")


def silent() -> Effect:
    """Never answer."""
    return Effect("silent", silent=True)


def fails_late(code: str = "InternalServerError", message: str = "An error occurred.") -> Effect:
    """Accept the write; its operation fails when its time is up. Recorded form: errors/poll-200-failed-*."""
    return Effect("fails_late", fate=Fate(error={"code": code, "message": message}))


def stuck() -> Effect:
    """Accept the write; its operation stays InProgress."""
    return Effect("stuck", fate=Fate(stuck=True))


def foreign_address(origin: str = "https://management.example.org") -> Effect:
    """Accept the write, with operation addresses on another host."""
    return Effect("foreign_address", fate=Fate(host=origin))


def forgotten() -> Effect:
    """Accept the write; its operation is not found when looked up."""
    return Effect("forgotten", fate=Fate(forgotten=True))


def hidden_after_create(seconds: float = 10) -> Effect:
    """Answer 404 to reads of what was made less than `seconds` (of Azure's) ago: pulumi-azure-native#3138."""
    return Effect("hidden_after_create", hide=seconds)


_ALL = (
    latency,
    throttled,
    too_many_requests,
    another_operation,
    precondition_failed,
    internal_error,
    server_timeout,
    unavailable_html,
    not_authorised,
    not_authorised_on_linked,
    denied_by_policy,
    denied_by_assignment,
    locked,
    not_found,
    dropped_before,
    dropped_after,
    silent,
    fails_late,
    stuck,
    foreign_address,
    forgotten,
    hidden_after_create,
)
EFFECTS: dict[str, Callable[..., Effect]] = {effect.__name__: effect for effect in _ALL}


def effect_named(name: str, settings: dict[str, Any]) -> Effect:
    """An effect by its name and settings, as an admin endpoint takes them. ValueError says what is wrong."""
    if name not in EFFECTS:
        raise ValueError(f"no effect is called '{name}'; there are {', '.join(sorted(EFFECTS))}")
    try:
        inspect.signature(EFFECTS[name]).bind(**settings)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from None
    return EFFECTS[name](**settings)
