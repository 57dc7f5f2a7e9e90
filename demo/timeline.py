"""What a viewer sees of an act: one line a step, with Azure's clock and the seconds between."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from localazure.clock import Clock


@dataclass(slots=True)
class Step:
    """Something that happened, at seconds of Azure's clock since the act began."""

    name: str
    at: float


@dataclass(slots=True)
class Timeline:
    """The steps of one act, printed as they happen."""

    console: Console
    clock: Clock
    began: float = 0.0
    steps: list[Step] = field(default_factory=list[Step])

    def start(self) -> None:
        self.began = self.clock.now()

    def now(self) -> float:
        """Seconds of Azure's clock since the start, 0 before it."""
        return self.clock.now() - self.began if self.began else 0.0

    def step(self, name: str, text: str, style: str = "") -> None:
        """Print a step, once: a name that was there already is passed over."""
        if self.at(name) is not None:
            return
        at = self.now()
        since = f"+{at - self.steps[-1].at:.0f} s" if self.steps else ""
        self.steps.append(Step(name, at))
        row = Table.grid(padding=(0, 2))
        row.add_column(width=6, justify="right", style="bold")
        row.add_column(width=6, justify="right", style="dim")
        row.add_column(overflow="fold")
        row.add_row(f"{at:.0f} s", since, Text(text, style=style))
        self.console.print(row)

    async def during[T](self, work: Coroutine[Any, Any, T], note: str = "") -> T:
        """What `work` comes to, with Azure's clock and a note shown below the steps for as long as it takes."""
        working = asyncio.ensure_future(work)
        with self.console.status("") as status:
            while not working.done():
                status.update(f"[dim]{self.now():.0f} s of Azure's clock{note}[/]")
                await asyncio.wait({working}, timeout=0.1)
        return working.result()

    def at(self, name: str) -> float | None:
        """When a step happened, None when it did not."""
        return next((step.at for step in self.steps if step.name == name), None)

    def between(self, first: str, second: str) -> float | None:
        """Seconds from one step to another, None unless both happened."""
        start, end = self.at(first), self.at(second)
        return None if start is None or end is None else end - start
