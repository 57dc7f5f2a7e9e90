"""Questions to one DNS server over UDP, many at once on one socket."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Generator

from functions.dns.reply import MOST_BYTES, too_large
from functions.dns.target import TargetError, Trouble
from functions.dns.wire import Question

_AT_A_TIME = 64  # datagrams, before others get their turn on the event loop
_MOST_STRAYS = 2048  # in a row: more replies than 128 questions sent three times can cause
_TRIES = 3  # the same datagram, at the start of each third of the time


class Datagrams:
    """A socket that is open only while somebody waits for an answer, and then has another port.

    It is connected, so that the kernel drops what comes from anywhere else; ids are random.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._socket: socket.socket | None = None
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._strays = 0

    async def ask(self, question: Question, within: float) -> bytes:
        """The reply with the question's id, whatever it says.

        Raises TargetError: UNREACHABLE after `within` seconds, UNTRUSTED for a reply that is too large, and when the
        server sends far more than it was asked for.
        """
        loop = asyncio.get_running_loop()
        coming: asyncio.Future[bytes] = loop.create_future()
        with self._waits(coming) as number:
            message = question.message(number)
            for _ in range(_TRIES):
                self._send(message)
                await asyncio.wait([coming], timeout=within / _TRIES)
                if coming.done():
                    return _reply(coming)
        raise TargetError(Trouble.UNREACHABLE, f"no answer within {within:g} s")

    @contextlib.contextmanager
    def _waits(self, coming: "asyncio.Future[bytes]") -> Generator[int]:
        number = secrets.randbelow(0x10000)
        while number in self._waiting:
            number = secrets.randbelow(0x10000)
        self._waiting[number] = coming
        try:
            yield number
        finally:
            del self._waiting[number]
            if not self._waiting:
                self._close()

    def _send(self, message: bytes) -> None:
        try:
            if self._socket is None:
                self._socket = self._opened()
            self._socket.send(message)
        except BlockingIOError:
            pass  # the kernel's buffer is full: as good as lost on the way, and sent again as that is
        except OSError as error:
            raise _unreachable(error) from None

    def _opened(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._server[0] else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.connect(self._server)
            asyncio.get_running_loop().add_reader(opened, self._readable)
        except OSError:
            opened.close()
            raise
        return opened

    def _readable(self) -> None:
        """Hand out the replies that are there, a bounded number at a time. Replies without a question are dropped."""
        for _ in range(_AT_A_TIME):
            if self._socket is None:
                return
            try:
                reply = self._socket.recv(MOST_BYTES + 1)  # the kernel drops what is beyond
            except BlockingIOError:
                return
            except OSError as error:  # an ICMP message: nobody listens at that port
                self._fail(_unreachable(error))
                return
            self._take(reply)

    def _take(self, reply: bytes) -> None:
        coming = self._waiting.get(int.from_bytes(reply[:2]))
        if coming is None or coming.done():
            self._strays += 1
            if self._strays > _MOST_STRAYS:
                self._fail(TargetError(Trouble.UNTRUSTED, "it sends far more datagrams than it was asked for"))
                self._close()
            return
        self._strays = 0
        if len(reply) > MOST_BYTES:
            coming.set_exception(
                TargetError(Trouble.UNTRUSTED, f"a reply that cannot be read: {too_large(len(reply))}")
            )
        else:
            coming.set_result(reply)

    def _fail(self, error: TargetError) -> None:
        for coming in self._waiting.values():
            if not coming.done():
                coming.set_exception(error)

    def _close(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
            self._strays = 0


def _reply(coming: "asyncio.Future[bytes]") -> bytes:
    return coming.result()


def _unreachable(error: OSError) -> TargetError:
    return TargetError(Trouble.UNREACHABLE, f"it cannot be reached ({error.strerror or type(error).__name__})")
