"""What must hold in every simulated world when its trouble is over: soon, and for good."""

import asyncio
import math
from collections.abc import Iterator, Sequence

from functions.arm.resource_id import ResourceId
from functions.handlers.zone_link_removal import GONE_AFTER
from functions.ledger.state import Row
from functions.policy import OWNER_TAG
from functions.work import Work
from localazure.store import Resource
from tests.scenarios.mortal_host import Host
from tests.scenarios.random_world import ELSEWHERE, LINKS, LISTED, Plan
from tests.scenarios.simulation_rules import Rules

# With every event lost: `watch` sees the cluster within a minute, and its pass asks for the links (rule 7).
IN_TIME = 120.0  # seconds after the zone's birth

# An intent that is older and has no outcome was left by a worker that died; the sweep, if no pass before, closes it.
_LEFT_OPEN = 130.0  # seconds

# An entry of the journal is as old as its write, but for what the tables made it wait.
_BESIDE = 30.0  # seconds

# Within which a link that goes is looked at again.
_REMOVAL = 60.0  # seconds

# Refused calls for each write that was taken; and a few for each row, where others in the subscription left nothing.
_REFUSED_FOR_EACH, _REFUSED_AT_ALL = 2, 20


class End:
    """Looks on from when nothing fails any more. `not_right_at` is when the links were last not as they should be, and
    `unwanted_at` when one was last there that no hub needs any more.
    """

    def __init__(self, rules: Rules, hosts: Sequence[Host]) -> None:
        self._rules, self._hosts = rules, hosts
        self._azure, self._world = rules.azure, rules.world
        self.since = rules.azure.clock.now()
        self.not_right_at = self.unwanted_at = self.since

    async def look_on(self) -> None:
        """Now and again, for ever: are the links as they should be?"""
        while True:
            if next(self._links(), None) is not None:
                self.not_right_at = self._azure.clock.now()
            if next(self._unwanted(), None) is not None:
                self.unwanted_at = self._azure.clock.now()
            await asyncio.sleep(15)

    def in_time(self, plan: Plan) -> None:
        """Every link to a new zone is asked for within two minutes, whatever became of the events."""
        there = {
            link.properties["virtualNetwork"]["id"].casefold() for link in self._azure.store.of_type(LINKS, plan.zone)
        }
        for hub in sorted(self._world.wanted(plan) - there):
            self._rules.broken(f"{plan.zone} has no link to {hub} after {IN_TIME:.0f} s")

    def judge(self, bound: float) -> None:
        """At the very end. `bound` is for how long after the trouble links may be wrong, in seconds.

        A link that its hub does not need any more goes after two looks.
        """
        for what in (
            *self._links(),
            *self._unwanted(),
            *self._others(),
            *self._journal(),
            *self._left(),
            *self._refused(),
        ):
            self._rules.broken(what)
        if (late := self.not_right_at - self.since) > bound:
            self._rules.broken(f"the links were not right until {late:.0f} s after the trouble")
        if (late := self.unwanted_at - self.since) > bound + GONE_AFTER:
            self._rules.broken(f"an unwanted link was there until {late:.0f} s after the trouble")

    def _links(self) -> Iterator[str]:
        for plan in self._world.plans:
            if not plan.concerns_tether or (plan.mode == LISTED and plan.deleting):
                continue
            if plan.deleting:
                yield from self._remains(plan)
            elif self._azure.store.get(plan.id) is not None:
                yield from self._of_living(plan)

    def _of_living(self, plan: Plan) -> Iterator[str]:
        zone = LISTED if plan.mode == LISTED else plan.zone
        if not zone:
            yield f"{plan.id} has no zone"
            return
        links = self._azure.store.of_type(LINKS, zone)
        done = [link for link in links if link.properties["virtualNetworkLinkState"] == "Completed"]
        to = [link.properties["virtualNetwork"]["id"].casefold() for link in done]
        wanted = self._world.wanted(plan)
        for hub in sorted(wanted):
            if to.count(hub) != 1:
                yield f"{zone} has {to.count(hub)} links to {hub}"

    def _unwanted(self) -> Iterator[str]:
        """Links of ours to hubs that no policy in force wants, on the system zones of clusters that live."""
        for plan in self._world.plans:
            lives = plan.concerns_tether and not plan.deleting and self._azure.store.get(plan.id) is not None
            if not lives or plan.mode == LISTED or not plan.zone:
                continue
            for link in self._azure.store.of_type(LINKS, plan.zone):
                hub = link.properties["virtualNetwork"]["id"].casefold()
                for host in self._hosts:
                    if self._is_of(host, link) and hub not in self._kept_by(host, plan):
                        yield f"{link.id} was not wanted"

    def _kept_by(self, host: Host, plan: Plan) -> set[str]:
        """The hubs that links of a host's may lead to: those of older policies go only with `prune`."""
        policies = self._world.policies[host.policy.owner]
        prunes = host.policy.prune and host.policy.owner not in self._rules.intents.limited
        return set[str]().union(*(self._world.wants(policy, plan) for policy in policies[-1 if prunes else 0 :]))

    def _remains(self, plan: Plan) -> Iterator[str]:
        """Nothing of ours is left of a cluster that was seen Deleting or is gone, unless too much was removed."""
        group = ResourceId(plan.zone).group_id if plan.zone else None
        gone = self._azure.store.get(plan.id) is None
        for link in self._azure.store.of_type(LINKS, plan.zone) if plan.zone else ():
            for host in self._hosts:
                seen = gone or group in host.ledger.seen_deleting
                if seen and self._is_of(host, link) and host.policy.owner not in self._rules.intents.limited:
                    yield f"{link.id} outlives its cluster"

    @staticmethod
    def _is_of(host: Host, link: Resource) -> bool:
        return "/tether-" in link.id and (link.body.get("tags") or {}).get(OWNER_TAG) == host.policy.owner

    def _others(self) -> Iterator[str]:
        """What was not ours is as it was, unless AKS took it with its cluster."""
        for link, body in self._world.kept.items():
            plan = self._world.owner_of(link.rsplit("/", 2)[0])
            held = self._azure.store.get(link)
            if plan is not None and plan.deleting:
                continue
            if held is None or held.body != body:
                yield f"{link}, which is not ours, was {'removed' if held is None else 'changed'}"

    def _journal(self) -> Iterator[str]:
        """Every write of a run that ended is in the journal by now, and what dead workers left open was closed."""
        for host in self._hosts:
            for entry in host.ledger.entries.values():
                if not entry.result and self._azure.clock.now() > entry.at + _LEFT_OPEN:
                    yield f"the intent on {entry.target} of {entry.at - self._rules.began:.2f} has no outcome"
        for write in self._rules.written:
            run = write.invocation
            if run is None or not run.ended or run.send_refused:  # without tables and queue there is the log alone
                continue
            kept = (entry.at for entry in write.host.ledger.entries.values() if entry.target.casefold() == write.target)
            if not any(write.at - _BESIDE < at <= write.at for at in kept):
                yield f"the write on {write.target} at {write.at - self._rules.began:.2f} is not in the journal"

    def _refused(self) -> Iterator[str]:
        refused, finished = self._rules.refused, self._rules.finished
        if refused > _REFUSED_FOR_EACH * finished + _REFUSED_AT_ALL:
            yield f"{refused} calls were refused for {finished} writes"

    def _left(self) -> Iterator[str]:
        for host in self._hosts:
            yield from self._left_by(host)

    def _left_by(self, host: Host) -> Iterator[str]:
        owner = host.policy.owner
        if host.queue.poison:
            yield f"{owner}: {len(host.queue.poison)} messages are poisoned"
        for item, due in host.queue.left():
            if not (self._needs_a_person(host, item.row) or self._is_overtaken(host, item, due)):
                yield f"{owner}: {item.why} on {item.row} still waits"
        for row in host.ledger.held.values():
            if (row.counters.pending or row.counters.look_at) and not self._needs_a_person(host, row.subject):
                yield f"{owner}: {row.subject} is not finished: {row.counters}"
        for subject, at in host.ledger.counted.items():
            # A pass asks ARM nothing on what is out of scope, nor on a custom zone that no named hub is for.
            asks = subject.subscription != ELSEWHERE and (subject != ResourceId(LISTED) or host.policy.hubs)
            if asks and self._rules.passes.get((owner, subject), -math.inf) < at:
                yield f"{owner}: no pass on {subject} after its last event at {at - self._rules.began:.2f}"

    def _is_overtaken(self, host: Host, item: Work, due: float) -> bool:
        """Whether a look-again is not due yet, and its row awaits nothing: an event's pass saw that all is done.

        No message can be taken back. A row that goes on asking for looks awaits one, and is told below.
        """
        row = host.ledger.held.get(item.row)
        awaited = item.always or not item.look or row is None or not row.counters.idle
        return not awaited and due > self._azure.clock.now()

    def _is_let_go(self, host: Host, row: Row) -> bool:
        """Whether a removal that the limit may have stopped went out just now, as its hour was over."""
        now, group = self._azure.clock.now(), f"{row.subject}/".casefold()
        out = any(
            one.host is host and one.target.startswith(group) and now - one.at < _REMOVAL for one in self._rules.written
        )
        return out and host.policy.owner in self._rules.intents.limited and row.counters.look_at > now

    def _needs_a_person(self, host: Host, subject: ResourceId) -> bool:
        """A locked-down node group is looked at for a day: somebody may unlock it. So is what the limit stopped."""
        held = host.ledger.held.get(subject)
        if held is not None and ("change-limit" in held.observed.findings or self._is_let_go(host, held)):
            return True
        return any(
            plan.lockdown and plan.zone and ResourceId(plan.zone).group_id == subject for plan in self._world.plans
        )
