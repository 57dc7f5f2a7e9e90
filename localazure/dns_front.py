"""A customer's resolver as a real DNS server on 127.0.0.1, over UDP and TCP."""

import asyncio
import contextlib
import socket
import struct
from types import TracebackType
from typing import Any, Self, override

from localazure.azure import LocalAzure
from localazure.dns_answers import DnsFaults, Over, answer


class DnsFront:
    """Serves the resolver at `server` (its address inside the local Azure) for as long as its context lasts.

    `host` and `port` say where, UDP and TCP at the same port; port 0 is any free one, known once it is entered.
    `faults` may be changed at any time. Sockets need real time: in virtual time call `dns_answers.answer` instead.
    """

    def __init__(self, azure: LocalAzure, server: str, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._azure = azure
        self._server = server
        self.host = host
        self.port = port
        self.faults = DnsFaults()
        self.asked: list[Over] = []
        """How each question came, those that were dropped included."""
        self._ending = contextlib.AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Bind both sockets. Raises OSError naming a port that is taken."""
        async with contextlib.AsyncExitStack() as opening:
            stream, datagrams = _bound(self.host, self.port)
            opening.callback(stream.close)
            opening.callback(datagrams.close)
            self.port = stream.getsockname()[1]
            listening = await asyncio.start_server(self._serve_connection, sock=stream)
            opening.callback(listening.close)
            loop = asyncio.get_running_loop()
            transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)
            opening.callback(transport.close)
            opening.push_async_callback(self._end_tasks)
            self._ending = opening.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close both sockets and forget what is still to be answered."""
        await self._ending.aclose()

    def answer_datagram(self, wire: bytes, sender: Any, transport: asyncio.DatagramTransport) -> None:
        """Answer a question that came over UDP, beside others."""

        async def reply() -> None:
            if (said := await self._answered(wire, "udp")) is not None:
                transport.sendto(said, sender)

        self._keep(asyncio.get_running_loop().create_task(reply()))

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions one after the other, each with its length before it (RFC 1035, section 4.2.2)."""
        if (task := asyncio.current_task()) is not None:
            self._keep(task)
        with contextlib.closing(writer):
            while True:
                try:
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    wire = await reader.readexactly(length)
                except (asyncio.IncompleteReadError, ConnectionError):
                    return  # the client has gone
                if (said := await self._answered(wire, "tcp")) is not None:
                    writer.write(struct.pack("!H", len(said)) + said)

    async def _answered(self, wire: bytes, over: Over) -> bytes | None:
        self.asked.append(over)
        if self.faults.delay:
            await asyncio.sleep(self.faults.delay)
        return answer(self._azure, self._server, wire, over, self.faults)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, front: DnsFront) -> None:
        self._front = front
        self._transport: asyncio.DatagramTransport | None = None

    @override
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._transport is not None:
            self._front.answer_datagram(data, addr, self._transport)


def _bound(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """A TCP and a UDP socket at one port; a free one is looked for until both can have it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for last in (False,) * 20 + (True,):
        stream = socket.socket(family, socket.SOCK_STREAM)
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        try:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stream.bind((host, port))
            datagrams.bind((host, stream.getsockname()[1]))
        except OSError as taken:
            stream.close()
            datagrams.close()
            if port or last:
                raise OSError(taken.errno, f"DNS cannot be served at {host} port {port}: {taken.strerror}") from taken
        else:
            return stream, datagrams
    raise AssertionError("the last try returns or raises")
