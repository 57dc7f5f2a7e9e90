"""Faults that a caller asks for: which requests they hit, and what becomes of those."""

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import Any, Self

from localazure.answers import Answer, arm_error
from localazure.azure import LocalAzure
from localazure.fault import Effect, Hit
from localazure.fault_effects import effect_named
from localazure.operations import NO_FATE, Fate
from localazure.store import Json


class ConnectionDropped(Exception):  # noqa: N818 - what happened
    """The connection ends without an answer. `after_work` tells whether the request was carried out."""

    def __init__(self, *, after_work: bool) -> None:
        super().__init__("the connection was dropped")
        self.after_work = after_work


class NeverAnswered(Exception):  # noqa: N818 - what happened
    """The connection stays open and silent."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which requests an effect hits. Empty means any; all that is given must match, without case.

    `path` is a regular expression searched in the path; `nth` picks one matching call, counted from 1;
    `times` ends the rule after so many hits.
    """

    effect: Effect
    method: str = ""
    resource_type: str = ""
    path: str = ""
    nth: int = 0
    probability: float = 1.0
    times: int | None = None

    def __post_init__(self) -> None:
        """Refuse a path that is no regular expression at once, and not at the first request."""
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path: {error}") from None

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """`{"effect": "throttled", "with": {"retry_after": 7}, "method": "PUT", "path": "…", "times": 1}`.

        Raises ValueError naming what is unknown or has the wrong type.
        """
        known = {"effect", "with", "method", "resource_type", "path", "nth", "probability", "times"}
        if unknown := data.keys() - known:
            raise ValueError(f"unknown fields {sorted(unknown)}; a rule has {sorted(known)}")
        rest = {key: value for key, value in data.items() if key not in ("effect", "with")}
        for key, wanted in _TYPES.items():
            if key in rest and not isinstance(rest[key], wanted):
                raise ValueError(f"{key} must be {wanted}, not {rest[key]!r}")
        return cls(effect_named(str(data.get("effect", "")), data.get("with") or {}), **rest)

    def matches(self, method: str, resource_type: str, path: str) -> bool:
        return (
            self.method.casefold() in ("", method.casefold())
            and self.resource_type.casefold() in ("", resource_type.casefold())
            and re.search(self.path, path, re.IGNORECASE) is not None
        )


_TYPES: dict[str, Any] = {
    "method": str,
    "resource_type": str,
    "path": str,
    "nth": int,
    "probability": int | float,
    "times": int | None,
}


@dataclass(slots=True)
class Planned:
    """What the rules have in store for one request."""

    hit: Hit
    effects: list[Effect] = field(default_factory=list[Effect])
    hidden: str = ""

    @property
    def fate(self) -> Fate:
        """Of the operations that the request starts."""
        return next((effect.fate for effect in self.effects if effect.fate is not None), NO_FATE)

    @property
    def instead(self) -> Answer | None:
        """The answer that is given without doing anything."""
        return next((effect.answer(self.hit) for effect in self.effects if effect.answer is not None), None)

    async def before(self) -> None:
        """Latency, silence, a dropped connection, or the 404 of what is still hidden: before anything is done."""
        for effect in self.effects:
            if effect.latency:
                await asyncio.sleep(effect.latency)
            if effect.silent:
                raise NeverAnswered
            if effect.drop == "before":
                raise ConnectionDropped(after_work=False)
        if self.hidden:
            raise arm_error(404, "ResourceNotFound", f"The Resource '{self.hidden}' was not found.")

    async def after(self) -> None:
        """Drop the connection when the work is done but nobody has been told."""
        if any(effect.drop == "after" for effect in self.effects):
            raise ConnectionDropped(after_work=True)


class Faults:
    """The rules in force. Chance comes from the local Azure's own seed."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure = azure
        self._rules: list[tuple[Rule, list[int]]] = []  # with how often each matched, and how often it hit
        self._hidden: dict[str, float] = {}

    def add(self, effect: Effect, **where: Any) -> Rule:
        """Put a rule in force: `faults.add(throttled(), method="PUT", times=2)`; `where` as in Rule."""
        return self.add_rule(replace(Rule(effect), **where))

    def add_rule(self, rule: Rule) -> Rule:
        self._rules.append((rule, [0, 0]))
        return rule

    def clear(self) -> None:
        """Nothing fails any more."""
        self._rules.clear()
        self._hidden.clear()

    def hits(self, rule: Rule) -> int:
        """How many requests a rule has hit."""
        return next((counts[1] for known, counts in self._rules if known is rule), 0)

    def plan(self, method: str, resource_type: str, path: str) -> Planned:
        """Decide what becomes of a request."""
        effects: list[Effect] = []
        for rule, counts in self._rules:
            if not rule.matches(method, resource_type, path):
                continue
            counts[0] += 1
            if (rule.nth and counts[0] != rule.nth) or (rule.times is not None and counts[1] >= rule.times):
                continue
            if rule.probability < 1 and self._azure.random.random() >= rule.probability:
                continue
            counts[1] += 1
            effects.append(rule.effect)
        return Planned(
            Hit(self._azure, method, resource_type, path), effects, self._still_hidden(method, path, effects)
        )

    def _still_hidden(self, method: str, path: str, effects: list[Effect]) -> str:
        """The path, when it is read too soon after its creation."""
        key = path.casefold()
        if method == "PUT" and (hide := max((effect.hide for effect in effects), default=0)):
            self._hidden.setdefault(key, self._azure.clock.now() + hide)
        if method != "GET" or key not in self._hidden:
            return ""
        if self._azure.clock.now() >= self._hidden[key]:
            del self._hidden[key]
            return ""
        return path
