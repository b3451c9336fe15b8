"""What there is of a grid, cell by cell, and what it took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.spec import Plan
from reports.figures import Figure
from reports.figures.coverage import LOOKS, MOST_SEEDS, coverage_figure
from reports.figures.style import LIGHT, canvas
from reports.frame import GridData, load
from reports.hours import volume
from reports.page import Facts, Page
from reports.pages import cost, coverage
from reports.rows import STATUSES
from reports.tables import Cell, Table
from reports.writing.render import to_markdown
from tests.synthetic import TEN_METHODS, make_plan, write_runs

ONE = {"rtfm-s1": "RTFM S1"}
FIVE = {name: TEN_METHODS[name] for name in ("tabula_rasa", "vae", "reward_shaping", "ldd", "ldd_init_only")}


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    """Of five methods and three seeds: one failed, one missing, VAE unavailable, the others done or blocked."""
    root = tmp_path_factory.mktemp("partial")
    plan = make_plan(ONE, FIVE, unavailable={"vae": "not built"})
    failed = {"rtfm-s1/ldd/1": "ValueError: loss is nan", "demonstrations:rtfm-s1/2": "no game files"}
    write_runs(root, plan, failed=failed, skip=frozenset({"rtfm-s1/tabula_rasa/0"}), points=2)
    return load(root, "synthetic")


def drawn_marks(figure: Figure) -> tuple[dict[str, set[tuple[int, int]]], dict[tuple[int, int], str]]:
    """Status -> (seed's column, method's row) of its marks; and the numbers beside marks."""
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        (ax,) = drawn.axes
        status_of = {look.marker: status for status, look in LOOKS.items()}
        marks = {
            status_of[str(line.get_marker())]: {
                (int(x), int(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
            }
            for line in ax.lines
        }
        numbers = {(int(text.xy[0]), int(text.xy[1])): text.get_text() for text in ax.texts}
    return marks, numbers


def test_every_planned_cell_is_one_mark_that_says_what_became_of_it(partial: GridData) -> None:
    figure = coverage_figure(partial, "rtfm-s1")
    assert figure is not None
    marks, _ = drawn_marks(figure)
    assert marks["missing"] == {(0, 0)}
    assert marks["unavailable"] == {(seed, 1) for seed in range(3)}
    assert marks["blocked"] == {(2, row) for row in (2, 3, 4)}
    assert marks["failed"] == {(1, 3)}
    everywhere = [place for places in marks.values() for place in places]
    assert len(everywhere) == len(set(everywhere)) == 15
    assert set(figure.runs) == set(partial.cells.loc[partial.cells["status"] == "done", "key"])


def test_statuses_differ_in_shape_so_that_a_grey_print_tells_them_apart() -> None:
    assert set(LOOKS) == set(STATUSES)
    assert len({look.marker for look in LOOKS.values()}) == len(STATUSES)


def test_who_cannot_see_the_matrix_is_told_what_is_not_there(partial: GridData) -> None:
    figure = coverage_figure(partial, "rtfm-s1")
    assert figure is not None
    assert figure.alt == (
        "Matrix of methods and seeds on RTFM S1: of 15 cells 7 done, 1 failed (LDD 1), "
        "3 blocked (LDD 2; LDD, initialisation only 2; Reward shaping 2), 1 missing (Tabula rasa 0) and "
        "3 unavailable (VAE pretraining)"
    )


def test_a_matrix_that_nobody_could_read_is_left_to_the_table(tmp_path: Path) -> None:
    plan = make_plan(ONE, {"ldd": TEN_METHODS["ldd"]}, seeds=tuple(range(MOST_SEEDS + 1)))
    write_runs(tmp_path, plan, skip=frozenset(cell.name for cell in plan.cells), points=2)
    page = coverage.page(load(tmp_path, "synthetic"))
    assert not list(page.figures())
    assert {table.id for table in page.tables()} >= {"coverage", "absent"}


# Attempts


def begun_again(root: Path, plan: Plan, attempts: dict[str, int]) -> GridData:
    """Runs of which some needed more than one attempt, by kind of stage and seed 0."""
    store = write_runs(root, plan, points=2)
    for key, stage in plan.stages.items():
        if stage.params["seed"] == 0 and stage.kind in attempts:
            path = store.folder(key) / "result.json"
            result = json.loads(path.read_text())
            path.write_text(json.dumps({**result, "attempts": attempts[stage.kind], "resumed_from": [100]}))
    return load(root, "synthetic")


def test_attempts_beyond_the_first_are_counted_at_each_cell_that_rests_on_them(tmp_path: Path) -> None:
    """The demonstrations of seed 0 took three attempts; both methods learn from them, tabula rasa from nothing."""
    methods = {name: TEN_METHODS[name] for name in ("tabula_rasa", "vae", "ldd")}
    data = begun_again(tmp_path, make_plan(ONE, methods), {"demonstrations": 3})
    figure = coverage_figure(data, "rtfm-s1")
    assert figure is not None
    assert drawn_marks(figure)[1] == {(0, 1): "2", (0, 2): "2"}
    (table,) = [table for table in coverage.page(data).tables() if table.id == "retries"]
    (row,) = table.rows
    assert [cell.text for cell in row[1:7]] == [
        "demonstrations",
        "VAE pretraining (unavailable in release); LDD (released)",
        "0",
        "3",
        "1",
        "done",
    ]
    assert row[7].href is not None
    assert row[7].href.endswith("/log.txt")
    assert (data.folder / row[7].href).is_file(), "the link leads from the report to the log"
    assert "1 stage of 27 begun again, 2 times in all" in to_markdown("report", [coverage.page(data)])


def test_where_nothing_was_begun_again_that_is_said(tmp_path: Path) -> None:
    write_runs(tmp_path, make_plan(ONE), points=2)
    assert "No stage was begun more than once." in to_markdown("report", [coverage.page(load(tmp_path, "synthetic"))])


# Cost


def facts(page: Page) -> dict[str, str]:
    return dict(next(block for block in page.blocks if isinstance(block, Facts)).items)


def row_of(table: Table, name: str) -> dict[str, Cell]:
    found = next(row for row in table.rows if row[0].text == name)
    return dict(zip([column.label for column in table.columns], found, strict=True))


def hours(data: GridData) -> dict[str, Table]:
    return {table.id: table for table in cost.page(data).tables() if table.id.startswith("hours")}


def test_a_shared_stage_counts_in_full_for_each_method_and_once_for_all(tmp_path: Path) -> None:
    """Three seeds of pretraining take 60 s each: reward shaping and LDD share theirs, the VAE has its own."""
    methods = {name: TEN_METHODS[name] for name in ("tabula_rasa", "vae", "reward_shaping", "ldd")}
    write_runs(tmp_path, make_plan(ONE, methods), points=2)
    (table,) = hours(load(tmp_path, "synthetic")).values()
    pretraining = {row[0].text: row_of(table, row[0].text)["pretrain"].text for row in table.rows}
    assert pretraining == {
        "Tabula rasa": "–",
        "VAE pretraining": "3 min",
        "Reward shaping": "3 min",
        "LDD": "3 min",
        "All": "6 min",
    }
    assert table.caption.startswith("CPU time")


def test_gpu_hours_are_told_apart_from_the_cpus(tmp_path: Path) -> None:
    plan = make_plan(ONE)
    store = write_runs(tmp_path, plan, points=2)
    for key, stage in plan.stages.items():
        if stage.kind == "pretrain":
            path = store.folder(key) / "result.json"
            path.write_text(path.read_text().replace('"device": "cpu"', '"device": "cuda"'))
    data = load(tmp_path, "synthetic")
    gpu, cpu = hours(data).values()
    assert (gpu.caption[:8], cpu.caption[:8]) == ("GPU time", "CPU time")
    assert [column.label for column in gpu.columns] == ["Method", "pretrain", "Total"]
    assert row_of(gpu, "LDD")["Total"].text == "3 min"
    assert row_of(gpu, "Tabula rasa")["Total"].text == "–"
    assert "pretrain" not in [column.label for column in cpu.columns]
    assert facts(cost.page(data))["Of that on GPUs"] == "0.10 GPU hours in 6 stages"


def test_what_was_not_measured_is_not_made_up(tmp_path: Path) -> None:
    plan = make_plan(ONE, seeds=(0,))
    store = write_runs(tmp_path, plan, points=2)
    found = facts(cost.page(load(tmp_path, "synthetic")))
    size = sum(file.stat().st_size for key in plan.stages for file in store.folder(key).iterdir() if file.is_file())
    assert found["Disk"] == f"{volume(size)} of finished runs"
    assert found["Energy"] == "not measured"
    assert found["Of that on GPUs"] == "none"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (42_300_000, "42.3 MB"),
        (2_500_000_000_000_000, "2500.0 TB"),
    ],
)
def test_room_is_told_in_the_largest_unit_that_fits(size: int, words: str) -> None:
    assert volume(size) == words
