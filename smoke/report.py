"""What the smoke test has to tell: printed as it happens, and written to one file without anything secret."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from smoke.scrubbed import scrubbed, scrubbed_json

FOLDER = Path("build")


class Mark(Enum):
    """How a step ended: as it should, with something to know, or wrong."""

    WELL = "✓"
    NOTE = "!"
    WRONG = "✗"


_STYLES = {Mark.WELL: "green", Mark.NOTE: "yellow", Mark.WRONG: "red"}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at. `advice` is what to do about it."""

    name: str
    mark: Mark
    said: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Azure said to a question of ours. `as_assumed` is None where Tether assumes neither."""

    name: str
    question: str
    said: str
    as_assumed: bool | None
    calls: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


@dataclass(slots=True)
class Report:
    """All steps and answers. Prints each when it comes."""

    console: Console
    began: float
    steps: list[Step] = field(default_factory=list[Step])
    answers: list[Answer] = field(default_factory=list[Answer])
    unasked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    left: list[str] = field(default_factory=list[str])

    @property
    def wrong(self) -> list[Step]:
        return [step for step in self.steps if step.mark is Mark.WRONG]

    def head(self, title: str) -> None:
        self.console.print(Rule(f"[bold]{title}"))

    def well(self, name: str, said: str) -> None:
        self._add(Step(name, Mark.WELL, said))

    def note(self, name: str, said: str, advice: str = "") -> None:
        self._add(Step(name, Mark.NOTE, said, advice))

    def bad(self, name: str, said: str, advice: str = "") -> None:
        self._add(Step(name, Mark.WRONG, said, advice))

    def answer(self, answer: Answer) -> None:
        """Keep an answer. One that is not as Tether takes it to be is something to know, not a failure of the run."""
        self.answers.append(answer)
        mark = Mark.NOTE if answer.as_assumed is False else Mark.WELL
        self._print(mark, answer.name, f"{answer.question} {answer.said}", "")

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show what is under way, for as long as the context lasts. What is told meanwhile stands above it."""
        with self.console.status(f"[dim]{escape(what)}[/]"):
            yield

    def line(self, text: str) -> None:
        self.console.print(Text(text))

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self._print(step.mark, step.name, step.said, step.advice)

    def _print(self, mark: Mark, name: str, said: str, advice: str) -> None:
        row = Table.grid(padding=(0, 2))
        row.add_column(width=1)
        row.add_column(width=16, style="bold", overflow="fold")
        row.add_column(overflow="fold")
        row.add_row(Text(mark.value, style=_STYLES[mark]), Text(name), Text(said))
        if advice:
            row.add_row("", "", Text(advice, style="dim"))
        self.console.print(row)

    def write(self, folder: Path = FOLDER) -> Path:
        """Write everything to a file of its own, and say which."""
        at = datetime.fromtimestamp(self.began, UTC)
        document = {
            "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "steps": [{**asdict(step), "mark": step.mark.name.lower()} for step in self.steps],
            "answers": [asdict(answer) for answer in self.answers],
            "unasked": self.unasked,
            "left": [scrubbed(name) for name in self.left],
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"smoke-{at:%Y%m%dT%H%M%SZ}.json"
        path.write_text(json.dumps(scrubbed_json(document), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path
