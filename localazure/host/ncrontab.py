"""Timer schedules: NCRONTAB, six fields (seconds first) or five.

Source: Learn, "Timer trigger for Azure Functions", NCRONTAB expressions: a value, `*`, ranges `1-5`, lists `1,5`,
steps `*/5` and `0-30/10`, and English three-letter names of months and days. Days of the week: 0 or 7 is Sunday.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_MONTHS = ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which instants match: the sets of each field."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Raises ValueError naming the field that is wrong."""
        fields = text.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != 6:
            raise ValueError(f"{text!r} is no NCRONTAB schedule: it needs six fields, or five without seconds")
        weekdays = _field(fields[5], 0, 7, _DAYS)
        return cls(
            _field(fields[0], 0, 59),
            _field(fields[1], 0, 59),
            _field(fields[2], 0, 23),
            _field(fields[3], 1, 31),
            _field(fields[4], 1, 12, _MONTHS),
            frozenset(day % 7 for day in weekdays),
        )

    def after(self, instant: datetime) -> datetime:
        """The first match later than `instant`. Raises ValueError when four years and a day hold none."""
        second = instant.replace(microsecond=0) + timedelta(seconds=1)
        for day_number in range(4 * 366):
            day = second.date() + timedelta(days=day_number)
            if day.day not in self.days or day.month not in self.months or day.isoweekday() % 7 not in self.weekdays:
                continue
            earliest = second.time() if day_number == 0 else datetime.min.time()
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    for at in sorted(self.seconds):
                        match = datetime(day.year, day.month, day.day, hour, minute, at, tzinfo=instant.tzinfo)
                        if match.time() >= earliest:
                            return match
        raise ValueError("the schedule never comes")


def _field(text: str, lowest: int, highest: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    values: set[int] = set()
    for part in text.casefold().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            if span == "*":
                start, stop = lowest, highest
            else:
                start = _number(first, names)
                # `5/15` means from 5 on; a bare `5` means only 5.
                stop = _number(last, names) if last else (highest if step else start)
            every = int(step) if step else 1
        except ValueError as error:
            raise ValueError(f"{text!r} is no NCRONTAB field: {part!r} is not a number, range or step") from error
        if not (lowest <= start <= stop <= highest and every > 0):
            raise ValueError(f"{text!r} is no NCRONTAB field: {part!r} lies outside {lowest} to {highest}")
        values.update(range(start, stop + 1, every))
    return frozenset(values)


def _number(text: str, names: tuple[str, ...]) -> int:
    return names.index(text) if text in names else int(text)
