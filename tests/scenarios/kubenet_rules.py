"""What must hold of every write of a subnet and of a cluster: whose, when and how often, and that nothing is lost."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random
from typing import Any, override
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.ledger.state import Entry
from tests.scenarios.kubenet_world import BUSY, KubenetWorld, Plan, Said
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import Invocation
from tests.scenarios.simulation_rules import Intents, Rules

# So often is a cluster put again until it has come up, and so far apart: a minute, but for what the calls before the
# PUT may take. Pauses are counted from before those.
_MOST_PUTS, _APART = 3, 45.0  # seconds

# What a PUT of a cluster can come to that counts as a try: taken, turned down as wrong, or without an answer.
_TRIED = frozenset({0, 200, 201, 400})

# Of a subnet's writes the first, two that were made again after they were found undone, three over which workers died,
# and one whose pass ended without the tables.
_MOST_ATTACHED = 7


class KubenetIntents(Intents):
    """Also keeps the findings, by their code and what they are about, in lower case."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(told)
        self.found: set[tuple[str, str]] = set()

    @override
    def emit(self, record: Any) -> None:
        super().emit(record)
        line = record.getMessage()
        if line.startswith('{"event":"finding"'):
            read = json.loads(line)
            self.found.add((read["code"], read["resource"].casefold()))


@dataclass(eq=False)
class SubnetPut:
    """One write of a subnet by Tether. It read the subnet last at `read_at`; Azure has not answered until `answered_at`
    is set.
    """

    invocation: Invocation
    read_at: float
    before: str
    """The table that the subnet had."""
    clusters: list[Plan]
    """Those that were on it."""
    answered_at: float | None = None
    told: bool = False
    """Whether its run heard that Azure took it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A property that Tether's write took away in the gap that Azure leaves where it does not judge ETags."""

    subnet: str
    name: str
    value: object
    by: SubnetPut


