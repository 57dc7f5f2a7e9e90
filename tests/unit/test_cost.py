"""What a month costs: the page is current, the counts are what Tether does, and money is reckoned as Azure does."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

import pytest

from bench import cost
from bench.cost_counts import _TRANSACTIONS, _WHOLE, Counts, Measured, measured
from bench.cost_model import MONTH, WATCHES, Assumed, Line, month, run
from bench.cost_model import cost as money

PRICES = json.loads(cost.PRICES.read_text())


def of(clusters: int = 10, **more: Any) -> Measured:
    nothing = Counts()
    held: dict[str, Any] = {"birth": nothing, "unchanged": nothing, "watch": nothing, "sweep": nothing, **more}
    return Measured(clusters, 1, row_bytes=0, **held)


def line(what: str, lines: list[Line]) -> Line:
    return next(each for each in lines if each.what.strip().startswith(what))


def test_the_page_says_what_the_counts_and_the_prices_come_to() -> None:
    tables = cost.rendered(cost.counted(), PRICES, Assumed())
    page = cost.PAGE.read_text()
    assert cost.with_tables(page, tables) == page, "run  make cost"


async def test_the_counts_are_what_tether_does_now() -> None:
    """Calls, messages and requests to the last one; what is only a size or a time may move by a quarter."""
    kept = next(held for held in cost.counted() if held.clusters == 10)
    now = await asyncio.to_thread(measured, 10)
    for name in ("birth", "unchanged", "watch", "sweep"):
        was, is_now = asdict(getattr(kept, name)), asdict(getattr(now, name))
        for rough in ("log_bytes", "seconds"):
            assert is_now.pop(rough) == pytest.approx(was.pop(rough), rel=0.25, abs=0.2), (name, rough, _ANEW)
        assert is_now == was, (name, _ANEW)
    assert now.row_bytes == pytest.approx(kept.row_bytes, rel=0.25), _ANEW


_ANEW = "run  python -m bench.cost --measure --write"


def test_every_call_of_the_ledger_has_its_requests() -> None:
    from functions.ledger.state import Ledger

    named = {name for name in vars(Ledger) if not name.startswith("_")}
    assert named - _TRANSACTIONS.keys() - _WHOLE == {"page", "forget"}, "HTTP asks for pages, and a day forgets once"


@pytest.mark.parametrize(("seconds", "charged"), [(0.0, 1.0), (0.2, 1.0), (1.0, 1.0), (1.01, 1.1), (24.0, 24.0)])
def test_a_run_is_charged_for_a_second_at_least_and_then_by_tenths(seconds: float, charged: float) -> None:
    assert run(seconds) == pytest.approx(charged)


def test_a_free_amount_is_used_up_once() -> None:
    lines = [Line("one", 4, "GB", "logs.gb"), Line("two", 4, "GB", "logs.gb"), Line("three", 1, "GB", "logs.gb")]
    assert money(lines, PRICES) == pytest.approx([0.0, 3 * 2.3, 2.3])


def test_what_has_no_price_costs_nobody_knows_what() -> None:
    assert money([Line("one", 4, "GB-s", "functions.alwaysReady.gbSecond"), Line("two", 9, "calls")], PRICES) == [
        None,
        0.0,
    ]


def test_a_price_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError):
        money([Line("one", 4, "GB", "nobody.knows")], PRICES)


def test_a_month_adds_up() -> None:
    birth, unchanged = Counts(arm=9, messages=2, tables=30), Counts(arm=3, messages=1, tables=12)
    found = month(of(birth=birth, unchanged=unchanged, watch=Counts(arm=1, tables=2)), Assumed(writes=30), 0.5)
    births, looks = 2, 300  # one is made and one is deleted
    assert line("calls of ARM", found).amount == births * 9 + looks * 3 + WATCHES
    assert line("queue", found).amount == 3 * (births * 2 + looks)
    assert line("tables", found).amount == births * 30 + looks * 12 + WATCHES * 2
    assert line("instances kept ready", found).amount == MONTH * 0.5
    assert line("events delivered", found).amount == births * 15 + looks + 3000


def test_without_instances_kept_ready_nothing_is_charged_for_them() -> None:
    assert line("instances kept ready", month(of(), Assumed(always_ready=0), 2.0)).amount == 0


def test_more_memory_costs_more_and_asks_for_no_more() -> None:
    small, large = month(of(), Assumed(), 0.5), month(of(), Assumed(), 2.0)
    assert [each.amount for each in small if each.unit != "GB-s"] == [
        each.amount for each in large if each.unit != "GB-s"
    ]
    assert all(there.amount == 4 * here.amount for here, there in zip(small, large, strict=True) if here.unit == "GB-s")


def test_every_price_has_a_source_and_is_used() -> None:
    used = {each.meter for each in month(of(), Assumed(), 0.5) if each.meter}
    assert used == PRICES["prices"].keys()
    assert PRICES["free"].keys() <= PRICES["prices"].keys()
    assert all(price["source"] for price in (*PRICES["prices"].values(), *PRICES["free"].values()))
    assert all(price["value"] is None or price["value"] > 0 for price in PRICES["prices"].values())


def test_other_prices_can_be_given(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    mine = json.loads(json.dumps(PRICES))
    mine["currency"] = "EUR"
    mine["prices"]["functions.alwaysReady.gbSecond"]["value"] = 0.00002
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    assert cost.main(["--prices", str(tmp_path / "mine.json"), "--always-ready", "0"]) == 0
    told = capsys.readouterr().out
    assert "EUR" in told
    assert "USD" not in told
    del mine["prices"]["logs.gb"]
    (tmp_path / "mine.json").write_text(json.dumps(mine))
    assert cost.main(["--prices", str(tmp_path / "mine.json")]) == 1
    assert "logs.gb" in capsys.readouterr().err
