"""Figures: every seed is drawn, the runs behind them are known, and equal data give equal files."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.figures import MOST_METHODS
from reports.figures.probe import points, probe_figure
from reports.figures.scores import final_scores
from reports.figures.style import DARK, LIGHT, METHOD_MARKS, Theme, canvas, method_styles
from reports.frame import GridData, load
from tests.synthetic import METHODS, TEN_METHODS, make_plan, make_search, write_runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("runs")
    plan = make_plan({"rtfm-s1": "RTFM S1"})
    write_runs(root, plan, failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"})
    return load(root, "synthetic")


def test_with_too_many_methods_there_is_no_figure(tmp_path: Path) -> None:
    plan, _ = make_search(
        {"ldd": "method.distill", "ldd_rep": "method.distill", "vae": "vae.beta"},
        (1.0, 0.5, 0.1, 2.0, 10.0),
        environments={"rtfm-s1": "RTFM S1"},
    )
    write_runs(tmp_path, plan, points=2)
    many = load(tmp_path, "synthetic")
    assert final_scores(many, "rtfm-s1") is None


def test_a_probes_reading_stands_beside_what_was_won(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, TEN_METHODS, seeds=(0, 1), probe=True)
    write_runs(tmp_path, plan, points=2)
    data = load(tmp_path, "synthetic")
    found = points(data, "rtfm-s1")
    assert len(found) == 16
    assert not found["method"].isin(("reward_shaping", "ldd_distill_only")).any()  # which do not start from the teacher
    row = found[(found["method"] == "ldd") & (found["seed"] == 1)].iloc[0]
    assert row["x"] == data.metrics(row["probe"])["rep/test_accuracy"]
    assert row["y"] == data.done("rtfm-s1", "ldd").set_index("seed").loc[1, "win_rate"]
    shared = found[found["method"].isin(("ldd", "ldd_init_only")) & (found["seed"] == 1)]
    assert shared["probe"].nunique() == 1
    figure = probe_figure(data, "rtfm-s1")
    assert figure is not None
    assert set(figure.runs) == {*found["key"], *found["probe"]}
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        assert sum(len(line.get_xdata()) for line in drawn.axes[0].lines) == 16 + 8
    assert "Left out: Reward shaping; LDD, distillation only; they start without pretraining" in figure.caption


def test_the_figure_says_in_words_what_it_shows(data: GridData) -> None:
    scores = final_scores(data, "rtfm-s1")
    assert scores is not None
    values = data.done("rtfm-s1", "tabula_rasa")["win_rate"]
    assert ", ".join(f"{value:.2f}" for value in values) in scores.alt


def test_the_runs_behind_a_figure_are_known(data: GridData) -> None:
    scores = final_scores(data, "rtfm-s1")
    assert scores is not None
    assert set(scores.sidecar()["runs"]) == set(data.done("rtfm-s1")["key"])


def test_equal_data_give_equal_files(data: GridData) -> None:
    first, second = (final_scores(data, "rtfm-s1") for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.files() == second.files()
    assert first.dark_svg() == second.dark_svg()
    assert set(first.files()) == {"scores-rtfm-s1.svg", "scores-rtfm-s1.png", "scores-rtfm-s1.pdf"}


def test_an_environment_without_runs_has_no_figure(tmp_path: Path) -> None:
    plan = make_plan({"nethack": "NetHack"}, unavailable={"nethack": "not built yet"})
    write_runs(tmp_path, plan)
    nothing = load(tmp_path, "synthetic")
    assert final_scores(nothing, "nethack") is None


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_as_many_methods_as_a_figure_takes_differ_by_colour_and_in_grey_by_marker(theme: Theme) -> None:
    styles = method_styles([f"m{i}" for i in range(MOST_METHODS)], theme).values()
    assert len({style.color for style in styles}) == MOST_METHODS >= 11
    assert len({style.marker for style in styles}) == len(METHOD_MARKS) == MOST_METHODS


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_line_stands_out_from_its_background(theme: Theme) -> None:
    """3:1, as for graphics in WCAG 2.1; sky blue and orange of the palette are paler and carry their own markers."""
    assert sum(contrast(color, theme.paper) < 3 for color in theme.lines) <= 3
    assert min(contrast(color, theme.paper) for color in theme.lines) > 2


def contrast(first: str, second: str) -> float:
    """Of two colours, from 1 to 21."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_a_method_keeps_its_style_whoever_is_missing() -> None:
    styles = method_styles(list(METHODS), LIGHT)
    assert styles["ldd"] == method_styles([*METHODS, "vae"], LIGHT)["ldd"]
