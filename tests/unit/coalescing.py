"""The world of one row, step by step: events, messages, passes, kills and `watch`, for the exhaustive model.

The counters and the rules are the real ones; the rest is cut to what can matter. A step is one call that others can
come between. Time is left out: a delayed message may come at any moment, and `watch` whenever nobody does anything.

A pass that fails and a worker that is killed look the same from outside, since both set nothing more and the message
comes back: `kills` stands for both. Two flags that the protocol cannot see tell what is still owed: a pass that
observes after the last event, and one that observes after the last look-again was asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from functions.ledger import coalescing
from functions.ledger.state import Counters, Mark

_DUE = 1.0  # any look_at that is set
_NO_ROW = -1  # what a pass remembers when the tables did not answer


class Message(NamedTuple):
    """A message in the queue. `event` is the number of the event that caused it, if any."""

    look: int = 0
    always: bool = False
    event: int = -1

    @property
    def cause(self) -> str:
        return f"e-{self.event}" if self.event >= 0 else ""


class Stage:
    """The stages of a pass, in order. An urgent pass begins at URGENT: there counting and reading run side by side.

    One in hand begins at IN_HAND: there the row is read, then ARM, and the event is counted and sent beside that.
    """

    URGENT, TAKEN, OBSERVED, WANTING, ASKED, DECIDED, FINISHED, IN_HAND = range(8)


class Pass(NamedTuple):
    """A pass under way: what it remembers of the row, what it asked for, and what the hidden flags say of it.

    `urgent` is the number of the event whose own pass it is, -1 for a worker's.
    """

    stage: int
    message: Message
    urgent: int = -1
    counted: bool = True
    observed: bool = False
    seq: int = _NO_ROW
    look: int = _NO_ROW
    made: float = 0.0
    asked: int = 0
    looking: bool = False
    saw_event: bool = False
    saw_look: bool = False
    sent: bool = False
    upto: int = _NO_ROW
    """The row's `seq` right after the event of a pass in hand was counted."""
    upto_made: float = 0.0
    known: bool = False
    """Whether that event had ended before."""


class Delivery:
    """How far an event's delivery is: to come, counted, not counted, in its urgent pass, over."""

    WAITING, COUNTED, UNCOUNTED, IN_PASS, OVER = range(5)


class Budget(NamedTuple):
    """How often each thing may still go wrong, how often a pass may ask for another, and `watch` come too early.

    `doubles` are of messages, `redeliveries` of events whose delivery was acknowledged. A `blind` pass cannot see, asks
    for another one and is finished: what it owed is owed by that one from then on.
    """

    kills: int = 0
    doubles: int = 0
    redeliveries: int = 0
    no_tables: int = 0
    asks: int = 0
    blind: int = 0
    early_watches: int = 0
    forgets: int = 0
    """Of idle counters, while a pass that has seen them may still be under way."""


NOTHING_GOES_WRONG = Budget()


class State(NamedTuple):
    """Everything at one instant."""

    counters: Counters
    deliveries: tuple[int, ...]
    queue: tuple[Message, ...]
    passes: tuple[Pass, ...]
    left: Budget
    owes_event: bool = False
    owes_look: bool = False
    observations: int = 0


@dataclass(frozen=True)
class Rules:
    """The protocol, each of its choices replaceable by a wrong one, for the tests of the model itself."""

    drop: Callable[[Message, Counters], bool] = coalescing.drop
    resent: Callable[[Counters], int | None] = coalescing.resent
    uncounted_is_always: bool = True
    finish_before_observing: bool = False
    finish_before_asking: bool = False
    finish_with_the_row_of_now: bool = False
    forget_what_others_asked: bool = False
    remember_a_late_count: bool = False
    any_made: bool = False
    mark_of: Callable[[Counters, Counters | None, str], Mark] = coalescing.mark_of


