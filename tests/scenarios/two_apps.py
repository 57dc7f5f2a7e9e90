"""Two apps in one world: the plain one, and the one that may put clusters and run commands in them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from functions import second_app
from functions.arm.clouds import PUBLIC
from functions.arm.credential import TokenSource
from functions.arm.session import Session
from functions.around import Around
from functions.fleet.observe_records import Targets
from functions.fleet.scope import Scopes
from functions.ledger.reports import Reports
from functions.live import Live
from functions.policy import Policy
from functions.queue import QueueError
from functions.role import Role
from functions.second_app import Ask
from functions.triggers import privileged
from localazure import fault_effects as effects
from tests.scenarios.memory_documents import MemoryDocuments
from tests.scenarios.memory_ledger import MemoryLedger
from tests.scenarios.story import ListeningTransport, MemoryQueue, Story, Token, kept, tell


@dataclass
class AskedQueue:
    """The second app's queue as the plain one sees it."""

    down: bool = False
    sent: list[bytes] = field(default_factory=list[bytes])

    async def ask(self, ask: Ask) -> None:
        if self.down:
            raise QueueError("the queue tether-privileged cannot be reached (test)")
        self.sent.append(second_app.encode(ask))


@dataclass
class TwoApps:
    """The plain app's story, and the second app's in the same world, each with its own memory, queue and policy."""

    plain: Story
    second: Story
    between: AskedQueue

    async def passes(self, seconds: float) -> None:
        """Let Azure's time pass for both."""
        await asyncio.gather(
            self.plain.passes(seconds, watching=True), self.second.passes(seconds, watching=True), self._hand(seconds)
        )

    async def _hand(self, seconds: float) -> None:
        clock = self.plain.azure.clock
        end, number = clock.now() + seconds, 0
        while clock.now() < end:
            while self.between.sent:
                number += 1
                body, message = self.between.sent.pop(0), f"{number}-{clock.now()}"
                await privileged.take(body, message, clock.now(), self.second.live)
            await asyncio.sleep(1)


def tell_both(
    story: Callable[[TwoApps], Awaitable[None]],
    plain: Callable[[Any], Policy],
    second: Callable[[Any], Policy],
    **world: Any,
) -> None:
    """Tell a story of both apps."""

    async def told(here: Story) -> None:
        assert isinstance(here.live.around, Around)
        between = AskedQueue()
        here.live = replace(here.live, around=replace(here.live.around, role=Role.SHARING, second=between))
        await story(TwoApps(here, second_story(here, second(here.world)), between))

    tell(told, plain, **world)


def second_story(here: Story, policy: Policy) -> Story:
    transport = ListeningTransport(here.transport.app)
    session = Session(PUBLIC, TokenSource(Token()), transport)  # type: ignore[arg-type]
    ledger, documents = MemoryLedger(), MemoryDocuments()
    reports = Reports(documents)
    targets = Targets(policy.records, lambda record: kept(record, session, here.servers))
    clock = here.azure.clock.now
    around = Around(session, policy, Scopes(), clock, ledger, reports, targets, role=Role.PRIVILEGED)
    queue = MemoryQueue(clock)
    live = Live(queue, around, ledger, reports)
    return replace(here, queue=queue, live=live, transport=transport, documents=documents)


def writes(here: Story) -> list[str]:
    """What an app wrote, or ran."""
    return [call for call in here.transport.asked if not call.startswith("GET") and "/descendants" not in call]


async def failed(both: TwoApps, **said: Any) -> str:
    """A cluster that could not be made, since its hub could not be linked in time, and can be now."""
    both.plain.faults.add(effects.not_authorised(), method="PUT", path="virtualNetworkLinks/tether-")
    cluster = await both.plain.create(**said)
    await both.passes(900)
    assert both.plain.state(cluster) == "Failed"
    both.plain.faults.clear()
    return cluster
