"""The parts of the demo that no viewer would see fail."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from demo import hurried_clock
from demo.moving import moved
from demo.patience import WentWrong, come, until
from demo.premises import how_to_install
from localazure import bind, command_pod


def test_a_clock_is_the_real_one_until_it_is_hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = [1000.0]
    monkeypatch.setattr("demo.hurried_clock.time.time", lambda: real[0])
    now = hurried_clock.hurried(tmp_path / "clock", lambda: real[0])
    real[0] = 1010.0
    assert now() == 1010.0
    hurried_clock.hurry(tmp_path / "clock", 40)
    assert now() == 1010.0
    real[0] = 1011.0
    assert now() == 1050.0


async def test_without_bind_and_kubectl_the_act_is_left_out_with_a_line_that_says_how_to_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bind, "is_installed", lambda: False)
    monkeypatch.setattr(command_pod, "is_installed", lambda: False)
    said = io.StringIO()
    assert await moved(Console(file=said, width=300), None) == []  # type: ignore[arg-type]
    assert bind.HOW_TO_INSTALL in said.getvalue()
    assert command_pod.HOW_TO_INSTALL in said.getvalue()
    monkeypatch.setattr(command_pod, "is_installed", lambda: True)
    assert "kubectl" not in how_to_install()


async def test_waiting_ends_with_the_first_true_answer_or_with_none() -> None:
    answers = iter([0, "", "there"])

    async def asked() -> object:
        return next(answers)

    assert await until(asked) == "there"
    assert await until(lambda: False, 0) is None


async def test_a_step_that_does_not_come_is_named() -> None:
    with pytest.raises(WentWrong, match="the tide turns"):
        await come(until(lambda: False, 0), "the tide turns")
    assert await come(until(lambda: "in", 0), "the tide turns") == "in"
