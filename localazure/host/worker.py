"""The process that holds the app: Microsoft's `azure-functions-runtime` behind a line protocol.

`python -m localazure.host.worker --app FOLDER`, one JSON document a line, requests on stdin, answers on stdout:

    out  {"type": "indexed", "functions": [{"name", "bindings": [...]}]}
    out  {"type": "failed", "error": "..."}          the app could not be indexed; the process ends with code 3
    in   {"type": "invoke", "id", "function", "inputs": {name: value}, "metadata": {name: value}}
    out  {"type": "result", "id", "ok": bool, "returned": value | null, "outputs": {name: value}, "error": text | null}

Values are those of `runtime_messages`. Invocations run concurrently on one event loop that lives as long as the
process, so an app's asynchronous clients live across invocations as they do in Azure. What the app prints goes to
stderr, as do its logs. The process ends on SIGTERM or when stdin ends, after in-flight invocations had a moment.

Nothing else of localazure is imported here: cold start and memory of an app are measured in this process.
"""

import argparse
import asyncio
import contextlib
import importlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from localazure.host import runtime_messages
from localazure.host.runtime_messages import PROTOS, ParameterBinding

GRACE = 3.0  # seconds that running invocations get when the process is asked to end
LONGEST_LINE = 32 * 1024 * 1024  # bytes; an HTTP body or a batch of events arrives in one line
NOT_INDEXED = 3


class OneLine(logging.Formatter):
    """A log record in one line, tracebacks included, so that lines of several sources can be mixed and read."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\\n")


class Worker:
    """Answers the requests of the host with what the app's functions do."""

    def __init__(self, runtime: Any, answers: BinaryIO) -> None:
        self._runtime = runtime
        self._answers = answers
        self._function_ids: dict[str, str] = {}
        self._running: set[asyncio.Task[None]] = set()

    def answer(self, **message: Any) -> None:
        self._answers.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        self._answers.flush()

    async def index(self, app: str) -> bool:
        """Import the app and tell the host what functions it has. False when it could not be indexed."""
        init = SimpleNamespace(capabilities={}, function_app_directory=app)
        ready = await self._runtime.worker_init_request(_request(worker_init_request=init))
        if ready.result.status != 1:
            problem = ready.result.exception
            self.answer(type="failed", error=f"{problem.message}\n{problem.stack_trace or ''}".strip())
            return False
        metadata = await self._runtime.functions_metadata_request(_request())
        if not metadata.function_metadata_results:
            self.answer(type="failed", error=f"no function_app.py with functions in {app}")
            return False
        functions: list[dict[str, Any]] = []
        for function in metadata.function_metadata_results:
            self._function_ids[function.name] = function.function_id
            functions.append({"name": function.name, "bindings": [json.loads(raw) for raw in function.raw_bindings]})
        self.answer(type="indexed", functions=functions)
        return True

    def start(self, request: dict[str, Any]) -> None:
        """Begin an invocation; its answer goes out when it ends."""
        task = asyncio.get_running_loop().create_task(self._invoke(request))
        self._running.add(task)
        task.add_done_callback(lambda ended: self._ended(request["id"], ended))

    def _ended(self, invocation: str, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if task.cancelled():
            self.answer(type="result", id=invocation, ok=False, error="cancelled: the worker is ending")
        elif error := task.exception():  # never the function's own error: that is in the library's answer
            self.answer(type="result", id=invocation, ok=False, error=f"the worker failed: {error!r}")

    async def finish(self) -> None:
        """Give running invocations a moment, then cancel them."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _invoke(self, request: dict[str, Any]) -> None:
        invocation = SimpleNamespace(
            invocation_id=request["id"],
            function_id=self._function_ids[request["function"]],
            input_data=[
                ParameterBinding(name=name, data=runtime_messages.decode(value))
                for name, value in request["inputs"].items()
            ],
            trigger_metadata={
                name: runtime_messages.decode(value) for name, value in request.get("metadata", {}).items()
            },
            trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        done = await self._runtime.invocation_request(_request(invocation_request=invocation))
        problem = done.result.exception
        outputs: list[Any] = done.output_data or []
        self.answer(
            type="result",
            id=request["id"],
            ok=done.result.status == 1,
            returned=runtime_messages.encode(done.return_value),
            outputs={output.name: runtime_messages.encode(output.data) for output in outputs},
            error=f"{problem.message}\n{problem.stack_trace or ''}".strip() if problem else None,
        )


def _request(**fields: Any) -> SimpleNamespace:
    return SimpleNamespace(request=SimpleNamespace(**fields), properties={"host": "127.0.0.1", "protos": PROTOS})


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Keep stdin and stdout for the protocol; the app reads an empty stdin and prints to stderr."""
    requests, answers = os.fdopen(os.dup(0), "rb", buffering=0), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _log_to_stderr() -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # The library's own line for every invocation is a system log in Azure; it is not the app's.
    logging.getLogger("azure.functions").setLevel(logging.WARNING)


async def serve(app: str, requests: BinaryIO, answers: BinaryIO) -> int:
    """Index `app`, then answer until told to end. Returns the exit code."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), requests)
    runtime: Any = importlib.import_module("azure_functions_runtime")  # untyped, hence Any
    runtime.start_threadpool_executor()
    worker = Worker(runtime, answers)
    if not await worker.index(app):
        return NOT_INDEXED
    reading = loop.create_task(_read(lines, worker))
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    reading.cancel()
    with contextlib.suppress(BrokenPipeError):  # the host may be gone already, then nobody waits for the answers
        await worker.finish()
    return 0


async def _read(lines: asyncio.StreamReader, worker: Worker) -> None:
    while line := await lines.readline():
        worker.start(json.loads(line))


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds one function app; started by the local Functions host.")
    parser.add_argument("--app", required=True, help="folder with function_app.py")
    app = str(Path(parser.parse_args().app).resolve())
    requests, answers = _take_streams()
    _log_to_stderr()
    # An app that brings its libraries has them here, and Azure's worker looks there before its own (Learn, "Python
    # developer reference for Azure Functions", local build).
    if (libraries := Path(app, ".python_packages", "lib", "site-packages")).is_dir():
        sys.path.insert(0, str(libraries))
    sys.path.insert(0, app)
    os.chdir(app)
    code = asyncio.run(serve(app, requests, answers))
    # The real host ends its worker's process too, rather than let the interpreter take everything apart: clients that
    # an app keeps for as long as the worker lives would each complain that nobody closed them.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
