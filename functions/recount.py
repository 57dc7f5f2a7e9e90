"""The second count of what the removal limit counts: two workers may take the last place of an hour at the same moment.

Passes of one worker take turns (permission.py). Workers share nothing but the tables, so each writes its intent first
and then counts again. Of two workers the one that counts later sees both intents, whatever their clocks say.
"""

from dataclasses import dataclass, replace

from functions import pace
from functions.around import Around
from functions.fleet.seen import Seen
from functions.handlers.verdict import Change, soonest
from functions.ledger.reports import ReportsError
from functions.ledger.state import LedgerError
from functions.permission import counted
from functions.plan import takes
from functions.restraint import Restrained
from functions.work import Work


@dataclass(eq=False, slots=True)
class Recount:
    """The second count of one pass, made after the first intent that counts."""

    allowed: Restrained
    seen: Seen
    work: Work
    around: Around
    withheld: bool = False
    """Whether a change was not made, since its place is not certain."""
    _stopped: tuple[Change, ...] | None = None

    async def withholds(self, change: Change, *, kept: bool) -> bool:
        """Whether a change must wait. `kept`: whether its intent is in the tables, where other workers count it.

        the change          the tables                                            it waits
        does not count      any                                                   no
        counts              do not keep the intent, or do not answer              yes
        counts              show more clusters than the hour may see              yes, unless a person approved it
        counts              show no more                                          no

        Two workers may both see too many, and both wait. Their rows then say since when, and the next pass of the one
        that waits longer has the place.
        """
        if not takes(change):
            return False
        if not kept or change in await self._counted():
            self.withheld = True
            return True
        return False

    def left(self) -> Restrained:
        """What the pass was allowed; with a change that waits for the count, where one was withheld."""
        if not self.withheld:
            return self.allowed
        return replace(self.allowed, uncounted=True, again=soonest(self.allowed.again, pace.LEDGER_WAIT))

    async def _counted(self) -> tuple[Change, ...]:
        if self._stopped is None:
            self._stopped = await self._stopped_now()
        return self._stopped

    async def _stopped_now(self) -> tuple[Change, ...]:
        try:
            limited = await counted(self.allowed.changes, self.seen, self.work, self.around, self.around.now())
        except (LedgerError, ReportsError):
            return self.allowed.changes
        return limited.stopped
