"""Places in a JSON body, as text: `properties.agentPoolProfiles.*.name`. `*` is a list's item, or an id as a key."""

from collections.abc import Iterator
from typing import Any


def differences(one: Any, other: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Where `other` lacks or contradicts something that `one` says."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key, value in one.items():
            below = (*path, "*" if key.startswith("/") else key)
            yield from differences(value, other[key], below) if key in other else [".".join(below)]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for this, that in zip(one, other, strict=True):
            yield from differences(this, that, (*path, "*"))
    elif one != other:
        yield ".".join(path)


def paths(held: Any, above: str = "") -> Iterator[str]:
    """Every place in a body."""
    for key, value in held.items() if isinstance(held, dict) else ():
        place = f"{above}*" if key.startswith("/") else f"{above}{key}"
        yield place
        yield from paths(value, f"{place}.")
    for value in held if isinstance(held, list) else ():
        yield from paths(value, f"{above}*.")
