"""What must hold of every record that Tether writes: its owner, its reason, its address, its intent."""

import copy
from dataclasses import dataclass, field
from typing import Any, override
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.dns.record import Owner, Record, owner_of
from functions.ledger.state import GONE, Observed
from localazure.store import Json
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import RUNNING, Invocation
from tests.scenarios.record_places import AzurePlace
from tests.scenarios.record_stories import HUB_ZONE
from tests.scenarios.record_world import RecordWorld
from tests.scenarios.simulation_rules import Rules

# Between an intent that the tables could not take and its write.
_TABLES_TROUBLE = 10.0  # seconds

_QUERIES = "/providers/Microsoft.ResourceGraph/resources"


@dataclass(eq=False)
class RecordRules(Rules):
    """The rules of the simulation, for who writes records and no links. `records` counts those that were written."""

    records: int = 0
    _shadow: dict[str, Record] = field(default_factory=dict[str, Record])
    """The hub's Azure zone as it was at the last event on it."""

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        self.azure.listen(self._heard)

    @property
    def people(self) -> RecordWorld:
        world: Any = self.world
        return world

    @override
    def asked(self, host: Host, invocation: Invocation | None, request: HttpRequest) -> None:
        """Before a request goes out: of ARM nothing is written but record sets of the hub's zone."""
        self.calls += 1
        path = urlsplit(request.url).path
        if request.method in ("GET", "HEAD") or (request.method == "POST" and path == _QUERIES):
            return
        self.writes += 1
        if invocation is not None:
            invocation.wrote = True
        if request.method not in ("PUT", "DELETE") or not path.casefold().startswith(f"{HUB_ZONE}/A".casefold()):
            self.broken(f"{request.method} {path} is no write of Tether's")

    def judge(self, place: str, name: str, before: Record, after: Record) -> None:
        """After a store took a write: of what was there, and what is there now."""
        invocation = RUNNING.get()
        assert invocation is not None
        self.people.note()
        self.records += 1
        host, what = invocation.worker.host, f"{name} on {place}: {before} -> {after}"
        owner = owner_of((after.owners or before.owners or ("",))[0])
        if owner is None or owner.deployment != host.policy.owner:
            self.broken(f"{what}: not in our name")
            return
        self._was_ours(place, what, before, owner, host)
        if after.addresses:
            self._is_true(name, what, after, owner, invocation)
        else:
            self._may_go(what, owner)
        self._was_intended(place, what, owner.cluster, host)

    @override
    def remembered(self, host: Host, before: Observed, after: Observed) -> None:
        """A record that is left stays a duty while a target holds it, and is one as soon as its cluster is gone."""
        super().remembered(host, before, after)
        still = {left.key for left in after.left}
        for left in before.left:
            if left.key not in still and self._holds(host, left.cluster, left.name):
                self.broken(f"{host.policy.owner}: {left.name} of {left.cluster} is left, and was forgotten")
        key = (after.cluster.casefold(), after.private_fqdn.casefold())
        if after.state == GONE and key not in still and self._holds(host, after.cluster, after.private_fqdn):
            self.broken(f"{host.policy.owner}: {after.cluster} is gone, and {after.private_fqdn} is not left to remove")

    def _holds(self, host: Host, cluster: str, name: str) -> bool:
        """Whether a target holds a record of a deployment's for a cluster that has this name no more."""
        if not cluster or not name:
            return False
        owner, plan = Owner(host.policy.owner, ResourceId(cluster)), self.people.plan_of(ResourceId(cluster))
        if plan is not None and self.people.name_of(plan) == name.casefold():
            return False
        return any(place.read(name.casefold()).owner == owner for place in self.people.places)

    def _was_ours(self, place: str, what: str, before: Record, owner: Owner, host: Host) -> None:
        adopts = any(target.adopt for target in host.policy.records if target.place == place)
        if before.owners and before.owners != (owner.text,) and owner_of(before.owners[0]) != owner:
            self.broken(f"{what}: it was kept for {before.owners}")
        if before.addresses and not before.owners and not adopts:
            self.broken(f"{what}: it was nobody's, and the policy adopts nothing")

    def _is_true(self, name: str, what: str, after: Record, owner: Owner, invocation: Invocation) -> None:
        plan = self.people.plan_of(owner.cluster)
        if plan is None or plan.excluded or name not in plan.names:
            self.broken(f"{what}: no name of {owner.cluster}'s, or one that is excluded")
            return
        asked_at = invocation.first_asked_at or self.azure.clock.now()
        if plan.tagged and asked_at > plan.tagged:
            self.broken(f"{what}: written by a pass that saw that its cluster is excluded")
        if after.addresses not in plan.certainly_at(asked_at):
            self.broken(f"{what}: not where the API server was for certain since the pass began to look")

    def _may_go(self, what: str, owner: Owner) -> None:
        plan = self.people.plan_of(owner.cluster)
        if plan is not None and self.people.lives(plan) and not what.startswith(tuple(self._former(plan))):
            self.broken(f"{what}: removed while its cluster lives")

    def _former(self, plan: Any) -> list[str]:
        """Names of a cluster that was deleted and made again."""
        return [f"{name} " for name in plan.names if name != self.people.name_of(plan)]

    def _was_intended(self, place: str, what: str, cluster: ResourceId, host: Host) -> None:
        kept = any(
            not entry.result and ResourceId(entry.target) == cluster and place in entry.reason
            for entry in host.ledger.entries.values()
        )
        excused = self.azure.clock.now() - host.ledger.trouble_at < _TABLES_TROUBLE
        if not kept and not (excused and str(cluster).casefold() in self.intents.targets):
            self.broken(f"{what}: without its intent")

    def _heard(self, event: Json) -> None:
        """Something was written in the hub's Azure zone: by Tether, if one of its runs is what told of it."""
        if not event["subject"].casefold().startswith(f"{HUB_ZONE}/".casefold()):
            return
        place = next((place for place in self.people.places if isinstance(place, AzurePlace)), None)
        if place is None:
            return
        before, self._shadow = self._shadow, copy.copy(place.all())
        if RUNNING.get() is None:
            return
        for name in before.keys() | self._shadow.keys():
            was, now = before.get(name, Record()), self._shadow.get(name, Record())
            if was != now:
                self.judge(place.name, name, was, now)
