"""What one worker remembers without tables, step by step, for an exhaustive model (functions/triggers/turns.py).

No table answers: every message says `always`. Events come to workers, share a message where one is being sent, and are
acknowledged once that is in the queue. Workers take messages, wait for their turn, and drop what a pass of theirs
answers. A killed worker forgets all; its messages and its unacknowledged events come again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from functions.ledger import coalescing


class Message(NamedTuple):
    """A message: which life of which worker sent it, and how many passes that had begun when its event came."""

    life: int
    begun: int


class Wait(NamedTuple):
    """An event that waits in a worker for its message. `asked`: how many sends had begun when it came."""

    event: int
    begun: int
    asked: int


class Taken(NamedTuple):
    """A message in a worker's hands: waiting for its turn (number 0), or in its pass. `saw`: what that observed."""

    message: Message
    came: int
    number: int = 0
    saw: frozenset[int] = frozenset()
    observed: bool = False


class Worker(NamedTuple):
    """One worker's memory and hands. `sending` is the leader of the send under way and that one's number."""

    life: int
    begun: int = 0
    ended: int = 0
    sends: int = 0
    sent: int = 0
    failed: int = 0
    sending: tuple[Wait, int] | None = None
    waiting: tuple[Wait, ...] = ()
    hands: tuple[Taken, ...] = ()


class Budget(NamedTuple):
    """How often each thing may still happen: a kill, a send that fails, a pass that fails, a turn not waited for."""

    kills: int = 0
    sends_fail: int = 0
    passes_fail: int = 0
    impatient: int = 0


NOTHING_GOES_WRONG = Budget()


class State(NamedTuple):
    """Everything at one instant. `coming` are events to be delivered, `happened` those that are facts by now."""

    coming: tuple[int, ...]
    happened: frozenset[int]
    owed: frozenset[int]
    queue: tuple[Message, ...]
    workers: tuple[Worker, ...]
    left: Budget
    lives: int
    passes: int = 0


@dataclass(frozen=True)
class Rules:
    """The protocol, each of its choices replaceable by a wrong one."""

    answers: Callable[[int, int], bool] = coalescing.answers
    shares: Callable[[int, int], bool] = coalescing.answers
    ended_when_begun: bool = False
    trusts_every_stamp: bool = False
    stamped_when_it_came: bool = False


