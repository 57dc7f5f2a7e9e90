"""BIND 9, a real DNS server, as an ordinary process that lives as long as a context."""

import asyncio
import base64
import contextlib
import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from localazure.cannot_start import CannotStart

LONGEST_START = 10.0  # seconds; it needs a few hundredths
_STEP = 0.005  # seconds between two looks at whether it listens
_TRIES = 5  # at free ports, which another process can take between our look and BIND's

_MEMORY = "/dev/shm"  # a file system in memory, on Linux

# What BIND goes on after, though it then answers nothing, or SERVFAIL.
_TROUBLES = ("address in use", "permission denied", "not loaded due to errors")

# Debian puts daemons where an ordinary user's PATH does not lead.
_SEARCHED = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

type Algorithm = Literal["hmac-sha256", "hmac-sha384", "hmac-sha512"]


class BindMissing(CannotStart):
    """BIND is not installed or did not start."""


@dataclass(frozen=True, slots=True)
class TsigKey:
    """A key that a server knows. `secret` is base64; a fresh one is made when none is given."""

    name: str = "tether."
    algorithm: Algorithm = "hmac-sha256"
    secret: str = field(default_factory=lambda: base64.b64encode(secrets.token_bytes(32)).decode(), repr=False)


@dataclass(frozen=True, slots=True)
class ServedZone:
    """A zone that a server keeps.

    `writers` are the keys that may update it; `records` stand in it from the start, as lines of a zone file.
    With `primary`, a port of 127.0.0.1, it is a secondary of the server there; `forwards`: it hands updates on to it.
    """

    name: str
    writers: tuple[TsigKey, ...] = ()
    records: tuple[str, ...] = ()
    primary: int | None = None
    forwards: bool = False


@dataclass(frozen=True, slots=True)
class Bind:
    """A server that answers on 127.0.0.1, over UDP and TCP."""

    port: int
    folder: Path
    process: asyncio.subprocess.Process
    _control: int

    @property
    def address(self) -> str:
        """As a policy names it."""
        return f"127.0.0.1:{self.port}"

    async def rndc(self, *command: str) -> str:
        """Tell the server something, such as `freeze`, a zone. Raises BindMissing with what rndc said."""
        program = _installed("rndc")
        process = await asyncio.create_subprocess_exec(
            *(program, "-c", str(self.folder / "rndc.conf"), "-s", "127.0.0.1", "-p", str(self._control), *command),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        if process.returncode:
            raise BindMissing(f"rndc {' '.join(command)}: {said.decode().strip()}")
        return said.decode()


def is_installed() -> bool:
    """Whether BIND can be started here."""
    return _found("named") is not None


HOW_TO_INSTALL = "apt-get install bind9 bind9-dnsutils (as root), or the like on another system"


@asynccontextmanager
async def bind(
    *zones: ServedZone, keys: Sequence[TsigKey] = (), port: int = 0, on_disk: bool = False
) -> AsyncGenerator[Bind]:
    """Start BIND for some zones on a port (0: a free one), in a temporary folder; both are gone when the context ends.

    The folder is in memory where that can be had, unless `on_disk`: BIND waits for the disk at every update, and a busy
    disk takes its time. It needs no root. It knows `keys` and all writers.
    Raises BindMissing, with what to do or what BIND said.
    """
    program = _installed("named")
    memory = _MEMORY if not on_disk and os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="localazure-bind-", dir=memory, ignore_cleanup_errors=True) as folder:
        server = await _up(program, Path(folder), zones, [*keys, *_writers(zones)], port)
        try:
            yield server
        finally:
            await _end(server.process)


async def _up(program: str, folder: Path, zones: Sequence[ServedZone], keys: Sequence[TsigKey], port: int) -> Bind:
    said = ""
    for _ in range(_TRIES if port == 0 else 1):
        server = await _start(program, folder, zones, keys, port or _free_port())
        up = False
        try:
            up = await _is_up(server)
        finally:
            if not up:
                said = _log(folder)  # before it is told to end: amid its start it may end with a page of its own
                await _end(server.process)
        if up:
            return server
    raise BindMissing(f"BIND did not start: {said[-2000:]}")


