"""What must hold in every simulated world: at each request, and at the end of each run of a function."""

import json
import logging
import math
from dataclasses import dataclass, field
from typing import Any, override
from urllib.parse import urlsplit

from azure.core.rest import HttpRequest

from functions.arm.resource_id import ResourceId
from functions.handlers.zone_link_removal import GONE_AFTER
from functions.ledger.state import Entry, Observed
from functions.plan import allowance
from functions.policy import OWNER_TAG
from localazure.azure import LocalAzure
from tests.scenarios.mortal_host import Host
from tests.scenarios.mortal_worker import RUNNING, SCRIPTED, Invocation
from tests.scenarios.random_world import LISTED, Plan, RandomWorld

# Between an intent that the tables could not take and its write.
_TABLES_TROUBLE = 10.0  # seconds

# Where Azure names no pause: the shortest pace of the loop is five seconds, counted from when a pass began to look.
_OUR_PAUSE = 4.9  # seconds

# Conflict, failed precondition, too many requests: what Azure says to who asks too much or too soon.
_REFUSED = frozenset({409, 412, 429})

# Within which tables without trouble have counted an event and told its row (mortal_worker.py: 0.08 s at most).
_TABLES_ANSWER = 0.1  # seconds

# For so long the answer of the tables to a read may take.
_READ_BEFORE = 5.0  # seconds

_HOUR = 3600.0  # seconds, in which removals are counted

_QUERIES = "/providers/Microsoft.ResourceGraph/resources"


