"""Figures: every seed is drawn, means are over the same seeds throughout, and equal data give equal files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.curves import Curve, learning_curves, mean_curve
from reports.figures import MOST_METHODS, final_scores
from reports.frame import GridData, load
from reports.pages.curves import page as curves_page
from reports.probe_figure import points, probe_figure
from reports.style import DARK, LIGHT, METHOD_MARKS, Theme, canvas, method_styles
from tests.synthetic import METHODS, TEN_METHODS, make_plan, make_search, write_runs


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
        mean = next(x for x in drawn.axes[2].lines if x.get_linewidth() == 2 and x.get_color() == color)
        assert mean.get_xdata()[-1] == 150_000  # the failed seed's curve ends at 90,000


def test_the_second_axis_starts_each_curve_at_what_was_paid_before(data: GridData) -> None:
    """7811 frames of demonstrations and 48,000 fitted ones for LDD, nothing for tabula rasa (rule 12)."""
    figure = learning_curves(data, "rtfm-s1")
    assert figure is not None
    with canvas(LIGHT, *figure.size) as drawn:
        figure.draw(drawn, LIGHT)
        by_rl, by_all, training = drawn.axes
        assert by_rl.get_xlabel() == training.get_xlabel() == "frames of reinforcement learning"
        assert by_all.get_xlabel() == "frames of RL + all that came before"
        styles = method_styles(data.methods, LIGHT)
        for method, paid in (("tabula_rasa", 0), ("ldd_rep", 55_811)):
            moved = [
                later.get_xdata()[0] - sooner.get_xdata()[0]
                for sooner, later in zip(by_rl.lines, by_all.lines, strict=True)
                if sooner.get_color() == styles[method].color
            ]
            assert moved == [paid] * 4  # three seeds and their mean
    assert "Tabula rasa starts at 0" in figure.caption
    assert "frames fitted in pretraining" in figure.caption


def test_a_method_whose_cost_is_not_recorded_is_left_off_the_second_axis_and_named(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"}, seeds=(0,))
    store = write_runs(tmp_path, plan, points=4)
    key = next(cell.stages["pretrain"] for cell in plan.cells if cell.method == "ldd")
    path = store.folder(key) / "result.json"
    path.write_text(path.read_text().replace('"fitted_frames"', '"forgotten"'))
    figure = learning_curves(load(tmp_path, "synthetic"), "rtfm-s1")
    assert figure is not None
    assert figure.caption.endswith("because what they paid is not recorded: LDD.")


def test_a_mean_over_fewer_seeds_on_the_second_axis_says_over_how_many(tmp_path: Path) -> None:
    plan = make_plan({"rtfm-s1": "RTFM S1"})
    store = write_runs(tmp_path, plan, points=4)
    key = next(cell.stages["pretrain"] for cell in plan.cells if cell.name == "rtfm-s1/ldd/1")
    path = store.folder(key) / "result.json"
    path.write_text(path.read_text().replace('"fitted_frames"', '"forgotten"'))
    figure = learning_curves(load(tmp_path, "synthetic"), "rtfm-s1")
    assert figure is not None
    assert figure.caption.endswith("not recorded: LDD (whose mean there is over 2 of 3 finished seeds).")


def test_with_too_many_methods_there_is_no_figure_and_the_page_says_so(tmp_path: Path) -> None:
    plan, _ = make_search(
        {"ldd": "method.distill", "ldd_rep": "method.distill", "vae": "vae.beta"},
        (1.0, 0.5, 0.1, 2.0, 10.0),
        environments={"rtfm-s1": "RTFM S1"},
    )
    write_runs(tmp_path, plan, points=2)
    many = load(tmp_path, "synthetic")
    assert final_scores(many, "rtfm-s1") is None
    assert learning_curves(many, "rtfm-s1") is None
    (block,) = curves_page(many).blocks
    assert "15 methods are too many" in block.text  # type: ignore[union-attr]


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
