"""A query's text, taken apart into tokens."""

import re
from dataclasses import dataclass
from typing import Literal

type Kind = Literal["name", "text", "number", "sign", "end"]

_PATTERN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<text>@'(?:[^']|'')*'|@"(?:[^"]|"")*"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")
    |(?P<name>!?[A-Za-z_][A-Za-z0-9_]*~?(?:-(?:away|keep|expand)\b)?)
    |(?P<number>\d+)
    |(?P<sign>=~|!~|==|!=|<=|>=|[|()\[\],.=<>])""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class InvalidQueryError(Exception):
    """A query that cannot be answered; the sentence says where and why."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token. `value` of a text is what it says, without quotes and escapes."""

    kind: Kind
    value: str
    at: int


def tokens(query: str) -> list[Token]:
    """The tokens of a query, an end token last. Raises InvalidQueryError for a sign outside the language."""
    found: list[Token] = []
    position = 0
    while position < len(query):
        match = _PATTERN.match(query, position)
        if match is None:
            raise InvalidQueryError(f"a recognition error occurred at position {position}: {query[position]!r}")
        position = match.end()
        match match.lastgroup:
            case "text":
                found.append(Token("text", _unquoted(match[0]), match.start()))
            case "name":
                found.append(Token("name", match[0], match.start()))
            case "number":
                found.append(Token("number", match[0], match.start()))
            case "sign":
                found.append(Token("sign", match[0], match.start()))
            case _:
                continue
    return [*found, Token("end", "", len(query))]


def _unquoted(written: str) -> str:
    if written.startswith("@"):
        quote = written[1]
        return written[2:-1].replace(quote * 2, quote)
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), written[1:-1])
