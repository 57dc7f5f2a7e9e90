"""What the script restart_pods.sh says it did, read from a command's output. Pure.

The output comes out of a cluster that others may write to: it is bounded, decoded, and never run or logged as it is.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_START = '{"tether":1,'

# The script names at most so many of each sort; a line that is longer than any of its own is none of them.
_NAMED = 20
_LONGEST = 600

type _Count = Annotated[int, Meta(ge=0)]


class _Line(msgspec.Struct):
    """One object of the cluster, and how it stands."""

    state: Literal["restarted", "waiting", "refused", "left", "by-hand"]
    kind: str
    namespace: str
    name: str

    @property
    def text(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class _End(msgspec.Struct, rename="camel"):
    state: Literal["end"]
    move: str
    mode: Literal["list", "restart"]
    restarted: _Count
    waiting: _Count
    refused: _Count
    left: _Count
    by_hand: _Count


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How many workloads stand how, and the names of some (`kind namespace/name`).

    `waiting` were restarted and are not up again, `refused` could not be patched, `left` are for the next command.
    """

    listing: bool = False
    restarted: int
    waiting: int
    refused: int
    left: int
    by_hand: int
    names: tuple[str, ...] = ()
    by_hand_names: tuple[str, ...] = ()

    @property
    def to_go(self) -> int:
        return self.waiting + self.refused + self.left


_line = msgspec.json.Decoder(_Line)
_end = msgspec.json.Decoder(_End)


def read(output: str, move: str) -> Report | None:
    """The report about a move, None where its last line is missing: the output was cut, or the script was killed."""
    end: _End | None = None
    names: dict[str, list[str]] = {"waiting": [], "refused": [], "left": [], "by-hand": []}
    for text in _ours(output):
        try:
            line = _line.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            end = _ended(text, move) or end
            continue
        if len(held := names.setdefault(line.state, [])) < _NAMED:
            held.append(line.text)
    if end is None:
        return None
    open_names = (*names["waiting"], *names["refused"], *names["left"])[:_NAMED]
    return Report(
        listing=end.mode == "list",
        restarted=end.restarted,
        waiting=end.waiting,
        refused=end.refused,
        left=end.left,
        by_hand=end.by_hand,
        names=open_names,
        by_hand_names=tuple(names["by-hand"]),
    )


def _ours(output: str) -> Iterator[str]:
    return (line for line in output.splitlines() if line.startswith(_START) and len(line) <= _LONGEST)


def _ended(text: str, move: str) -> _End | None:
    try:
        end = _end.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return end if end.move == move else None
