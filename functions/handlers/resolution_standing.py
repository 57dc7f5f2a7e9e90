"""What the answers of a DNS server are worth, beside where the API server is. Pure."""

from dataclasses import dataclass
from enum import Enum

from functions.dns.ask import Answer, Server
from functions.dns.record import Address
from functions.dns.target import Trouble

# What a server says within so long after a change may be from before, whatever TTL it names.
_GRACE = 30.0  # seconds

# A TTL beyond this is no reason to wait.
_DAY = 24 * 3600.0


class Standing(Enum):
    """What a server's answer is worth."""

    RIGHT = "right"
    WRONG = "wrong"  # an address that is not the API server's
    NEGATIVE = "negative"  # not all of its addresses, and no other
    FAILS = "fails"  # it answers that it cannot, or nothing that can be read
    REFUSES = "refuses"
    SILENT = "silent"  # not reached


@dataclass(frozen=True, slots=True)
class Heard:
    """A server's answers, over one transport or two, and what they come to. `word` is the one that counts."""

    answers: tuple[Answer, ...]
    standing: Standing
    word: Answer

    @property
    def kept(self) -> float:
        """For how many seconds at least its word may be one from before."""
        named = self.word.negative_ttl if self.standing is Standing.NEGATIVE else self.word.ttl
        return min(_DAY, max(_GRACE, named or 0))


def heard_of(answers: tuple[Answer, ...], wanted: frozenset[Address]) -> list[Heard]:
    """The answers server by server, `wanted` being the API server's addresses."""
    by_server: dict[Server, list[Answer]] = {}
    for answer in answers:
        by_server.setdefault(answer.server, []).append(answer)
    return [_heard(tuple(held), wanted) for held in by_server.values()]


# Where a server says different things over UDP and TCP, the first of these counts.
_WORST_FIRST = (Standing.WRONG, Standing.NEGATIVE, Standing.RIGHT, Standing.FAILS, Standing.REFUSES, Standing.SILENT)


def _heard(answers: tuple[Answer, ...], wanted: frozenset[Address]) -> Heard:
    # A datagram that is cut short says only to ask over TCP: it counts where TCP says nothing at all.
    standing, word = min(
        ((_standing(answer, wanted), answer) for answer in answers),
        key=lambda held: (_WORST_FIRST.index(held[0]), held[1].cut),
    )
    return Heard(answers, standing, word)


def _standing(answer: Answer, wanted: frozenset[Address]) -> Standing:
    match answer.trouble:
        case Trouble.UNREACHABLE:
            return Standing.SILENT
        case Trouble.DENIED:
            return Standing.REFUSES
        case None if answer.cut:
            return Standing.FAILS
        case None if answer.addresses == wanted:
            return Standing.RIGHT
        case None:
            return Standing.NEGATIVE if answer.addresses < wanted else Standing.WRONG
        case _:
            return Standing.FAILS
