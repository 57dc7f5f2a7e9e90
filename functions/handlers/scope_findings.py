"""What is wrong with the scope as Resource Graph shows it, and what to do. docs/findings.md lists the codes."""

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Finding, Severity


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
