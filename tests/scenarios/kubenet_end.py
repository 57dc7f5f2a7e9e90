"""What must hold of kubenet clusters when a simulated world's trouble is over: up, or told of."""

import asyncio
from collections.abc import Iterator, Sequence

from functions.arm.resource_id import ResourceId
from functions.ledger.state import UNTOLD, Row
from tests.scenarios.kubenet_rules import KubenetRules
from tests.scenarios.kubenet_world import BUSY, Plan
from tests.scenarios.mortal_host import Host

# An intent that is older and has no outcome was left by a worker that died, and is closed by then.
_LEFT_OPEN = 130.0  # seconds

_MOST_PUTS = 3

# After so many workers that died over one write it is left alone for a day (functions/restraint.py).
_MOST_UNTOLD = 3


class End:
    """Looks on from when nothing fails any more. `not_right_at` is when something was last amiss."""

    def __init__(self, rules: KubenetRules, hosts: Sequence[Host]) -> None:
        self._rules, self._hosts = rules, hosts
        self._azure, self._world = rules.azure, rules.place
        self.since = rules.azure.clock.now()
        self.not_right_at = self.since
        self.newborn: list[Plan] = []

    async def look_on(self) -> None:
        """Now and again, for ever: is every cluster up, or told of?"""
        while True:
            if not self.holds():
                self.not_right_at = self._azure.clock.now()
            await asyncio.sleep(15)

    def holds(self) -> bool:
        self._world.note()
        return next(self._amiss(), None) is None and next(self._open(), None) is None

    def judge(self) -> None:
        """At the very end."""
        self._rules.look()
        for what in (*self._amiss(), *self._open(), *self._rules.gone_untold(), *self._left()):
            self._rules.broken(what)

    def _amiss(self) -> Iterator[str]:
        for plan in self._world.plans:
            if not self._world.lives(plan) or plan.excluded:
                continue
            if plan.state in BUSY:
                yield f"{plan.id} is {plan.state} still"
            for host in self._hosts:
                row = self._row(host, plan)
                if plan.state == "failed":
                    yield from self._of_failed(host, plan, row)
                elif plan.state == "succeeded" and plan.kubenet:
                    yield from self._of_bare(host, plan, row)
            if plan in self.newborn and plan.state != "succeeded" and self._anyone_reconciles():
                yield f"{plan.id} was made after the trouble, and is {plan.state}"

    def _of_failed(self, host: Host, plan: Plan, row: Row | None) -> Iterator[str]:
        owner = host.policy.owner
        if row is None or not row.observed.findings:
            yield f"{owner}: {plan.id} is Failed, and no finding says so"
        elif self._could_come_up(host, plan, row):
            yield f"{owner}: {plan.id} could be brought up and is Failed: {row.observed.findings}"

    def _could_come_up(self, host: Host, plan: Plan, row: Row) -> bool:
        """Whether its creation is known to have failed, Tether may put it, and nobody stands in the way."""
        made = row.observed.making
        if made is None or not made.failed or made.puts >= _MOST_PUTS or not host.policy.failed_clusters.reconcile:
            return False
        if plan.shape.has_secret:
            return False
        held_back = self._spent(host, plan, made.first) or self._died_over(host, plan.subnet)
        return not (plan.up_at or plan.touched or self._obstructed(plan) or held_back)

    def _obstructed(self, plan: Plan) -> bool:
        subnet = plan.subnet
        table, said = self._world.table_of(subnet), self._world.said[subnet]
        shared = len(self._world.on(subnet)) > 1 or subnet.casefold() in self._world.company
        foreign = bool(table) and table != plan.table
        left = subnet in self._world.terraformed or subnet.casefold() in self._world.unlisted
        return plan.kubenet and (shared or foreign or left or bool(plan.hostile_at) or "delegations" in said)

    def _spent(self, host: Host, plan: Plan, since: float) -> bool:
        """Whether the journal has as many tries as there may be."""
        entries = (one for one in host.ledger.entries.values() if one.handler == "failed_clusters" and one.at >= since)
        tried = [one for one in entries if ResourceId(one.target) == ResourceId(plan.id) and one.result != "retry"]
        return len(tried) >= _MOST_PUTS

    def _died_over(self, host: Host, subnet: str) -> bool:
        """Whether three workers died over the subnet's write: it is left alone for a day, with a finding."""
        entries = (one for one in host.ledger.entries.values() if one.handler == "route_tables")
        untold = [one for one in entries if one.target.casefold() == subnet.casefold() and one.error == UNTOLD]
        return len(untold) >= _MOST_UNTOLD

    def _of_bare(self, host: Host, plan: Plan, row: Row | None) -> Iterator[str]:
        """A cluster that is up, and whose subnet lacks its table: told, or about to be mended."""
        if self._world.table_of(plan.subnet) or plan.table == "":
            return
        told = row is not None and (row.observed.findings or row.counters.look_at or row.counters.pending)
        if not told and plan.subnet not in self._world.terraformed:
            yield f"{host.policy.owner}: {plan.id} is up without its route table, and nobody says so"

    def _anyone_reconciles(self) -> bool:
        return all(host.policy.failed_clusters.reconcile for host in self._hosts)

    def _row(self, host: Host, plan: Plan) -> Row | None:
        wanted = ResourceId(plan.id)
        rows = [row for row in host.ledger.held.values() if row.observed.cluster]
        return next((row for row in rows if ResourceId(row.observed.cluster) == wanted), None)

    def _open(self) -> Iterator[str]:
        now = self._azure.clock.now()
        for host in self._hosts:
            for entry in host.ledger.entries.values():
                if not entry.result and now > entry.at + _LEFT_OPEN:
                    yield f"the intent on {entry.target} of {entry.at - self._rules.began:.2f} has no outcome"

    def _left(self) -> Iterator[str]:
        for host in self._hosts:
            if host.queue.poison:
                yield f"{host.policy.owner}: {len(host.queue.poison)} messages are poisoned"
            for row in host.ledger.held.values():
                if row.counters.pending and row.subject in host.ledger.counted:
                    waited = self._azure.clock.now() - host.ledger.counted[row.subject]
                    if waited > _LEFT_OPEN:
                        yield f"{host.policy.owner}: no pass on {row.subject} after its last event: {row.counters}"
