"""Timer triggers, on Azure's clock.

Source: Learn, "Timer trigger for Azure Functions": one run at a time; what came due during a run is run once, late.
"""

import logging
from datetime import UTC, datetime

from localazure.clock import Clock
from localazure.host.bindings import Function
from localazure.host.by_hand import timer_value
from localazure.host.ncrontab import Schedule
from localazure.host.routes import Invoke
from localazure.host.worker_process import WorkerGone

_log = logging.getLogger(__name__)


class Timer:
    """Runs one function on its schedule until cancelled. Raises ValueError for a malformed schedule."""

    def __init__(self, function: Function, clock: Clock, invoke: Invoke) -> None:
        self.function = function
        self._schedule = Schedule.parse(function.trigger["schedule"])
        self._clock = clock
        self._invoke = invoke

    async def run(self) -> None:
        last = self._now()
        if self.function.trigger.get("runOnStartup"):
            await self._fire(last, past_due=False)
        while True:
            due = self._schedule.after(last)
            late = self._now() > due
            await self._clock.sleep(max(0.0, due.timestamp() - self._clock.now()))
            last = self._now() if late else due
            await self._fire(due, past_due=late)

    async def _fire(self, due: datetime, *, past_due: bool) -> None:
        value = timer_value(self.function, due, past_due=past_due)
        try:
            done = await self._invoke(self.function.name, {self.function.argument: value})
        except WorkerGone as error:
            _log.warning("%s: %s", self.function.name, error)
            return
        if not done.ok:
            _log.error("%s failed: %s", self.function.name, done.error)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)
