"""Event Grid's delivery, in virtual time: a day of retries passes at once."""

from collections.abc import Awaitable, Callable

import pytest

from localazure.azure import LocalAzure
from localazure.clock import Clock
from localazure.event_grid import DeliveryFaults, EventGrid, Filter, Subscription
from localazure.event_grid.topic import RETRY_AFTER
from localazure.store import Json
from localazure.virtual_time import run

ZONE = "/subscriptions/s/resourceGroups/mc_x/providers/Microsoft.Network/privateDnsZones/z"
WRITE = "Microsoft.Network/privateDnsZones/write"


class Subscriber:
    """Takes deliveries in this process and answers what it is told to."""

    def __init__(self, clock: Clock, *answers: int) -> None:
        self.seen: list[Json] = []
        self.at: list[float] = []
        self._clock = clock
        self._answers = list(answers)

    async def __call__(self, events: list[Json]) -> int:
        self.seen += events
        self.at.append(self._clock.now())
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    @property
    def pauses(self) -> list[float]:
        return [after - before for before, after in zip(self.at, self.at[1:], strict=False)]


def in_virtual_time(
    work: Callable[[LocalAzure, EventGrid], Awaitable[None]], *, cool_down: tuple[int, float] | None = None
) -> None:
    async def whole() -> None:
        azure = LocalAzure(Clock(start=0))
        async with EventGrid(azure, cool_down=cool_down) as grid:
            await work(azure, grid)
        await azure.close()
        assert azure.failures == []

    run(whole())


def happen(azure: LocalAzure, name: str = "") -> None:
    azure.emit("Write", "Success", ZONE + name, WRITE)


async def failing(
    azure: LocalAzure, grid: EventGrid, *answers: int, wait: float = 3 * 86400
) -> tuple[Subscriber, Subscription]:
    subscriber = Subscriber(azure.clock, *answers)
    subscription = await grid.subscribe("tether", subscriber)
    happen(azure)
    await azure.clock.sleep(wait)
    return subscriber, subscription


def test_an_event_arrives_within_seconds_and_once() -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber, _ = await failing(azure, grid, 202)
        assert [event["subject"] for event in subscriber.seen] == [ZONE]
        assert 1.0 <= subscriber.at[0] <= 1.5

    in_virtual_time(work)


def test_a_failing_endpoint_is_tried_on_the_documented_schedule_for_a_day_then_dead_lettered() -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber, subscription = await failing(azure, grid, 500)
        for pause, documented in zip(subscriber.pauses, RETRY_AFTER, strict=False):
            assert documented <= pause <= documented * 1.1
        assert subscriber.at[-1] <= 24 * 3600 + 2
        (letter,) = subscription.dead_letters
        assert (letter.reason, letter.last_status) == ("TimeToLiveExceeded", 500)
        assert letter.at == pytest.approx(subscriber.at[-1] + 300)

    in_virtual_time(work)


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_some_answers_are_never_retried(status: int) -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber, subscription = await failing(azure, grid, status)
        assert len(subscriber.seen) == 1
        assert subscription.dead_letters[0].reason == f"the endpoint answered {status}"

    in_virtual_time(work)


@pytest.mark.parametrize(("status", "least"), [(500, 10), (503, 30), (408, 120), (404, 300)])
def test_the_first_retry_waits_as_long_as_the_answer_demands(status: int, least: float) -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber, subscription = await failing(azure, grid, status, 200)
        assert least <= subscriber.pauses[0] <= least * 1.1
        assert [attempt.status for attempt in subscription.attempts] == [status, 200]

    in_virtual_time(work)


def test_an_endpoint_that_does_not_answer_within_30_seconds_gets_the_event_again() -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        began: list[float] = []

        async def slow(_: list[Json]) -> int:
            began.append(azure.clock.now())
            await azure.clock.sleep(31 if len(began) == 1 else 0)
            return 200

        await grid.subscribe("slow", slow)
        happen(azure)
        await azure.clock.sleep(600)
        assert len(began) == 2
        assert 40 <= began[1] - began[0] <= 41

    in_virtual_time(work)


@pytest.mark.parametrize(
    ("wanted", "arrives"),
    [
        pytest.param(Filter(), True, id="no filter"),
        pytest.param(
            Filter(operation_names=frozenset({"microsoft.network/privatednszones/write"})), True, id="operation"
        ),
        pytest.param(
            Filter(operation_names=frozenset({"Microsoft.Network/virtualNetworks/write"})), False, id="other operation"
        ),
        pytest.param(
            Filter(subject_begins_with="/subscriptions/S/resourcegroups/MC_"), True, id="subject without case"
        ),
        pytest.param(Filter(subject_ends_with="/y"), False, id="other subject"),
        pytest.param(
            Filter(event_types=frozenset({"Microsoft.Resources.ResourceDeleteSuccess"})), False, id="other type"
        ),
    ],
)
def test_only_wanted_events_are_delivered(wanted: Filter, arrives: bool) -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber = Subscriber(azure.clock, 200)
        await grid.subscribe("some", subscriber, filter=wanted)
        happen(azure)
        await azure.clock.sleep(10)
        assert bool(subscriber.seen) is arrives

    in_virtual_time(work)


@pytest.mark.parametrize(
    ("faults", "order"),
    [
        pytest.param(DeliveryFaults(), ["1", "2"], id="none"),
        pytest.param(DeliveryFaults(lose=1.0), [], id="lost"),
        pytest.param(DeliveryFaults(double=1.0), ["1", "1", "2", "2"], id="doubled"),
        pytest.param(DeliveryFaults(delay=lambda event: event["subject"].endswith("1")), ["2", "1"], id="one is late"),
        pytest.param(
            DeliveryFaults(reorder=lambda event: event["subject"].endswith("1")), ["2", "1"], id="one is overtaken"
        ),
    ],
)
def test_events_go_wrong_as_asked(faults: DeliveryFaults, order: list[str]) -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber = Subscriber(azure.clock, 200)
        await grid.subscribe("all", subscriber)
        grid.faults = faults
        for name in ("1", "2"):
            happen(azure, name)
            await azure.clock.sleep(5)
        await azure.clock.sleep(1000)
        assert [event["subject"][-1] for event in subscriber.seen] == order

    in_virtual_time(work)


def test_an_endpoint_that_keeps_failing_gets_new_events_late_when_asked() -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber, _ = await failing(azure, grid, 500, 500, 500, 200, wait=60)
        happen(azure, "new")
        await azure.clock.sleep(1000)
        assert [event["subject"] for event in subscriber.seen].count(ZONE + "new") == 0
        await azure.clock.sleep(7200)
        assert [event["subject"] for event in subscriber.seen].count(ZONE + "new") == 1

    in_virtual_time(work, cool_down=(3, 3600))


def test_cloud_events_carry_the_same_facts() -> None:
    async def work(azure: LocalAzure, grid: EventGrid) -> None:
        subscriber = Subscriber(azure.clock, 200)
        await grid.subscribe("cloud", subscriber, schema="CloudEventSchemaV1_0")
        happen(azure)
        await azure.clock.sleep(10)
        (event,) = subscriber.seen
        assert (event["specversion"], event["type"], event["source"]) == (
            "1.0",
            "Microsoft.Resources.ResourceWriteSuccess",
            "/subscriptions/s",
        )
        assert event["data"]["operationName"] == WRITE

    in_virtual_time(work)
