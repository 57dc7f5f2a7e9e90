"""Azure's answers read item by item: one odd item is reported, and the others are used.

A body is decoded as a whole first, which is fast. Only a body that does not fit is read again, item by item: fields
that are null count as absent there (ARM's documentation allows both for every optional field), and an item that still
does not fit is `Odd`. An odd item is not absent: nothing may be concluded from not finding it among the others.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.resource_id import InvalidResourceIdError, ResourceId

_LONGEST = 300  # characters of a reason: it goes into a log line


@dataclass(frozen=True, slots=True)
class Odd:
    """An item that cannot be understood.

    `id` is None where that cannot be read. `kind` is the type that it should have had, `where` the path of the field
    that does not fit, `why` what is wrong with it: types, no values, but for an id that cannot be read.
    """

    id: ResourceId | None
    kind: str
    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


class NotUnderstoodError(NoAnswerError):
    """Azure answered, and the answer cannot be understood. Asked again, it is probably the same: retry slowly."""

    def __init__(self, odd: Odd) -> None:
        super().__init__(f"the answer cannot be understood: {odd}")
        self.odd = odd

    @property
    def refusal(self) -> ArmError:
        """The same as a refusal to show the resource, for facts of which a refusal is a known answer."""
        return ArmError(200, "NotUnderstood", str(self))


@dataclass(frozen=True, slots=True)
class Listed[T]:
    """A list: the items that were understood, and those that were not."""

    items: tuple[T, ...]
    odd: tuple[Odd, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every item was understood, so that what is not among the items is not there."""
        return not self.odd


def one[T](decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The struct in a body. Raises NotUnderstoodError for an object of another shape.

    Anything but an object counts as no answer: a proxy's page, or one cut short.
    """
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # ValueError: bytes that are no UTF-8
        pass
    item = parsed(body)
    if not isinstance(item, dict):
        raise _no_answer("it is no JSON object")
    read = fitted(cast("dict[str, object]", item), decoder)
    if isinstance(read, Odd):
        raise NotUnderstoodError(read)
    return read


def parsed(body: bytes) -> object:
    """JSON as Python objects, also where texts in it are no Unicode. Raises NoAnswerError for what is no JSON."""
    try:
        return json.loads(body.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError) as error:
        raise _no_answer(type(error).__name__) from None


def fields(body: bytes) -> dict[str, object]:
    """The fields of a page. Raises NoAnswerError for what is no JSON object."""
    page = parsed(body)
    if not isinstance(page, dict):
        raise _no_answer("it is no JSON object")
    return cast("dict[str, object]", page)


def each[T](
    page: Mapping[str, object],
    name: str,
    decoder: msgspec.json.Decoder[T],
    salvaged: Callable[[object], T | Odd] | None = None,
) -> Listed[T]:
    """The items in a page's field, one by one. Raises NoAnswerError where there is no list.

    `salvaged` gives what can be used of an odd item.
    """
    items = page.get(name)
    if not isinstance(items, list):
        raise _no_answer(f"{name} is no list")
    found: list[T] = []
    odd: list[Odd] = []
    for item in cast("list[object]", items):
        read = fitted(item, decoder)
        if isinstance(read, Odd) and salvaged is not None:
            read = salvaged(item)
        if isinstance(read, Odd):
            odd.append(read)
        else:
            found.append(read)
    return Listed(tuple(found), tuple(odd))


def text_in(page: Mapping[str, object], name: str) -> str | None:
    """A page's own field, None where it is absent or null. Raises NoAnswerError for anything but text.

    What a page says of the pages after it has to be understood: without it a part would pass for the whole.
    """
    value = page.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _no_answer(f"{name} is no text")


def fitted[T](item: object, decoder: msgspec.json.Decoder[T]) -> T | Odd:
    """A parsed item as its struct, nulls counting as absent, or why it is none."""
    kind: Any = decoder.type
    try:
        json.dumps(item, ensure_ascii=False).encode()
        return cast("T", msgspec.convert(without_nulls(item), kind, dec_hook=decoder.dec_hook))
    except UnicodeEncodeError:
        where, why = "$", "it has text that is no Unicode"
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        why, _, where = str(error).partition(" - at ")
    return Odd(_id_of(item), kind.__name__, (where or "$").strip("`"), ascii(why[:_LONGEST])[1:-1])


def without_nulls(item: object) -> object:
    """An item without the fields that are null. A null in a list stays: it stands for something."""
    if isinstance(item, dict):
        held = cast("dict[str, object]", item)
        return {name: without_nulls(value) for name, value in held.items() if value is not None}
    if isinstance(item, list):
        return [without_nulls(value) for value in cast("list[object]", item)]
    return item


def _id_of(item: object) -> ResourceId | None:
    text = cast("dict[str, object]", item).get("id") if isinstance(item, dict) else None
    try:
        return ResourceId(text) if isinstance(text, str) else None
    except InvalidResourceIdError:
        return None


def _no_answer(why: str) -> NoAnswerError:
    return NoAnswerError(f"the answer is not what Azure's documentation says: {why}")
