"""Figures: every seed is drawn, means are over the same seeds throughout, and equal data give equal files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.figures import Curve, final_scores, learning_curves, mean_curve
from reports.frame import GridData, load
from reports.style import DARK, LIGHT, METHOD_MARKS, Theme, canvas, method_styles
from tests.synthetic import METHODS, make_plan, write_runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> GridData:
    root = tmp_path_factory.mktemp("runs")
    plan = make_plan({"rtfm-s1": "RTFM S1"})
    write_runs(root, plan, failed={"rtfm-s1/ldd/1": "ValueError: loss is nan"})
    return load(root, "synthetic")


def curve(frames: list[float], values: list[float]) -> Curve:
    return Curve(np.array(frames, float), np.array(values, float), True)


def test_the_mean_of_equal_grids_is_pointwise() -> None:
    frames, values = mean_curve([curve([0, 10, 20], [0.0, 0.2, 0.4]), curve([0, 10, 20], [0.2, 0.4, 0.8])])
    assert frames.tolist() == [0, 10, 20]
    assert values == pytest.approx([0.1, 0.3, 0.6])


def test_the_mean_ends_where_the_shortest_seed_ends() -> None:
    """Otherwise it would jump where a seed leaves it."""
    frames, values = mean_curve([curve([0, 10, 20, 30], [0.0, 0.0, 0.0, 0.0]), curve([5, 15], [1.0, 1.0])])
    assert frames.tolist() == [5, 10, 15]
    assert values == pytest.approx([0.5, 0.5, 0.5])


def test_seeds_measured_at_different_frames_are_read_off_their_lines() -> None:
    frames, values = mean_curve([curve([0, 20], [0.0, 1.0]), curve([0, 10, 20], [0.0, 0.0, 0.0])])
    assert frames.tolist() == [0, 10, 20]
    assert values == pytest.approx([0.0, 0.25, 0.5])


def test_without_a_curve_there_is_no_mean() -> None:
    assert mean_curve([])[0].size == 0


def test_every_seed_is_drawn_thin_and_only_whole_ones_enter_the_mean(data: GridData) -> None:
    figure = learning_curves(data, "rtfm-s1")
    assert figure is not None
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        for axes in drawn.axes:
            widths = [line.get_linewidth() for line in axes.lines]
            assert widths.count(0.8) == 9  # three methods × three seeds, the failed one included
            assert widths.count(2) == 3
            assert axes.get_ylim() == (-0.02, 1.02)
        color = method_styles(data.methods, LIGHT)["ldd"].color
        mean = next(x for x in drawn.axes[1].lines if x.get_linewidth() == 2 and x.get_color() == color)
        assert mean.get_xdata()[-1] == 150_000  # the failed seed's curve ends at 90,000


def test_the_figure_says_in_words_what_it_shows(data: GridData) -> None:
    curves, scores = learning_curves(data, "rtfm-s1"), final_scores(data, "rtfm-s1")
    assert curves is not None
    assert scores is not None
    assert "LDD: 3 seeds" in curves.alt
    assert "win rate" in curves.alt
    values = data.done("rtfm-s1", "tabula_rasa")["win_rate"]
    assert ", ".join(f"{value:.2f}" for value in values) in scores.alt


def test_the_runs_behind_a_figure_are_known(data: GridData) -> None:
    scores, curves = final_scores(data, "rtfm-s1"), learning_curves(data, "rtfm-s1")
    assert scores is not None
    assert curves is not None
    assert set(scores.sidecar()["runs"]) == set(data.done("rtfm-s1")["key"])
    assert set(curves.runs) == {cell.stages["policy"] for cell in data.plan.cells}


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
    assert learning_curves(nothing, "nethack") is None
    assert final_scores(nothing, "nethack") is None


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_nine_methods_differ_by_colour_and_in_grey_by_dash_or_marker(theme: Theme) -> None:
    styles = method_styles([f"m{i}" for i in range(9)], theme).values()
    assert len({style.color for style in styles}) == 9
    assert len({style.marker for style in styles}) == 9
    assert len({str(mark) for mark in METHOD_MARKS}) == 9


def test_a_method_keeps_its_style_whoever_is_missing() -> None:
    styles = method_styles(list(METHODS), LIGHT)
    assert styles["ldd"] == method_styles([*METHODS, "vae"], LIGHT)["ldd"]
