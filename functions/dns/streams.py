"""Messages to one DNS server over TCP (RFC 7766), a few connections at once."""

import asyncio
import contextlib
import struct
from dataclasses import dataclass

from functions.dns.reply import MOST_BYTES, too_large
from functions.dns.target import TargetError, Trouble


class _TooLargeError(Exception):
    """A reply of more bytes than are read; how many."""

    def __init__(self, length: int) -> None:
        super().__init__(length)
        self.length = length


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def exchange(self, message: bytes) -> bytes:
        self.writer.write(struct.pack("!H", len(message)) + message)
        await self.writer.drain()
        (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        if length > MOST_BYTES:
            raise _TooLargeError(length)
        return await self.reader.readexactly(length)

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):  # the other side was quicker
            await self.writer.wait_closed()


class Streams:
    """At most `most` connections, each with one message on its way; kept only while somebody waits for one."""

    def __init__(self, server: tuple[str, int], most: int) -> None:
        self._server = server
        self._places = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []
        self._users = 0

    async def exchange(self, message: bytes, within: float) -> bytes:
        """The reply to a message, whatever it says. `within`: seconds from when a connection's turn has come.

        Raises TargetError: UNREACHABLE, with `unsure` when the message may have arrived; UNTRUSTED and `unsure` for a
        reply that is too large.
        """
        self._users += 1
        try:
            async with self._places:
                return await self._exchange(message, within)
        finally:
            self._users -= 1
            if not self._users:
                await self._close()

    async def _exchange(self, message: bytes, within: float) -> bytes:
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(within):
                connection = self._idle.pop() if self._idle else await self._opened()
                reply = await connection.exchange(message)
        except (OSError, EOFError) as error:
            if connection is not None:
                await connection.close()
            raise _unreachable(error, within, unsure=connection is not None) from None
        except _TooLargeError as error:
            if connection is not None:
                connection.writer.close()  # with the rest of the reply unread
            said = f"a reply that cannot be read: {too_large(error.length)}"
            raise TargetError(Trouble.UNTRUSTED, said, unsure=True) from None
        except asyncio.CancelledError:
            if connection is not None:
                connection.writer.close()
            raise
        self._idle.append(connection)
        return reply

    async def _opened(self) -> _Connection:
        return _Connection(*await asyncio.open_connection(*self._server, limit=MOST_BYTES))

    async def _close(self) -> None:
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()


def _unreachable(error: OSError | EOFError, within: float, *, unsure: bool) -> TargetError:
    match error:
        case TimeoutError():
            said = f"no answer over TCP within {within:g} s"
        case EOFError():
            said = "it closed the TCP connection without an answer"
        case _:
            said = f"it cannot be reached over TCP ({error.strerror or type(error).__name__})"
    return TargetError(Trouble.UNREACHABLE, said, unsure=unsure)
