"""What the app's functions are bound to, as its worker reports them, with `%SETTING%` names resolved."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localazure.cannot_start import CannotStart
from localazure.store import Json

TRIGGERS = ("eventGridTrigger", "httpTrigger", "queueTrigger", "timerTrigger")
_SETTING = re.compile(r"%([^%]+)%")


class BindingError(CannotStart):
    """A binding that this host cannot serve; the sentence says which and why."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: its name, its trigger binding, and the name of the argument that the trigger fills."""

    name: str
    trigger: Json

    @property
    def kind(self) -> str:
        return self.trigger["type"]

    @property
    def argument(self) -> str:
        return self.trigger["name"]


def functions(indexed: list[Json], settings: Mapping[str, str]) -> dict[str, Function]:
    """The functions by lower-case name (the host compares names without case).

    Raises BindingError for a trigger or output this host does not have, or a setting that is not there.
    """
    found: dict[str, Function] = {}
    for entry in indexed:
        name: str = entry["name"]
        bindings: list[Json] = [_resolved(binding, settings, name) for binding in entry["bindings"]]
        triggers = [binding for binding in bindings if binding["type"] in TRIGGERS]
        others = [binding for binding in bindings if binding not in triggers and binding["type"] != "http"]
        if len(triggers) != 1 or others:
            types = ", ".join(binding["type"] for binding in bindings)
            raise BindingError(f"function {name} has the bindings {types}; the local host has {', '.join(TRIGGERS)}")
        found[name.casefold()] = Function(name, triggers[0])
    return found


def _resolved(binding: Json, settings: Mapping[str, str], function: str) -> Json:
    return {key: _fill(value, settings, function) for key, value in binding.items()}


def _fill(value: Any, settings: Mapping[str, str], function: str) -> Any:
    """Put settings where a text names them between percent signs (Learn, "Binding expressions - app settings")."""
    if not isinstance(value, str):
        return value

    def setting(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in settings:
            raise BindingError(f"function {function} names the app setting {name}, which is not set")
        return settings[name]

    return _SETTING.sub(setting, value)
