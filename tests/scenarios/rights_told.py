"""Tells a story with Tether limited to roles, and hears what its calls needed, were refused, and what it told."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from functions.arm.errors import ArmError
from functions.around import Around
from functions.policy import Mode, Policy
from functions.role import Role as AppRole
from localazure.needs import Need, Needs
from localazure.rights import Role
from localazure.store import Json
from localazure.world import HubAndSpoke
from tests.scenarios.story import Story, a_policy, tell

TETHER = "a.b.c"
"""Tether's principal in stories."""

RIGHTS = Path(__file__).parents[2] / "infra" / "roles" / "rights.json"


@cache
def roles() -> Mapping[str, Role]:
    """The role definitions that are deployed."""
    held: dict[str, Json] = msgspec.json.decode(RIGHTS.read_bytes())
    return {name: Role(name, tuple(role["actions"])) for name, role in held.items()}


class Heard(logging.Handler):
    """The codes of the findings that Tether tells meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: set[str] = set()
        self._log = logging.getLogger("tether")

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        line = msgspec.json.decode(said) if said.startswith("{") else {}
        if line.get("event") == "finding":
            self.codes.add(line["code"])

    def __enter__(self) -> None:
        self._log.addHandler(self)

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)


@dataclass
class Ended:
    """What a story came to. `done`: whether Tether did what the story is about."""

    needs: Needs = field(default_factory=Needs)
    findings: set[str] = field(default_factory=set[str])
    done: bool = False
    why: str = ""
    """Why Tether could not go on, where it raised."""

    @property
    def needed(self) -> set[Need]:
        return {need for need in self.needs.asked if need.principal == TETHER}

    @property
    def actions(self) -> set[str]:
        """In lower case."""
        return {need.action for need in self.needed}

    @property
    def refused(self) -> set[str]:
        """In lower case."""
        return {need.action for need in self.needs.refused if need.principal == TETHER}


@dataclass(frozen=True)
class RightsStory:
    """`act` is what happens, and gives whether Tether did what it should; `assigned` is where it gets which role.

    It is told in `mode`, and by `observed` in mode observe, to see what is needed without any write.
    `app` is Tether's app that it is told of. `observing` is the world of mode observe: nobody links the hub there, so
    that a cluster comes up only where its spoke asks Azure's own DNS.
    """

    act: Callable[[Story], Awaitable[bool]]
    assigned: tuple[tuple[str, str], ...]
    policy: Mapping[str, Any] = field(default_factory=dict[str, Any])
    names_hub: bool = True
    mode: Mode = Mode.ENFORCE
    app: AppRole = AppRole.ALONE
    observing: Mapping[str, Any] = field(default_factory=lambda: {"custom_dns": False})

    def with_all_rights(self) -> Ended:
        """Tell it with nothing forbidden."""
        return self._told(self.mode, None)

    def observed(self) -> Ended:
        """Tell it in mode observe, with nothing forbidden."""
        return self._told(Mode.OBSERVE, None)

    def with_its_roles(self, *, without: str = "") -> Ended:
        """Tell it with the roles that it is assigned, but for one action, whichever of them gives it."""
        given = [
            (replace(role, actions=tuple(one for one in role.actions if one.casefold() != without.casefold())), scope)
            for name, scope in self.assigned
            for role in (roles()[name],)
        ]
        return self._told(self.mode, given)

    def _told(self, mode: Mode, given: list[tuple[Role, str]] | None) -> Ended:
        ended, heard = Ended(), Heard()

        async def story(here: Story) -> None:
            here.azure.access.needs = ended.needs
            if given is not None:
                here.azure.access.rights.limit(TETHER)
            for role, scope in given or ():
                here.azure.access.rights.assign(TETHER, role, scope)
            assert isinstance(here.live.around, Around)
            here.live = replace(here.live, around=replace(here.live.around, role=self.app))
            try:
                ended.done = await self.act(here)
            except ArmError as error:
                ended.why = str(error)

        def policy(world: HubAndSpoke) -> Policy:
            return a_policy(world, *([world.hub] if self.names_hub else []), **{**self.policy, "mode": mode})

        with heard:
            world = self.observing if mode is Mode.OBSERVE else {}
            tell(story, policy, deaf=self.app is AppRole.PRIVILEGED, **world)
        ended.findings = heard.codes
        return ended
