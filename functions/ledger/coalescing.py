"""Which messages need no pass, and which rows need another message. Pure; docs/decisions/0004 tells why.

tests/unit/test_coalescing_model.py tries every interleaving of these rules and of Counters.
"""

from typing import Protocol

from functions.ledger.state import Counters, Mark


class Message(Protocol):
    """What the rules need of a Work: the number of the look-again that it is (0 for an event), and `always`."""

    @property
    def look(self) -> int: ...

    @property
    def always(self) -> bool: ...


def drop(message: Message, counters: Counters) -> bool:
    """Whether a message needs no pass, its row's counters being these.

    message      row                     dropped
    always       any                     no: what happened could not be counted
    event        done < seq              no
    event        done ≥ seq              yes: a pass began after the last event
    look-again   look ≤ the message's    no: it is the last one that was asked for
    look-again   look > the message's    yes: another was asked for since, and has its own message
    """
    if message.always:
        return False
    return message.look < counters.look if message.look else not counters.pending


def answers(ended: int, came: int) -> bool:
    """Whether a pass of one worker answers for what came to it, without any table.

    Passes are numbered as they begin. `ended` is the highest number of one on the same thing that ended, `came` how
    many had begun when it came. A pass that began before may have read ARM before it happened; one that has not ended
    may still fail.
    """
    return ended > came


def mark_of(read: Counters, counted: Counters | None, cause: str) -> Mark:
    """What a pass remembers that began to observe when it had read `read`, while the event that it is for was counted.

    `counted` is the row right after the event, None where the tables did not answer.

    counted                                          remembered
    one more than was read: this event alone         that one too: ARM told of it before we read
    any other, or the event had ended before         what was read: what came between may not be seen
    """
    if counted is not None and counted.seq == read.seq + 1 and cause not in counted.causes:
        return Mark(counted.seq, read.look, counted.made)
    return read.mark


def resent(counters: Counters) -> int | None:
    """What `watch` sends for a row that is overdue: 0 for an event, else the look-again of that number.

    None when nothing is awaited.
    """
    if counters.pending:
        return 0
    return counters.look if counters.look_at else None
