"""What must hold of the records when a simulated world's trouble is over: true soon, and nobody else's touched."""

import asyncio
from collections.abc import Iterator, Sequence

from functions.arm.resource_id import ResourceId
from functions.dns.record import Record, owner_of
from tests.scenarios.mortal_host import Host
from tests.scenarios.record_places import Place
from tests.scenarios.record_rules import RecordRules
from tests.scenarios.record_world import Plan

# An intent that is older and has no outcome was left by a worker that died, and is closed by then.
_LEFT_OPEN = 130.0  # seconds


class End:
    """Looks on from when nothing fails any more. `not_right_at` is when the records were last not true."""

    def __init__(self, rules: RecordRules, hosts: Sequence[Host]) -> None:
        self._rules, self._hosts = rules, hosts
        self._azure, self._world = rules.azure, rules.people
        self.since = rules.azure.clock.now()
        self.not_right_at = self.since

    async def look_on(self) -> None:
        """Now and again, for ever: do the records say where the API servers are?"""
        while True:
            if next(self._wrong(), None) is not None:
                self.not_right_at = self._azure.clock.now()
            await asyncio.sleep(15)

    def holds(self) -> bool:
        """Whether every record is true now, and none outlives its cluster."""
        return next(self._wrong(), None) is None and next(self._orphans(), None) is None

    def judge(self, bound: float) -> None:
        """At the very end. `bound` is for how long after the trouble a record may be wrong, in seconds."""
        for what in (*self._wrong(), *self._orphans(), *self._others(), *self._left()):
            self._rules.broken(what)
        if (late := self.not_right_at - self.since) > bound and not self._rules.intents.limited:
            self._rules.broken(f"the records were not right until {late:.0f} s after the trouble")

    def _wrong(self) -> Iterator[str]:
        for plan in self._world.plans:
            if plan.excluded or plan.tagged or not self._world.lives(plan) or not plan.now_at:
                continue
            name = self._world.name_of(plan)
            for place in self._world.places:
                if (place.name, name) not in self._world.kept:
                    yield from self._of_name(plan, name, place)

    def _of_name(self, plan: Plan, name: str, place: Place) -> Iterator[str]:
        held = place.read(name)
        holder = self._holder(held)
        if holder is None or (holder is not plan and not (plan.shared and holder.shared)):
            yield f"{name} on {place.name} is {held}, kept by {held.owners}, and {plan.id} is at {plan.now_at}"
        elif self._world.lives(holder) and not holder.tagged and holder.now_at and held.addresses != holder.now_at:
            yield f"{name} on {place.name} is {held}, and {holder.id} is at {holder.now_at}"

    def _holder(self, held: Record) -> Plan | None:
        """The cluster that one of the deployments keeps a record for."""
        owner = owner_of(held.owners[0]) if held.owners else None
        if owner is None or owner.deployment not in {host.policy.owner for host in self._hosts}:
            return None
        return self._world.plan_of(owner.cluster)

    def _orphans(self) -> Iterator[str]:
        """No record of ours outlives its cluster, if any pass lived long enough to remember that one.

        The name of a cluster that is gone, all of whose passes died between the write and the row, nobody knows.
        """
        for place in self._world.places:
            for name, held in place.all().items():
                holder = self._holder(held)
                if (place.name, name) in self._world.kept or holder is None:
                    continue
                owner = owner_of(held.owners[0])
                keepers = [host for host in self._hosts if owner and host.policy.owner == owner.deployment]
                known = any(ResourceId(holder.id) in host.ledger.known for host in keepers)
                if known and not self._world.lives(holder):
                    yield f"{name} on {place.name} outlives {holder.id}"

    def _others(self) -> Iterator[str]:
        """What was not ours is as it was."""
        places = {place.name: place for place in self._world.places}
        for (place, name), theirs in self._world.kept.items():
            if (held := places[place].read(name)) != theirs:
                yield f"{name} on {place}, which is not ours, was {theirs} and is {held}"

    def _left(self) -> Iterator[str]:
        now = self._azure.clock.now()
        for host in self._hosts:
            if host.queue.poison:
                yield f"{host.policy.owner}: {len(host.queue.poison)} messages are poisoned"
            for row in host.ledger.held.values():
                if row.counters.pending:
                    yield f"{host.policy.owner}: no pass on {row.subject} after its last event: {row.counters}"
            for entry in host.ledger.entries.values():
                if not entry.result and now > entry.at + _LEFT_OPEN:
                    yield f"the intent on {entry.target} of {entry.at - self._rules.began:.2f} has no outcome"
