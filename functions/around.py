"""What the loop needs from outside."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from functions.arm.session import Session
from functions.dns.ask import Asker
from functions.fleet.observe_records import NO_TARGETS, Targets
from functions.fleet.scope import Scopes
from functions.ledger.paused import left
from functions.ledger.reports import Plans
from functions.ledger.state import Counters, Ledger
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

    def learn_pauses(self, counters: Counters) -> None:
        """Take over from a row which reads other workers may not repeat yet."""
        self.session.learn_pauses(left(counters.paused, self.now()))
