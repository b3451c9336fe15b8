"""What a person sees: tables of results, and the live table of a running grid."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from benchmark.execute import Driver, prepare
from benchmark.lease import Claim
from benchmark.progress import Display
from benchmark.request import read_request
from benchmark.show import duration, result_table, table
from benchmark.spec import Cell, Outcome, Plan
from benchmark.store import UNBEGUN, RunStore
from tests.toy import Toy


def test_columns_are_as_wide_as_their_widest_entry() -> None:
    assert table(("a", "long"), [("wide one", 1)]) == "  a         long\n  wide one  1"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (90000, "25 h 00 min")],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_results_show_how_many_seeds_they_rest_on() -> None:
    cells = tuple(
        Cell("rtfm-s1", method, seed, unavailable="later" if method == "vae" else None)
        for method in ("ldd", "vae")
        for seed in (0, 1, 2)
    )
    plan = Plan("g", "", cells, {}, "evaluate", "win_rate")
    outcomes = {
        "rtfm-s1/ldd/0": Outcome("", "done", metrics={"win_rate": 0.5}),
        "rtfm-s1/ldd/1": Outcome("", "done", metrics={"win_rate": 1.0}),
        "rtfm-s1/ldd/2": Outcome("", "failed"),
    } | {f"rtfm-s1/vae/{seed}": Outcome("", "unavailable") for seed in (0, 1, 2)}
    assert result_table(plan, outcomes).splitlines() == [
        "win_rate, mean over seeds (seeds done / planned)",
        "           ldd          vae",
        "  rtfm-s1  0.750 (2/3)  n/a",
    ]


def test_the_live_table_shows_stage_progress_rate_and_time_left(toy: Toy) -> None:
    plan, store = toy.plan("three"), RunStore(toy.root)
    prepare(plan, store, "cached")
    play = plan.cells[0].stages["play"]
    claim = Claim.acquire(store.claims(play))
    assert claim is not None
    store.write_status(play, {**UNBEGUN, "done": 500, "total": 2000, "rate": 100.0, "shown": {"win_rate": 0.25}})

    output = io.StringIO()
    display = Display(Console(file=output, width=100, height=20, force_terminal=False))
    driver = display.driver = Driver(plan, store, _executor(toy))
    driver._elsewhere.add(play)
    display.console.print(display.render())
    row = next(line for line in output.getvalue().splitlines() if line.startswith("north/taught/0"))
    for part in ("play", "500/2000", "100/s", "15 s", "win_rate 0.25"):
        assert part in row
    assert "0/4 stages" in output.getvalue()


def _executor(toy: Toy):  # type: ignore[no-untyped-def]
    from benchmark.configs import Configs
    from benchmark.validate import Schema

    return read_request(Configs(toy.configs), Schema({}, ""), "three", []).executor
