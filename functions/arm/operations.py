"""Long-running operations: started by a write, looked up by a later pass."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from functions.arm import errors
from functions.arm.errors import ArmError, Kind, NoAnswerError, classify
from functions.arm.resource_id import ResourceId

if TYPE_CHECKING:
    from functions.arm.session import Session  # imports azure-core: not for the sake of a message's type

# The address of an operation that was perhaps started: the answer never came. Looking it up says UNKNOWN.
LOST = ""


class Operation(msgspec.Struct, frozen=True):
    """A write that Azure is still carrying out: what it writes and where to ask.

    `since` is when it was started, `due` when to ask next, both in seconds since 1970. `command` is empty but for an
    AKS Run Command, and then says what for: the id of the move (run_command.py looks those up).
    """

    target: ResourceId
    address: str
    since: float
    due: float
    command: str = ""

    @property
    def of_zone(self) -> bool:
        """Whether it writes a private zone: a link of it, as a rule."""
        return self.target.type.startswith("microsoft.network/privatednszones")


class Progress(Enum):
    """What became of an operation, as far as we know."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"  # ARM does not know it (any more), or the address is none of ARM's: look at the target itself


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command that ran in a cluster. The output is whatever the cluster said: data, cut by Azure."""

    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class LookedUp:
    """An operation with what ARM says of it. `error` is set when it failed; `pause` is ARM's, in seconds.

    `ran` is set for a Run Command that succeeded, which says that it ran, and not that it ran well.
    """

    operation: Operation
    progress: Progress
    error: ArmError | None = None
    pause: float | None = None
    ran: Ran | None = None


class _Poll(msgspec.Struct):
    status: str = ""
    error: msgspec.Raw = msgspec.Raw()  # read only when the operation failed: an odd one must not hide the status


_poll = msgspec.json.Decoder(_Poll)


async def look_up(session: "Session", operation: Operation) -> LookedUp:
    """Ask ARM once how an operation stands.

    Only `status` decides, and what is neither an end nor known is running: AKS sends free text there, and an `error`
    beside InProgress and even beside Succeeded (recorded traps 10-12). A poll that ARM cannot answer now leaves the
    operation running; one that ARM refuses or does not know makes it unknown.
    """
    if not is_arms(session, operation.address):
        return LookedUp(operation, Progress.UNKNOWN)
    try:
        answer = await session.get_answer(operation.address)
    except ArmError as error:
        lost = classify(error) is not Kind.RETRY
        return LookedUp(operation, Progress.UNKNOWN if lost else Progress.RUNNING, pause=error.retry_after)
    except NoAnswerError:
        return LookedUp(operation, Progress.RUNNING)
    try:
        poll = _poll.decode(answer.content)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return LookedUp(operation, Progress.RUNNING, pause=errors.retry_after(answer.headers))
    return _judged(operation, poll, errors.retry_after(answer.headers))


def _judged(operation: Operation, poll: _Poll, pause: float | None) -> LookedUp:
    match poll.status.casefold():
        case "succeeded":
            return LookedUp(operation, Progress.SUCCEEDED)
        case "failed" | "canceled":
            return LookedUp(operation, Progress.FAILED, error=errors.from_poll(poll.status, bytes(poll.error)))
        case _:
            return LookedUp(operation, Progress.RUNNING, pause=pause)


def is_arms(session: "Session", address: str) -> bool:
    """Whether an address is on the cloud's ARM endpoint, so that our token may go there.

    Private DNS names the default port in some (`management.azure.com:443`), which is the same host.
    """
    try:
        ours, theirs = urlsplit(session.cloud.arm), urlsplit(address)
        return (theirs.scheme, theirs.hostname, theirs.port or 443, theirs.username, theirs.password) == (
            "https",
            ours.hostname,
            ours.port or 443,
            None,
            None,
        )
    except ValueError:  # a port that is no number, brackets that do not close
        return False
