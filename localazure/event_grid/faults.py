"""What can go wrong on the way from Event Grid to a subscriber, on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from localazure.store import Json

type When = float | Callable[[Json], bool]
"""A probability from 0 to 1, or a predicate on the event (Event Grid schema)."""

type Fate = Literal["lose", "double", "delay", "reorder"]


@dataclass(slots=True)
class DeliveryFaults:
    """Which events are lost, doubled, late, or overtaken by the next one. Set anew at any time."""

    lose: When = 0.0
    double: When = 0.0
    delay: When = 0.0
    delay_by: float = 300.0  # seconds of Azure's clock
    reorder: When = 0.0

    def strike(self, event: Json, random: Random) -> set[Fate]:
        """What happens to this event. Draws the same number of times for each event, so that seeds repeat."""
        chances: dict[Fate, When] = {
            "lose": self.lose,
            "double": self.double,
            "delay": self.delay,
            "reorder": self.reorder,
        }
        drawn = {fate: random.random() for fate in chances}
        return {fate for fate, when in chances.items() if (when(event) if callable(when) else drawn[fate] < when)}
