"""Records on a DNS server that takes dynamic updates: BIND, Knot, PowerDNS, Infoblox (RFC 2136, RFC 8945)."""

import asyncio
from collections.abc import Awaitable, Callable

import dns.exception
import dns.name
import dns.rdatatype

from functions.dns.datagrams import Datagrams
from functions.dns.record import NO_RECORD, Address, Owner, Record
from functions.dns.signing import SigningKey
from functions.dns.streams import Streams
from functions.dns.target import TargetError, Trouble
from functions.dns.update import Update, outcome, record_of, record_to_leave, swap
from functions.dns.wire import Answer, Question, answer, questions

_TYPES = (dns.rdatatype.A, dns.rdatatype.AAAA, dns.rdatatype.TXT)
_SILENT_FOR = 30.0  # seconds in which a server that did not answer is asked after the others

# These three may be because of the server that was asked, and another may do better: a secondary says REFUSED or
# NOTAUTH to what the primary takes. A lost race is the zone's own word.
_NO_SERVERS_FAULT = {Trouble.RACE_LOST}

type _Server = tuple[str, int]


class Rfc2136Target:
    """One zone on one or more servers, which are tried in order. Fulfils functions.dns.target.Target.

    Reads go over UDP, and over TCP what does not fit; they are not signed, for whatever they say, a write holds only
    if it is true. Writes go over TCP, each as one signed message with all that was read as its prerequisites, so
    that it is made wholly or not at all. After a write that was sent and not answered (`unsure`) no other server is
    asked: it would most often say RACE_LOST, since the first did make it, and only a read tells.

    When every server fails, the error tells of each; its kind is that of one that may do better later, if there is
    such a one, else that of the last.
    """

    def __init__(
        self,
        zone: dns.name.Name,
        servers: tuple[_Server, ...],
        key: SigningKey | None,
        *,
        read_within: float = 3.0,
        write_within: float = 10.0,
        reads_at_once: int = 64,
        writes_at_once: int = 4,
    ) -> None:
        """The two `within` are seconds for one question and for one update on one server, which writes the update to
        its disk before it answers. Raises ValueError when no server is named.
        """
        if not servers:
            raise ValueError("a zone needs a server")
        self._zone = zone
        self._servers = servers
        self._key = key
        self._read_within = read_within
        self._write_within = write_within
        self._places = asyncio.Semaphore(reads_at_once)
        self._datagrams = {server: Datagrams(server) for server in servers}
        self._streams = {server: Streams(server, writes_at_once) for server in servers}
        self._silent_until: dict[_Server, float] = {}

    @property
    def name(self) -> str:
        return f"{self._zone.to_text(omit_final_dot=True)} on {', '.join(map(_shown, self._servers))}"

    def covers(self, name: str) -> bool:
        parsed = _parsed(name)
        return parsed is not None and parsed.is_subdomain(self._zone)

    async def read(self, name: str) -> Record:
        held = self._in_zone(name)
        asked = questions(held, self._zone, *_TYPES)

        async def read_from(server: _Server) -> Record:
            # All are waited for, so that none goes on in the dark when another fails.
            found = await asyncio.gather(
                *(self._answer(server, question) for question in asked), return_exceptions=True
            )
            a, aaaa, txt = (_or_raise(one) for one in found)
            return record_of(a, aaaa, txt)

        async with self._places:
            return await self._on_any_server(read_from)

    async def swap(self, name: str, before: Record, addresses: frozenset[Address], ttl: int, owner: Owner) -> None:
        if before.in_the_way:
            raise TargetError(Trouble.DENIED, f"{name} is a {', '.join(before.in_the_way)}: no address can stand there")
        await self._write(swap(self._zone, self._in_zone(name), before, record_to_leave(addresses, ttl, owner)))

    async def remove(self, name: str, before: Record) -> None:
        await self._write(swap(self._zone, self._in_zone(name), before, NO_RECORD))

    async def _write(self, update: Update) -> None:
        async def write_to(server: _Server) -> None:
            sent = update.message(self._key)
            outcome(await self._streams[server].exchange(sent.wire, self._write_within), sent, self._key)

        await self._on_any_server(write_to)

    async def _answer(self, server: _Server, question: Question) -> Answer:
        found = answer(await self._datagrams[server].ask(question, self._read_within), question)
        if found is not None:
            return found
        message = question.message(0)
        try:
            reply = await self._streams[server].exchange(message, self._read_within)
        except TargetError as error:
            raise TargetError(error.trouble, str(error)) from None  # a question changes nothing: never unsure
        found = answer(reply, question) if reply[:2] == message[:2] else None
        if found is None:
            raise TargetError(Trouble.UNTRUSTED, "a reply over TCP that is cut short, or to another question")
        return found

    async def _on_any_server[T](self, do: Callable[[_Server], Awaitable[T]]) -> T:
        """What the first server says that does it."""
        failed: list[tuple[_Server, TargetError]] = []
        now = asyncio.get_running_loop().time()
        for server in sorted(self._servers, key=lambda server: self._silent_until.get(server, 0) > now):
            try:
                return await do(server)
            except TargetError as error:
                failed.append((server, error))
                if error.trouble is Trouble.UNREACHABLE:
                    self._silent_until[server] = asyncio.get_running_loop().time() + _SILENT_FOR
                if error.unsure or error.trouble in _NO_SERVERS_FAULT:
                    break
        raise _summed_up(failed)

    def _in_zone(self, name: str) -> dns.name.Name:
        parsed = _parsed(name)
        if parsed is None or not parsed.is_subdomain(self._zone):
            raise TargetError(Trouble.WRONG_ZONE, f"{name[:253]!a} is not in {self._zone.to_text(True)}")
        return parsed


def _or_raise[T](found: T | BaseException) -> T:
    if isinstance(found, BaseException):
        raise found
    return found


def _parsed(name: str) -> dns.name.Name | None:
    """The name in lower case, None when it is none."""
    try:
        return dns.name.from_text(name.lower())
    except (dns.exception.DNSException, UnicodeError):
        return None


def _shown(server: _Server) -> str:
    host, port = server
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _summed_up(failed: list[tuple[_Server, TargetError]]) -> TargetError:
    last = failed[-1][1]
    ends = last.unsure or last.trouble in _NO_SERVERS_FAULT
    passing = [error for _, error in failed if error.trouble in {Trouble.UNREACHABLE, Trouble.BUSY}]
    telling = last if ends or not passing else passing[0]
    message = "; ".join(f"{_shown(server)}: {error}" for server, error in failed)
    return TargetError(telling.trouble, message, unsure=last.unsure)
