"""Resource Graph's own quota: 15 queries in 5 seconds for each principal, on Azure's clock.

Source: Learn, "Guidance for throttled requests in Azure Resource Graph".
"""

from dataclasses import dataclass
from math import ceil

from localazure.answers import Refused, arm_error
from localazure.clock import Clock

QUERIES = 15
WINDOW = 5.0


@dataclass(slots=True)
class _Window:
    ends: float
    left: int


class Quota:
    """Counts queries; `queries` may be set to another number in a window of 5 s."""

    def __init__(self, clock: Clock, queries: int = QUERIES) -> None:
        self.queries = queries
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def take(self, principal: str) -> dict[str, str]:
        """Count one query and return the headers that tell what is left. Raises the 429 when nothing is."""
        now = self._clock.now()
        window = self._windows.get(principal)
        if window is None or now >= window.ends:
            window = self._windows[principal] = _Window(now + WINDOW, self.queries)
        seconds = max(1, ceil(self._clock.ours(window.ends - now)))
        if window.left <= 0:
            raise _throttled(seconds)
        window.left -= 1
        return _headers(window.left, seconds)


def _headers(left: int, seconds: int) -> dict[str, str]:
    """`seconds`, of ours, until the quota is whole again."""
    after = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return {
        "x-ms-user-quota-remaining": str(left),
        "x-ms-user-quota-resets-after": after,
        "x-ms-ratelimit-remaining-tenant-resource-requests": str(left),
    }


def _throttled(seconds: int) -> Refused:
    reason = "The client has been throttled and should not send the request again before the quota resets."
    return arm_error(
        429,
        "RateLimiting",
        reason,
        cause="",
        headers={**_headers(0, seconds), "retry-after": str(seconds)},
        details=[{"code": "RateLimiting", "message": reason}],
    )
