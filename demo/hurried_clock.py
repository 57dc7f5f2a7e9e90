"""A clock of Tether's that can be hurried, so that nobody has to watch five minutes pass.

The app's worker is another process than the demo, so a file is between them. It is there once the clock is hurried.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

SETTING = "DEMO_HURRIED_CLOCK"
"""The app setting with the file's path."""


def hurry(path: Path, speed: float) -> None:
    """From now on the clock of whoever reads `path` runs `speed` times as fast as ours."""
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{time.time()} {speed}", encoding="ascii")
    fresh.rename(path)


def hurried(path: Path, real: Callable[[], float]) -> Callable[[], float]:
    """A clock, in seconds since 1970: `real`, until `path` says otherwise."""

    def now() -> float:
        try:
            since, speed = map(float, path.read_text(encoding="ascii").split())
        except FileNotFoundError:
            return real()
        return since + (real() - since) * speed

    return now


def take_over() -> None:
    """Let all of this process go by the clock that the setting names. To be called before anybody keeps the old one."""
    time.time = hurried(Path(os.environ[SETTING]), time.time)
