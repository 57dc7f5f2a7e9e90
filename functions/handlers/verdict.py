"""What a handler decides, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from functions.arm.errors import ArmError
from functions.arm.operations import Operation
from functions.arm.resource_id import ResourceId


class Action(Enum):
    """What a change does to its target."""

    CREATE = "create"
    DELETE = "delete"


class Severity(Enum):
    """How much a finding matters: whether nodes or clients are, or may soon be, without a name."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `reason` is the sentence that an operator reads in the journal.

    `before` and `after` tell in words what is there and what will be; `etag` is that of what is removed.
    """

    handler: str
    target: ResourceId
    action: Action
    vnet: ResourceId
    tags: tuple[tuple[str, str], ...]
    reason: str
    before: str = ""
    after: str = ""
    etag: str | None = None


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

    `operations` are those that the next pass has to look up before it decides, `linked` the hubs found as they should
    be.
    """

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    look_again: float | None = None
    operations: tuple[Operation, ...] = ()
    linked: tuple[ResourceId, ...] = ()


class Result(Enum):
    """How a change ended for now."""

    STARTED = "started"  # ARM carries it out: see the operation
    ALREADY = "already"  # it was so before
    GONE = "gone"  # what was to be changed is not there any more
    UNKNOWN = "unknown"  # no answer came: read the target before writing again
    RETRY = "retry"  # refused for now
    REFUSED = "refused"  # refused until a person changes something
    PLANNED = "planned"  # mode observe: nothing was asked


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a change. `pause` is in seconds, None when ARM named none."""

    change: Change
    result: Result
    operation: Operation | None = None
    error: ArmError | None = None
    pause: float | None = None


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
    )