class Intents(logging.Handler):
    """The intents that the log tells. Findings and the ends of passes go into the trace."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.INFO)
        self.targets: set[str] = set()
        self.limited: set[str] = set()  # owners that stopped what would remove too much
        self.told = told

    @override
    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        if line.startswith('{"event":"intent"'):
            self.targets.add(json.loads(line)["change"]["target"].casefold())
        elif line.startswith(('{"event":"finding"', '{"event":"pass"')):
            read = json.loads(line)
            if read.get("code") == "change-limit" and (invocation := RUNNING.get()) is not None:
                self.limited.add(invocation.worker.host.policy.owner)
            what = f"{read.get('code', '')} {read.get('seen', '')} {read.get('ended', '')} {read.get('error') or ''}"
            self.told.append(f"{'':10}log: {read['event']} {what} on {read['target']}")


@dataclass(frozen=True, slots=True)
class Written:
    """A write that went out, by whom, and in which run of a function."""

    host: Host
    invocation: Invocation | None
    target: str
    at: float


@dataclass(eq=False)
class Rules:
    """Gathers what is broken. `asked` and `answered` stand in the way of every request of Tether's."""

    azure: LocalAzure
    world: RandomWorld
    began: float
    trace: list[str] = field(default_factory=list[str])
    violations: list[str] = field(default_factory=list[str])
    calls: int = 0
    writes: int = 0
    finished: int = 0
    """Writes that Azure took."""
    refused: int = 0
    """Calls that Azure refused of itself, and no fault of ours."""
    written: list[Written] = field(default_factory=list[Written])
    passes: dict[tuple[str, ResourceId], float] = field(default_factory=dict[tuple[str, ResourceId], float])
    """When the last pass on a row, by owner, began to look."""
    _removed: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    _going: dict[str, tuple[str, float | None]] = field(default_factory=dict[str, tuple[str, float | None]])
    """Removals on their way: whose, and when the same link was removed before."""

    def __post_init__(self) -> None:
        self.intents = Intents(self.trace)

    def broken(self, what: str) -> None:
        self.violations.append(f"{self.azure.clock.now() - self.began:9.2f} {what}")

    def asked(self, host: Host, invocation: Invocation | None, request: HttpRequest) -> None:
        """Before a request goes out."""
        if invocation is not None and invocation.owes.startswith(_QUERY) and urlsplit(request.url).path != _GRAPH:
            # No query was answered, and the run goes on with what an earlier answer said of the scope (Scopes.hold).
            invocation.owes = ""
        if not self.counted(invocation, request):
            return
        path, now = urlsplit(request.url).path, self.azure.clock.now()
        target = path.casefold()
        if request.method not in ("PUT", "DELETE") or "/virtualnetworklinks/tether-" not in target:
            self.broken(f"{request.method} {path} is no write of Tether's")
            return
        zone = path.rsplit("/", 2)[0]
        self.written.append(Written(host, invocation, target, now))
        self._prove(zone, request, host)
        self.intended(host, invocation, request)

    def counted(self, invocation: Invocation | None, request: HttpRequest) -> bool:
        """Whether a request is a write. None may go out again before its pause is over."""
        self.calls += 1
        path, now = urlsplit(request.url).path, self.azure.clock.now()
        until = -math.inf if invocation is None else invocation.not_before.get(_call(request), -math.inf)
        if invocation is not None and now < until and self.holds_pause(request):
            self.broken(f"{request.method} {path} again before its pause is over, by a {invocation.kind}")
        if request.method in ("GET", "HEAD") or (request.method == "POST" and path == _QUERIES):
            return False
        self.writes += 1
        if invocation is not None:
            invocation.wrote = True
        return True

    def holds_pause(self, request: HttpRequest) -> bool:
        """Whether a request that comes too soon after a refusal breaks a rule."""
        return True

    def intended(self, host: Host, invocation: Invocation | None, request: HttpRequest) -> Entry | None:
        """The intent of a write, which has to be kept before it, or told where the tables do not answer."""
        path, now = urlsplit(request.url).path, self.azure.clock.now()
        target = path.casefold()
        kept = (
            entry
            for entry in host.ledger.entries.values()
            if entry.target.casefold() == target and (not entry.result or _is_shared(entry, invocation, now))
        )
        found = max(kept, key=lambda entry: entry.at, default=None)
        excused = now - host.ledger.trouble_at < _TABLES_TROUBLE
        if found is None and not (excused and target in self.intents.targets):
            self.broken(f"{request.method} {path} without its intent")
        return found

    def _prove(self, zone: str, request: HttpRequest, host: Host) -> None:
        plan, method, path = self.world.owner_of(zone), request.method, urlsplit(request.url).path
        if zone.casefold() != LISTED.casefold() and (plan is None or not plan.concerns_tether):
            self.broken(f"{method} {path}: nobody's zone, or none of those in scope")
        if method == "PUT":
            self._may_be_put(path, host)
        if method == "DELETE":
            self._may_go(path, request.headers.get("If-Match"), plan, host)

    def _may_be_put(self, path: str, host: Host) -> None:
        """A healthy link is put once: not again after a pass kept in its row that it is linked.

        Tables that give trouble can keep that from a pass, and so can ARM that answers an event's pass before them.
        Such a pass decides on all of its links at once, when ARM was read (docs/decisions/0011), and puts them in turn.
        """
        link, now, run = self.azure.store.get(path), self.azure.clock.now(), RUNNING.get()
        if link is None or link.properties["virtualNetworkLinkState"] != "Completed" or run is None:
            return
        hub, tags = link.properties["virtualNetwork"]["id"].casefold(), link.body.get("tags") or {}
        known = host.ledger.linked.get(ResourceId(path).parent.group_id, {}).get(hub, math.inf)
        began = now if run.first_asked_at is None else run.first_asked_at
        in_time = known < began - _READ_BEFORE and now - host.ledger.trouble_at > _TABLES_TROUBLE
        decided = began if run.read_at is None else run.read_at
        in_time = in_time and (run.kind != "event" or decided - began > _TABLES_ANSWER)
        if tags.get(OWNER_TAG) == host.policy.owner and in_time:
            self.broken(f"PUT {path}: it is linked, and its row says so")

    def _may_go(self, path: str, etag: str | None, plan: Plan | None, host: Host) -> None:
        """A link goes only when it is ours, with its cluster or with its hub, and not with too many others.

        One that somebody took over since it was read has another ETag, and Azure refuses.
        """
        link, policy = self.azure.store.get(path), host.policy
        taken_over = link is not None and (link.body.get("tags") or {}).get(OWNER_TAG) != policy.owner
        if link is not None and taken_over and etag in (None, "*", link.body["etag"]):
            self.broken(f"DELETE {path}: not ours")
        if plan is None or not plan.deleting:
            hub = "" if link is None else link.properties["virtualNetwork"]["id"].casefold()
            if not policy.prune or plan is None or hub in self.world.wants(policy, plan):
                self.broken(f"DELETE {path}: its cluster lives")
            elif self.azure.clock.now() - host.deployed_at < GONE_AFTER:
                self.broken(f"DELETE {path}: on one look")
        removed, now = self._removed.setdefault(policy.owner, {}), self.azure.clock.now()
        self._going[path.casefold()] = (policy.owner, removed.get(path.casefold()))
        removed[path.casefold()] = now
        lately = {ResourceId(link).group_id for link, at in removed.items() if at > now - _HOUR}
        # All clusters of the world live, or lived within the hour that it takes at most. No row of another counts.
        if len(lately) > allowance(len(self.world.plans), policy.max_changed_share):
            self.broken(f"DELETE {path}: on the {len(lately)}th cluster within the hour")

    def _removal_answered(self, path: str, *, taken: bool) -> None:
        """A removal that was refused counts no cluster; one without an answer does."""
        owner, before = self._going.pop(path, ("", None))
        if taken or not owner:
            return
        if before is None:
            del self._removed[owner][path]
        else:
            self._removed[owner][path] = before

    def answered(self, invocation: Invocation | None, request: HttpRequest, answer: Any) -> None:
        """When an answer comes, and nobody has seen it yet."""
        if invocation is not None and _is_owed(request, answer.status_code):
            invocation.owes = f"{request.method} {urlsplit(request.url).path} ({answer.status_code})"
        if invocation is not None and answer.status_code < 400 and urlsplit(request.url).path == _GRAPH:
            # A query that was refused is repeated in the same run, after its pause.
            invocation.owes = "" if invocation.owes.startswith(_QUERY) else invocation.owes
        if request.method == "DELETE":
            self._removal_answered(urlsplit(request.url).path.casefold(), taken=answer.status_code < 400)
        if answer.status_code < 400:
            self.finished += request.method in ("PUT", "DELETE")
            return
        self.refused += answer.status_code in _REFUSED and not SCRIPTED.get()
        if invocation is None:
            return
        now, named = self.azure.clock.now(), answer.headers.get("retry-after")
        if named is not None:
            invocation.not_before[_call(request)] = now + float(named)
        elif answer.status_code in _REFUSED and not _is_locked(answer):
            invocation.not_before[_call(request)] = (invocation.first_asked_at or now) + _OUR_PAUSE

    def unanswered(self, invocation: Invocation | None, request: HttpRequest) -> None:
        if invocation is not None and _is_owed(request, 0):
            invocation.owes = f"{request.method} {urlsplit(request.url).path} (no answer)"

    def invocation_ended(self, host: Host, invocation: Invocation) -> None:
        """After a run that returned, so that its event or message is gone for good."""
        # An event's pass may leave its follow-up to the message that was sent for it before.
        safe = invocation.kind == "event" and (invocation.wrote or invocation.sent)
        if invocation.send_refused and not safe:
            self.broken(f"a {invocation.kind} on {invocation.subject} was acknowledged though the queue refused")
        if (
            invocation.owes
            and invocation.kind in ("event", "message")
            and not invocation.sent | invocation.send_refused
        ):
            self.broken(f"a {invocation.kind} on {invocation.subject} asks for nothing after {invocation.owes}")
        invocation.ended = True
        self.passed(host, invocation)

    def remembered(self, host: Host, before: Observed, after: Observed) -> None:
        """When a row is written: nothing is forgotten by not seeing (docs/decisions/0012)."""
        if not before.cluster:
            return
        what = f"{host.policy.owner}: the row of {before.cluster}"
        name = before.private_fqdn.casefold()
        if not after.cluster and name not in {left.name for left in after.left}:
            self.broken(f"{what} forgot its cluster")
        elif after.cluster == before.cluster and after.uid == before.uid and name and not after.private_fqdn:
            self.broken(f"{what} forgot its private name")

    def passed(self, host: Host, invocation: Invocation) -> None:
        """A pass is over: it has seen what was so when it asked ARM first."""
        if invocation.subject is not None and invocation.first_asked_at is not None:
            key = (host.policy.owner, invocation.subject)
            self.passes[key] = max(self.passes.get(key, -math.inf), invocation.first_asked_at)


def _is_shared(entry: Entry, invocation: Invocation | None, now: float) -> bool:
    """Two deliveries of an event at the same moment of virtual time have one entry, which the first of them ended."""
    return invocation is not None and entry.cause == invocation.cause and now - entry.ended < 1


def _call(request: HttpRequest) -> tuple[str, str]:
    """What makes a call the same again: queries of Resource Graph have one path, and differ in their body."""
    asked = str(request.content) if request.method == "POST" else ""
    return request.method, urlsplit(request.url).path.casefold() + asked


_GRAPH = "/providers/Microsoft.ResourceGraph/resources"
_QUERY = f"POST {_GRAPH} ("


def _is_locked(answer: Any) -> bool:
    """A lock is a 409 that asks for a person, and names nothing to wait for."""
    return answer.status_code == 409 and b"ScopeLocked" in answer.content


def _is_owed(request: HttpRequest, status: int) -> bool:
    """Whether a call is not over with its answer: a write that goes on, or what should be tried again."""
    path = urlsplit(request.url).path
    for_now = status in (0, 429) or status >= 500
    if request.method == "GET":
        return for_now and "/managedClusters/" in path
    return for_now or status == 202
