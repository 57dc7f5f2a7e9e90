"""Azure's clock, which may run faster than ours."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """The time inside the local Azure.

    `speed` of its seconds pass in one second of the event loop, so that 600 s of waiting nodes fit a demo.
    On an event loop whose own clock jumps (the simulation) nothing changes: time is always the loop's.
    """

    def __init__(self, speed: float = 1.0, start: float | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"a clock needs a speed above 0, not {speed}")
        self.speed = speed
        self._start = time.time() if start is None else start
        self._origin: float | None = None

    def now(self) -> float:
        """Seconds since 1970, by Azure's clock. Needs a running event loop."""
        loop_now = asyncio.get_running_loop().time()
        if self._origin is None:
            self._origin = loop_now
        return self._start + (loop_now - self._origin) * self.speed

    def iso(self, at: float | None = None) -> str:
        """An instant (now, unless told) as ARM prints it: 7 digits of a second and Z."""
        instant = self.now() if at is None else at
        return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` of Azure's time pass."""
        await asyncio.sleep(seconds / self.speed)

    def ours(self, seconds: float) -> float:
        """How long a span of Azure's time lasts for us, in seconds."""
        return seconds / self.speed
