"""A sweep's questions to DNS servers: every cluster's name, and what is wrong with the servers themselves."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import batched

from functions.arm.resource_id import ResourceId
from functions.dns.ask import Answer, Asker, Server
from functions.drift import row_of
from functions.fleet.observe_resolution import kinds_of, servers_of
from functions.fleet.seen import NOTHING_REMEMBERED, Seen, Unknown
from functions.fleet.survey_join import Item
from functions.handlers import concerns, resolution, resolution_findings
from functions.handlers.verdict import Finding
from functions.ledger.state import Observed
from functions.policy import Policy

# Clusters whose names are asked for side by side: enough to keep the servers busy, and few to hold in memory.
_TOGETHER = 1000

# What all questions of a sweep may take. 10,000 names take servers that answer in 50 ms some seconds.
_LONGEST = 120.0  # seconds


@dataclass(slots=True)
class _Reach:
    """How a server can be reached. `place` is the VNet of the first cluster that it was asked for.

    `udp` and `tcp` are the best that it answered over each, None before it was asked.
    """

    place: ResourceId
    udp: Answer | None = None
    tcp: Answer | None = None
    is_first: bool = True  # nobody has asked it over TCP yet

    def note(self, answer: Answer) -> None:
        held = self.udp if answer.over == "udp" else self.tcp
        if held is not None and held.is_reached:
            return
        if answer.over == "udp":
            self.udp = answer
        else:
            self.tcp = answer

    @property
    def is_known(self) -> bool:
        """Whether it answered over one transport, or was silent over both."""
        return self.over_udp or self.over_tcp or (self.udp is not None and self.tcp is not None)

    @property
    def over_udp(self) -> bool:
        return self.udp is not None and self.udp.is_reached

    @property
    def over_tcp(self) -> bool:
        return self.tcp is not None and self.tcp.is_reached


@dataclass(slots=True)
class Inquiry:
    """The questions of one sweep. Over UDP for each name; over TCP once for each server, and where UDP says nothing.

    `remembered` is what the ledger knows of each row.
    """

    policy: Policy
    asker: Asker
    remembered: Mapping[ResourceId, Observed]
    _reached: dict[Server, _Reach] = field(default_factory=dict[Server, _Reach])
    _until: float = 0.0  # on the event loop's clock, 0 before the first question
    _late: list[ResourceId] = field(default_factory=list[ResourceId])

    async def answered(self, told: Iterable[Item]) -> AsyncGenerator[Item]:
        """The items in their order, those whose name should resolve with what the servers say of it."""
        if not self.policy.resolution.enabled:
            for item in told:
                yield item
            return
        for some in batched(told, _TOGETHER, strict=False):
            for item in await asyncio.gather(*map(self._answered, some)):
                yield item

    def findings(self) -> Iterator[Finding]:
        """What is wrong with the servers themselves: one finding each, and only one where none can be reached.

        One more where the sweep's time was over before all names were asked for.
        """
        if self._late:
            yield resolution_findings.sweep_not_asked(self._late[0], len(self._late), _LONGEST)
        # One whose first question was given up for lack of time proves nothing.
        asked = {server: one for server, one in self._reached.items() if one.is_known}
        if asked and not any(one.over_udp or one.over_tcp for one in asked.values()):
            yield resolution_findings.none_reached(next(iter(asked.values())).place, asked)
            return
        for server, one in asked.items():
            if not one.over_udp and not one.over_tcp:
                yield resolution_findings.not_reached(one.place, server)
            elif not one.over_udp and one.udp is not None:
                yield resolution_findings.udp_blocked(one.place, [one.udp])
            elif not one.over_tcp and one.tcp is not None:
                yield resolution_findings.tcp_blocked(one.place, [one.tcp])

    async def _answered(self, item: Item) -> Item:
        if not isinstance(item, Seen):
            return item
        seen = replace(item, remembered=self.remembered.get(row_of(item), NOTHING_REMEMBERED))
        if not resolution.is_due(seen, self.policy, concerns.decide(seen, self.policy)):
            return item
        clock = asyncio.get_running_loop().time
        self._until = self._until or clock() + _LONGEST
        try:
            async with asyncio.timeout_at(self._until):
                asked = await asyncio.gather(*(self._ask(seen, server) for server in servers_of(seen, self.policy)))
        except TimeoutError:
            self._late.append(_place(seen))
            return item
        return replace(item, answers=tuple(answer for answers in asked for answer in answers))

    async def _ask(self, seen: Seen, server: Server) -> tuple[Answer, ...]:
        """What one server says, over UDP if it can."""
        reach = self._reached.setdefault(server, _Reach(_place(seen)))
        first, reach.is_first = reach.is_first, False
        kinds = kinds_of(seen)
        udp = await self.asker.ask(server, seen.private_fqdn, "udp", kinds)
        reach.note(udp)
        if udp.speaks and not first:
            return (udp,)
        tcp = await self.asker.ask(server, seen.private_fqdn, "tcp", kinds)
        reach.note(tcp)
        if udp.speaks or tcp.speaks:
            return (udp if udp.speaks else tcp,)
        return (udp, tcp) if udp.cut else (udp,)


def _place(seen: Seen) -> ResourceId:
    """Whose servers they are: the cluster's VNet where it is known."""
    return seen.spokes[0].id if not isinstance(seen.spokes, Unknown) and seen.spokes else seen.place
