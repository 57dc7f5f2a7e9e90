"""Azurite, Microsoft's storage emulator, as a process that lives as long as a context."""

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from localazure.cannot_start import CannotStart

# The account and key that Azurite documents for everyone; they open nothing but an emulator.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

PROGRAM = Path(__file__).parent.parent / "node_modules" / ".bin" / "azurite"
LONGEST_START = 30.0  # seconds
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")


class AzuriteMissing(CannotStart):
    """Azurite is not installed or did not start."""


@dataclass(frozen=True, slots=True)
class Azurite:
    """Where the three services answer (URLs without the account), and the connection string for SDKs."""

    blob: str
    queue: str
    table: str

    @property
    def connection_string(self) -> str:
        ends = {"BlobEndpoint": self.blob, "QueueEndpoint": self.queue, "TableEndpoint": self.table}
        parts = ["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}"]
        return ";".join([*parts, *(f"{name}={url}/{ACCOUNT}" for name, url in ends.items())]) + ";"


@asynccontextmanager
async def azurite(program: Path = PROGRAM) -> AsyncGenerator[Azurite]:
    """Start Azurite on free ports with its data in a temporary folder; both are gone when the context ends.

    Raises AzuriteMissing with what to do when it is not installed or does not start.
    """
    _check_installed(program)
    with tempfile.TemporaryDirectory(prefix="localazure-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            *(str(program), "--location", folder, "--blobPort", "0", "--queuePort", "0", "--tablePort", "0"),
            # The storage SDKs send newer API versions than Azurite 3.35 knows.
            *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we then end it in order
        )
        assert process.stdout is not None
        draining: asyncio.Task[None] | None = None
        try:
            services = await _started(process.stdout)
            draining = asyncio.get_running_loop().create_task(_drain(process.stdout))
            yield services
        finally:
            await _end(process)
            if draining is not None:
                await draining


def _check_installed(program: Path) -> None:
    if not program.exists():
        raise AzuriteMissing(f"Azurite is not installed at {program}: run `make demo` or `npm ci` once")


async def _started(output: asyncio.StreamReader) -> Azurite:
    """Read what Azurite prints until all three services listen."""
    urls: dict[str, str] = {}
    printed: list[str] = []
    try:
        async with asyncio.timeout(LONGEST_START):
            while len(urls) < 3 and (line := (await output.readline()).decode()):
                printed.append(line)
                if match := _LISTENING.search(line):
                    urls[match.group(1).casefold()] = match.group(2)
    except TimeoutError:
        printed.append(f"(nothing more within {LONGEST_START:.0f} s)")
    if len(urls) < 3:
        raise AzuriteMissing(f"Azurite did not start; it needs Node 20 or newer. It said: {''.join(printed).strip()}")
    return Azurite(**urls)


async def _drain(output: asyncio.StreamReader) -> None:
    """Read on, or Azurite would wait for a full pipe."""
    while await output.readline():
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        process.terminate()
    try:
        async with asyncio.timeout(3):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
