"""What may be written down of what Azure said: its form, and nothing that tells whose Azure it was."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

_RULES = (
    # Operation addresses carry signatures in their query.
    (re.compile(r"(https?://[^\s\"'?]+)\?[^\s\"']*"), r"\1?…"),
    (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<guid>"),
    (re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"), "<name>"),
    # Tokens, keys and the names of operations: nothing that Tether or AKS names is so long without a break.
    (re.compile(r"[A-Za-z0-9_+/=]{64,}|[A-Za-z0-9_-]{64,}"), "<long>"),
    # ARM's own form of a refusal: who asked, by name and by object id.
    (re.compile(r"(client|user|principal) '[^']*'", re.IGNORECASE), r"\1 '<name>'"),
)


def scrubbed(text: str) -> str:
    """The text without GUIDs (of subscriptions, tenants, principals, ETags), addresses' queries, people and tokens."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text


def scrubbed_json(value: object) -> Any:
    """The same for every text in a JSON value, the names of its fields included."""
    match value:
        case str():
            return scrubbed(value)
        case Mapping():
            held = cast("Mapping[str, object]", value)
            return {scrubbed(str(key)): scrubbed_json(part) for key, part in held.items()}
        case Sequence():
            return [scrubbed_json(part) for part in cast("Sequence[object]", value)]
        case _:
            return value
