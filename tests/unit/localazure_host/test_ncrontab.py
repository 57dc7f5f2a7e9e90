"""Timer schedules, as the Functions documentation describes them."""

from datetime import UTC, datetime

import pytest

from localazure.host.ncrontab import Schedule

FRIDAY = datetime(2026, 11, 20, 20, 47, 47, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "following"),
    [
        pytest.param("0 * * * * *", "2026-11-20 20:48:00", id="every minute"),
        pytest.param("0 */5 * * * *", "2026-11-20 20:50:00", id="every fifth minute"),
        pytest.param("*/20 * * * * *", "2026-11-20 20:48:00", id="every twentieth second"),
        pytest.param("0 0 * * * *", "2026-11-20 21:00:00", id="every hour"),
        pytest.param("0 30 9 * * *", "2026-11-21 09:30:00", id="half past nine, tomorrow when it is over"),
        pytest.param("0 0 9-17/4 * * *", "2026-11-21 09:00:00", id="a range with a step"),
        pytest.param("0 15,55 * * * *", "2026-11-20 20:55:00", id="a list"),
        pytest.param("0 0 0 * * Mon-Fri", "2026-11-23 00:00:00", id="weekdays by name"),
        pytest.param("0 0 0 * * 7", "2026-11-22 00:00:00", id="7 is Sunday too"),
        pytest.param("0 0 0 1 jan *", "2027-01-01 00:00:00", id="a month by name"),
        pytest.param("0 0 0 29 2 *", "2028-02-29 00:00:00", id="leap day"),
        pytest.param("*/5 * * * *", "2026-11-20 20:50:00", id="five fields have no seconds"),
        pytest.param("5/20 * * * * *", "2026-11-20 20:48:05", id="a start with a step"),
    ],
)
def test_a_timer_fires_next_when_its_fields_match(schedule: str, following: str) -> None:
    assert Schedule.parse(schedule).after(FRIDAY) == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong", ["", "* * *", "61 * * * * *", "* * * 0 * *", "*/0 * * * * *", "a * * * * *", "5-1 * * * * *"]
)
def test_a_malformed_schedule_is_named(wrong: str) -> None:
    with pytest.raises(ValueError, match="NCRONTAB"):
        Schedule.parse(wrong)


def test_a_day_that_never_comes_is_an_error() -> None:
    with pytest.raises(ValueError, match="never comes"):
        Schedule.parse("0 0 0 31 2 *").after(FRIDAY)
