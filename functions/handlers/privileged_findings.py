"""What people are told of what only the second app may do. docs/findings.md lists them."""

from functions.arm.resource_id import ResourceId
from functions.handlers.verdict import Finding, Severity

_SEEN = "the policy says that Tether sees to it, which its second app may do and this one may not"


def left(handler: str, cluster: ResourceId, why: str, by_hand: str) -> Finding:
    return Finding(
        handler,
        Severity.WARNING,
        "left-to-second-app",
        cluster,
        f"{why}; {_SEEN}, and it was asked to look",
        f"Nothing: its own log says what it does, and what it needs.{by_hand}",
    )


def missing(handler: str, cluster: ResourceId, why: str, by_hand: str) -> Finding:
    return Finding(
        handler,
        Severity.WARNING,
        "second-app-missing",
        cluster,
        f"{why}; {_SEEN}, and there is no second app",
        f"Deploy it (docs/deploy.md), or take this out of the policy.{by_hand}",
    )