@dataclass(frozen=True)
class World:
    """What happens. The first `urgent` events get a pass of their own, and are `in_hand` or not. In a `burst` all
    messages are sent first.
    """

    events: int = 2
    urgent: int = 0
    in_hand: bool = False
    workers: int = 2
    left: Budget = NOTHING_GOES_WRONG
    burst: bool = False
    rules: Rules = Rules()

    @property
    def _alike(self) -> bool:
        """Whether events come once, so that their names are left out, to have fewer states."""
        return not self.left.redeliveries

    def start(self) -> State:
        return State(Counters(made=1.0), (Delivery.WAITING,) * self.events, (), (), self.left)

    def steps(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, each with words for it."""
        for word, after in self._all_steps(state):
            sort = self._alike and not self.urgent
            yield word, after._replace(deliveries=tuple(sorted(after.deliveries))) if sort else after

    def _all_steps(self, state: State) -> Iterator[tuple[str, State]]:
        for number, phase in enumerate(state.deliveries):
            yield from self._delivery(state, number, phase)
        free = self.workers - sum(doing.urgent < 0 for doing in state.passes)
        if free and not (self.burst and set(state.deliveries) != {Delivery.OVER}):
            for message in set(state.queue):
                yield from self._take(state, message)
        for at, doing in enumerate(state.passes):
            others = state._replace(passes=state.passes[:at] + state.passes[at + 1 :])
            yield from self._pass(others, doing)
            if state.left.kills:
                yield from _killed(_spent(others, "kills"), doing)
        yield from _doubled(state)
        yield from self._watch(state)
        if state.left.forgets and state.counters.idle and state.counters.seq:
            yield "forgot", _spent(state, "forgets")._replace(counters=Counters(made=state.counters.made + 1))

    def _delivery(self, state: State, number: int, phase: int) -> Iterator[tuple[str, State]]:
        mine = Message(event=-1 if self._alike else number)
        match phase:
            case Delivery.WAITING if number < self.urgent:
                known = mine.cause in state.counters.causes
                begun = _phase(state if known else _happened(state), number, Delivery.IN_PASS)
                stage = Stage.IN_HAND if self.in_hand else Stage.URGENT
                yield f"urgent pass for {number}", _with(begun, Pass(stage, mine, urgent=number, counted=False))
            case Delivery.WAITING:
                yield from self._count(state, number, mine)
            case Delivery.COUNTED | Delivery.UNCOUNTED:
                sent = mine._replace(always=phase == Delivery.UNCOUNTED and self.rules.uncounted_is_always)
                yield f"sent {number}", _sent(_phase(state, number, Delivery.OVER), sent)
                if state.left.kills:
                    less = _spent(state, "kills")
                    yield f"killed before sending {number}", _phase(less, number, Delivery.WAITING)
                    if phase == Delivery.COUNTED:
                        yield (
                            f"killed before sending {number}, never to come again",
                            _phase(less, number, Delivery.OVER),
                        )
            case _:
                return

    def _count(self, state: State, number: int, mine: Message) -> Iterator[tuple[str, State]]:
        counters = state.counters.bumped(mine.cause)
        if counters is state.counters:
            yield f"{number} was known", _phase(state, number, Delivery.OVER)
            return
        yield f"counted {number}", _happened(_phase(state._replace(counters=counters), number, Delivery.COUNTED))
        if state.left.no_tables:
            failed = _happened(_phase(_spent(state, "no_tables"), number, Delivery.UNCOUNTED))
            yield f"could not count {number}", failed
            yield f"counted {number} and never knew", failed._replace(counters=counters)

    def _take(self, state: State, message: Message) -> Iterator[tuple[str, State]]:
        rest = _without(state, message)
        if self.rules.drop(message, state.counters):
            yield f"dropped {message}", rest
            return
        held = state.counters
        taken = Pass(Stage.TAKEN, message, seq=held.seq, look=held.look, made=held.made)
        if self.rules.finish_before_observing:
            rest = self._finished(rest, taken)
        yield f"took {message}", _with(rest, taken)
        if state.left.no_tables:
            yield f"took {message} without its row", _with(_spent(rest, "no_tables"), Pass(Stage.TAKEN, message))

    def _pass(self, others: State, doing: Pass) -> Iterator[tuple[str, State]]:
        """The next step of a pass; `others` is the state without it."""
        match doing.stage:
            case Stage.URGENT:
                yield from self._urgent(others, doing)
            case Stage.IN_HAND:
                yield from self._in_hand(others, doing)
            case Stage.TAKEN:
                yield "observed", _with(_more(others, self), _seeing(doing)._replace(stage=Stage.OBSERVED))
                if others.left.blind:
                    yield "was blind", _with(_spent(others, "blind"), doing._replace(stage=Stage.WANTING))
            case Stage.OBSERVED:
                yield "nothing more", _with(_answered(others, doing), doing._replace(stage=Stage.DECIDED))
                if others.left.asks:
                    yield "wants to look again", self._wants(_spent(others, "asks"), doing)
            case Stage.WANTING:
                yield "asked to look again", self._asks(others, doing)
            case Stage.ASKED:
                without_row = doing.seq == _NO_ROW
                follow_up = Message(0 if without_row else doing.asked, without_row, doing.message.event)
                sent = _sent(others, follow_up)
                sent = _owing_a_look(sent) if without_row else sent
                yield "sent the look-again", _with(sent, doing._replace(stage=Stage.DECIDED, looking=True))
            case Stage.DECIDED:
                early = self.rules.finish_before_observing or (self.rules.finish_before_asking and doing.looking)
                after = others if early else self._finished(others, doing)
                over = after if doing.urgent < 0 else _phase(after, doing.urgent, Delivery.OVER)
                yield "finished", _with(after, doing._replace(stage=Stage.FINISHED)) if others.left.kills else over
            case _:
                yield "acknowledged", others if doing.urgent < 0 else _phase(others, doing.urgent, Delivery.OVER)

    def _urgent(self, others: State, doing: Pass) -> Iterator[tuple[str, State]]:
        """Count the event while ARM is read. A count that came after the reading began proves nothing of it."""
        if not doing.counted:
            counters = others.counters.bumped(doing.message.cause)
            late = doing.observed and not self.rules.remember_a_late_count
            remembered = {"seq": 0, "look": _NO_ROW} if late else {"seq": counters.seq, "look": counters.look}
            counted = doing._replace(counted=True, made=counters.made, **remembered)
            yield "counted urgently", _with(others._replace(counters=counters), _ready(counted))
            if others.left.no_tables:
                yield (
                    "could not count urgently",
                    _with(_spent(others, "no_tables"), _ready(doing._replace(counted=True))),
                )
        if not doing.observed:
            yield "observed urgently", _with(others, _ready(_seeing(doing)))
        if doing.counted and others.left.kills:  # the reading failed: the queue takes over
            always = doing.seq == _NO_ROW and self.rules.uncounted_is_always
            blind = _phase(_spent(others, "kills"), doing.urgent, Delivery.OVER)
            yield "saw nothing", _sent(blind, doing.message._replace(always=always))

    def _in_hand(self, others: State, doing: Pass) -> Iterator[tuple[str, State]]:
        """Read the row and then ARM; count the event and send its message beside that."""
        cause = doing.message.cause
        if not doing.counted:
            counters = others.counters.bumped(cause)
            known = cause in counters.causes
            counted = doing._replace(counted=True, upto=counters.seq, upto_made=counters.made, known=known)
            yield "counted in hand", _with(others._replace(counters=counters), counted)
            if others.left.no_tables:
                yield "could not count in hand", _with(_spent(others, "no_tables"), doing._replace(counted=True))
        elif not doing.sent:
            always = doing.upto == _NO_ROW and self.rules.uncounted_is_always
            after = others if doing.known else _sent(others, doing.message._replace(always=always))
            yield "sent in hand", _with(after, self._held(doing._replace(sent=True)))
        if doing.seq == _NO_ROW:
            if cause in others.counters.causes:
                yield "was answered", _phase(others, doing.urgent, Delivery.OVER)
            else:
                held = others.counters
                yield "read in hand", _with(others, doing._replace(seq=held.seq, look=held.look, made=held.made))
        elif not doing.observed:
            yield "observed in hand", _with(others, self._held(_seeing(doing)))

    def _held(self, doing: Pass) -> Pass:
        """A pass in hand that has seen and sent all goes on as any other."""
        if not doing.sent or not doing.observed:
            return doing
        cause = doing.message.cause
        causes = (cause,) if doing.known else ()
        counted = Counters(seq=doing.upto, causes=causes, made=doing.upto_made) if doing.upto != _NO_ROW else None
        mark = self.rules.mark_of(Counters(seq=doing.seq, look=doing.look, made=doing.made), counted, cause)
        return doing._replace(stage=Stage.OBSERVED, seq=mark.seq, look=mark.look, made=mark.made)

    def _wants(self, others: State, doing: Pass) -> State:
        """A lone worker's wish binds at once; of two, the other may have seen that nothing is left to wish for."""
        answered = _answered(others, doing)
        if self.rules.finish_before_asking:
            answered = self._finished(answered, doing._replace(looking=True))
        owes = answered.owes_look or (self.workers == 1 and not self.urgent)
        return _with(answered._replace(owes_look=owes), doing._replace(stage=Stage.WANTING, saw_look=False))

    def _asks(self, others: State, doing: Pass) -> State:
        if doing.seq == _NO_ROW:
            return _with(others, doing._replace(stage=Stage.ASKED))
        others = _owing_a_look(others)
        counters = others.counters.looking(_DUE)
        return _with(others._replace(counters=counters), doing._replace(stage=Stage.ASKED, asked=counters.look))

    def _finished(self, state: State, doing: Pass) -> State:
        if doing.seq == _NO_ROW:
            return state
        seq = state.counters.seq if self.rules.finish_with_the_row_of_now else doing.seq
        look = state.counters.look if self.rules.forget_what_others_asked else doing.look
        made = 0.0 if self.rules.any_made else doing.made
        counters = state.counters.finished(Mark(seq, look, made), doing.message.cause, looking=doing.looking)
        return state._replace(counters=counters)

    def _watch(self, state: State) -> Iterator[tuple[str, State]]:
        look = self.rules.resent(state.counters)
        if look is None:
            return
        if not state.queue and not state.passes:
            yield "watch", _sent(state, Message(look))
        elif state.left.early_watches:
            yield "watch, early", _sent(_spent(state, "early_watches"), Message(look))


def lost(state: State) -> str:
    """What is wrong with a state in which nothing can happen any more; empty when nothing is."""
    if state.owes_event:
        return "no pass observed after the last event"
    if state.owes_look:
        return "no pass observed after the last look-again was asked for"
    if state.counters.pending or state.counters.look_at:
        return "the row awaits what nobody sends"
    return ""


def _killed(state: State, doing: Pass) -> Iterator[tuple[str, State]]:
    if doing.urgent < 0:
        yield "killed", _sent(state, doing.message)
        return
    yield "killed urgently", _phase(state, doing.urgent, Delivery.WAITING)
    in_row = doing.upto if doing.stage == Stage.IN_HAND else doing.seq
    if doing.counted and in_row != _NO_ROW:
        yield "killed urgently, never to come again", _phase(state, doing.urgent, Delivery.OVER)


def _doubled(state: State) -> Iterator[tuple[str, State]]:
    if state.left.doubles:
        for message in set(state.queue):
            yield f"doubled {message}", _sent(_spent(state, "doubles"), message)
    if state.left.redeliveries:
        for number, phase in enumerate(state.deliveries):
            if phase == Delivery.OVER:
                yield f"delivered {number} again", _phase(_spent(state, "redeliveries"), number, Delivery.WAITING)


def _happened(state: State) -> State:
    """The world changed, and no pass so far has seen it."""
    blinded = tuple(sorted(doing._replace(saw_event=False) for doing in state.passes))
    return state._replace(owes_event=True, passes=blinded)


def _owing_a_look(state: State) -> State:
    """A pass asked for another one, which has to observe after this."""
    blinded = tuple(sorted(doing._replace(saw_look=False) for doing in state.passes))
    return state._replace(owes_look=True, passes=blinded)


def _seeing(doing: Pass) -> Pass:
    return doing._replace(observed=True, saw_event=True, saw_look=True)


def _ready(doing: Pass) -> Pass:
    return doing._replace(stage=Stage.OBSERVED) if doing.counted and doing.observed else doing


def _answered(state: State, doing: Pass) -> State:
    return state._replace(
        owes_event=state.owes_event and not doing.saw_event, owes_look=state.owes_look and not doing.saw_look
    )


def _more(state: State, world: World) -> State:
    return state._replace(observations=state.observations + 1) if world.burst else state


def _phase(state: State, number: int, phase: int) -> State:
    return state._replace(deliveries=(*state.deliveries[:number], phase, *state.deliveries[number + 1 :]))


def _sent(state: State, message: Message) -> State:
    return state._replace(queue=tuple(sorted((*state.queue, message))))


def _without(state: State, message: Message) -> State:
    at = state.queue.index(message)
    return state._replace(queue=state.queue[:at] + state.queue[at + 1 :])


def _with(state: State, doing: Pass) -> State:
    return state._replace(passes=tuple(sorted((*state.passes, doing))))


def _spent(state: State, what: str) -> State:
    return state._replace(left=state.left._replace(**{what: getattr(state.left, what) - 1}))
