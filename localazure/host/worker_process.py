"""The worker as the host sees it: started, asked, killed, started anew."""

import asyncio
import contextlib
import json
import logging
import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import localazure
from localazure.cannot_start import CannotStart
from localazure.host.worker import GRACE, LONGEST_LINE
from localazure.store import Json

_log = logging.getLogger(__name__)

# What a process needs of its surroundings besides the app settings. Nothing else is handed on, so that an app
# sees the settings it was given and not those of whoever started it.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")

# The setting by which the real host is told of another interpreter for its Python workers.
PYTHON = "languageWorkers__python__defaultExecutablePath"


class NotIndexed(CannotStart):
    """The app could not be loaded; the text is the worker's."""


class WorkerGone(Exception):  # noqa: N818 - an event, not a fault of the caller
    """The worker ended before it answered."""


@dataclass(frozen=True, slots=True)
class Invoked:
    """How an invocation ended. `returned` and `outputs` are values in the form of `runtime_messages`."""

    ok: bool
    returned: Json | None
    outputs: Json
    error: str | None


class WorkerProcess:
    """One life of the worker. Made by `start`; `gone` is set when it ended, for whatever reason."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[str, asyncio.Future[Invoked]] = {}
        self._indexed: asyncio.Future[list[Json]] = asyncio.get_running_loop().create_future()
        self.indexed_in = 0.0  # seconds from the start of the process until the app was indexed
        self.gone = asyncio.Event()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, app: Path, settings: Mapping[str, str]) -> tuple["WorkerProcess", list[Json]]:
        """Start the process and let it index the app. Raises NotIndexed. Its logs go to our stderr."""
        began = time.perf_counter()
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment.update(settings)
        environment.setdefault("PYTHONPATH", str(Path(localazure.__file__).parent.parent))
        process = await asyncio.create_subprocess_exec(
            *(settings.get(PYTHON, sys.executable), "-m", "localazure.host.worker", "--app", str(app)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd=app,
            limit=LONGEST_LINE,
            start_new_session=True,  # Ctrl-C in the terminal is for the host, which then ends the worker in order
        )
        worker = cls(process)
        try:
            indexed = await worker._indexed
        except BaseException:
            worker.kill()
            await worker.gone.wait()
            raise
        worker.indexed_in = time.perf_counter() - began
        return worker, indexed

    @property
    def pid(self) -> int:
        return self._process.pid

    async def invoke(self, function: str, inputs: Json, metadata: Json | None = None) -> Invoked:
        """Run a function and wait until it ends. Raises WorkerGone when the process ends first."""
        if self.gone.is_set() or self._process.stdin is None:
            raise WorkerGone(f"the worker is gone; {function} did not run")
        invocation = str(uuid.uuid4())
        answer: asyncio.Future[Invoked] = asyncio.get_running_loop().create_future()
        self._waiting[invocation] = answer
        request = {
            "type": "invoke",
            "id": invocation,
            "function": function,
            "inputs": inputs,
            "metadata": metadata or {},
        }
        try:
            self._process.stdin.write(json.dumps(request, separators=(",", ":")).encode() + b"\n")
            await self._process.stdin.drain()
            return await answer
        except ConnectionError as error:
            raise WorkerGone(f"the worker ended before it took {function}") from error
        finally:
            self._waiting.pop(invocation, None)

    def kill(self) -> None:
        """End it at once, as a host does that is taken away. Running invocations raise WorkerGone."""
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            self._process.kill()

    async def stop(self) -> None:
        """Ask it to end, give it the time it gives its invocations, then end it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(GRACE + 1):
                await self.gone.wait()
        except TimeoutError:
            _log.warning("the worker did not end within %s s and is killed", GRACE + 1)
            self.kill()
            await self.gone.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                self._take(json.loads(line))
        finally:
            code = await self._exit_code()
            self.gone.set()
            if not self._indexed.done():
                self._indexed.set_exception(NotIndexed(f"the worker ended with code {code} before it had indexed"))
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(WorkerGone(f"the worker ended with code {code} during the invocation"))

    async def _exit_code(self) -> int:
        """Wait for the process to end by itself; without its answers it is of no use, so not for long."""
        try:
            async with asyncio.timeout(1):
                return await self._process.wait()
        except TimeoutError:
            self.kill()
            return await self._process.wait()

    def _take(self, message: Json) -> None:
        match message["type"]:
            case "indexed":
                self._indexed.set_result(message["functions"])
            case "failed":
                self._indexed.set_exception(NotIndexed(message["error"]))
            case "result" if (answer := self._waiting.get(message["id"])) and not answer.done():
                answer.set_result(
                    Invoked(message["ok"], message.get("returned"), message.get("outputs", {}), message.get("error"))
                )
            case "result":
                _log.info("an answer came for an invocation nobody waits for any more")
            case other:
                raise ValueError(f"the worker said {other!r}, which is not in its protocol")
