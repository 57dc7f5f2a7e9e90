"""The roles that are deployed hold what Tether's calls need, and what their writes imply, and nothing else."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.scenarios.rights_stories import (
    FLEET,
    HUB,
    HUB_ZONE,
    JOIN,
    LINK,
    LINKING,
    PUT,
    READ,
    READ_RECORDS,
    RECORD,
    ROLES,
    ROUTE,
    RUN,
    TOLD,
)
from tests.scenarios.rights_told import Ended, RightsStory, roles

ROOT = Path(__file__).parents[2]

OF_AZURE_POLICY = {"onboard-subscriptions", "receive-events"}
"""Roles of the policy assignment's identity, which calls nothing of Tether's."""


@cache
def told(number: int) -> Ended:
    return TOLD[number].with_all_rights()


@cache
def observed(number: int) -> Ended:
    return TOLD[number].observed()


def names(story: RightsStory) -> set[str]:
    """The roles that Tether has in a story."""
    return {name for name, _ in story.assigned}


def stories_of(role: str) -> list[Ended]:
    return [told(number) for number, story in enumerate(TOLD) if role in names(story)]


def stories_of_links_alone() -> list[Ended]:
    linking = {name for name, _ in LINKING}
    return [told(number) for number, story in enumerate(TOLD) if names(story) <= linking]


def at(scope: str, ended: list[Ended]) -> set[str]:
    """The actions that were needed on what lies at a scope or below it."""
    return {need.action for one in ended for need in one.needed if need.scope.startswith(scope.casefold())}


@cache
def required() -> dict[str, set[str]]:
    """What each role must hold, in lower case: its stories' needs where it is given, less what others give there.

    read-fleet      what mode observe needs in the fleet
    read-records    what mode observe needs on a zone that holds records
    write-records   what mode enforce needs there: it is given alone, so with the reads
    join-hub        what is needed on a hub
    link-zones      what mode enforce needs in the fleet beyond that, in the stories of links
    the others      and beyond that too, in their own stories
    """
    seen = at(FLEET, [observed(number) for number in range(len(TOLD))])
    linking = at(FLEET, stories_of_links_alone()) - seen
    return {
        READ: seen,
        READ_RECORDS: at(HUB_ZONE, stories_of(READ_RECORDS)),
        RECORD: at(HUB_ZONE, stories_of(RECORD)),
        JOIN: at(HUB, stories_of(JOIN)),
        LINK: linking,
        **{role: at(FLEET, stories_of(role)) - seen - linking for role in (ROUTE, PUT, RUN)},
    }


def repeated(role: str) -> set[str]:
    """The reads of what a role writes or joins: it may repeat them, so that who holds it alone can look, too."""
    written = {action.rsplit("/", 2 if action.endswith("/action") else 1)[0] for action in required()[role]}
    return {f"{kind}/read" for kind in written} & required()[READ]


def deployed(role: str) -> set[str]:
    return {action.casefold() for action in roles()[role].actions}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_misses_nothing(role: str) -> None:
    assert required()[role] - deployed(role) == set()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_has_nothing_too_many(role: str) -> None:
    assert deployed(role) - required()[role] - repeated(role) == set()


def test_every_role_is_measured_or_azure_policys() -> None:
    assert set(roles()) == {*ROLES, *OF_AZURE_POLICY}


def test_no_role_stands_for_more_than_it_says() -> None:
    assert [action for role in roles().values() for action in role.actions if "*" in action] == []


def test_all_stories_are_done_where_nothing_is_forbidden() -> None:
    assert [story.act.__name__ for number, story in enumerate(TOLD) if not told(number).done] == []


def table() -> list[list[str]]:
    """The rows of security.md's table of rights: action, role, scope, function, and what is so without it."""
    text = (ROOT / "docs" / "security.md").read_text()
    section = text.partition("## What each right is for")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split("|")] for row in rows]


def test_the_table_of_rights_has_every_action_of_every_role_and_no_other() -> None:
    listed = [(row[0], row[1]) for row in table()]
    assert sorted(listed) == sorted((action, role) for role in ROLES for action in roles()[role].actions)


def test_the_table_of_rights_names_code_that_is_there() -> None:
    for action, _, scope, places, *_ in table():
        assert scope, action
        named = re.findall(r"(functions/[\w/]+\.py):(\w+)", places)
        assert named, action
        for file, function in named:
            assert function in _functions(ROOT / file), f"{action}: {file}:{function}"


def _functions(file: Path) -> set[str]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, kinds)}
