"""What the calls of a run needed: every action that ARM would have asked for, and which of them were refused."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Need:
    """An action that a call of a principal needs at a scope. `linked`: on something that its body names.

    `scope` is the id of the resource, of what a list is of, or, for rows of Resource Graph, of their subscription.
    Compared in lower case, as Azure does.
    """

    principal: str
    action: str
    scope: str
    linked: bool = False


@dataclass(slots=True)
class Needs:
    """A recorder: `azure.access.needs = Needs()`. A need that was refused stands in both."""

    asked: set[Need] = field(default_factory=set[Need])
    refused: set[Need] = field(default_factory=set[Need])

    def note(self, principal: str, action: str, scope: str, *, linked: bool = False, granted: bool = True) -> None:
        need = Need(principal, action.casefold(), scope.casefold(), linked)
        self.asked.add(need)
        if not granted:
            self.refused.add(need)

    def actions(self, principal: str, within: str = "") -> frozenset[str]:
        """The actions that a principal needed at a scope and below it, in lower case."""
        below = within.casefold()
        return frozenset(
            need.action for need in self.asked if need.principal == principal and need.scope.startswith(below)
        )
