"""What DNS servers answer for a name, asked as their clients ask: with recursion, over UDP or TCP.

dnspython is imported at the first question: the path of a zone's birth needs none of it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from weakref import WeakValueDictionary

from functions.dns.record import Address
from functions.dns.target import TargetError, Trouble

if TYPE_CHECKING:
    from functions.dns.datagrams import Datagrams
    from functions.dns.streams import Streams
    from functions.dns.wire import Question

type Server = tuple[str, int]
type Over = Literal["udp", "tcp"]
type Kind = Literal["A", "AAAA"]

type Exchange = Callable[[Server, Question, Over, float], Awaitable[bytes]]
"""Sends a question and gives the reply within some seconds, whatever it says, or raises TargetError."""

# Of the questions that a worker has on their way at once, one server gets no more than these.
_OF_ONE_SERVER = 32

# A server is left alone for a while after so many questions in a row without an answer, each of which is sent thrice.
_SILENT_AFTER, _SILENT_FOR = 3, 60.0  # questions, seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What one server said of a name over one transport.

    `ttl` is for how many seconds the addresses may be kept, `negative_ttl` for how many a "no": None where the reply
    does not say. `zone` is the one that said no. `cut`: over UDP only that there is more. With a `trouble` the rest
    says nothing; `said` tells it in words. `unasked`: the question was not asked, or given up for lack of time, which
    says nothing of the server.
    """

    server: Server
    over: Over
    addresses: frozenset[Address] = frozenset()
    ttl: int = 0
    negative_ttl: int | None = None
    zone: str = ""
    rcode: str = ""
    cut: bool = False
    trouble: Trouble | None = None
    said: str = ""
    unasked: bool = False

    @property
    def speaks(self) -> bool:
        """Whether it tells anything of the name."""
        return self.trouble is None and not self.cut

    @property
    def is_reached(self) -> bool:
        return self.trouble is not Trouble.UNREACHABLE


def shown(server: Server) -> str:
    """A server as people write it: the port only where it is not that of DNS."""
    host, port = server
    if port == 53:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Asker:
    """Asks any number of servers, at most `at_once` questions at a time. One a worker; it holds no socket while idle.

    `within` is in seconds for one question. `exchange` is another way to the servers than the network.
    """

    def __init__(self, exchange: Exchange | None = None, *, within: float = 3.0, at_once: int = 128) -> None:
        self._exchange = exchange or _Network()
        self._within = within
        self._places = asyncio.Semaphore(at_once)
        self._lanes: WeakValueDictionary[Server, asyncio.Semaphore] = WeakValueDictionary()
        self._in_vain: dict[tuple[Server, Over], int] = {}
        self._silent_until: dict[tuple[Server, Over], float] = {}

    async def ask(self, server: Server, name: str, over: Over, kinds: tuple[Kind, ...] = ("A",)) -> Answer:
        """What the server says of a name's addresses of these kinds, taken together. Never raises: see `trouble`."""
        answers = await asyncio.gather(*(self._ask(server, name, over, kind) for kind in kinds))
        return _together(answers)

    async def _ask(self, server: Server, name: str, over: Over, kind: Kind) -> Answer:
        from functions.dns.heard import heard, question

        asked = question(name, kind)
        if asked is None:
            return Answer(server, over, trouble=Trouble.UNTRUSTED, said=f"{name[:253]!a} is no DNS name")
        try:
            reply = await self._reply(server, asked, over)
        except TargetError as error:
            return Answer(server, over, trouble=error.trouble, said=str(error))
        return heard(reply, asked, server, over)

    async def _reply(self, server: Server, asked: "Question", over: Over) -> bytes:
        lane = self._lanes.setdefault(server, asyncio.Semaphore(_OF_ONE_SERVER))
        async with lane, self._places:
            clock = asyncio.get_running_loop().time
            way: tuple[Server, Over] = (server, over)
            if clock() < self._silent_until.get(way, 0.0):
                raise TargetError(Trouble.UNREACHABLE, "it did not answer several questions just now")
            try:
                reply = await self._exchange(server, asked, over, self._within)
            except TargetError as error:
                if error.trouble is Trouble.UNREACHABLE:
                    self._in_vain[way] = self._in_vain.get(way, 0) + 1
                    if self._in_vain[way] >= _SILENT_AFTER:
                        self._silent_until[way] = clock() + _SILENT_FOR
                raise
            self._in_vain.pop(way, None)
            return reply


class _Network:
    """The servers as they are reached: one UDP socket and a few TCP connections for each that is being asked."""

    def __init__(self) -> None:
        self._datagrams: dict[Server, Datagrams] = {}
        self._streams: dict[Server, Streams] = {}

    async def __call__(self, server: Server, asked: "Question", over: Over, within: float) -> bytes:
        from functions.dns.datagrams import Datagrams
        from functions.dns.streams import Streams

        if over == "udp":
            datagrams = self._datagrams.setdefault(server, Datagrams(server))
            return await datagrams.ask(asked, within)
        streams = self._streams.setdefault(server, Streams(server, most=4))
        number = secrets.randbelow(0x10000)
        reply = await streams.exchange(asked.message(number), within)
        return reply if int.from_bytes(reply[:2]) == number else b""


def _together(answers: list[Answer]) -> Answer:
    """The answers to one name's questions as one: the first that says nothing of use, or all addresses."""
    if mute := next((answer for answer in answers if not answer.speaks), None):
        return mute
    negatives = [answer for answer in answers if not answer.addresses]
    kept = [answer.negative_ttl for answer in negatives if answer.negative_ttl is not None]
    return Answer(
        answers[0].server,
        answers[0].over,
        frozenset(address for answer in answers for address in answer.addresses),
        max(answer.ttl for answer in answers),
        max(kept, default=None),
        next((answer.zone for answer in negatives), ""),
        answers[0].rcode,
    )
