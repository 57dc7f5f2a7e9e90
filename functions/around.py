"""What the loop needs from outside."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from functions.arm.read_pauses import Met
from functions.arm.session import Session
from functions.dns.ask import Asker
from functions.fleet.observe_records import NO_TARGETS, Targets
from functions.fleet.scope import Scopes
from functions.ledger.paused import Paused, left
from functions.ledger.reports import Plans
from functions.ledger.state import Ledger
from functions.policy import Policy
from functions.role import Role
from functions.second_app import NoSecondApp, SecondApp


@dataclass(frozen=True, slots=True)
class Around:
    """What the loop needs from outside: ARM, the policy, who is in scope, the time (seconds since 1970), a memory,
    what people permit, the policy's DNS targets, a way to ask DNS servers, which app this is, and the other one.
    """

    session: Session
    policy: Policy
    scopes: Scopes
    now: Callable[[], float]
    ledger: Ledger
    plans: Plans
    targets: Targets = NO_TARGETS
    asker: Asker = field(default_factory=Asker)
    role: Role = Role.ALONE
    second: SecondApp = field(default_factory=NoSecondApp)
    removing: asyncio.Lock = field(default_factory=asyncio.Lock)  # held by the pass that removes something

    def learn_pauses(self, paused: Iterable[Paused]) -> None:
        """Take over from a row or a message which reads are not to be repeated yet."""
        self.session.learn_pauses(left(paused, self.now()))

    def paused(self, met: Met) -> tuple[Paused, ...]:
        """The reads that ARM refused and that are not to be repeated yet, for rows and messages."""
        now = self.now()
        return tuple(Paused(path, now + seconds) for path, seconds in self.session.pauses_left(met))
