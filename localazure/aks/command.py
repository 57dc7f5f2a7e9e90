"""A command that AKS runs in a pod inside a cluster, and what came of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from localazure.store import Json

OUTPUT_LIMIT = 512 * 1024
"""Bytes of output that a result holds (azure-facts, AKS); we keep the first of them [U]."""

type Result = tuple[int, str]
"""An exit code and the output."""
type Runner = Callable[[str, str, bytes], Result | Awaitable[Result]]
"""Runs a command inside a cluster: the cluster's id, the command, and the zip of files that came with it (or nothing).

A plain function answers at once and holds the event loop meanwhile; a coroutine function does not.
"""


@dataclass(slots=True)
class Command:
    """One run command. `state` is what its result says as `provisioningState`; times are seconds since 1970."""

    id: str
    cluster: str
    text: str
    state: Literal["Running", "Succeeded", "Failed"] = "Running"
    reason: str = ""
    exit_code: int | None = None
    logs: str = ""
    started: float | None = None
    finished: float | None = None
    forgotten: bool = False

    @property
    def ended(self) -> bool:
        return self.state != "Running"

    def finish(self, exit_code: int, output: str) -> None:
        """It ran to its end, well or badly: that a script fails is seen in its exit code alone."""
        self.state, self.exit_code = "Succeeded", exit_code
        self.logs = output.encode()[:OUTPUT_LIMIT].decode(errors="ignore")

    def fail(self, reason: str) -> None:
        """It never ran."""
        self.state, self.reason = "Failed", reason

    def result(self, at: Callable[[float], str]) -> Json:
        """The body of a look-up; `at` prints an instant. Recorded: aks/run-command-202-then-result [1]."""
        known: Json = {
            "reason": self.reason or None,
            "exitCode": self.exit_code,
            "startedAt": None if self.started is None else at(self.started),
            "finishedAt": None if self.finished is None else at(self.finished),
            "logs": self.logs if self.exit_code is not None else None,
        }
        said = {key: value for key, value in known.items() if value is not None}
        return {"id": self.id, "properties": {"provisioningState": self.state, **said}}


def says_what_it_would_run(cluster: str, command: str, context: bytes) -> Result:
    """The runner of a fresh local Azure: nothing is run."""
    return 0, f"would run in {cluster.rpartition('/')[2]}, with {len(context)} bytes of files: {command}\n"
