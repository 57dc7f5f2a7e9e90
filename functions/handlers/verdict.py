"""What a handler decides, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from functions.arm.errors import ArmError
from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId
from functions.dns.record import Address, Owner, Record, in_order
from functions.dns.target import TargetError


class Action(Enum):
    """What a change does to its target."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    CONTINUE = "continue"  # another step of a change that was counted


class Severity(Enum):
    """How much a finding matters: whether nodes or clients are, or may soon be, without a name."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Linking:
    """A link of a private zone to a VNet. `etag` is that of a link which is removed."""

    vnet: ResourceId
    tags: tuple[tuple[str, str], ...] = ()
    etag: str | None = None

    @property
    def place(self) -> str:
        return str(self.vnet)

    @property
    def kept(self) -> str:
        return str(self.vnet)


@dataclass(frozen=True, slots=True)
class Recording:
    """A record in one of the policy's DNS targets: from what was read there to these addresses. None removes it.

    `place` is the target's name, `ttl` in seconds.
    """

    place: str
    name: str
    before: Record
    addresses: frozenset[Address]
    ttl: int
    owner: Owner

    @property
    def kept(self) -> str:
        return f"{self.place} {' '.join(map(str, in_order(self.addresses)))}"


@dataclass(frozen=True, slots=True)
class Restarting:
    """A command in a cluster that restarts a few workloads of these namespaces for a move, or only lists them.

    `entra`: the API server asks for an Entra token of ours.
    """

    move: str
    namespaces: tuple[str, ...]
    listing: bool = False
    entra: bool = False

    @property
    def place(self) -> str:
        return f"namespaces {', '.join(self.namespaces)}"

    @property
    def kept(self) -> str:
        return f"restarted for {self.move}"


@dataclass(frozen=True, slots=True)
class Routing:
    """A route table for a subnet that has none. `body` is the subnet as it was seen, whole."""

    subnet: ResourceId
    table: ResourceId
    body: bytes = field(repr=False)

    @property
    def place(self) -> str:
        return str(self.subnet)

    @property
    def kept(self) -> str:
        return f"{self.subnet} {self.table}"


@dataclass(frozen=True, slots=True)
class Reputting:
    """A PUT of a cluster as it is, the `nth`, if it still has `etag` (None where that was not read).

    `since` is when it was first seen Creating.
    """

    etag: str | None
    since: float
    nth: int

    @property
    def place(self) -> str:
        return "the cluster itself"

    @property
    def kept(self) -> str:
        return f"put again for the {self.nth}. time"


type Wants = Linking | Recording | Reputting | Restarting | Routing
"""What a change is for its handler: `place` says where for people, `kept` what the ledger remembers once it is so."""


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `target` is the resource that it is about, `reason` the sentence that the journal shows an operator.

    `before` and `after` tell in words what is there and what will be.
    """

    handler: str
    target: ResourceId
    action: Action
    wants: Wants
    reason: str
    before: str = ""
    after: str = ""

    @property
    def place(self) -> str:
        return self.wants.place

    @property
    def kept(self) -> str:
        """What the ledger remembers of it, once it is found so."""
        return self.wants.kept

    @property
    def follows(self) -> bool:
        """Whether it moves a record of ours to another address: the one that ARM proves now."""
        wants = self.wants
        if self.action is not Action.UPDATE or not isinstance(wants, Recording):
            return False
        return wants.before.owner == wants.owner and wants.before.addresses != wants.addresses


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong that Tether will not or cannot change: what was seen, and what a person should do."""

    handler: str
    severity: Severity
    code: str
    target: ResourceId
    seen: str
    advice: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Changes to make, findings to report, and in how many seconds to look again (None: not on our own account).

    `operations` are those that the next pass has to look up before it decides. `linked` are the hubs found as they
    should be, `recorded` the records (Recording.kept). `asked` are the concerns for which the second app is to look.
    """

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    look_again: float | None = None
    operations: tuple[Operation, ...] = ()
    linked: tuple[ResourceId, ...] = ()
    recorded: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


class Result(Enum):
    """How a change ended for now."""

    APPLIED = "applied"  # done, and answered so
    STARTED = "started"  # ARM carries it out: see the operation
    ALREADY = "already"  # it was so before
    GONE = "gone"  # what was to be changed is not there any more
    UNKNOWN = "unknown"  # no answer came: read the target before writing again
    RETRY = "retry"  # refused for now
    REFUSED = "refused"  # refused until a person changes something
    PLANNED = "planned"  # mode observe: nothing was asked


TAKEN = frozenset({Result.APPLIED, Result.STARTED})
"""Results of a change that was made, or is being made."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change. `error` is what ARM said against it, `trouble` what a DNS target said.

    `pause` is in seconds, None where none was named. `overlap` names what somebody else wrote at the same moment.
    """

    change: Change
    result: Result
    operation: Operation | None = None
    error: ArmError | None = None
    trouble: TargetError | None = None
    pause: float | None = None
    overlap: tuple[str, ...] = ()


def soonest(*moments: float | None) -> float | None:
    """The smallest of some delays, None when there is none."""
    return min((moment for moment in moments if moment is not None), default=None)


def joined(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdicts of all handlers as one."""
    parts = list(verdicts)
    return Verdict(
        tuple(change for part in parts for change in part.changes),
        tuple(finding for part in parts for finding in part.findings),
        soonest(*(part.look_again for part in parts)),
        tuple(operation for part in parts for operation in part.operations),
        tuple(linked for part in parts for linked in part.linked),
        tuple(recorded for part in parts for recorded in part.recorded),
        tuple(asked for part in parts for asked in part.asked),
    )
