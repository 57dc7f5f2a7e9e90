"""What AKS is doing with a cluster at the moment, and where it will put the endpoint that it makes next."""

import asyncio
from dataclasses import dataclass


@dataclass(slots=True)
class AtWork:
    """The one operation that runs on a cluster. `state` is the provisioning state that shows it."""

    state: str
    task: asyncio.Task[None] | None = None
    preempted: bool = False
    canceled: bool = False

    def preempt(self) -> None:
        """End it, now or before it has begun, because a later operation takes over."""
        self.preempted = True
        if self.task is not None:
            self.task.cancel()

    def cancel(self) -> None:
        """End it because someone has asked for that."""
        self.canceled = True
        self.preempt()


@dataclass(frozen=True, slots=True)
class NextEndpoint:
    """Where a private endpoint goes that AKS makes anew: `subnet` empty is the first node pool's.

    `not_at` are addresses that it shall not get, as if others had taken them meanwhile.
    """

    subnet: str = ""
    not_at: frozenset[str] = frozenset()
