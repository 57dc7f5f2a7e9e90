"""What is wrong with the scope as Resource Graph shows it, and what to do. docs/findings.md lists the codes."""

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Finding, Severity

SOME_MINUTES = 300.0
"""Seconds after which a subscription that is not shown is reported. A new one is shown after some three minutes."""


def not_shown(target: ResourceId, since: float, at: float, delay: float | None) -> tuple[Finding, ...]:
    """What to report of an event whose subscription is not shown: nothing at first, the finding after some minutes, and
    when it is not retried any more (`delay` is None).
    """
    return (not_visible(target),) if delay is None or at - since > SOME_MINUTES else ()


def not_visible(target: ResourceId) -> Finding:
    """An event named a resource whose subscription Resource Graph does not show."""
    query = f"resourcecontainers | where subscriptionId =~ '{target.subscription}' | project id, properties"
    return Finding(
        "scope",
        Severity.WARNING,
        "subscription-not-visible",
        target,
        f"Resource Graph does not show the subscription {target.subscription}, so whether it lies below one of "
        "scope.managementGroups is not known; nothing is done there until it is",
        "A new subscription appears by itself after some minutes. If it does not: give Tether's identity Reader on it, "
        "or on the management group; name it under scope.subscriptions; or stop its events. What Resource Graph shows: "
        f'az graph query -q "{query}"',
    )
