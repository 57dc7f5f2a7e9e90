"""With the roles that are deployed Tether does all it is for, and with one action less it fails or tells so."""

from functools import cache

import pytest

from functions.role import Role
from tests.scenarios.rights_stories import LINKING, ROLES, TOLD, a_zone_is_linked
from tests.scenarios.rights_told import Ended, RightsStory, roles

LOOK_UPS = {
    "Microsoft.Network/privateDnsOperationStatuses/read",
    "Microsoft.Network/locations/operations/read",
    "Microsoft.ContainerService/locations/operations/read",
}
"""Of operations: without them Tether reads what it wrote instead, which costs reads of a scarce bucket."""


def name_of(story: RightsStory) -> str:
    what = story.act.__name__.replace("_", " ")
    return what + ("" if story.names_hub else ", its hub discovered") + (", by the second app" if second(story) else "")


def second(story: RightsStory) -> bool:
    return story.app is Role.PRIVILEGED


@cache
def with_its_roles(story: int) -> Ended:
    return TOLD[story].with_its_roles()


def actions() -> list[tuple[str, str]]:
    return [(role, action) for role in ROLES for action in roles()[role].actions]


@pytest.mark.parametrize("story", range(len(TOLD)), ids=[name_of(story) for story in TOLD])
def test_its_roles_are_enough(story: int) -> None:
    ended = with_its_roles(story)
    assert ended.done, ended.findings or ended.why
    # A role on a zone alone does not hold for operations, which lie in the zone's group.
    on_zones_alone = "custom_zone" in TOLD[story].act.__name__
    assert ended.refused == ({"microsoft.network/privatednsoperationstatuses/read"} if on_zones_alone else set())


@pytest.mark.parametrize(("role", "action"), actions())
def test_one_action_less_is_noticed(role: str, action: str) -> None:
    concerned = [number for number, story in enumerate(TOLD) if role in {name for name, _ in story.assigned}]
    needing = [number for number in concerned if action.casefold() in with_its_roles(number).actions]
    assert needing, "no story needs it"
    if action in LOOK_UPS:
        ended = TOLD[needing[0]].with_its_roles(without=action)
        assert ended.done
        assert action.casefold() in ended.refused
    else:
        assert any(_noticed(number, action) for number in needing)


def _noticed(number: int, action: str) -> bool:
    ended = TOLD[number].with_its_roles(without=action)
    return not ended.done or bool(ended.findings - with_its_roles(number).findings) or bool(ended.why)


def test_without_any_role_nothing_is_written_and_it_is_told() -> None:
    ended = RightsStory(a_zone_is_linked, ()).with_its_roles()
    assert not ended.done
    assert "not-readable" in ended.findings
    assert not {action for action in ended.actions - ended.refused if not action.endswith("/read")}


@pytest.mark.parametrize("role", [role for role, _ in LINKING])
def test_a_role_that_is_given_elsewhere_does_not_count(role: str) -> None:
    elsewhere = "/subscriptions/99999999-9999-4999-8999-999999999999"
    assigned = tuple((name, elsewhere if name == role else scope) for name, scope in LINKING)
    ended = RightsStory(a_zone_is_linked, assigned).with_its_roles()
    assert not ended.done
    assert ended.findings & {"not-readable", "not-authorised"}