@dataclass(frozen=True)
class World:
    """`events` are delivered to any of the `workers`, at any time; in a `burst` all of them first."""

    events: int
    workers: int = 1
    left: Budget = NOTHING_GOES_WRONG
    burst: bool = False
    rules: Rules = Rules()

    def start(self) -> State:
        workers = tuple(Worker(life) for life in range(self.workers))
        return State(tuple(range(self.events)), frozenset(), frozenset(), (), workers, self.left, self.workers)

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, each with words for it."""
        for at, worker in enumerate(state.workers):
            for event in state.coming:
                yield f"event {event} comes to {at}", self._comes(state, at, event)
            if self.burst and state.coming:
                continue
            yield from self._sends(state, at, worker)
            for message in set(state.queue):
                came = worker.begun
                if message.life == worker.life or self.rules.trusts_every_stamp:
                    came = message.begun
                rest = list(state.queue)
                rest.remove(message)
                taken = worker._replace(hands=_sorted(*worker.hands, Taken(message, came)))
                yield f"{at} takes {message}", _with(state._replace(queue=tuple(rest)), at, taken)
            for hand in set(worker.hands):
                yield from self._pass(state, at, worker, hand)
            if state.left.kills:
                yield f"{at} is killed", _killed(state, at, worker)

    def _comes(self, state: State, at: int, event: int) -> State:
        worker = state.workers[at]
        wait = Wait(event, worker.begun, worker.sends)
        happened = state._replace(
            coming=tuple(one for one in state.coming if one != event),
            happened=state.happened | {event},
            owed=state.owed | ({event} - state.happened),
        )
        return _with(happened, at, worker._replace(waiting=_sorted(*worker.waiting, wait)))

    def _sends(self, state: State, at: int, worker: Worker) -> Iterator[tuple[str, State]]:
        if worker.sending is not None:
            wait, number = worker.sending
            free = worker._replace(sending=None)
            queue = tuple(sorted((*state.queue, Message(worker.life, wait.begun))))
            yield f"sent for {wait.event}", _with(state._replace(queue=queue), at, free._replace(sent=number))
            if state.left.sends_fail:
                less = state._replace(left=state.left._replace(sends_fail=state.left.sends_fail - 1))
                yield f"not sent for {wait.event}", _with(_again(less, wait.event), at, free._replace(failed=number))
            return
        for wait in worker.waiting:
            without = worker._replace(waiting=tuple(one for one in worker.waiting if one != wait))
            if self.rules.shares(worker.sent, wait.asked):
                yield f"{wait.event} shares", _with(state, at, without)
            elif worker.failed > wait.asked:
                yield f"{wait.event} shares the failure", _with(_again(state, wait.event), at, without)
            else:
                number = worker.sends + 1
                stamped = wait if self.rules.stamped_when_it_came else wait._replace(begun=worker.begun)
                yield (
                    f"sending for {wait.event}",
                    _with(state, at, without._replace(sending=(stamped, number), sends=number)),
                )

    def _pass(self, state: State, at: int, worker: Worker, hand: Taken) -> Iterator[tuple[str, State]]:
        rest = list(worker.hands)
        rest.remove(hand)
        without = worker._replace(hands=tuple(rest))
        if hand.number == 0:
            busy = any(other.number for other in rest)
            if busy and not state.left.impatient:
                return
            if busy:
                state = state._replace(left=state.left._replace(impatient=state.left.impatient - 1))
            if self.rules.answers(worker.ended, hand.came):
                yield f"{at} drops {hand.message}", _with(state, at, without)
                return
            number = worker.begun + 1
            ended = max(number, worker.ended) if self.rules.ended_when_begun else worker.ended
            begun = without._replace(begun=number, ended=ended, hands=_sorted(*rest, hand._replace(number=number)))
            yield f"{at} begins {number}", _with(state._replace(passes=state.passes + 1), at, begun)
        elif not hand.observed:
            seen = hand._replace(observed=True, saw=state.happened)
            yield f"{at} observes in {hand.number}", _with(state, at, worker._replace(hands=_sorted(*rest, seen)))
        else:
            ended = without._replace(ended=max(worker.ended, hand.number))
            yield f"{at} ends {hand.number}", _with(state._replace(owed=state.owed - hand.saw), at, ended)
        if hand.number and state.left.passes_fail:
            less = state._replace(left=state.left._replace(passes_fail=state.left.passes_fail - 1))
            back = less._replace(queue=tuple(sorted((*state.queue, hand.message))))
            yield f"{at} fails in {hand.number}", _with(back, at, without)


def lost(state: State) -> str:
    """What is wrong with an end: an event that no pass saw which ended."""
    return f"no pass saw the events {sorted(state.owed)}" if state.owed else ""


def _killed(state: State, at: int, worker: Worker) -> State:
    unsafe = [wait.event for wait in worker.waiting] + ([worker.sending[0].event] if worker.sending else [])
    state = state._replace(
        left=state.left._replace(kills=state.left.kills - 1),
        queue=tuple(sorted((*state.queue, *(hand.message for hand in worker.hands)))),
        lives=state.lives + 1,
    )
    for event in unsafe:
        state = _again(state, event)
    return _with(state, at, Worker(state.lives - 1))


def _again(state: State, event: int) -> State:
    """Event Grid brings an event again that was not acknowledged."""
    return state._replace(coming=tuple(sorted((*state.coming, event))))


def _with(state: State, at: int, worker: Worker) -> State:
    return state._replace(workers=(*state.workers[:at], worker, *state.workers[at + 1 :]))


def _sorted[T: tuple[object, ...]](*items: T) -> tuple[T, ...]:
    return tuple(sorted(items, key=repr))