def _found(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=_SEARCHED)


def _installed(program: str) -> str:
    if found := _found(program):
        return found
    raise BindMissing(f"{program} of BIND is not installed: {HOW_TO_INSTALL}")


def _writers(zones: Sequence[ServedZone]) -> list[TsigKey]:
    return [key for zone in zones for key in zone.writers]


def _free_port() -> int:
    """A port that is free for TCP and for UDP, just now."""
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.socket() as streams:
        streams.bind(("127.0.0.1", 0))
        port: int = streams.getsockname()[1]
        try:
            datagrams.bind(("127.0.0.1", port))
        except OSError:
            return _free_port()
        return port


async def _start(program: str, folder: Path, zones: Sequence[ServedZone], keys: Sequence[TsigKey], port: int) -> Bind:
    control = _free_port()
    _configure(folder, zones, {key.name: key for key in keys}, port, control)
    log = (folder / "named.log").open("wb")
    with log:
        process = await asyncio.create_subprocess_exec(
            # -g: in the foreground, with its log on stderr. One thread: tests share few cores.
            *(program, "-g", "-n", "1", "-c", str(folder / "named.conf")),
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,  # Ctrl-C in the terminal is for us; we then end it in order
        )
    return Bind(port, folder, process, control)


def _configure(folder: Path, zones: Sequence[ServedZone], keys: dict[str, TsigKey], port: int, control: int) -> None:
    """Write what named and rndc read. Every path lies in the folder, so that no right of root's is needed."""
    remote = TsigKey("rndc-key")
    for number, zone in enumerate(zones):
        if zone.primary is None:
            (folder / f"zone-{number}.db").write_text(_zone_file(zone), encoding="ascii")
            (folder / f"zone-{number}.db.jnl").unlink(missing_ok=True)
    (folder / "rndc.conf").write_text(
        f'{_key_clause(remote)}options {{ default-key "rndc-key"; }};\n', encoding="ascii"
    )
    (folder / "named.conf").write_text(
        f"""
options {{
  directory "{folder}"; pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  reuseport no;
  recursion no; dnssec-validation no; notify no; empty-zones-enable no; allow-transfer {{ 127.0.0.1; }};
}};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "rndc-key"; }}; }};
{"".join(map(_key_clause, [remote, *keys.values()]))}
{"".join(_zone_clause(zone, number) for number, zone in enumerate(zones))}
""",
        encoding="ascii",
    )


def _key_clause(key: TsigKey) -> str:
    return f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n'


def _zone_clause(zone: ServedZone, number: int) -> str:
    if zone.primary is not None:
        forwards = "allow-update-forwarding { any; };" if zone.forwards else ""
        primary = f"primaries {{ 127.0.0.1 port {zone.primary}; }};"
        return f'zone "{zone.name}" {{ type secondary; file "zone-{number}.db"; {primary} {forwards} }};\n'
    grants = "".join(f'grant "{key.name}" zonesub ANY; ' for key in zone.writers)
    policy = f"update-policy {{ {grants}}};" if grants else ""
    return f'zone "{zone.name}" {{ type primary; file "zone-{number}.db"; {policy} }};\n'


def _zone_file(zone: ServedZone) -> str:
    # The minimum (the last number) is how long a resolver may keep a "no such name".
    head = ("$TTL 300", "@ IN SOA ns1.invalid. hostmaster.invalid. 1 3600 600 86400 10", "@ IN NS ns1.invalid.")
    return "\n".join([f"$ORIGIN {zone.name.rstrip('.')}.", *head, *zone.records, ""])


async def _is_up(server: Bind) -> bool:
    """Whether it came up; False when it ended or took too long."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LONGEST_START
    while server.process.returncode is None and loop.time() < end:
        said = _log(server.folder)
        if any(trouble in said for trouble in _TROUBLES):
            return False
        # It listens a moment before its zones are loaded, and says SERVFAIL until then.
        if "all zones loaded" in said:
            return True
        await asyncio.sleep(_STEP)
    return False


def _log(folder: Path) -> str:
    return (folder / "named.log").read_text(encoding="utf-8", errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        process.terminate()
    try:
        async with asyncio.timeout(3):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
