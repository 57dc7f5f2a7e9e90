"""Resource Graph is asked page by page, within its quota and a budget; a part is never taken for the whole."""

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from multidict import CIMultiDict

from functions.arm.errors import ArmError, NoAnswerError
from functions.arm.graph import Graph, Page, _resets_after
from functions.fleet.scope import Scopes
from functions.fleet.survey import survey
from tests.unit.fleets import Ground, on_ground

ZONES = "resources | where type =~ 'microsoft.network/privatednszones'"


class Named(msgspec.Struct):
    name: str


NAMES = msgspec.json.Decoder(Page[Named])


async def spend(graph: Graph, queries: int) -> None:
    """Somebody else's queries, of the same principal."""
    for _ in range(queries):
        await graph.query("resources | project name | limit 1", NAMES, None)


def test_a_big_fleet_is_read_page_by_page_within_the_quota() -> None:
    async def tell(ground: Ground) -> None:
        graph = ground.graph()
        found = await survey(graph, ground.policy(), Scopes(), 0)
        assert len(found.clusters) == 2500
        assert graph.queries <= graph.rows / 1000 + 10
        assert len(ground.transport.asked) == graph.queries
        assert ground.slept
        assert max(ground.slept) <= 5

    on_ground(tell, 2500)


def test_a_survey_that_the_quota_would_make_too_long_is_none() -> None:
    async def tell(ground: Ground) -> None:
        with pytest.raises(NoAnswerError, match="quota"):
            await survey(ground.graph(budget=2), ground.policy(), Scopes(), 0)
        assert ground.slept == []

    on_ground(tell, 2500)


def test_a_refused_query_is_asked_again_when_its_pause_is_over() -> None:
    async def tell(ground: Ground) -> None:
        await spend(ground.graph(), 15)
        graph = ground.graph()
        assert len(await graph.query(f"{ZONES} | project name", NAMES, None)) == 3
        refused, answered = ground.transport.asked_at[-2:]
        assert answered - refused == 5
        assert graph.queries == 2

    on_ground(tell)


def test_a_refusal_whose_pause_is_too_long_is_told_at_once() -> None:
    async def tell(ground: Ground) -> None:
        await spend(ground.graph(), 15)
        with pytest.raises(ArmError) as refused:
            await ground.graph(budget=1).query(f"{ZONES} | project name", NAMES, None)
        assert (refused.value.status, refused.value.retry_after) == (429, 5)
        assert ground.slept == []

    on_ground(tell)


def test_the_last_query_of_the_quota_is_followed_by_a_pause_and_not_by_a_refusal() -> None:
    async def tell(ground: Ground) -> None:
        graph = ground.graph()
        await spend(graph, 16)
        assert graph.queries == 16
        assert ground.slept == [5]

    on_ground(tell)


def test_rows_without_a_way_to_the_rest_are_not_taken_for_the_whole() -> None:
    async def tell(ground: Ground) -> None:
        with pytest.raises(NoAnswerError, match="a part"):
            await ground.graph().query(f"{ZONES} | project name", NAMES, None)
        assert len(await ground.graph().query(f"{ZONES} | project id, name | order by id asc", NAMES, None)) == 1100

    on_ground(tell, 1100)


def test_a_query_that_is_refused_for_what_it_says_is_not_repeated() -> None:
    async def tell(ground: Ground) -> None:
        with pytest.raises(ArmError, match="BadRequest"):
            await ground.graph().query("resources | frobnicate", NAMES, None)
        assert len(ground.transport.asked) == 1

    on_ground(tell)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:05", 5), ("00:01:00", 60), ("01:00:00", 3600), ("00:00:04.5", 4.5), ("", 5), ("soon", 5)],
)
def test_the_quota_tells_when_it_is_whole_again(text: str, seconds: float) -> None:
    assert _resets_after(text) == seconds


class Says:
    """A session that has one answer for every query."""

    def __init__(self, page: dict[str, Any]) -> None:
        self._content = msgspec.json.encode(page)

    async def post_answer(self, *asked: Any) -> Any:
        return SimpleNamespace(content=self._content, headers=CIMultiDict[str]())


@pytest.mark.parametrize("rows", [[{"name": "a"}], [{"name": "a"}, {"name": 7}], [{"name": "a"}, None]])
@pytest.mark.parametrize("said", [{}, {"resultTruncated": None}, {"resultTruncated": ""}, {"resultTruncated": "true"}])
async def test_a_page_that_does_not_say_that_it_is_whole_is_a_part_also_with_an_odd_row(
    rows: list[object], said: dict[str, object]
) -> None:
    graph = Graph(Says({"data": rows, **said}), now=lambda: 0.0, sleep=asyncio.sleep, budget=60)  # type: ignore[arg-type]
    with pytest.raises(NoAnswerError, match="part"):
        await graph.query("resources | project id, name", NAMES, None)
