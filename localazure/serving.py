"""An ASGI app on a socket of 127.0.0.1, inside the running event loop."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files with a server's certificate and its key (PEM)."""

    certificate: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: whoever runs the loop decides when it ends."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def bound(port: int = 0) -> socket.socket:
    """A socket on 127.0.0.1. Raises OSError naming the port when it is taken."""
    # Named as TCP, or asyncio would not switch Nagle's algorithm off, and each answer would take 40 ms more.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"port {port} of 127.0.0.1 cannot be had: {error.strerror}") from error
    return listening


def address(listening: socket.socket, *, tls: bool = False) -> str:
    """The URL of a bound socket, without a slash at its end."""
    return f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}"


@asynccontextmanager
async def serving(
    app: ASGIApp, listening: socket.socket, certificate: Certificate | None = None
) -> AsyncGenerator[None]:
    """Serve `app` on a bound socket for as long as the context is open; then the socket is closed."""
    config = uvicorn.Config(
        app, lifespan="off", log_config=None, access_log=False, log_level="warning", timeout_graceful_shutdown=1
    )
    config.load()
    if certificate is not None:
        config.ssl = certificate.context()
    server = _Server(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server ended before it had started")
            await asyncio.sleep(0.002)
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
        listening.close()
