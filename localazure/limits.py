"""The token buckets of ARM and of its providers, with the headers that tell what is left, on Azure's clock.

Figures: Learn, "Understand how Azure Resource Manager throttles requests" (buckets by subscription, principal and
operation; Microsoft.Network and private DNS by subscription in 5 minutes) and "Throttling limits on AKS resource
provider APIs".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, inf

from localazure.answers import Refused, arm_error
from localazure.arm_path import Target
from localazure.clock import Clock

_AKS = "microsoft.containerservice/managedclusters"


@dataclass(frozen=True, slots=True)
class Rate:
    """`size` calls at once; then `refill` a second, or all of them again when `window` seconds are over."""

    size: int
    refill: float = 0
    window: float = 0


ARM = {"reads": Rate(250, refill=25), "writes": Rate(200, refill=10), "deletes": Rate(200, refill=10)}
NETWORK = {"reads": Rate(10_000, window=300), "writes": Rate(1000, window=300)}
PRIVATE_DNS_READS = Rate(500, window=300)
CLUSTER_LIST = Rate(500, refill=1)
CLUSTER_GET = Rate(60, refill=1)
CLUSTER_PUT = Rate(20, refill=1 / 60)


@dataclass(slots=True)
class _Bucket:
    rate: Rate
    left: float
    since: float

    def fill(self, now: float) -> None:
        if self.rate.window:
            if now - self.since >= self.rate.window:
                self.left, self.since = self.rate.size, now
            return
        self.left = min(self.rate.size, self.left + (now - self.since) * self.rate.refill)
        self.since = now

    def wait(self, now: float) -> float:
        """Seconds until there is something to take."""
        if self.rate.window:
            return self.since + self.rate.window - now
        return (1 - self.left) / self.rate.refill if self.rate.refill else inf


@dataclass(frozen=True, slots=True)
class _Demand:
    """One bucket that a request takes from. `header` names what is left in the answer; empty where nothing does."""

    key: tuple[str, ...]
    rate: Rate
    header: str = ""


class Limits:
    """All buckets. `refused` counts the 429s, for tests and benchmarks."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, ...], _Bucket] = {}
        self.refused = 0

    def take(self, method: str, target: Target, principal: str) -> dict[str, str]:
        """Take from every bucket that a request concerns, and return the headers that tell what is left.

        Raises the 429, with Retry-After in seconds of ours, when one of them is empty; then nothing is taken.
        """
        now = self._clock.now()
        demands = list(_demands(method, target, principal))
        buckets = [self._bucket(demand, now) for demand in demands]
        empty = [bucket for bucket in buckets if bucket.left < 1]
        if empty:
            self.refused += 1
            wait = max(bucket.wait(now) for bucket in empty)
            raise _throttled(target.subscription, max(1, ceil(self._clock.ours(wait))))
        headers: dict[str, str] = {}
        for demand, bucket in zip(demands, buckets, strict=True):
            bucket.left -= 1
            if demand.header:
                headers[demand.header] = str(int(bucket.left))
        return headers

    def _bucket(self, demand: _Demand, now: float) -> _Bucket:
        bucket = self._buckets.get(demand.key)
        if bucket is None:
            bucket = self._buckets[demand.key] = _Bucket(demand.rate, demand.rate.size, now)
        bucket.fill(now)
        return bucket


def _demands(method: str, target: Target, principal: str) -> Iterator[_Demand]:
    """Which buckets a request takes from. Resource Graph has a quota of its own and stands in no subscription.

    A poll of an operation is a read of the provider that runs it.
    """
    if not target.subscription:
        return
    kind = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")
    subscription, resource_type = target.subscription.casefold(), target.type.casefold()
    yield _Demand(("arm", kind, subscription, principal), ARM[kind], f"x-ms-ratelimit-remaining-subscription-{kind}")
    resource_header = "x-ms-ratelimit-remaining-subscription-resource-requests"
    if resource_type.startswith("microsoft.network/privatedns"):
        if kind == "reads":
            yield _Demand(("private dns", subscription), PRIVATE_DNS_READS, resource_header)
    elif resource_type.startswith("microsoft.network/"):
        group = "reads" if kind == "reads" else "writes"
        yield _Demand(("network", group, subscription), NETWORK[group], resource_header)
    elif resource_type == _AKS:
        yield from _aks_demands(method, target)


def _aks_demands(method: str, target: Target) -> Iterator[_Demand]:
    if method in ("GET", "HEAD") and not target.name:
        yield _Demand(("aks list", target.subscription.casefold()), CLUSTER_LIST)
    elif method in ("GET", "HEAD"):
        yield _Demand(("aks get", target.id.casefold()), CLUSTER_GET)
    elif method == "PUT":
        yield _Demand(("aks put", target.id.casefold()), CLUSTER_PUT)


def _throttled(subscription: str, seconds: int) -> Refused:
    """The one 429 of a quota that was recorded has its number as code: errors/429-numeric-code-identity-put."""
    message = (
        f"Request is temporarily throttled because subscription {subscription} has issued too many requests. "
        f"Retry after {seconds} seconds."
    )
    return arm_error(429, "429", message, cause="", headers={"retry-after": str(seconds)})