@dataclass(eq=False)
class KubenetRules(Rules):
    """The rules of the simulation, for who writes subnets and clusters, and links too."""

    dice: Random = field(default_factory=Random)
    deadly: float = 0.0
    """How likely a worker dies right when Azure has taken its write of a subnet or a cluster."""
    lost: list[Lost] = field(default_factory=list[Lost])
    taken: dict[str, int] = field(default_factory=dict[str, int])
    """Writes that Azure took, by `subnet` and `cluster`."""
    _asked_at: dict[tuple[Invocation, str], float] = field(default_factory=dict[tuple[Invocation, str], float])
    _reads: dict[tuple[Invocation, str, str], float] = field(default_factory=dict[tuple[Invocation, str, str], float])
    """When a run last asked for a subnet that was shown with an ETag."""
    _seen: dict[tuple[Invocation, str], list[dict[str, Any]]] = field(
        default_factory=dict[tuple[Invocation, str], list[dict[str, Any]]]
    )
    """All that a run was shown of a subnet."""
    _subnet_puts: dict[str, list[SubnetPut]] = field(default_factory=dict[str, list[SubnetPut]])
    _cluster_puts: dict[tuple[str, str, int], list[float]] = field(
        default_factory=dict[tuple[str, str, int], list[float]]
    )
    _tries: dict[tuple[str, str, int], int] = field(default_factory=dict[tuple[str, str, int], int])
    _attached: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    @override
    def __post_init__(self) -> None:
        self.told = KubenetIntents(self.trace)
        self.intents = self.told
        self.place.before_write = self.look

    @property
    def place(self) -> KubenetWorld:
        world: Any = self.world
        return world

    @override
    def asked(self, host: Host, invocation: Invocation | None, request: HttpRequest) -> None:
        """Before a request goes out: links, subnets and clusters are all that is ever written."""
        self.look()
        path = urlsplit(request.url).path
        if not self.counted(invocation, request):
            if invocation is not None and _is_subnet(path):
                self._asked_at[invocation, path.casefold()] = self.azure.clock.now()
            return
        assert invocation is not None
        entry = self.intended(host, invocation, request)
        if "/virtualnetworklinks/tether-" in path.casefold():
            return
        if request.method == "PUT" and _is_subnet(path):
            self._asked_of_subnet(host, invocation, request, entry)
        elif request.method == "PUT" and _is_cluster(path):
            self._asked_of_cluster(host, invocation, path)
        else:
            self.broken(f"{request.method} {path} is no write of Tether's")

    @override
    def holds_pause(self, request: HttpRequest) -> bool:
        """Writes alone: of reads that go out side by side only one tells its pause."""
        return request.method != "GET"

    @override
    def answered(self, invocation: Invocation | None, request: HttpRequest, answer: Any) -> None:
        """When an answer comes. Who got it may be dead then."""
        super().answered(invocation, request, answer)
        self._over(invocation, request, answer.status_code)
        path, ours = urlsplit(request.url).path, request.method == "PUT" and invocation is not None
        if invocation is not None and request.method == "GET" and answer.status_code == 200 and _is_subnet(path):
            self._shown(invocation, path, answer)
        if not ours or answer.status_code not in (200, 201) or invocation is None:
            return
        sort = "subnet" if _is_subnet(path) else "cluster" if _is_cluster(path) else ""
        if not sort:
            return
        self.taken[sort] = self.taken.get(sort, 0) + 1
        if self.dice.random() < self.deadly:
            invocation.worker.host.bury(invocation.worker)
        if sort == "subnet":
            key = (invocation.worker.host.policy.owner, path.casefold())
            self._attached[key] = self._attached.get(key, 0) + 1
            if self._attached[key] > _MOST_ATTACHED:
                self.broken(f"PUT {path} is the {self._attached[key]}th: whoever undoes it wants it so")

    @override
    def unanswered(self, invocation: Invocation | None, request: HttpRequest) -> None:
        super().unanswered(invocation, request)
        self._over(invocation, request, 0)

    def look(self) -> None:
        """What people set is there still, and nothing was resumed that was interrupted. Else Tether did that."""
        self.place.note()
        for cluster in self.azure.resumed:
            self.broken(f"{cluster} was put, and goes on with what was interrupted")
        self.azure.resumed.clear()
        for subnet, said in self.place.said.items():
            held = self.azure.store.get(subnet)
            assert held is not None  # nobody deletes subnets here
            for name, each in tuple(said.items()):
                if held.properties.get(name) != each.value:
                    self._lost(subnet, name, each)
                    del said[name]

    def gone_untold(self) -> Iterator[str]:
        """What was lost in the gap, and neither told of nor kept."""
        for lost in self.lost:
            host = lost.by.invocation.worker.host
            told = ("possible-lost-update", lost.subnet.casefold()) in self.told.found
            entries = (entry for entry in host.ledger.entries.values() if ResourceId(entry.target) == _id(lost.subnet))
            kept = any(entry.before for entry in entries)
            bodies = self._seen.get((lost.by.invocation, lost.subnet.casefold()), [])
            heard = lost.by.told and lost.by.invocation.ended
            seen = heard and any(body.get(lost.name) == lost.value for body in bodies)
            if not told and (seen or not kept):
                yield f"{lost.name} of {lost.subnet} is lost, {'seen' if seen else 'unseen'}, and nobody was told"

    def _lost(self, subnet: str, name: str, each: Said) -> None:
        by = next((put for put in self._puts(subnet) if _in_gap(put, each.at)), None)
        if by is not None and not self.azure.network.judges_subnet_etags:
            self.lost.append(Lost(subnet, name, deepcopy(each.value), by))
            return
        self.broken(f"{name} of {subnet}, set at {each.at - self.began:.2f}, is lost")

    def _asked_of_subnet(self, host: Host, by: Invocation, request: HttpRequest, entry: Entry | None) -> None:
        path, etag = urlsplit(request.url).path, request.headers.get("If-Match", "")
        since, clusters = by.first_asked_at or self.azure.clock.now(), self.place.on(path)
        if (read_at := self._reads.get((by, path.casefold(), etag))) is None:
            self.broken(f"PUT {path}: not with an ETag that was read")
            read_at = since
        self._puts(path).append(SubnetPut(by, read_at, self.place.table_of(path), clusters))
        if entry is not None and entry.cause == by.cause and entry.at >= since:  # and not a dead worker's
            self._journal_has_before(path, entry, since)
        for one in clusters:
            if one.state in BUSY and one.since < since:
                self.broken(f"PUT {path} while {one.id} is {one.state}")
        if sum(one.born_at < since for one in clusters) > 1 or self._company(path) < since:
            self.broken(f"PUT {path}: {clusters[0].id} is not alone in it")
        if path.casefold() in self.place.unlisted:
            self.broken(f"PUT {path}: Azure does not list who is in it")
        if not host.policy.route_tables.reattach and all(0 < one.up_at < since for one in clusters):
            self.broken(f"PUT {path}: {clusters[0].id} was up, and nothing is attached again")

    def _attached_to(self, path: str, put: SubnetPut) -> None:
        """A subnet has another table since Tether wrote it."""
        table = self.place.table_of(path)
        plan = next((one for one in put.clusters if one.table == table), None)
        if plan is None or plan.excluded or not plan.kubenet:
            self.broken(f"PUT {path}: {table} is no table that AKS made for a cluster there")
        elif 0 < plan.hostile_at < (put.invocation.first_asked_at or 0):
            self.broken(f"PUT {path}: {table} leads elsewhere")

    def _journal_has_before(self, path: str, entry: Entry, since: float) -> None:
        """The journal's `before` has all that people had set when the pass began to look."""
        before = json.loads(entry.before)["properties"] if entry.before else {}
        for name, each in self.place.said.get(self._spelt(path), {}).items():
            if each.at < since and name != "delegations" and before.get(name) != each.value:
                self.broken(f"PUT {path}: the journal's before lacks {name}")

    def _asked_of_cluster(self, host: Host, by: Invocation, path: str) -> None:
        now = self.azure.clock.now()
        since = by.first_asked_at or now
        plan = self.place.plan_of(path)
        if plan is None or plan.excluded or not host.policy.failed_clusters.reconcile:
            self.broken(f"PUT {path}: nobody's cluster, one that is excluded, or not what the policy wants")
            return
        if 0 < plan.up_at < since:
            self.broken(f"PUT {path}: it was up")
        if plan.state in BUSY and plan.since < since:
            self.broken(f"PUT {path} while it is {plan.state}")
        if plan.kubenet and not self.place.had_table(plan.subnet, plan.table, since):
            self.broken(f"PUT {path}: its subnet does not have its table")
        held = self._cluster_puts.setdefault(self._key(host, path), [])
        # Of two passes that look at the same moment neither knows of the other: AKS takes one, by its ETag.
        if held and held[-1] < since and now - held[-1] < _APART:
            self.broken(f"PUT {path} again after {now - held[-1]:.0f} s")
        held.append(now)

    def _over(self, invocation: Invocation | None, request: HttpRequest, status: int) -> None:
        """A request is over: what it did is done. `status` is 0 where no answer came."""
        path = urlsplit(request.url).path
        if request.method == "PUT" and _is_cluster(path) and invocation is not None and status in _TRIED:
            key = self._key(invocation.worker.host, path)
            self._tries[key] = self._tries.get(key, 0) + 1
            if self._tries[key] > _MOST_PUTS:
                self.broken(f"PUT {path}: it was put {_MOST_PUTS} times, and never came up")
        if request.method == "PUT" and _is_subnet(path):
            for put in self._puts(path):
                if put.invocation is invocation and put.answered_at is None:
                    put.answered_at, put.told = self.azure.clock.now(), status in (200, 201)
                    if self.place.table_of(path) not in (put.before, ""):
                        self._attached_to(path, put)
        self.look()

    def _shown(self, invocation: Invocation, path: str, answer: Any) -> None:
        body = json.loads(answer.text())
        shown, asked_at = body["properties"], self._asked_at[invocation, path.casefold()]
        self._reads[invocation, path.casefold(), body["etag"]] = asked_at
        self._seen.setdefault((invocation, path.casefold()), []).append(shown)

    def _puts(self, subnet: str) -> list[SubnetPut]:
        return self._subnet_puts.setdefault(subnet.casefold(), [])

    def _company(self, subnet: str) -> float:
        return self.place.company.get(subnet.casefold(), float("inf"))

    def _spelt(self, subnet: str) -> str:
        return next((one for one in self.place.said if one.casefold() == subnet.casefold()), subnet)

    def _key(self, host: Host, path: str) -> tuple[str, str, int]:
        """One Tether's doings with one cluster, and not with another that was made under its id."""
        plan = self.place.plan_of(path)
        return host.policy.owner, path.casefold(), plan.births if plan is not None else 0


def _id(path: str) -> ResourceId:
    return ResourceId(path)


def _in_gap(put: SubnetPut, at: float) -> bool:
    return put.read_at <= at and (put.answered_at is None or at <= put.answered_at)


def _is_subnet(path: str) -> bool:
    return path.casefold().rpartition("/")[0].endswith("/subnets")


def _is_cluster(path: str) -> bool:
    return path.casefold().rpartition("/")[0].endswith("/managedclusters")
