"""What a person sees: tables of results, and the live table of a running grid."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from benchmark.cli.progress import Display
from benchmark.cli.show import duration, result_table, table
from benchmark.cli.show_plan import plan_text
from benchmark.execute import Driver, prepare
from benchmark.launch import launcher
from benchmark.lease import Claim
from benchmark.records import UNBEGUN
from benchmark.spec import Cell, Outcome, Plan
from benchmark.store import RunStore
from tests.toy import Toy


def test_columns_are_as_wide_as_their_widest_entry() -> None:
    assert table(("a", "long"), [("wide one", 1)]) == "  a         long\n  wide one  1"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7620, "2 h 07 min"), (90000, "25 h 00 min")],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def grid(*methods: str, environments: tuple[str, ...] = ("rtfm-s1",), seeds: int = 3) -> Plan:
    """Cells without stages; vae is not available."""
    cells = tuple(
        Cell(environment, method, seed, unavailable="later" if method == "vae" else None)
        for environment in environments
        for method in methods
        for seed in range(seeds)
    )
    about: dict[str, dict[str, Any]] = {method: {"provenance": "released"} for method in methods}
    about["ldd_blind"] = {"provenance": {"default": "ours", "nethack": "reimplemented"}}
    return Plan(
        "g", "", cells, {}, "evaluate", "win_rate", environments={name: {} for name in environments}, methods=about
    )


def test_results_show_how_many_seeds_they_rest_on() -> None:
    plan = grid("ldd", "vae")
    outcomes = {
        "rtfm-s1/ldd/0": Outcome("", "done", metrics={"win_rate": 0.5}),
        "rtfm-s1/ldd/1": Outcome("", "done", metrics={"win_rate": 1.0}),
        "rtfm-s1/ldd/2": Outcome("", "failed"),
    } | {f"rtfm-s1/vae/{seed}": Outcome("", "unavailable") for seed in (0, 1, 2)}
    assert result_table(plan, outcomes).splitlines() == [
        "win_rate, mean over seeds (seeds done / planned)",
        "                 rtfm-s1",
        "  ldd  released  0.750 (2/3)",
        "  vae  released  n/a",
    ]


def test_every_method_s_row_says_where_it_comes_from_and_stays_narrow() -> None:
    plan = grid("ldd", "ldd_blind", environments=("rtfm-s1", "nethack"), seeds=1)
    outcomes = {cell.name: Outcome("", "done", metrics={"win_rate": 0.25}) for cell in plan.cells}
    assert result_table(plan, outcomes).splitlines()[1:] == [
        "                                   rtfm-s1      nethack",
        "  ldd        released              0.250 (1/1)  0.250 (1/1)",
        "  ldd_blind  ours / reimplemented  0.250 (1/1)  0.250 (1/1)",
    ]


def stage_lines(plan: Plan, toy: Toy) -> list[str]:
    """The rows of the table of stages."""
    return plan_text(plan, RunStore(toy.root)).partition("\nstages\n")[2].splitlines()[1:]


def test_a_plan_shows_what_methods_share_within_a_seed(toy: Toy) -> None:
    text = plan_text(toy.plan("toy", "envs=[north]", "seeds=3", "diagnostics=[inspect]"), RunStore(toy.root))
    every = "plain, taught, taught_less, each its own"
    assert text.splitlines() == [
        "grid toy: a toy",
        "override diagnostics=['inspect']",
        "",
        "9 cells need 36 stages; shared ones counted once, 27 (0 done, 27 to compute)",
        "",
        "cells",
        "  environment  method       provenance  seeds  stages",
        "  north        plain        released    0-2    practise → exam",
        "  north        taught       released    0-2    play → study → practise → exam → inspect",
        "  north        taught_less  ours        0-2    play → study → practise → exam → inspect",
        "",
        "stages",
        "  stage     environment  stages  done  seeds              cells each  methods",
        f"  practise  north        9       0     0-2, each its own  1           {every}",
        f"  exam      north        9       0     0-2, each its own  1           {every}",
        "  play      north        3       0     0-2, each its own  2           taught, taught_less",
        "  study     north        3       0     0-2, each its own  2           taught, taught_less",
        "  inspect   north        3       0     0-2, each its own  2           taught, taught_less",
    ]


@pytest.mark.parametrize(
    ("teacher_seeds", "row"),
    [
        (1, ["1", "0", "0 serves 0-4", "10", "taught, taught_less"]),
        (2, ["2", "0", "0 serves 0 2 4; 1 serves 1 3", "6, 4", "taught, taught_less"]),
    ],
)
def test_a_plan_shows_which_seeds_one_teacher_serves(toy: Toy, teacher_seeds: int, row: list[str]) -> None:
    plan = toy.plan("toy", "envs=[north]", "seeds=5", f"teacher_seeds={teacher_seeds}")
    rows = {line.split()[0]: re.split(" {2,}", line.strip())[2:] for line in stage_lines(plan, toy)}
    assert rows["play"] == rows["study"] == row
    assert rows["exam"] == ["15", "0", "0-4, each its own", "1", "plain, taught, taught_less, each its own"]


def test_many_methods_are_counted_and_variants_put_together(toy: Toy) -> None:
    methods = {line.split()[0]: re.split(" {2,}", line)[-1] for line in stage_lines(toy.plan("search"), toy)}
    assert methods == {
        "practise": "all 5, each its own",
        "exam": "all 5, each its own",
        "play": "taught@… (4)",
        "study": "taught@… (4)",
    }
    wide = toy.plan("search", "search={taught:{method.distill:[1.0,2.0,3.0,4.0,5.0]}}")
    assert re.split(" {2,}", stage_lines(wide, toy)[2])[-1] == "5, all but plain"


def test_a_plan_says_that_its_values_are_tuned(toy: Toy) -> None:
    text = plan_text(toy.plan("toy", "tuned=small"), RunStore(toy.root))
    assert "tuned small: 3 values of configs/tuned/small.yaml" in text.splitlines()


def test_the_live_table_shows_stage_progress_rate_and_time_left(toy: Toy) -> None:
    plan, store = toy.plan("three"), RunStore(toy.root)
    prepare(plan, store, "cached")
    play = plan.cells[0].stages["play"]
    claim = Claim.acquire(store.claims(play))
    assert claim is not None
    store.write_status(play, {**UNBEGUN, "done": 500, "total": 2000, "rate": 100.0, "shown": {"win_rate": 0.25}})

    output = io.StringIO()
    display = Display(Console(file=output, width=100, height=20, force_terminal=False))
    driver = display.driver = _driver(plan, store, toy)
    driver._elsewhere.add(play)
    display.console.print(display.render())
    row = next(line for line in output.getvalue().splitlines() if line.startswith("north/taught/0"))
    for part in ("play", "500/2000", "100/s", "15 s", "win_rate 0.25"):
        assert part in row
    assert "0/4 stages" in output.getvalue()


@pytest.mark.parametrize(
    ("state", "words"), [("given up", "done, inspect failed"), ("running", "done, inspect runs"), ("", "done")]
)
def test_a_finished_cell_shows_its_number_whatever_its_diagnostics_do(toy: Toy, state: str, words: str) -> None:
    plan, store = toy.plan("inspected", "methods=[taught]"), RunStore(toy.root)
    prepare(plan, store, "cached")
    inspect, output = plan.cells[0].stages["inspect"], io.StringIO()
    display = Display(Console(file=output, width=100, height=20, force_terminal=False))
    driver = display.driver = _driver(plan, store, toy)
    driver.states |= {key: Outcome(key, "done", metrics={"score": 0.5}) for key in plan.stages}
    if state:
        driver.states[inspect] = Outcome(inspect, "missing")
    if state == "given up":
        driver.given_up.add(inspect)
    if state == "running":
        claim = Claim.acquire(store.claims(inspect))
        assert claim is not None
        driver._elsewhere.add(inspect)
    display.console.print(display.render())
    row = next(line for line in output.getvalue().splitlines() if line.startswith("north/taught/0"))
    assert re.split(" {2,}", row.strip()) == ["north/taught/0", words, "score 0.500"]


def _driver(plan: Plan, store: RunStore, toy: Toy) -> Driver:
    executor = toy.request("three").executor
    return Driver(plan, store, executor, launcher(store, executor, plan.grid))
